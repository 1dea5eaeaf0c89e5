"""Which key has which row, by digest, for what one addition brought: 24 bytes a molecule and no Python objects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from molsearch.index.batch import Rows

Digests = npt.NDArray[np.uint64]  # (N, 2): the halves of a 128-bit digest


@dataclass(frozen=True, slots=True)
class _Run:
    """Digests sorted by their first half: lows (N,), highs (N,), rows (N,)."""

    lows: npt.NDArray[np.uint64]
    highs: npt.NDArray[np.uint64]
    rows: Rows

    @classmethod
    def of(cls, lows: npt.NDArray[np.uint64], highs: npt.NDArray[np.uint64], rows: Rows) -> "_Run":
        order = np.argsort(lows, kind="stable")
        return cls(lows[order], highs[order], rows[order])

    def find_into(self, digests: Digests, rows: Rows) -> None:
        """Write the row of each digest that is here to its place."""
        starts = np.searchsorted(self.lows, digests[:, 0], side="left")
        ends = np.searchsorted(self.lows, digests[:, 0], side="right")
        for place in np.flatnonzero(ends > starts):
            same = slice(starts[place], ends[place])
            match = self.rows[same][self.highs[same] == digests[place, 1]]
            if len(match):
                rows[place] = match[0]


class DigestRows:
    """Rows by digest, in a few sorted runs of which each is at least twice as long as the next."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def find(self, digests: Digests) -> Rows:
        """Return the row of each digest, (N,) int64, -1 where there is none."""
        rows = np.full(len(digests), -1, dtype=np.int64)
        for run in self._runs:
            run.find_into(digests, rows)
        return rows

    def add(self, digests: Digests, rows: Sequence[int] | Rows) -> None:
        """Remember the rows of digests that are not here yet."""
        if not len(digests):
            return
        run = _Run.of(digests[:, 0].copy(), digests[:, 1].copy(), np.asarray(rows, dtype=np.int64))
        while self._runs and len(self._runs[-1].rows) < 2 * len(run.rows):
            other = self._runs.pop()
            pairs = zip((other.lows, other.highs, other.rows), (run.lows, run.highs, run.rows), strict=True)
            run = _Run.of(*(np.concatenate(pair) for pair in pairs))
        self._runs.append(run)

    def split_new(self, digests: Digests, known: Rows, first: int) -> tuple[list[int], dict[int, int]]:
        """Split the new molecules of a batch from those that have a row, and remember the new ones.

        Args:
            digests: (N, 2), of the batch.
            known: (N,) rows that an older part of the library has for them, -1 for none.
            first: The row that the first new molecule gets.

        Returns:
            The positions of new molecules, and position -> row of the others.
        """
        fresh: list[int] = []
        owners: dict[int, int] = {}
        rows = np.where(known >= 0, known, self.find(digests))
        within: dict[bytes, int] = {}  # of this batch alone
        for position in range(len(digests)):
            digest = digests[position].tobytes()
            row = int(rows[position]) if rows[position] >= 0 else within.get(digest)
            if row is None:
                within[digest] = first + len(fresh)
                fresh.append(position)
            else:
                owners[position] = row
        self.add(digests[fresh], np.arange(first, first + len(fresh)))
        return fresh, owners
