"""Reading and clean-up in processes of their own, so that a structure that hangs or crashes RDKit costs one record.

RDKit's C++ cannot be interrupted from inside Python. A worker answers record by record, so the one that it hangs on or
dies of is known, and the work goes on behind it.
"""

import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any, Self

from molsearch.chem.io.chunks import Chunk, read_chunk
from molsearch.chem.io.columns import Layout
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.spool import SpoolRow, rows_of
from molsearch.chem.sandbox.process import READY, ProcessPool, Worker, WorkerDied, limit_memory
from molsearch.chem.sandbox.risk import is_simple
from molsearch.chem.standardize import Cleaned, Fault, clean, conclude
from molsearch.records import Entry, Molecule, Reason, Rejection

BATCH = 64
_BATCH_CHARS = 1_000_000
MOST_LATE = 20  # structures of one file that do not finish; then those that are not simple are refused untried
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from molsearch.chem.io.cleaning import serve; serve()"
_UNTRIED = "Not tried: RDKit did not finish {:,} structures of this file, and this one is intricate too."
_NOT_ASKED = WorkerDied(late=False)
_REFUSAL = (
    "The process that guards the reading of structures did not start: check the memory that is left, or read with "
    "timeout_s=0 to do without it."
)


class CleaningPool:
    """Cleans records up in order, in worker processes that are replaced when a structure hangs or kills them.

    A context manager; without ``timeout_s`` it works in this process.
    """

    # One warm worker outlives a read, because starting one takes as long as a thousand structures.
    _idle: list[Worker] = []  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        count = max(1, options.workers)
        with CleaningPool._lock:
            warm = [worker for worker in CleaningPool._idle if worker.is_mine()]
            CleaningPool._idle.clear()
        self._crew = ProcessPool([*warm, *(Worker(_CHILD, _REFUSAL) for _ in range(count - len(warm)))])
        self._ahead = 2 * count
        self._late = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kept = self._crew.dismiss(spare=True)
        with CleaningPool._lock:
            if kept and not CleaningPool._idle:
                CleaningPool._idle.append(kept)
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

    def read(self, slices: Iterable[Chunk]) -> Iterator[list[SpoolRow]]:
        """Read slices in the workers and yield what became of their records, in order; rows count from 1 in each."""
        yield from self._crew.map(self._slice, slices, self._ahead)

    def _clean(self, entry: Entry) -> Cleaned | Fault:
        return clean(entry.text, entry.kind, self._options.steps, self._options.max_atoms)

    def _batch(self, worker: Worker, batch: Sequence[Entry | Rejection]) -> list[Molecule | Rejection]:
        entries = [record for record in batch if isinstance(record, Entry)]
        outcomes = iter(self._outcomes(worker, entries) if entries else ())
        return [record if isinstance(record, Rejection) else conclude(record, next(outcomes)) for record in batch]

    def _outcomes(self, worker: Worker, entries: Sequence[Entry]) -> list[Cleaned | Fault]:
        """Clean records up one after another; one whose process ends twice, or is late, is to blame."""
        done: list[Cleaned | Fault] = []
        crashed = -1
        while len(done) < len(entries):
            if self._late >= MOST_LATE and not is_simple(entries[len(done)].text, entries[len(done)].kind):
                done.append(Fault(Reason.TIMED_OUT, _UNTRIED.format(MOST_LATE)))
                continue
            death, answers = self._hear(worker, _line(self._order(entries[len(done) :])))
            done += [_outcome(json.loads(answer)) for answer in answers]
            if death and len(done) < len(entries):
                if death.late or crashed == len(done):
                    done.append(self._blame(death))
                else:
                    crashed = len(done)
        return done

    def _order(self, entries: Sequence[Entry]) -> dict[str, Any]:
        trying = self._late < MOST_LATE
        some = list(entries if trying else takewhile(lambda one: is_simple(one.text, one.kind), entries))
        return {
            "texts": [[entry.text, entry.kind] for entry in some],
            "steps": self._options.steps,
            "max_atoms": self._options.max_atoms,
        }

    def _hear(self, worker: Worker, order: bytes) -> tuple[WorkerDied | None, list[bytes]]:
        answers: list[bytes] = []
        try:
            worker.hear(order, self._options.timeout_s, answers)
        except WorkerDied as death:
            return death, answers
        return None, answers

    def _blame(self, death: WorkerDied) -> Fault:
        if death.late:
            self._late += 1
            return Fault(Reason.TIMED_OUT, f"RDKit did not finish this structure in {self._options.timeout_s:g} s.")
        return Fault(Reason.UNREADABLE, "RDKit crashed on this structure.")

    def _slice(self, worker: Worker, one: Chunk) -> list[SpoolRow]:
        order = {
            "bytes": len(one.data),
            "layout": None if one.layout is None else asdict(one.layout),
            "dropped": one.dropped,
            "whole": one.whole,
            "options": asdict(self._options),
        }
        death, answers = self._hear(worker, _line(order) + one.data) if self._late < MOST_LATE else (_NOT_ASKED, [])
        rows: list[SpoolRow] = [row for answer in answers for row in json.loads(answer)]
        if death is None:
            return rows
        records = list(read_chunk(one, self._options))[len(answers) :]
        if death.late and records and isinstance(records[0], Entry):
            rows += rows_of(conclude(records[0], self._blame(death)))
            records = records[1:]
        return rows + [
            row for batch in _batches(records) for item in self._batch(worker, batch) for row in rows_of(item)
        ]


def _line(order: object) -> bytes:
    return json.dumps(order).encode() + b"\n"


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
    limit_memory()
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    answers.write(READY)
    answers.flush()
    while line := orders.readline():
        order = json.loads(line)
        for answer in _cleaned(order) if "texts" in order else _read(order, orders.read(order["bytes"])):
            answers.write(_line(answer))
            answers.flush()  # so that what hangs next hides nothing that is done
        answers.write(b"\n")
        answers.flush()


def _cleaned(order: dict[str, Any]) -> Iterator[list[Any]]:
    for text, kind in order["texts"]:
        one = clean(text, kind, order["steps"], order["max_atoms"])
        yield [one.key, one.changes] if isinstance(one, Cleaned) else [None, one.reason.value, one.detail]


def _read(order: dict[str, Any], data: bytes) -> Iterator[list[SpoolRow]]:
    options = ReadOptions(**order["options"] | {"steps": tuple(order["options"]["steps"])})
    layout = order["layout"] and Layout(**order["layout"])
    for record in read_chunk(Chunk(data, layout, order["dropped"], order["whole"]), options):
        if isinstance(record, Entry):
            outcome = clean(record.text, record.kind, options.steps, options.max_atoms)
            yield rows_of(conclude(record, outcome))
        else:
            yield rows_of(record)
