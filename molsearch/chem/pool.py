"""Features of a large library in processes of their own, in order, with a bounded number of molecules on their way.

Not multiprocessing: it runs the caller's main script again in the child, and it pickles. A child imports RDKit and
numpy and nothing else, reads lines of JSON and answers with arrays. A molecule that kills its process is lost alone.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import numpy as np

from molsearch.chem.features import Features, features_of, joined, read_features, write_features
from molsearch.chem.properties import PROPERTIES
from molsearch.errors import MolsearchError
from molsearch.settings import PROJECT

CHUNK = 256  # molecules sent to a process at once
SECONDS = 60.0  # a chunk may take this long and a second more for each molecule
_MOST_DEATHS = 5  # of a chunk's molecules one by one; then something else is wrong, and the rest is given up
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from molsearch.chem.pool import serve; serve()"
_LOST = "Computing its features ended the process that did it, together with others and alone."
_GIVEN_UP = "Not computed: too many molecules beside it ended the process that computes features."
_READY = b"ready\n"


class _Died(Exception):  # noqa: N818 it never leaves this file
    """A process ended, or had to be ended, before it answered."""


class _Process:
    """A child that computes features, started on the first order and again after each death."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def features(self, smiles: Sequence[str]) -> Features:
        """Compute the features of a few molecules.

        Raises:
            _Died: The child ended without an answer, or was ended because it took too long.
        """
        child = self._started()
        assert child.stdin
        assert child.stdout
        clock = threading.Timer(SECONDS + len(smiles), child.kill)
        clock.start()
        try:
            child.stdin.write(json.dumps(list(smiles)).encode() + b"\n")
            child.stdin.flush()
            return read_features(child.stdout)
        except (OSError, EOFError, ValueError) as error:
            self._end(child)
            raise _Died from error
        finally:
            clock.cancel()

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise _Died
            if self._child is None:
                self._child = subprocess.Popen(
                    [sys.executable, "-c", _CHILD, str(PROJECT)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
                _await(self._child)
            return self._child

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        child.kill()
        child.wait()
        with self._lock:
            self._child = None
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()

    def alive(self) -> bool:
        """Tell whether the child runs."""
        return self._child is not None and self._child.poll() is None

    def close(self) -> None:
        """End the child, even in the middle of an order, and start no other."""
        self._closed = True
        if child := self._child:
            child.kill()
            child.wait()


class Pool:
    """A few processes; a context manager that ends them."""

    def __init__(self, workers: int) -> None:
        """Make a pool; processes start when they are needed.

        Args:
            workers: How many processes, one or more.
        """
        self._workers = workers
        self._processes = [_Process() for _ in range(workers)]
        self._free: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        for process in self._processes:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(workers, "features")

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._end()
        self._threads.shutdown()
        self._end()  # one may have started in between

    def _end(self) -> None:
        for process in self._processes:
            process.close()

    def alive(self) -> int:
        """Count the processes that run."""
        return sum(process.alive() for process in self._processes)

    def map(self, chunks: Iterable[Sequence[str]], ahead: int) -> Iterator[Features]:
        """Compute the features of each chunk, in order.

        Args:
            chunks: Lists of SMILES, taken as they are needed.
            ahead: How many chunks may be taken before the first of them is asked for.
        """
        waiting: deque[Future[Features]] = deque()
        for chunk in chunks:
            waiting.append(self._threads.submit(self._features, chunk))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _features(self, smiles: Sequence[str]) -> Features:
        process = self._free.get()
        try:
            try:
                return process.features(smiles)
            except _Died:
                return _one_by_one(process, smiles)
        finally:
            self._free.put(process)


def _one_by_one(process: _Process, smiles: Sequence[str]) -> Features:
    """Try a chunk again whose process died, each molecule alone, so that only the one that kills it is lost."""
    parts, deaths = [], 0
    for one in smiles:
        try:
            parts.append(process.features([one]) if deaths < _MOST_DEATHS else _refusal(_GIVEN_UP))
        except _Died:
            deaths += 1
            parts.append(_refusal(_LOST))
    return joined(parts, [1] * len(parts))


def _refusal(reason: str) -> Features:
    return Features((), {0: reason}, None, np.empty((0, len(PROPERTIES)), np.float32))


def _await(child: "subprocess.Popen[bytes]") -> None:
    """Wait until a child has imported what it needs.

    Raises:
        MolsearchError: If it ends before that.
    """
    assert child.stdout
    if child.stdout.readline() != _READY:
        child.kill()
        child.wait()
        raise MolsearchError(
            "A process that computes features did not start: check the memory that is left, or use no such processes."
        )


def serve() -> None:
    """Answer orders until standard input ends; the child's whole life."""
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    features_of(["C"])  # compiles the class table
    answers.write(_READY)
    answers.flush()
    while order := sys.stdin.buffer.readline():
        write_features(features_of(json.loads(order)), answers)
        answers.flush()
