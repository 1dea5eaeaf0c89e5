"""One addition to a library folder: all of it or nothing.

Files are appended to and synced first; the manifest that names the new bytes is written last. A process killed before
that leaves bytes nobody reads, which the next addition sweeps away.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from molsearch.errors import InputError, LibraryError
from molsearch.index.batch import Batch, Flags, check_batch
from molsearch.index.exact.digests import DigestRows
from molsearch.index.exact.manifest import (
    FilePart,
    Manifest,
    Segment,
    extended,
    read_manifest,
    sweep,
    sync_folder,
    write_manifest,
)
from molsearch.index.exact.record_table import (
    BLOCK_ROWS,
    MOLECULES,
    REJECTIONS,
    WRITE_OPTIONS,
    Row,
    molecule_row,
    rejection_row,
)
from molsearch.index.exact.snapshot import (
    CONSTANTS,
    EXTRA_ROWS,
    FLAGS,
    KEYS,
    VECTORS,
    Snapshot,
    key_digests,
    property_file,
)
from molsearch.records import Rejection

SEGMENT_ROWS = 65_536  # a segment is sealed after the batch that reaches this many records


class Transaction:
    """Collects batches into segments; ``commit`` makes them part of the library.

    Used as a context by the holder of the library's lock. Leaving it by an error restores the files.

    Args:
        before: The library as it stands.
    """

    def __init__(self, before: Snapshot) -> None:
        self._before = before
        self._folder = before.folder
        self._properties = dict.fromkeys(before.manifest.properties)
        self._rows = before.rows
        self._flags = None if before.flags is None else before.flags.shape[1]  # bytes a row
        self._new = DigestRows()  # of what this transaction adds
        self._segments: list[Segment] = []
        self._ends = before.manifest.sizes  # file -> bytes of sealed segments
        self._clear()

    def __enter__(self) -> Self:
        with self._writing():
            sweep(self._folder, self._before.manifest)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for sink in self._sinks.values():
            sink.close()
        if kind is not None:
            with self._writing():
                sweep(self._folder, read_manifest(self._folder))

    def write(self, batch: Batch) -> None:
        """Append the molecules of a batch; a key that the library has joins the molecule there.

        Raises:
            InputError: When the batch's arrays do not fit.
            LibraryError: When the folder cannot be written.
        """
        manifest = self._before.manifest
        check_batch(batch, manifest.width)
        digests = key_digests([molecule.key for molecule in batch.molecules])
        fresh, owners = self._new.split_new(digests, self._before.find(digests), self._rows)
        with self._writing():
            for name in batch.properties:
                self._open_property(name)
            self._append(VECTORS, batch.vectors[fresh].astype(manifest.scalar))
            self._append(CONSTANTS, batch.constants[fresh].astype(np.float32))
            self._append(KEYS, digests[fresh])
            for name in self._properties:
                column = batch.properties.get(name)
                values = np.full(len(fresh), np.nan) if column is None else column[fresh]
                self._append(property_file(name), values.astype(np.float32))
            self._append(FLAGS, self._checked_flags(batch)[fresh])
            self._append(EXTRA_ROWS, np.array(list(owners.values()), dtype=np.int64))
            for number, molecule in enumerate(batch.molecules):
                self._insert("extras" if number in owners else "molecules", molecule_row(molecule))
            self._rows += len(fresh)
            self._sources += sum(len(molecule.sources) for molecule in batch.molecules)
            self._seal_if_full()

    def reject(self, rejection: Rejection) -> None:
        """Append a rejection."""
        with self._writing():
            self._insert("rejections", rejection_row(rejection))
            self._seal_if_full()

    def commit(self) -> Manifest:
        """Make everything written so far part of the library and return its new manifest."""
        with self._writing():
            self._seal()
            sync_folder(self._folder)
            manifest = extended(self._before.manifest, tuple(self._properties), tuple(self._segments))
            write_manifest(self._folder, manifest)
        return manifest

    def _open_property(self, name: str) -> None:
        """Start a column that the library did not have, with no value for the rows so far."""
        if name not in self._properties:
            self._properties[name] = None
            self._append(property_file(name), np.full(self._rows, np.nan, dtype=np.float32))

    def _checked_flags(self, batch: Batch) -> Flags:
        """Return the flags to store, (N, F): the first rows of a library decide whether it has any, and how many."""
        if self._flags is None:
            self._flags = batch.flags.shape[1] if batch.flags is not None and not self._rows else 0
        if not self._flags or batch.flags is None:
            return np.zeros((len(batch.molecules), self._flags), np.uint8)
        if batch.flags.shape[1] != self._flags:
            raise InputError(
                f"A batch has {batch.flags.shape[1]} bytes of flags a molecule, but the library "
                f"{self._before.manifest.name!r} holds {self._flags}: add its file to a library of its own."
            )
        return batch.flags

    def _append(self, file: str, values: npt.NDArray[Any]) -> None:
        if values.size:
            self._sink(file).write(np.ascontiguousarray(values).data.cast("B"))

    def _insert(self, table: str, row: Row) -> None:
        pending = self._pending.setdefault(table, [])
        pending.append(row)
        self._counts[table] += 1
        if len(pending) == BLOCK_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = self._pending.pop(table, [])
        if not rows:
            return
        schema = REJECTIONS if table == "rejections" else MOLECULES
        if table not in self._writers:
            number = len(self._before.manifest.segments) + len(self._segments)
            sink = pa.PythonFile(self._sink(f"{table}-{number:05d}.arrow"), mode="w")
            self._writers[table] = pa.ipc.new_file(sink, schema, options=WRITE_OPTIONS)
        self._writers[table].write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))

    def _sink(self, file: str) -> "_Sink":
        if file not in self._sinks:
            self._sinks[file] = _Sink(self._folder / file, self._ends.get(file, 0))
        return self._sinks[file]

    def _seal_if_full(self) -> None:
        if sum(self._counts.values()) >= SEGMENT_ROWS:
            self._seal()

    def _seal(self) -> None:
        """Close the current segment: everything of it is on the disk when this returns."""
        for table in list(self._pending):
            self._flush(table)
        for writer in self._writers.values():
            writer.close()
        parts = tuple(sink.seal() for sink in self._sinks.values())
        self._ends.update({part.file: part.start + part.size for part in parts})
        if parts:
            counts = self._counts
            segment = Segment(counts["molecules"], counts["extras"], self._sources, counts["rejections"], parts)
            self._segments.append(segment)
        self._clear()

    def _clear(self) -> None:
        self._sinks: dict[str, _Sink] = {}
        self._writers: dict[str, Any] = {}
        self._pending: dict[str, list[Row]] = {}
        self._counts = {"molecules": 0, "extras": 0, "rejections": 0}
        self._sources = 0

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LibraryError(
                f"The library {self._before.manifest.name!r} in {self._folder} cannot be written: "
                f"{error.strerror or error}. It stands as it was; free space or check the folder, then add again."
            ) from error


class _Sink:
    """Bytes appended to one file and hashed on the way; as much of a file object as Arrow needs."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._start = start
        self._size = 0
        self._hash = hashlib.sha256()
        self._file = path.open("ab")

    @property
    def closed(self) -> bool:
        return self._file.closed

    def write(self, data: Any) -> int:
        self._hash.update(data)
        self._size += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        self._file.flush()

    def seal(self) -> FilePart:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return FilePart(self._path.name, self._start, self._size, self._hash.hexdigest())

    def close(self) -> None:
        """Let the file go without promising anything about its bytes."""
        with suppress(OSError):
            self._file.close()
