"""Features of a large library in processes of their own, in order, with a bounded number of molecules on their way.

A child imports RDKit and numpy and nothing else, reads lines of JSON and answers with arrays. A molecule that kills its
process is lost alone.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from molsearch.chem.crew import READY, Crew, Died, Worker
from molsearch.chem.features import Features, features_of, joined, read_features, write_features
from molsearch.chem.properties import PROPERTIES

CHUNK = 256  # molecules sent to a process at once
SECONDS = 60.0  # a chunk may take this long and a second more for each molecule
_MOST_DEATHS = 5  # of a chunk's molecules one by one; then something else is wrong, and the rest is given up
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from molsearch.chem.pool import serve; serve()"
_LOST = "Computing its features ended the process that did it, together with others and alone."
_GIVEN_UP = "Not computed: too many molecules beside it ended the process that computes features."
_REFUSAL = "A process that computes features did not start: check the memory that is left, or use no such processes."


class Pool:
    """A few processes that compute features; a context manager that ends them."""

    def __init__(self, workers: int) -> None:
        """Make a pool; processes start when they are needed.

        Args:
            workers: How many processes, one or more.
        """
        self._crew = Crew([Worker(_CHILD, _REFUSAL) for _ in range(workers)])

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.dismiss()

    def alive(self) -> int:
        """Count the processes that run."""
        return sum(worker.alive() for worker in self._crew.workers)

    def map(self, chunks: Iterable[Sequence[str]], ahead: int) -> Iterator[Features]:
        """Compute the features of each chunk, in order.

        Args:
            chunks: Lists of SMILES, taken as they are needed.
            ahead: How many chunks may be taken before the first of them is asked for.
        """
        return self._crew.map(_features, chunks, ahead)


def _features(worker: Worker, smiles: Sequence[str]) -> Features:
    try:
        return _asked(worker, smiles)
    except Died:
        return _one_by_one(worker, smiles)


def _asked(worker: Worker, smiles: Sequence[str]) -> Features:
    return worker.ask(json.dumps(list(smiles)).encode() + b"\n", SECONDS + len(smiles), read_features)


def _one_by_one(worker: Worker, smiles: Sequence[str]) -> Features:
    """Try a chunk again whose process died, each molecule alone, so that only the one that kills it is lost."""
    parts, deaths = [], 0
    for one in smiles:
        try:
            parts.append(_asked(worker, [one]) if deaths < _MOST_DEATHS else _refusal(_GIVEN_UP))
        except Died:
            deaths += 1
            parts.append(_refusal(_LOST))
    return joined(parts, [1] * len(parts))


def _refusal(reason: str) -> Features:
    return Features((), {0: reason}, None, np.empty((0, len(PROPERTIES)), np.float32))


def serve() -> None:
    """Answer orders until standard input ends; the child's whole life."""
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    features_of(["C"])  # compiles the class table
    answers.write(READY)
    answers.flush()
    while order := sys.stdin.buffer.readline():
        write_features(features_of(json.loads(order)), answers)
        answers.flush()
