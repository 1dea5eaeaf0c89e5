"""Worker processes: one order at a time each, answered in the order of asking, and replaced when one dies or hangs.

Not multiprocessing: it runs the caller's main script again in the child, and it pickles. Parent and child speak over
pipes; what they say is up to ``guard`` and ``pool``.
"""

import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Self, TypeVar

from molsearch.errors import MolsearchError
from molsearch.settings import PROJECT

READY = b"ready\n"  # what a child writes once it can take orders
MOST_MEMORY = 4 << 30  # bytes of address space of a child; no structure within the limits needs a tenth of it

S = TypeVar("S")
T = TypeVar("T")


def cores() -> int:
    """Count the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerDied(Exception):  # noqa: N818 it is caught by whoever gave the order
    """A worker ended before it answered.

    Attributes:
        late: Whether it was ended because it took too long.
    """

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.late = late


class Worker:
    """A child process, started on the first order and again after each death.

    Args:
        child: Python source that the child runs, the project's folder being ``sys.argv[1]``.
        refusal: What to say where it does not start.
    """

    def __init__(self, child: str, refusal: str) -> None:
        self._source = child
        self._refusal = refusal
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, order: bytes, seconds: float, read: Callable[[IO[bytes]], T]) -> T:
        """Give an order and read the answer.

        Args:
            order: What the child reads from its standard input.
            seconds: How long it may take.
            read: Reads one answer from the child's standard output; EOFError or ValueError where it is cut off.

        Raises:
            WorkerDied: The child ended without an answer, or was ended because it took too long.
            MolsearchError: It could not be started.
        """
        return self._exchange(order, seconds, lambda stream, _: read(stream))

    def hear(self, order: bytes, seconds: float, answers: list[bytes]) -> None:
        """Give an order and gather the lines of its answer, up to an empty one.

        Args:
            order: What the child reads from its standard input.
            seconds: How long each line may take.
            answers: Where they go; after a death, all that came before it.

        Raises:
            WorkerDied: As for ``ask``.
            MolsearchError: It could not be started.
        """

        def read(stream: IO[bytes], clock: "_Clock") -> None:
            while (line := stream.readline()) != b"\n":
                if not line.endswith(b"\n"):
                    raise EOFError("The answer ends early.")
                clock.wind()
                answers.append(line)

        self._exchange(order, seconds, read)

    def _exchange(self, order: bytes, seconds: float, read: Callable[[IO[bytes], "_Clock"], T]) -> T:
        process = self._started()
        assert process.stdin
        assert process.stdout
        clock = _Clock(process, seconds)
        try:
            process.stdin.write(order)
            process.stdin.flush()
            clock.wind()
            return read(process.stdout, clock)
        except (OSError, EOFError, ValueError) as error:
            self._end(process)
            raise WorkerDied(clock.late) from error
        finally:
            clock.stop()

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise WorkerDied(late=False)
            if self._process is None:
                try:
                    self._process = subprocess.Popen(
                        [sys.executable, "-c", self._source, str(PROJECT)],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                    )
                except OSError as error:  # no memory, or too many processes
                    raise MolsearchError(self._refusal) from error
                self._await(self._process)
            return self._process

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout
        if process.stdout.readline() != READY:
            process.kill()
            process.wait()
            self._process = None
            raise MolsearchError(self._refusal)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        process.wait()
        with self._lock:
            self._process = None
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()

    def is_mine(self) -> bool:
        """Tell whether this process made it: after a fork the pipes are shared, and answers would be mixed up."""
        return self._owner == os.getpid()

    def alive(self) -> bool:
        """Tell whether the child runs."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the child, even in the middle of an order, and start no other."""
        self._closed = True
        if process := self._process:
            process.kill()
            process.wait()


class _Clock:
    """Ends a process once nobody has wound the clock for some seconds."""

    def __init__(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        self.late = False
        self._process = process
        self._seconds = seconds
        self._stopped = threading.Event()
        self.wind()
        threading.Thread(target=self._watch, daemon=True).start()

    def wind(self) -> None:
        self._due = time.monotonic() + self._seconds

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        while (left := self._due - time.monotonic()) > 0:
            if self._stopped.wait(left):
                return
        self.late = True
        self._process.kill()


def limit_memory() -> None:
    """Bound the memory of this process, a child, so that a structure that devours it costs this process alone."""
    if sys.platform == "linux":  # elsewhere there is no such limit, or it is not kept
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = MOST_MEMORY if most == resource.RLIM_INFINITY else min(MOST_MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


class ProcessPool:
    """A few workers and a thread for each; a context manager that ends them.

    Args:
        workers: One or more.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = tuple(workers)
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self._free.put(worker)
        self._threads = ThreadPoolExecutor(len(workers), "process pool")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.dismiss()

    def dismiss(self, *, spare: bool = False) -> Worker | None:
        """End the workers, except, with ``spare``, one that runs and has nothing to do: it is handed out."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        kept = None
        if spare:
            with suppress(queue.Empty):
                kept = self._free.get_nowait()
                self._free.put(_retired())  # a thread that comes late finds a worker all the same
        kept = kept if kept and kept.alive() else None
        self._end(kept)
        self._threads.shutdown()
        self._end(kept)  # one may have started in between
        return kept

    def _end(self, kept: Worker | None) -> None:
        for worker in self.workers:
            if worker is not kept:
                worker.close()

    def map(self, do: Callable[[Worker, S], T], items: Iterable[S], ahead: int) -> Iterator[T]:
        """Do something with a worker for each item, results in the order of the items.

        Args:
            do: Runs in a thread of the process pool.
            items: Taken as they are needed, in the caller's thread.
            ahead: How many may be taken before the first result is asked for.
        """
        waiting: deque[Future[T]] = deque()
        for item in items:
            waiting.append(self._threads.submit(self._with_worker, do, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _with_worker(self, do: Callable[[Worker, S], T], item: S) -> T:
        worker = self._free.get()
        try:
            return do(worker, item)
        finally:
            self._free.put(worker)


def _retired() -> Worker:
    worker = Worker("", "")
    worker.close()
    return worker
