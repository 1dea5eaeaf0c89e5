"""A library folder as it stood at one manifest: arrays mapped into memory, tables read when asked for.

A snapshot never changes. An addition only appends, so readers of an older snapshot go on undisturbed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from molsearch.errors import InputError
from molsearch.index.batch import Flags, Floats, Rows
from molsearch.index.exact.digests import Digests
from molsearch.index.exact.manifest import Manifest, damaged
from molsearch.index.exact.record_table import (
    BLOCK_ROWS,
    KEY_COLUMN,
    RecordTable,
    joined,
    row_molecule,
    row_rejection,
    to_bytes,
)
from molsearch.index.exact.scan import Matrix, known_property
from molsearch.index.naming import folder_name
from molsearch.records import Molecule, Rejection

VECTORS = "vectors.bin"  # (N, D), the manifest's scalar type
CONSTANTS = "constants.bin"  # (N,) float32
KEYS = "keys.bin"  # (N, 2) uint64: 128-bit digests of the molecules' keys
FLAGS = "flags.bin"  # (N, F) uint8, where the first addition brought flags
EXTRA_ROWS = "extra_rows.bin"  # (X,) int64: the row that each row of the table "extras" belongs to


def property_file(name: str) -> str:
    """Return the file name of a property column, (N,) float32."""
    return f"property-{folder_name(name)}.bin"


def key_digests(keys: Sequence[str]) -> Digests:
    """Return (N, 2) uint64 BLAKE2 digests, by which molecules are compared without reading their keys."""
    joined_digests = b"".join(hashlib.blake2b(to_bytes(key), digest_size=16).digest() for key in keys)
    return np.frombuffer(joined_digests, dtype="<u8").reshape(-1, 2)


class Snapshot:
    """What the manifest of a folder names, ready to be read.

    Args:
        folder: The library's folder.
        manifest: Read from it, its files already checked.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.rows = manifest.rows
        with _reading(folder):
            self.vectors: Matrix = self._mapped(VECTORS, np.dtype(manifest.scalar), (self.rows, manifest.width))
            self.constants: Floats = self._mapped(CONSTANTS, np.float32, (self.rows,))
            self._digests: Digests = self._mapped(KEYS, "<u8", (self.rows, 2))
            self.flags = self._mapped_flags()
            extras = sum(segment.extras for segment in manifest.segments)
            self._extra_rows: Rows = self._mapped(EXTRA_ROWS, np.int64, (extras,))
            self._columns = {n: self._mapped(property_file(n), np.float32, (self.rows,)) for n in manifest.properties}
        segments = manifest.segments
        self._molecules = RecordTable(self._files("molecules"), [s.rows for s in segments if s.rows], row_molecule)
        self._extras = RecordTable(self._files("extras"), [s.extras for s in segments if s.extras], row_molecule)
        self._rejections = RecordTable(
            self._files("rejections"), [s.rejections for s in segments if s.rejections], row_rejection
        )

    def column(self, name: str) -> Floats:
        """Return a property column, (N,) float32.

        Raises:
            InputError: When the library holds no such property.
        """
        known_property(name, self.manifest.properties)
        return self._columns[name]

    def find(self, digests: Digests) -> Rows:
        """Return the row of each key digest, (N,) int64, -1 where the library has none."""
        order, first = self._by_digest
        rows = np.full(len(digests), -1, dtype=np.int64)
        lows = np.searchsorted(first, digests[:, 0], side="left")
        highs = np.searchsorted(first, digests[:, 0], side="right")
        for position in np.flatnonzero(highs > lows):
            same = order[lows[position] : highs[position]]
            match = same[self._digests[same, 1] == digests[position, 1]]
            if len(match):
                rows[position] = match[0]
        return rows

    def molecules(self, rows: Sequence[int]) -> list[Molecule]:
        """Return the molecules of the given rows, in their order, with all of their sources.

        Raises:
            InputError: On a row the library does not have.
            LibraryError: When the stored records are damaged.
        """
        self._check(rows)
        order, sorted_rows = self._by_extra_row
        later: dict[int, list[int]] = {}
        for row in set(rows):
            low, high = np.searchsorted(sorted_rows, [row, row + 1])
            if high > low:
                later[row] = [int(position) for position in order[low:high]]
        with _reading(self.folder):
            first = self._molecules.take(rows)
            extras = self._extras.take([position for positions in later.values() for position in positions])
        whole = {row: joined(first[row], [extras[p] for p in positions]) for row, positions in later.items()}
        return [whole.get(row) or first[row] for row in rows]

    def keys(self, rows: Sequence[int]) -> list[str]:
        """Return the keys of the given rows, in their order, without reading their records.

        Raises:
            InputError: On a row the library does not have.
            LibraryError: When the stored records are damaged.
        """
        self._check(rows)
        with _reading(self.folder):
            keys = self._molecules.texts(rows, KEY_COLUMN)
        return [keys[row] for row in rows]

    def _check(self, rows: Sequence[int]) -> None:
        if rows and not 0 <= min(rows) <= max(rows) < self.rows:
            raise InputError(f"Rows {min(rows)} to {max(rows)} were asked for, expected 0 to {self.rows - 1}.")

    def iter_molecules(self) -> Iterator[Molecule]:
        """Yield all molecules in row order, a block at a time."""
        for start in range(0, self.rows, BLOCK_ROWS):
            yield from self.molecules(range(start, min(start + BLOCK_ROWS, self.rows)))

    def rejections(self) -> Iterator[Rejection]:
        """Yield all rejections in the order they came."""
        with _reading(self.folder):
            yield from self._rejections

    @cached_property
    def _by_digest(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint64]]:
        order = np.argsort(self._digests[:, 0], kind="stable")
        return order, self._digests[order, 0]

    @cached_property
    def _by_extra_row(self) -> tuple[npt.NDArray[np.intp], Rows]:
        order = np.argsort(self._extra_rows, kind="stable")
        return order, self._extra_rows[order]

    def _mapped(self, file: str, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        expected = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if self.manifest.sizes.get(file, 0) != expected:
            raise damaged(self.folder, f"the manifest counts other bytes of {file} than its rows need")
        if not expected:
            return np.empty(shape, dtype=dtype)
        mapped = np.memmap(self.folder / file, dtype=dtype, mode="r", shape=shape)
        return np.asarray(mapped)  # a plain view: the mapping lives on, its bookkeeping on every slice does not

    def _mapped_flags(self) -> Flags | None:
        size = self.manifest.sizes.get(FLAGS, 0)
        return self._mapped(FLAGS, np.uint8, (self.rows, size // self.rows)) if size else None

    def _files(self, table: str) -> list[Path]:
        names = (segment.file(table) for segment in self.manifest.segments)
        return [self.folder / name for name in names if name]


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Turn what damaged files make the readers raise into one sentence."""
    try:
        yield
    except (pa.ArrowException, OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise damaged(folder, f"its records cannot be read ({type(error).__name__})") from error
