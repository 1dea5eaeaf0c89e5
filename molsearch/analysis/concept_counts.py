"""The concept list over molecules and libraries: tags, members of a concept, and how many of each a library holds."""

import threading
from collections.abc import Callable, Hashable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from cachetools import LRUCache

from molsearch.analysis.concepts import (
    ABOVE,
    Concept,
    ConceptSpace,
    Counts,
    Floats,
    Mask,
    Tag,
    classes_held,
    rule_counts,
    ruled_rows,
)
from molsearch.index.base import Index
from molsearch.records import Molecule, Progress

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder

T = TypeVar("T")

KEPT_SPACES = 2  # models
KEPT_COUNTS = 64  # libraries; two numbers a concept each
KEPT_RANKINGS = 16  # concepts; four bytes a molecule each


@dataclass(frozen=True, slots=True, eq=False)
class ConceptCounts:
    """How many molecules of a library each concept has.

    Attributes:
        library: Its name.
        molecules: How many it holds.
        above: (C,) molecules that stand above the background.
        ruled: (C,) molecules that belong by the class table, 0 where it does not know the concept; None where the
            library was stored without its classes.
    """

    library: str
    molecules: int
    above: Counts
    ruled: Counts | None


@dataclass(frozen=True, slots=True, eq=False)
class ConceptRanking:
    """A whole library by one concept, N molecules.

    Attributes:
        concept: The phrase and its group.
        library: Name of the library.
        order: (N,) rows, highest score first; ties stand in row order.
        cosines: (N,) by row.
        scores: (N,) by row, as ``Tag.score`` says.
        above: How many stand above the background.
        ruled: (N,) by row: whether the class table counts it in; None where that is not known.
    """

    concept: Concept
    library: str
    order: Counts
    cosines: Floats
    scores: Floats
    above: int
    ruled: Mask | None


@dataclass(frozen=True, slots=True)
class Member:
    """One molecule of a concept ranking.

    Attributes:
        rank: From 1.
        molecule: The molecule with its sources.
        tag: Its match with the concept.
    """

    rank: int
    molecule: Molecule
    tag: Tag


class Answers(Generic[T]):
    """The answers of one kind last asked for; many threads may ask, and one that is missing is made once at a time.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._answers: MutableMapping[Hashable, T] = LRUCache(most)
        self._lock = threading.Lock()
        self._making = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        """Return an answer, or None where it is not kept."""
        with self._lock:
            return self._answers.get(key)

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return an answer, made where it is missing."""
        answer = self.get(key)
        if answer is None:
            with self._making:
                answer = self.get(key)
                if answer is None:
                    answer = make()
                    with self._lock:
                        self._answers[key] = answer
        return answer


class ConceptCache:
    """What is kept for all sessions: it hangs on contents and model ids alone, never on names."""

    def __init__(self) -> None:
        self.spaces: Answers[ConceptSpace] = Answers(KEPT_SPACES)
        self.counts: Answers[ConceptCounts] = Answers(KEPT_COUNTS)
        self.rankings: Answers[ConceptRanking] = Answers(KEPT_RANKINGS)


class ConceptCounter:
    """Everything the Concepts page asks; many threads may use one.

    Args:
        model: Returns the model in use.
        opened: Opens a library by name for the model of that id.
        typical: Returns the SMILES of the molecules that the background is made of.
        cache: What another counter has learned already, to share it.
    """

    def __init__(
        self,
        model: "Callable[[], DualEncoder]",
        opened: Callable[[str, str], Index],
        typical: Callable[[], Sequence[str]],
        cache: ConceptCache | None = None,
    ) -> None:
        self._model = model
        self._opened = opened
        self._typical = typical
        self.cache = cache or ConceptCache()

    def space(self, progress: Progress | None = None) -> ConceptSpace:
        """Return the list embedded by the model in use, made when first asked for.

        Raises:
            InputError: If the molecules of the background cannot be read.
            ModelError: If the model cannot be used.
        """
        model = self._model()

        def make() -> ConceptSpace:
            return ConceptSpace.against(model, self._typical(), progress)

        return self.cache.spaces.made(model.model_id, make)

    def tags(self, key: str) -> tuple[Tag, ...]:
        """Compare every concept with a molecule, highest score first.

        Args:
            key: SMILES after clean-up, as ``Screener.clean`` returns it.

        Raises:
            InputError: If it is no structure.
        """
        vector = self._model().encode_molecules([key])[0]
        return self.space().tag(vector, classes_held(key))

    def content(self, library: str) -> Hashable:
        """Return what identifies the contents of a library; after an addition it is another.

        Raises:
            LibraryError: If there is no such library, or another model filled it.
        """
        return self._content(self._open(library))

    def counted(self, library: str) -> ConceptCounts | None:
        """Return the counts of a library where they are known already, without computing any.

        Raises:
            LibraryError: If there is no such library, or another model filled it.
        """
        counts = self.cache.counts.get(self._content(self._open(library)))
        return None if counts is None else replace(counts, library=library)

    def counts(self, library: str, progress: Progress | None = None) -> ConceptCounts:
        """Count the molecules of a library for every concept.

        Raises:
            LibraryError: If there is no such library, or another model filled it.
        """
        space, index = self.space(), self._open(library)

        def make() -> ConceptCounts:
            flags = index.flags()
            return ConceptCounts(
                library,
                index.info.molecules,
                space.standing_above(index.vectors(), flags, progress),
                None if flags is None else rule_counts(space.concepts, flags),
            )

        # The same contents may have another name in the session that asked first.
        return replace(self.cache.counts.made(self._content(index), make), library=library)

    def concept_ranking(self, library: str, phrase: str, progress: Progress | None = None) -> ConceptRanking:
        """Rank a whole library by one concept.

        Raises:
            InputError: If the list holds no such phrase.
            LibraryError: If there is no such library, or another model filled it.
        """
        space, index = self.space(), self._open(library)
        place = space.place(phrase)

        def make() -> ConceptRanking:
            concept, flags = space.concepts[place], index.flags()
            cosines, scores = space.of_concept(place, index.vectors(), flags, progress)
            return ConceptRanking(
                concept=concept,
                library=library,
                order=np.argsort(-scores, kind="stable"),
                cosines=cosines,
                scores=scores,
                above=int((scores >= ABOVE).sum()),
                ruled=None if flags is None else ruled_rows(concept, flags),
            )

        return replace(self.cache.rankings.made((self._content(index), phrase), make), library=library)

    def members(self, concept_ranking: ConceptRanking, first: int, count: int) -> list[Member]:
        """Read the molecules of some ranks of a concept ranking.

        Args:
            concept_ranking: As ``concept_ranking`` returned it; the library must not have changed since.
            first: Rank of the first, from 1.
            count: How many; fewer come where the library ends.

        Raises:
            LibraryError: If the library is gone, or another model filled it.
        """
        rows = [int(row) for row in concept_ranking.order[first - 1 : first - 1 + count]]
        molecules = self._open(concept_ranking.library).molecules(rows)
        return [
            Member(first + place, molecule, self._tag(concept_ranking, row))
            for place, (row, molecule) in enumerate(zip(rows, molecules, strict=True))
        ]

    @staticmethod
    def _tag(concept_ranking: ConceptRanking, row: int) -> Tag:
        rule = None if concept_ranking.ruled is None else bool(concept_ranking.ruled[row])
        return Tag(
            concept_ranking.concept, float(concept_ranking.cosines[row]), float(concept_ranking.scores[row]), rule
        )

    def _open(self, library: str) -> Index:
        return self._opened(library, self._model().model_id)

    def _content(self, index: Index) -> Hashable:
        """Return what identifies contents: their hash, or what an engine that keeps none says of itself."""
        return (index.content_sha256() or (index.address, index.info), index.info.model_id)
