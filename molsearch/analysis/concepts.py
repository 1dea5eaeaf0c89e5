"""The project's concept list, and tags by it: which phrases a molecule matches, and which molecules a phrase.

A cosine is measured against a background of typical molecules: a match scores by how many standard deviations it
exceeds the phrase's mean cosine with those of them that do not belong, and stands above them from ABOVE on. A role that
the model has learned as such needs no background: it scores by the log odds of its head (model/role_head.py).
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt

from molsearch.chem.batch.arrays import pack_classes, with_class
from molsearch.errors import InputError
from molsearch.query.roles import find_roles
from molsearch.records import Progress

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.role_head import RoleHead

Floats = npt.NDArray[np.float32]
Stored = npt.NDArray[np.float16] | Floats
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

TABLE = Path(__file__).with_name("concepts.tsv")

#: Standard deviations over the background from which a match is said to stand above it. Measured on the 3,301
#: molecules of the validation split and the 114 phrases that the class table can check there, as means over phrases:
#: 47 % of what stands above belongs by the rule, and 47 % of what belongs stands above; 2.0 gives 32 % and 63 %, 3.0
#: gives 63 % and 31 % (`evaluate --protocol concepts`). As log odds of a learned role it is twelve times chance: of
#: those molecules whose caption states any role, 64 % of what stands above is stated.
ABOVE = 2.5
NO_RULE = -1
_BLOCK = 8_192  # molecules compared at a time

#: Each group of the list, with the sentence in which its phrases are shown to the model.
PROMPTS: Mapping[str, str] = {
    "chemical class": "The molecule is {}.",
    "role": "It has a role as {}.",
    "physical behaviour": "The molecule is {}.",
    "origin": "It is {}.",
}


@dataclass(frozen=True)
class Concept:
    """One phrase of the list, such as "a tropane alkaloid", and the group it stands in (a row of PROMPTS)."""

    phrase: str
    group: str

    @property
    def sentence(self) -> str:
        """What the model reads."""
        return PROMPTS[self.group].format(self.phrase)

    @cached_property
    def rule(self) -> int:
        """Find the row of the class table that decides the concept, NO_RULE where it names no class."""
        # Imported here, as below: a machine that only trains has no RDKit.
        from molsearch.chem.ontology.classes import class_named, find_classes

        named = [
            name for name, *span in find_classes(self.phrase, exact=True) if span == [self._noun, len(self.phrase)]
        ]
        return class_named(named[0]).row if named else NO_RULE

    @property
    def _noun(self) -> int:
        """Where the phrase goes on behind "a" or "an"."""
        return self.phrase.index(" ") + 1

    def roles(self, names: Sequence[str]) -> tuple[int, ...]:
        """Find the numbers of the learned roles that the phrase names, of which any will do."""
        named = find_roles(self.phrase, names) if self.group == "role" else ()
        whole = [role for role in named if (role.start, role.end) == (self._noun, len(self.phrase))]
        return whole[0].numbers if whole else ()


@dataclass(frozen=True, slots=True)
class Tag:
    """A concept compared with a molecule.

    Attributes:
        concept: The phrase and its group.
        cosine: Cosine of phrase and molecule.
        score: By how many standard deviations the cosine exceeds that of typical molecules that do not belong; of a
            role that the model has learned, its log odds for the molecule.
        rule: Whether the structure belongs by the class table; None where the table does not know the concept.
    """

    concept: Concept
    cosine: float
    score: float
    rule: bool | None = None

    @property
    def above(self) -> bool:
        """Whether the match stands above the background."""
        return self.score >= ABOVE


class TextEncoder(Protocol):
    """What a concept list asks of a model; ``model.dual.DualEncoder`` is one."""

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """Return (Q, D) unit vectors."""


class ConceptEncoder(TextEncoder, Protocol):
    """What a background of molecules asks of a model beside."""

    role_names: tuple[str, ...]
    role_head: "RoleHead | None"

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> Floats:
        """Return (N, D) unit vectors."""


@lru_cache(maxsize=1)
def shipped_concepts() -> tuple[Concept, ...]:
    """Read the project's list, in the order of the file."""
    with TABLE.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return tuple(Concept(row["phrase"], row["group"]) for row in rows)


def classes_held(smiles: str) -> frozenset[int]:
    """Return the rows of the class table that a molecule belongs to.

    Raises:
        InputError: If the SMILES cannot be read, or is too intricate to compute with.
    """
    from molsearch.chem.features.graph import class_members

    return frozenset(np.flatnonzero(class_members([smiles])[0]).tolist())


def ruled(concept: Concept, held: frozenset[int]) -> bool | None:
    """Check whether a molecule of these classes belongs to a concept; None where no rule decides."""
    return None if concept.rule == NO_RULE else concept.rule in held


def membership(smiles: str, concepts: Sequence[Concept]) -> Mask:
    """Check which concepts a molecule belongs to by rule, (C,); False where no rule decides.

    Raises:
        InputError: If the SMILES cannot be read.
    """
    held = classes_held(smiles)
    return np.array([bool(ruled(concept, held)) for concept in concepts])


@dataclass(frozen=True, slots=True)
class ConceptSpace:
    """A concept list embedded by one model, with a background; make it once and ask it about many molecules.

    Attributes:
        concepts: The phrases, C of them.
        vectors: (C, D) their unit vectors.
        mean: (C,) a phrase's mean cosine with the background's molecules that do not belong.
        spread: (C,) its standard deviation.
        roles: Numbers of the learned roles that a phrase names, of which any will do, by place in the list.
        head: What computes their log odds, or None.
    """

    concepts: tuple[Concept, ...]
    vectors: Floats
    mean: Floats
    spread: Floats
    roles: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    head: "RoleHead | None" = None

    @classmethod
    def embed(
        cls,
        model: TextEncoder,
        background: Floats,
        concepts: Sequence[Concept] | None = None,
        *,
        members: Mask | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Embed a list.

        Args:
            model: Encodes the phrases; the molecules must come from the same model.
            background: (N, D) vectors of typical molecules.
            concepts: The list, C phrases; the project's own when left out.
            members: (N, C) which of them belong to a concept for certain; they do not count as its background.
            progress: Told of the phrases embedded.

        Raises:
            InputError: If the list is empty or the background holds fewer than two molecules.
        """
        chosen = tuple(shipped_concepts() if concepts is None else concepts)
        if not chosen:
            raise InputError("A concept list needs a phrase or more, got none; add some.")
        if background.ndim != 2 or len(background) < 2:
            raise InputError(f"A background needs two molecules or more, got shape {background.shape}; give (N, D).")
        vectors = model.encode_texts([concept.sentence for concept in chosen], progress)  # (C, D)
        cosines = background @ vectors.T  # (N, C)
        if members is not None:
            apart = (~members).sum(0) >= 2  # a concept that all of them belong to is compared with all of them
            cosines = np.where(members & apart, np.float32(np.nan), cosines)
        spread = np.nanstd(cosines, 0)
        # A phrase that is equally far from all typical molecules has no scale of its own.
        spread = np.where(spread > 1e-6, spread, np.float32(1.0))
        return cls(chosen, vectors, np.asarray(np.nanmean(cosines, 0), np.float32), np.asarray(spread, np.float32))

    @classmethod
    def against(cls, model: ConceptEncoder, typical: Sequence[str], progress: Progress | None = None) -> Self:
        """Embed the project's list with a background of molecules, members of a concept by rule left out of its own.

        Args:
            model: Encodes both.
            typical: SMILES of the background.
            progress: Told of the phrases embedded.

        Raises:
            InputError: If a SMILES cannot be read, or there are fewer than two.
        """
        concepts = shipped_concepts()
        members = np.array([membership(smiles, concepts) for smiles in typical])  # (N, C)
        space = cls.embed(model, model.encode_molecules(typical), concepts, members=members, progress=progress)
        numbers = {place: concept.roles(model.role_names) for place, concept in enumerate(concepts)}
        learned = {place: roles for place, roles in numbers.items() if roles}
        return replace(space, roles=learned, head=model.role_head)

    def place(self, phrase: str) -> int:
        """Find a phrase in the list.

        Raises:
            InputError: If it is not there.
        """
        for place, concept in enumerate(self.concepts):
            if concept.phrase == phrase:
                return place
        raise InputError(f"The concept list holds no {phrase[:60]!r}; choose one of its {len(self.concepts)} phrases.")

    def tag(self, molecule: Floats, held: frozenset[int] | None = None) -> tuple[Tag, ...]:
        """Compare every concept with one molecule (D,), highest score first; ties keep the order of the list.

        Args:
            molecule: (D,) unit vector.
            held: Rows of the class table it belongs to, or None where the rules were not asked.

        Raises:
            InputError: If the vector does not fit.
        """
        flags = None if held is None else pack_classes([held])
        cosines = self.cosines(molecule[None])
        scores = self._scores(cosines, molecule[None], flags)[0]  # (C,)
        return tuple(
            Tag(
                self.concepts[c],
                float(cosines[0, c]),
                float(scores[c]),
                None if held is None else ruled(self.concepts[c], held),
            )
            for c in np.argsort(-scores, kind="stable")
        )

    def cosines(self, molecules: Stored) -> Floats:
        """Compare molecules (N, D) with every phrase, (N, C).

        Raises:
            InputError: If the vectors are not (N, D) of the model's width.
        """
        if molecules.ndim != 2 or molecules.shape[1] != self.vectors.shape[1]:
            raise InputError(
                f"Tagging needs molecule vectors of shape (N, {self.vectors.shape[1]}), got {molecules.shape}; "
                "encode the molecules with the model that embedded the concepts."
            )
        return np.asarray(molecules, np.float32) @ self.vectors.T

    def standing(self, molecules: Stored, flags: Flags | None = None) -> Floats:
        """Score molecules (N, D) for every concept, (N, C), as ``Tag.score`` says.

        Args:
            molecules: (N, D).
            flags: (N, F) their packed class bits; without them learned roles are scored like any other concept.

        Raises:
            InputError: If the vectors are not (N, D) of the model's width.
        """
        return self._scores(self.cosines(molecules), molecules, flags)

    def _scores(self, cosines: Floats, molecules: Stored, flags: Flags | None) -> Floats:
        """Score molecules by their cosines with every phrase, (N, C)."""
        scores = (cosines - self.mean) / self.spread
        if self.roles and self.head is not None and flags is not None:
            scores[:, list(self.roles)] = self.head.likeliest(molecules, flags, list(self.roles.values()))
        return scores

    def standing_above(self, molecules: Stored, flags: Flags | None = None, progress: Progress | None = None) -> Counts:
        """Count, for each concept, the molecules of (N, D) that stand above the background, (C,)."""
        counts = np.zeros(len(self.concepts), np.int64)
        for rows in _blocks(len(molecules)):
            counts += (self.standing(molecules[rows], None if flags is None else flags[rows]) >= ABOVE).sum(0)
            if progress:
                progress(min(rows.stop, len(molecules)), len(molecules))
        return counts

    def of_concept(
        self, place: int, molecules: Stored, flags: Flags | None = None, progress: Progress | None = None
    ) -> tuple[Floats, Floats]:
        """Compare every molecule of (N, D) with one concept: cosines and scores, (N,) each; see ``standing``."""
        cosines, scores = np.empty((2, len(molecules)), np.float32)
        for rows in _blocks(len(molecules)):
            block = np.asarray(molecules[rows], np.float32)
            cosines[rows] = block @ self.vectors[place]
            if place in self.roles and self.head is not None and flags is not None:
                scores[rows] = self.head.likeliest(block, flags[rows], [self.roles[place]])[:, 0]
            else:
                scores[rows] = (cosines[rows] - self.mean[place]) / self.spread[place]
            if progress:
                progress(min(rows.stop, len(molecules)), len(molecules))
        return cosines, scores


def rule_counts(concepts: Sequence[Concept], flags: Flags) -> Counts:
    """Count, for each concept, the molecules that belong by rule; 0 where no rule decides.

    Args:
        concepts: C of them.
        flags: (N, F) packed class bits of the molecules, as an index stores them.
    """
    totals = np.zeros(flags.shape[1] * 8, np.int64)
    for rows in _blocks(len(flags)):
        totals += np.unpackbits(flags[rows], axis=1).sum(0, dtype=np.int64)
    return np.array([0 if concept.rule == NO_RULE else totals[concept.rule] for concept in concepts], np.int64)


def ruled_rows(concept: Concept, flags: Flags) -> Mask | None:
    """Check which molecules of (N, F) packed class bits belong to a concept, (N,); None where no rule decides."""
    if concept.rule == NO_RULE:
        return None
    return with_class(flags, concept.rule)


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, size, _BLOCK))
