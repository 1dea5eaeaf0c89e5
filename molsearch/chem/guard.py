"""Clean-up in a process of its own, so that a structure that hangs or crashes RDKit costs one record, not the file.

RDKit's C++ cannot be interrupted from inside Python. Parent and worker speak JSON lines over pipes.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from molsearch.chem.options import ReadOptions
from molsearch.chem.standardize import Cleaned, Fault, clean, conclude
from molsearch.errors import MolsearchError
from molsearch.records import Entry, Molecule, Reason, Rejection
from molsearch.settings import PROJECT

BATCH = 64
_BATCH_CHARS = 1_000_000
_START_S = 120.0
# Not multiprocessing: it runs the caller's main script again in the child, and it pickles.
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from molsearch.chem.guard import serve; serve()"


class _Worker:
    """A child process that cleans structures up, one answer a structure, in order."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(PROJECT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._owner = os.getpid()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            ready = self._answers.get(timeout=_START_S)
        except queue.Empty:
            ready = b""
        if not ready:
            self.kill()
            raise MolsearchError(
                "The process that guards the reading of structures did not start: check the memory that is left, or "
                "read with timeout_s=0 to do without it."
            )

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def is_mine(self) -> bool:
        """Tell whether this process started it: after a fork the pipes are shared, and answers would be mixed up."""
        return self._owner == os.getpid()

    def send(self, entries: Sequence[Entry], options: ReadOptions) -> None:
        """Ask for a batch; the worker reads it whole before it starts, so this never waits for RDKit."""
        assert self._process.stdin
        order = {"n": len(entries), "steps": options.steps, "max_atoms": options.max_atoms}
        lines = [json.dumps(order), *(json.dumps([entry.text, entry.kind]) for entry in entries)]
        try:
            self._process.stdin.write(("\n".join(lines) + "\n").encode())
            self._process.stdin.flush()
        except OSError:
            pass  # it died; the missing answers will show it

    def receive(self, timeout_s: float) -> Cleaned | Fault | None:
        """Return the next answer, or None where the worker died.

        Raises:
            queue.Empty: No answer came in time.
        """
        line = self._answers.get(timeout=timeout_s)
        if not line:
            return None
        answer = json.loads(line)
        if "key" in answer:
            return Cleaned(answer["key"], tuple(answer["changes"]))
        return Fault(Reason(answer["reason"]), answer["detail"])

    def kill(self) -> None:
        """End the process and wait for its end."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                if pipe:
                    pipe.close()
            except OSError:
                pass


@dataclass
class _Pending:
    """Records on their way: what was sent to a worker, with finished rejections between them."""

    records: list[Entry | Rejection]
    worker: _Worker | None
    sent: list[Entry] = field(default_factory=list)


class Guard:
    """Cleans records up in order, in worker processes that are replaced when a structure hangs or kills them.

    A context manager; without ``timeout_s`` it works in this process.
    """

    # One warm worker outlives a read, because starting one takes as long as a thousand structures.
    _idle: list[_Worker] = []  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._workers: list[_Worker] = []
        self._free: deque[_Worker] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            with Guard._lock:
                keep = worker in self._free and not Guard._idle
                if keep:
                    Guard._idle.append(worker)
            if not keep:
                worker.kill()

    def standardize(self, records: Iterable[Entry | Rejection]) -> Iterator[Molecule | Rejection]:
        """Yield what became of each record, in order; rejections pass through."""
        waiting: deque[_Pending] = deque()
        for batch in _batches(records):
            waiting.append(self._send(batch))
            while len(waiting) > self._options.workers:
                yield from self._collect(waiting.popleft())
        while waiting:
            yield from self._collect(waiting.popleft())

    def _send(self, batch: list[Entry | Rejection]) -> _Pending:
        entries = [record for record in batch if isinstance(record, Entry)]
        if self._options.timeout_s <= 0 or not entries:
            return _Pending(batch, None)
        worker = self._take()
        worker.send(entries, self._options)
        return _Pending(batch, worker, entries)

    def _take(self) -> _Worker:
        if self._free:
            return self._free.popleft()
        with Guard._lock:
            worker = Guard._idle.pop() if Guard._idle else None
        if worker is None or not worker.is_mine():
            worker = _Worker()
        self._workers.append(worker)
        return worker

    def _collect(self, pending: _Pending) -> Iterator[Molecule | Rejection]:
        left = deque(pending.sent)
        for record in pending.records:
            if isinstance(record, Rejection):
                yield record
            elif pending.worker is None:
                yield conclude(record, clean(record.text, record.kind, self._options.steps, self._options.max_atoms))
            else:
                left.popleft()
                yield self._answer(record, pending, left)
        if pending.worker:
            self._free.append(pending.worker)

    def _answer(self, entry: Entry, pending: _Pending, left: Iterable[Entry]) -> Molecule | Rejection:
        assert pending.worker
        try:
            outcome = pending.worker.receive(self._options.timeout_s)
        except queue.Empty:
            detail = f"RDKit did not finish this structure in {self._options.timeout_s:g} s."
            outcome = Fault(Reason.TIMED_OUT, detail)
        else:
            if outcome is not None:
                return conclude(entry, outcome)
            outcome = Fault(Reason.UNREADABLE, "RDKit crashed on this structure.")
        self._replace(pending, list(left))
        return conclude(entry, outcome)

    def _replace(self, pending: _Pending, left: list[Entry]) -> None:
        assert pending.worker
        self._workers.remove(pending.worker)
        pending.worker.kill()
        pending.worker = _Worker()
        self._workers.append(pending.worker)
        if left:
            pending.worker.send(left, self._options)


def _batches(records: Iterable[Entry | Rejection]) -> Iterator[list[Entry | Rejection]]:
    batch: list[Entry | Rejection] = []
    chars = 0
    for record in records:
        batch.append(record)
        chars += len(record.text) if isinstance(record, Entry) else 0
        if len(batch) == BATCH or chars > _BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def serve() -> None:
    """Answer orders until standard input ends; the child's whole life."""
    answers = os.fdopen(os.dup(1), "wb")
    answers.write(b"ready\n")
    answers.flush()
    while order := sys.stdin.buffer.readline():
        asked = json.loads(order)
        batch = [json.loads(sys.stdin.buffer.readline()) for _ in range(asked["n"])]
        for text, kind in batch:
            outcome = clean(text, kind, asked["steps"], asked["max_atoms"])
            if isinstance(outcome, Cleaned):
                answer: dict[str, object] = {"key": outcome.key, "changes": outcome.changes}
            else:
                answer = {"reason": outcome.reason.value, "detail": outcome.detail}
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()
