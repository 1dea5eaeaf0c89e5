"""The project's concept list, and zero-shot tags: which of its phrases a molecule matches more than the others."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError
from molsearch.records import Progress

Floats = npt.NDArray[np.float32]

TABLE = Path(__file__).with_name("concepts.tsv")

#: Each group of the list, with the sentence in which its phrases are shown to the model.
PROMPTS: Mapping[str, str] = {
    "chemical class": "The molecule is {}.",
    "role": "It has a role as {}.",
    "physical behaviour": "The molecule is {}.",
    "origin": "It is {}.",
}


@dataclass(frozen=True, slots=True)
class Concept:
    """One phrase of the list, such as "a tropane alkaloid", and the group it stands in (a row of PROMPTS)."""

    phrase: str
    group: str

    @property
    def sentence(self) -> str:
        """What the model reads."""
        return PROMPTS[self.group].format(self.phrase)


@dataclass(frozen=True, slots=True)
class Tag:
    """A concept found for a molecule.

    Attributes:
        concept: The phrase and its group.
        score: By how many standard deviations the match exceeds the background.
        cosine: Plain cosine of phrase and molecule.
    """

    concept: Concept
    score: float
    cosine: float


class TextEncoder(Protocol):
    """What tagging asks of a model; ``model.dual.DualEncoder`` is one."""

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """Return (Q, D) unit vectors."""


@lru_cache(maxsize=1)
def shipped_concepts() -> tuple[Concept, ...]:
    """Read the project's list, in the order of the file."""
    with TABLE.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return tuple(Concept(row["phrase"], row["group"]) for row in rows)


@dataclass(frozen=True, slots=True)
class ConceptSpace:
    """A concept list embedded by one model; make it once and tag many molecules.

    Two things hide what a cosine means: some phrases lie near every molecule, and some molecules near every phrase.
    With a background of molecules, a phrase's cosines are first standardised over that background, which removes the
    former. Then, always, a molecule's values are standardised over the list, which removes the latter. Without a
    background a phrase that suits everything still comes out high.

    Attributes:
        concepts: The phrases, C of them.
        vectors: (C, D) their unit vectors.
        mean: (C,) what a phrase's cosine is on average.
        spread: (C,) its standard deviation.
    """

    concepts: tuple[Concept, ...]
    vectors: Floats
    mean: Floats
    spread: Floats

    @classmethod
    def embed(
        cls, model: TextEncoder, concepts: Sequence[Concept] | None = None, *, background: Floats | None = None
    ) -> Self:
        """Embed a list.

        Args:
            model: Encodes the phrases; the molecules must come from the same model.
            concepts: The list; the project's own when left out.
            background: (N, D) vectors of typical molecules (some hundred rows of a library), or None.

        Raises:
            InputError: If the list holds fewer than two phrases or the background fewer than two molecules.
        """
        chosen = tuple(shipped_concepts() if concepts is None else concepts)
        if len(chosen) < 2:
            raise InputError(f"A concept list needs two phrases or more, got {len(chosen)}; add some.")
        vectors = model.encode_texts([concept.sentence for concept in chosen])  # (C, D)
        if background is None:
            return cls(chosen, vectors, np.zeros(len(chosen), np.float32), np.ones(len(chosen), np.float32))
        if background.ndim != 2 or len(background) < 2:
            raise InputError(f"A background needs two molecules or more, got shape {background.shape}; give (N, D).")
        cosines = background @ vectors.T  # (N, C)
        return cls(chosen, vectors, cosines.mean(0), _nonzero(cosines.std(0)))

    def scores(self, molecules: Floats) -> Floats:
        """Standardise molecules (N, D) against the list: (N, C), each row of mean 0 and standard deviation 1.

        Raises:
            InputError: If the vectors are not (N, D) of the model's width.
        """
        if molecules.ndim != 2 or molecules.shape[1] != self.vectors.shape[1]:
            raise InputError(
                f"Tagging needs molecule vectors of shape (N, {self.vectors.shape[1]}), got {molecules.shape}; "
                "encode the molecules with the model that embedded the concepts."
            )
        raw = (molecules @ self.vectors.T - self.mean) / self.spread  # (N, C)
        centred = raw - raw.mean(1, keepdims=True)
        return np.asarray(centred / _nonzero(raw.std(1, keepdims=True)), np.float32)

    def tag(self, molecules: Floats, k: int = 10) -> tuple[tuple[Tag, ...], ...]:
        """Name the k best concepts of each molecule (N, D), best first; ties keep the order of the list.

        Raises:
            InputError: If k is below 1 or the vectors do not fit.
        """
        if k < 1:
            raise InputError(f"The number of tags must be 1 or more, got {k}; ask for at least one.")
        scores = self.scores(molecules)
        cosines = molecules @ self.vectors.T  # (N, C)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]  # (N, k)
        return tuple(
            tuple(Tag(self.concepts[c], float(scores[n, c]), float(cosines[n, c])) for c in columns)
            for n, columns in enumerate(best)
        )


def tag(
    model: TextEncoder, molecules: Floats, k: int = 10, *, background: Floats | None = None
) -> tuple[tuple[Tag, ...], ...]:
    """Tag molecules (N, D) with the project's list; ``ConceptSpace`` does the same without embedding the list anew.

    Raises:
        InputError: As ``ConceptSpace.embed`` and ``ConceptSpace.tag``.
    """
    return ConceptSpace.embed(model, background=background).tag(molecules, k)


def _nonzero(spread: Floats) -> Floats:
    """Let a value that never varies divide by 1: there is nothing to standardise."""
    return np.where(spread > 1e-6, spread, np.float32(1.0)).astype(np.float32)
