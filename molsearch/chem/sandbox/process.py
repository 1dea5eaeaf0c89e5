"""Worker processes for what may hang or crash RDKit: each follows one order at a time and is replaced when it dies.

RDKit's C++ cannot be interrupted from inside Python. Not multiprocessing: it runs the caller's main script again in the
child, and it pickles. Parent and child speak over pipes:

    order    a line of JSON {"module", "name", "arguments", "bytes"}, and that many bytes
    answer   for each value a line of JSON {"value"}, with "arrays" and their bytes where the value is Packed; then the
             line {}, or {"refused"} where the function raised an InputError

A function that yields its values has them sent one by one, so that what hangs next hides nothing that is done.
"""

import importlib
import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from molsearch.errors import InputError, MolsearchError
from molsearch.settings import PROJECT

if TYPE_CHECKING:  # a process that cleans records up does without numpy
    import numpy.typing as npt

MOST_MEMORY = 4 << 30  # bytes of address space of a child; no structure within the limits needs a tenth of it
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from molsearch.chem.sandbox.process import serve; serve()"
_START_SECONDS = 3_600.0  # to load what the later orders need, from however slow a disk
#: What a child may be asked to call, by module.
CALLABLE: Mapping[str, frozenset[str]] = {
    "molsearch.chem.sandbox.process": frozenset({"load"}),
    "molsearch.chem.io.cleaning": frozenset({"clean_each", "read_and_clean"}),
    "molsearch.chem.features.features": frozenset({"packed_features"}),
    "molsearch.chem.features.graph": frozenset({"packed_graph"}),
    "molsearch.chem.conformer": frozenset({"shaped"}),
    "molsearch.chem.details": frozenset({"compute"}),
    "molsearch.chem.drawing": frozenset({"drawn"}),
    "molsearch.chem.masking": frozenset({"masked"}),
    "molsearch.chem.substructure": frozenset({"matched"}),
}

Function = Callable[..., object]
S = TypeVar("S")
T = TypeVar("T")
P = ParamSpec("P")


def cores() -> int:
    """Count the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerDied(Exception):  # noqa: N818 it is caught by whoever gave the order
    """A worker ended before it answered; ``late`` where it was ended because it took too long."""

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.late = late


@dataclass(frozen=True, slots=True)
class Packed:
    """A value that JSON can carry, and arrays of numbers, whose bytes travel as they are."""

    value: Any
    arrays: "Sequence[npt.NDArray[Any]]"


def write_value(value: object, stream: IO[bytes]) -> None:
    """Write one value of an answer."""
    if not isinstance(value, Packed):
        _write_line({"value": value}, stream)
        return
    _write_line({"value": value.value, "arrays": [(a.dtype.str, a.shape) for a in value.arrays]}, stream)
    for array in value.arrays:
        stream.write(array.tobytes())


def read_values(stream: IO[bytes]) -> Iterator[Any]:
    """Yield the values of an answer as they come.

    Raises:
        InputError: As the function raised it.
        EOFError: The stream ends early.
    """
    while head := _read_line(stream):
        if "refused" in head:
            raise InputError(head["refused"])
        arrays = head.get("arrays")
        yield head["value"] if arrays is None else Packed(head["value"], [_read_array(stream, *a) for a in arrays])


def _read_array(stream: IO[bytes], dtype: str, shape: Sequence[int]) -> "npt.NDArray[Any]":
    import numpy as np

    size = math.prod(shape) * np.dtype(dtype).itemsize
    data = bytearray(stream.read(size))  # not bytes, so that the array may be written to
    if len(data) < size:
        raise EOFError("The answer ends early.")
    return np.frombuffer(data, dtype).reshape(shape)


def _read_line(stream: IO[bytes]) -> Any:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError("The answer ends early.")
    return json.loads(line)


def _write_line(head: object, stream: IO[bytes]) -> None:
    stream.write(json.dumps(head).encode() + b"\n")


def serve() -> None:
    """Follow orders until standard input ends; the child's whole life."""
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    for number, line in enumerate(iter(orders.readline, b"")):
        if number == 1:  # not before the first order: the libraries that it loads reserve more than they use
            limit_memory()
        order = json.loads(line)
        data = [orders.read(order["bytes"])] if order["bytes"] else []
        end: dict[str, str] = {}
        try:
            answer = _function(order["module"], order["name"])(*data, *order["arguments"])
            for value in answer if isinstance(answer, Iterator) else (answer,):
                write_value(value, answers)
                answers.flush()
        except InputError as error:
            end = {"refused": str(error)}
        _write_line(end, answers)
        answers.flush()


def _function(module: str, name: str) -> Function:
    if name not in CALLABLE.get(module, ()):
        raise SystemExit(1)
    function: Function = getattr(importlib.import_module(module), name)
    return function


def load(modules: Sequence[str]) -> None:
    """Import modules of CALLABLE: a first order, before the clock of any other runs."""
    for module in CALLABLE.keys() & modules:
        importlib.import_module(module)


def limit_memory() -> None:
    """Bound the memory of this process, a child, so that a structure that devours it costs this process alone."""
    if sys.platform == "linux":  # elsewhere there is no such limit, or it is not kept
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = MOST_MEMORY if most == resource.RLIM_INFINITY else min(MOST_MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


class Worker:
    """A child process, started on the first order and again after each death; for one thread at a time.

    Args:
        refusal: What to say where it does not start.
        function: Called first, to load what the later orders need before the clock of any of them runs.
        arguments: Of that function.
    """

    def __init__(self, refusal: str, function: Function, *arguments: object) -> None:
        self._refusal = refusal
        self._first = (function, arguments, b"")
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def ask(
        self,
        function: Function,
        *arguments: Any,
        seconds: float,
        data: bytes = b"",
        items: int | None = 1,
        tries: int = 2,
    ) -> tuple[list[Any], WorkerDied | None]:
        """Call a function; where the child ends early, as something else may have ended it, again for what is left.

        Args:
            function: A row of CALLABLE.
            arguments: What JSON can carry; tuples arrive as lists.
            seconds: How long each value may take.
            data: Bytes that the function takes before its arguments, if any.
            items: How many values it answers with; where not one, one for each item of its first argument.
            tries: How often the child may end at one item; one where ``items`` is not known.

        Returns:
            The values; where the child was late with the next one or died of it too often, also that death.

        Raises:
            InputError: As the function raised it.
            MolsearchError: The child could not be started.
        """
        values: list[Any] = []
        deaths: Counter[int] = Counter()  # by how many values there were
        while True:
            rest = (arguments[0][len(values) :], *arguments[1:]) if values else arguments
            try:
                self._exchange(self._process or self._start(), (function, rest, data), seconds, values)
            except WorkerDied as death:
                deaths[len(values)] += 1
                if len(values) == items:
                    return values, None
                if death.late or deaths[len(values)] == tries:
                    return values, death
            else:
                return values, None

    def _start(self) -> "subprocess.Popen[bytes]":
        if self._closed:
            raise WorkerDied(late=False)
        command = [sys.executable, "-c", _CHILD, str(PROJECT)]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
            self._exchange(self._process, self._first, _START_SECONDS, [])
        except (OSError, WorkerDied) as error:  # no memory, or too many processes
            raise MolsearchError(self._refusal) from error
        return self._process

    def _exchange(
        self, process: "subprocess.Popen[bytes]", order: tuple[Function, Any, bytes], seconds: float, values: list[Any]
    ) -> None:
        """Give an order once and gather the values; after a death, those that came before it."""
        assert process.stdin
        assert process.stdout
        function, arguments, data = order
        head = {"module": function.__module__, "name": function.__name__, "arguments": arguments, "bytes": len(data)}
        clock = _Clock(process, seconds)
        try:
            _write_line(head, process.stdin)
            process.stdin.write(data)
            process.stdin.flush()
            clock.wind()
            for value in read_values(process.stdout):
                clock.wind()
                values.append(value)
        except (OSError, EOFError, ValueError) as error:
            self._end(process)
            raise WorkerDied(clock.late) from error
        except InputError:
            raise
        except BaseException:  # broken off in mid-answer: the rest of it must not answer the next order
            self._end(process)
            raise
        finally:
            clock.stop()

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        process.wait()
        self._process = None
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()

    def is_mine(self) -> bool:
        """Return whether this process made it: after a fork the pipes are shared, and answers would be mixed up."""
        return self._owner == os.getpid()

    def alive(self) -> bool:
        """Return whether the child runs."""
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


class ProcessPool:
    """A few workers and a thread for each.

    Args:
        workers: One or more.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = tuple(workers)
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self._free.put(worker)
        self._retired = Worker("", load)
        self._retired.close()
        self._threads = ThreadPoolExecutor(len(workers), "process pool")

    def dismiss(self, *, spare: bool = False) -> Worker | None:
        """End the workers, except, with ``spare``, one that runs and has nothing to do: it is handed out."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        kept = None
        if spare:
            with suppress(queue.Empty):
                kept = self._free.get_nowait()
                self._free.put(self._retired)  # a thread that comes late finds a worker all the same
        kept = kept if kept and kept.alive() else None
        for _ in range(2):  # one may have started in between
            for worker in self.workers:
                if worker is not kept:
                    worker.close()
            self._threads.shutdown()
        return kept

    def map(self, do: Callable[[Worker, S], T], items: Iterable[S], ahead: int) -> Iterator[T]:
        """Do something with a worker for each item, results in the order of the items.

        Args:
            do: Runs in a thread of the pool.
            items: Taken as they are needed, in the caller's thread.
            ahead: How many may be taken before the first result is asked for.
        """
        waiting: deque[Future[T]] = deque()
        for item in items:
            waiting.append(self._threads.submit(self.use, do, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def use(self, do: Callable[Concatenate[Worker, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """Do something with a worker that has nothing else to do, as soon as there is one."""
        worker = self._free.get()
        try:
            return do(worker, *arguments, **options)
        finally:
            self._free.put(worker)
