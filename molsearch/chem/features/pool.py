"""Features of a large library in processes of their own, in order, with a bounded number of molecules on their way.

A molecule that kills its process or hangs in it is lost alone: those that might, which are few, are asked for one by
one.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from molsearch.chem.features.features import Features, features_of, joined, packed_features, placed, unpacked
from molsearch.chem.properties import PROPERTIES
from molsearch.chem.sandbox.process import ProcessPool, Worker, WorkerDied
from molsearch.chem.sandbox.risk import simple_and_risky

CHUNK = 256  # molecules sent to a process at once
SECONDS = 60.0  # a chunk may take this long and a second more for each molecule
MOST_LOST = 20  # molecules of one library; then those that are not simple are given up
_MOST_DEATHS = 5  # of the simple molecules of a chunk; then something else is wrong, and the rest is given up
_LATE = "Computing its features did not end in {:g} s."
_CRASHED = "Computing its features ended the process that did it, together with others and alone."
_GIVEN_UP = "Not computed: too many molecules before it ended the process that computes features or hung in it."
_REFUSAL = "A process that computes features did not start: check the memory that is left, or use no such processes."


class FeaturePool:
    """A few processes that compute features; a context manager that ends them."""

    def __init__(self, workers: int) -> None:
        """Make a pool; processes start when they are needed.

        Args:
            workers: How many processes, one or more.
        """
        compiling = (packed_features, ["C"])  # the class table
        self._processes = ProcessPool([Worker(_REFUSAL, *compiling) for _ in range(workers)])
        self._lost = 0

    def __enter__(self) -> "FeaturePool":
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.dismiss()

    def alive(self) -> int:
        """Count the processes that run."""
        return sum(worker.alive() for worker in self._processes.workers)

    def map(self, chunks: Iterable[Sequence[str]], ahead: int) -> Iterator[Features]:
        """Compute the features of each chunk, in order.

        Args:
            chunks: Lists of SMILES, taken as they are needed.
            ahead: How many chunks may be taken before the first of them is asked for.
        """
        return self._processes.map(self._features, chunks, ahead)

    def features(self, smiles: Sequence[str]) -> Features:
        """Compute features, in order: of simple molecules here, of the others in a process."""
        simple, risky = simple_and_risky(smiles)
        parts = [(simple, features_of([smiles[place] for place in simple]))]
        if risky:
            parts.append((risky, next(self.map([[smiles[place] for place in risky]], ahead=0))))
        return placed(parts)

    def _features(self, worker: Worker, smiles: Sequence[str]) -> Features:
        simple, risky = simple_and_risky(smiles)
        together = _together(worker, [smiles[place] for place in simple])
        return placed([(simple, together), *(([place], self._alone(worker, smiles[place])) for place in risky)])

    def _alone(self, worker: Worker, smiles: str) -> Features:
        if self._lost >= MOST_LOST:
            return _refusal(_GIVEN_UP)
        features, death = _ask(worker, [smiles])
        self._lost += death is not None
        return features


def _together(worker: Worker, smiles: Sequence[str]) -> Features:
    """Ask for simple molecules at once; where that fails, one by one, so that only the one to blame is lost."""
    features, death = _ask(worker, smiles, tries=1)
    if not death:
        return features
    parts, deaths = [], 0
    for text in smiles:
        if deaths < _MOST_DEATHS:
            features, death = _ask(worker, [text])
            deaths += death is not None
        else:
            features = _refusal(_GIVEN_UP)
        parts.append(features)
    return joined(parts, [1] * len(parts))


def _ask(worker: Worker, smiles: Sequence[str], tries: int = 2) -> tuple[Features, WorkerDied | None]:
    values, death = worker.ask(packed_features, list(smiles), seconds=SECONDS + len(smiles), tries=tries)
    if death:
        return _refusal(_LATE.format(SECONDS + 1) if death.late else _CRASHED), death
    return unpacked(values[0]), None


def _refusal(reason: str) -> Features:
    return Features((), {0: reason}, None, np.empty((0, len(PROPERTIES)), np.float32))
