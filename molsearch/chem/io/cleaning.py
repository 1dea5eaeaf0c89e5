"""Reading and clean-up in processes of their own, so that a structure that hangs or crashes RDKit costs one record.

A worker answers record by record, so the one that it hangs on or dies of is known, and the work goes on behind it.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any, Self

from molsearch.chem.io.chunks import Chunk, read_chunk
from molsearch.chem.io.columns import Layout
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.spool import SpoolRow, rows_of
from molsearch.chem.sandbox.process import ProcessPool, Worker, WorkerDied, load
from molsearch.chem.sandbox.risk import is_simple
from molsearch.chem.standardize import Cleaned, Fault, clean, conclude
from molsearch.records import Entry, Kind, Molecule, Reason, Rejection

BATCH = 64
_BATCH_CHARS = 1_000_000
MOST_LATE = 20  # structures of one file that do not finish; then those that are not simple are refused untried
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
        self._processes = ProcessPool([*warm, *(Worker(_REFUSAL, load, [__name__]) for _ in range(count - len(warm)))])
        self._ahead = 2 * count
        self._late = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kept = self._processes.dismiss(spare=True)
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
        for done in self._processes.map(self._batch, _batches(records), self._ahead):
            yield from done

    def read(self, chunks: Iterable[Chunk]) -> Iterator[list[SpoolRow]]:
        """Read chunks in the workers and yield what became of their records, in order; rows count from 1 in each."""
        yield from self._processes.map(self._chunk, chunks, self._ahead)

    def _clean(self, entry: Entry) -> Cleaned | Fault:
        return clean(entry.text, entry.kind, self._options.steps, self._options.max_atoms)

    def _batch(self, worker: Worker, batch: Sequence[Entry | Rejection]) -> list[Molecule | Rejection]:
        entries = [record for record in batch if isinstance(record, Entry)]
        outcomes = iter(self._outcomes(worker, entries) if entries else ())
        return [record if isinstance(record, Rejection) else conclude(record, next(outcomes)) for record in batch]

    def _outcomes(self, worker: Worker, entries: Sequence[Entry]) -> list[Cleaned | Fault]:
        """Clean records up one after another; one whose process ends twice, or is late, is to blame."""
        outcomes: list[Cleaned | Fault] = []
        while len(outcomes) < len(entries):
            rest = entries[len(outcomes) :]
            if self._late >= MOST_LATE:
                rest = list(takewhile(lambda entry: is_simple(entry.text, entry.kind), rest))
                if not rest:
                    outcomes.append(Fault(Reason.TIMED_OUT, _UNTRIED.format(MOST_LATE)))
                    continue
            structures = [(entry.text, entry.kind) for entry in rest]
            work = (structures, self._options.steps, self._options.max_atoms)
            answers, death = worker.ask(clean_each, *work, seconds=self._options.timeout_s, items=len(rest))
            outcomes += map(_outcome, answers)
            if death:
                outcomes.append(self._blame(death))
        return outcomes

    def _blame(self, death: WorkerDied) -> Fault:
        if death.late:
            self._late += 1
            return Fault(Reason.TIMED_OUT, f"RDKit did not finish this structure in {self._options.timeout_s:g} s.")
        return Fault(Reason.UNREADABLE, "RDKit crashed on this structure.")

    def _chunk(self, worker: Worker, chunk: Chunk) -> list[SpoolRow]:
        answers, death = self._ask(worker, chunk) if self._late < MOST_LATE else ([], _NOT_ASKED)
        rows: list[SpoolRow] = [row for answer in answers for row in answer]
        if death is None:
            return rows
        records = list(read_chunk(chunk, self._options))[len(answers) :]
        if death.late and records and isinstance(records[0], Entry):
            rows += rows_of(conclude(records[0], self._blame(death)))
            records = records[1:]
        return rows + [
            row for batch in _batches(records) for item in self._batch(worker, batch) for row in rows_of(item)
        ]

    def _ask(self, worker: Worker, chunk: Chunk) -> tuple[list[list[SpoolRow]], WorkerDied | None]:
        layout = None if chunk.layout is None else asdict(chunk.layout)
        work = (layout, chunk.dropped, chunk.whole, asdict(self._options))
        seconds = self._options.timeout_s
        return worker.ask(read_and_clean, *work, seconds=seconds, data=chunk.data, items=None, tries=1)


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


def clean_each(structures: Iterable[tuple[str, Kind]], steps: Sequence[str], max_atoms: int) -> Iterator[list[Any]]:
    """Clean structures up, one answer for each, however long that takes; see ``CleaningPool.standardize``."""
    for text, kind in structures:
        outcome = clean(text, kind, steps, max_atoms)
        if isinstance(outcome, Cleaned):
            yield [outcome.key, outcome.changes]
        else:
            yield [None, outcome.reason.value, outcome.detail]


def read_and_clean(
    data: bytes, layout: Mapping[str, Any] | None, dropped: int, whole: bool, options: Mapping[str, Any]
) -> Iterator[list[SpoolRow]]:
    """Read a chunk and clean its records up, one answer for each; see ``CleaningPool.read``."""
    settings = ReadOptions(**{**options, "steps": tuple(options["steps"])})
    for record in read_chunk(Chunk(data, Layout(**layout) if layout else None, dropped, whole), settings):
        if isinstance(record, Entry):
            yield rows_of(conclude(record, clean(record.text, record.kind, settings.steps, settings.max_atoms)))
        else:
            yield rows_of(record)
