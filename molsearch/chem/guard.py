"""Reading and clean-up in processes of their own, so that a structure that hangs or crashes RDKit costs one record.

RDKit's C++ cannot be interrupted from inside Python. An order whose worker dies or takes too long is done again record
by record; what fails then is rejected.
"""

import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import IO, Any, Self

from molsearch.chem.columns import Layout
from molsearch.chem.crew import READY, Crew, Died, Worker
from molsearch.chem.options import ReadOptions
from molsearch.chem.slices import Slice, read_slice
from molsearch.chem.spool import SpoolRow, rows_of
from molsearch.chem.standardize import Cleaned, Fault, clean, conclude
from molsearch.records import Entry, Molecule, Reason, Rejection

BATCH = 64
_BATCH_CHARS = 1_000_000
_RECORD_S = 0.1  # on top of the limit of one record, for each record of an order
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from molsearch.chem.guard import serve; serve()"
_REFUSAL = (
    "The process that guards the reading of structures did not start: check the memory that is left, or read with "
    "timeout_s=0 to do without it."
)


class Guard:
    """Cleans records up in order, in worker processes that are replaced when a structure hangs or kills them.

    A context manager; without ``timeout_s`` it works in this process.
    """

    # One warm worker outlives a read, because starting one takes as long as a thousand structures.
    _idle: list[Worker] = []  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        count = max(1, options.workers)
        with Guard._lock:
            warm = [worker for worker in Guard._idle if worker.is_mine()]
            Guard._idle.clear()
        self._crew = Crew([*warm, *(Worker(_CHILD, _REFUSAL) for _ in range(count - len(warm)))])
        self._ahead = 2 * count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kept = self._crew.dismiss(spare=True)
        with Guard._lock:
            if kept and not Guard._idle:
                Guard._idle.append(kept)
                kept = None
        if kept:
            kept.close()

    def standardize(self, records: Iterable[Entry | Rejection]) -> Iterator[Molecule | Rejection]:
        """Yield what became of each record, in order; rejections pass through."""
        if self._options.timeout_s <= 0:
            for record in records:
                yield record if isinstance(record, Rejection) else conclude(record, self._clean(record))
            return
        for done in self._crew.map(self._batch, _batches(records), self._ahead):
            yield from done

    def read(self, slices: Iterable[Slice]) -> Iterator[list[SpoolRow]]:
        """Read slices in the workers and yield what became of their records, in order; rows count from 1 in each."""
        yield from self._crew.map(self._slice, slices, self._ahead)

    def _clean(self, entry: Entry) -> Cleaned | Fault:
        return clean(entry.text, entry.kind, self._options.steps, self._options.max_atoms)

    def _batch(self, worker: Worker, batch: Sequence[Entry | Rejection]) -> list[Molecule | Rejection]:
        entries = [record for record in batch if isinstance(record, Entry)]
        outcomes = iter(self._outcomes(worker, entries) if entries else ())
        return [record if isinstance(record, Rejection) else conclude(record, next(outcomes)) for record in batch]

    def _outcomes(self, worker: Worker, entries: Sequence[Entry]) -> list[Cleaned | Fault]:
        order = {
            "texts": [[entry.text, entry.kind] for entry in entries],
            "steps": self._options.steps,
            "max_atoms": self._options.max_atoms,
        }
        try:
            answers = worker.ask(_line(order), self._seconds(len(entries)), _read_line)
        except Died as death:
            if len(entries) == 1:
                return [self._blame(death)]
            return [self._outcomes(worker, [entry])[0] for entry in entries]
        return [_outcome(answer) for answer in answers]

    def _blame(self, death: Died) -> Fault:
        if death.late:
            detail = f"RDKit did not finish this structure in {self._options.timeout_s:g} s."
            return Fault(Reason.TIMED_OUT, detail)
        return Fault(Reason.UNREADABLE, "RDKit crashed on this structure.")

    def _slice(self, worker: Worker, one: Slice) -> list[SpoolRow]:
        order = {
            "bytes": len(one.data),
            "layout": None if one.layout is None else asdict(one.layout),
            "dropped": one.dropped,
            "whole": one.whole,
            "options": asdict(self._options),
        }
        try:
            records = len(one.data) // 10  # no record is shorter
            answer: list[SpoolRow] = worker.ask(_line(order) + one.data, self._seconds(records), _read_line)
        except Died:
            batch = list(read_slice(one, self._options))
            return [row for item in self._batch(worker, batch) for row in rows_of(item)]
        return answer

    def _seconds(self, records: int) -> float:
        return self._options.timeout_s if records == 1 else self._options.timeout_s + _RECORD_S * records


def _line(order: object) -> bytes:
    return json.dumps(order).encode() + b"\n"


def _read_line(stream: IO[bytes]) -> Any:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError("The answer ends early.")
    return json.loads(line)


def _outcome(answer: Sequence[Any]) -> Cleaned | Fault:
    if answer[0] is not None:
        return Cleaned(answer[0], tuple(answer[1]))
    return Fault(Reason(answer[1]), answer[2])


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
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    answers.write(READY)
    answers.flush()
    while line := orders.readline():
        order = json.loads(line)
        answer = _cleaned(order) if "texts" in order else _read(order, orders.read(order["bytes"]))
        answers.write(_line(answer))
        answers.flush()


def _cleaned(order: dict[str, Any]) -> list[Any]:
    outcomes = [clean(text, kind, order["steps"], order["max_atoms"]) for text, kind in order["texts"]]
    return [
        [one.key, one.changes] if isinstance(one, Cleaned) else [None, one.reason.value, one.detail] for one in outcomes
    ]


def _read(order: dict[str, Any], data: bytes) -> list[SpoolRow]:
    options = ReadOptions(**order["options"] | {"steps": tuple(order["options"]["steps"])})
    layout = order["layout"] and Layout(**order["layout"])
    found = []
    for record in read_slice(Slice(data, layout, order["dropped"], order["whole"]), options):
        if isinstance(record, Entry):
            outcome = clean(record.text, record.kind, options.steps, options.max_atoms)
            found.extend(rows_of(conclude(record, outcome)))
        else:
            found.extend(rows_of(record))
    return found
