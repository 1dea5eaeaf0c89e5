"""How well the texts of a whole file find their molecules and the molecules their texts: scores, ranks, the worst."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError
from molsearch.model.alignment import ranks
from molsearch.records import Pair, Progress

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

BINS = 50
BLOCK = 512  # rows compared with all others at a time


@dataclass(frozen=True, slots=True, eq=False)
class PairRanks:
    """N pairs, each compared with all others.

    Another row that speaks of the same molecule or has the same text is neither a mismatch nor a rival.

    Attributes:
        matched: (N,) cosine of each pair.
        text_ranks: (N,) rank of each text's own molecule: 1 + better + tied / 2.
        molecule_ranks: (N,) rank of each molecule's own text.
        edges: (BINS + 1,) edges of the histograms, from -1 to 1.
        matched_counts: (BINS,) pairs by cosine.
        mismatched_counts: (BINS,) combinations of a text with a molecule of another pair, by cosine.
        mismatched_mean: Mean cosine of those; NaN where there is none.
    """

    matched: Floats
    text_ranks: Floats
    molecule_ranks: Floats
    edges: Floats
    matched_counts: Counts
    mismatched_counts: Counts
    mismatched_mean: float

    @property
    def worst(self) -> list[int]:
        """Pairs by the sum of their two ranks, largest first; equal ones by cosine, then in order."""
        return [int(row) for row in np.lexsort((self.matched, -(self.text_ranks + self.molecule_ranks)))]


def hits(ranks: Floats, k: int) -> float:
    """Compute the share of the ranks that are k or better, from 0 to 1."""
    return float((ranks <= k).mean())


def pair_ranks(pairs: Sequence[Pair], texts: Floats, molecules: Floats, progress: Progress | None = None) -> PairRanks:
    """Compare every text of a file with every molecule of it.

    Args:
        pairs: N pairs; texts and structures that are equal letter by letter count as the same.
        texts: (N, D) unit vectors.
        molecules: (N, D) unit vectors of their molecules.
        progress: Told of the rows compared; may raise ``Cancelled``.

    Raises:
        InputError: If there are fewer than two pairs.
    """
    if len(pairs) < 2 or not len(pairs) == len(texts) == len(molecules):
        raise InputError(
            f"Got {len(pairs)} pairs with {len(texts)} and {len(molecules)} vectors, expected 2 or more of each: "
            "add pairs."
        )
    wording, structure = _numbers([pair.text for pair in pairs]), _numbers([pair.smiles for pair in pairs])
    edges = np.linspace(-1, 1, BINS + 1, dtype=np.float32)
    counts, total = np.zeros(BINS, np.int64), 0.0
    text_ranks, molecule_ranks = np.empty(len(pairs), np.float32), np.empty(len(pairs), np.float32)
    for rows in _blocks(len(pairs)):
        alike = (wording[rows, None] == wording) | (structure[rows, None] == structure)  # (b, N), the pair itself too
        cosines = texts[rows] @ molecules.T  # (b, N)
        others = cosines[~alike]
        counts += np.histogram(np.clip(others, -1, 1), edges)[0]
        total += float(others.sum(dtype=np.float64))
        text_ranks[rows] = _ranks(cosines, alike, rows)
        molecule_ranks[rows] = _ranks(molecules[rows] @ texts.T, alike, rows)
        if progress:
            progress(int(rows[-1]) + 1, len(pairs))
    matched = np.asarray((texts * molecules).sum(1), np.float32)  # (N,)
    return PairRanks(
        matched=matched,
        text_ranks=text_ranks,
        molecule_ranks=molecule_ranks,
        edges=edges,
        matched_counts=np.histogram(np.clip(matched, -1, 1), edges)[0],
        mismatched_counts=counts,
        mismatched_mean=total / int(counts.sum()) if counts.any() else float("nan"),
    )


def _blocks(size: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, size, BLOCK):
        yield np.arange(start, min(start + BLOCK, size))


def _numbers(strings: Sequence[str]) -> npt.NDArray[np.int64]:
    """Number strings, equal ones alike, (N,)."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(string, len(known)) for string in strings], np.int64)


def _ranks(scores: Floats, alike: Mask, own: npt.NDArray[np.int64]) -> Floats:
    """Rank each row's own column among those that are not the same, (b,)."""
    rivals = np.where(alike, np.float32(-np.inf), scores)  # (b, N)
    rivals[np.arange(len(own)), own] = scores[np.arange(len(own)), own]
    return np.asarray(ranks(rivals, own), np.float32)
