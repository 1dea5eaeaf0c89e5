"""The embedded engine: a folder with a memory-mapped matrix and Arrow tables, and an exact scan under any filter."""

import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import filelock
import numpy as np

from molsearch.errors import InputError, LibraryError
from molsearch.index.batch import (
    Batch,
    Flags,
    Floats,
    Mask,
    Rows,
    SearchResult,
    check_adjustment,
    check_mask,
    check_query,
)
from molsearch.index.exact import scan
from molsearch.index.exact.manifest import (
    LOCK,
    MANIFEST,
    Manifest,
    Scalar,
    check_files,
    foreign_files,
    read_manifest,
    write_manifest,
)
from molsearch.index.exact.snapshot import Snapshot, key_digests
from molsearch.index.exact.transaction import Transaction
from molsearch.index.naming import library_folder, library_name
from molsearch.records import LibraryInfo, Molecule, PropertyRange, Rejection


class ExactIndex:
    """A library in a folder of its own. Implements ``index.base.Index``; searches may run in many threads.

    An open index shows the library as it stood when it was opened or last added to through this object.

    Args:
        snapshot: The library as it stands.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._folder = snapshot.folder

    @classmethod
    def hosts(cls, home: str | Path) -> bool:
        """Return True: any text may be the path of a folder."""
        return True

    @classmethod
    def owns(cls, address: str | Path) -> bool:
        """Return True: any text may be the path of a folder."""
        return True

    @classmethod
    def address_of(cls, home: str | Path, name: str) -> Path:
        """Return the folder of a library.

        Raises:
            InputError: When no library can have this name.
        """
        return library_folder(Path(home), name)

    @classmethod
    def names(cls, home: str | Path) -> list[str]:
        """Return the names of the libraries in a folder, sorted; damaged ones are among them."""
        names = []
        for manifest in Path(home).glob(f"*/{MANIFEST}"):
            try:
                names.append(library_name(manifest.parent.name))
            except InputError:
                continue  # a folder that no library name leads to: a backup copy, or one being removed
        return sorted(names)

    @classmethod
    def create(
        cls, address: str | Path, name: str, model_id: str, width: int, *, scalar: Scalar = "float16"
    ) -> "ExactIndex":
        """Make an empty library; its folder is made where needed.

        Raises:
            LibraryError: When the folder holds something already or cannot be written.
            InputError: When the width is not positive.
        """
        if width < 1:
            raise InputError(f"The width of a library's vectors is {width}, expected 1 or more.")
        folder = Path(address)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        fresh = Manifest(name, model_id, width, scalar, created)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check_free(folder, name)
            with _locked(folder):
                _check_free(folder, name)
                write_manifest(folder, fresh)
        except OSError as error:
            raise LibraryError(
                f"The library {name!r} cannot be made in {folder}: {error.strerror or error}. "
                "Check that the folder can be written and the disk is not full."
            ) from error
        return cls(Snapshot(folder, fresh))

    @classmethod
    def open(cls, address: str | Path) -> "ExactIndex":
        """Open a library after checking its files.

        Raises:
            LibraryError: When there is none, or it is damaged.
        """
        return cls(_current(Path(address)))

    @classmethod
    def read_info(cls, address: str | Path) -> LibraryInfo:
        """Return what is known of a library from its manifest alone.

        Raises:
            LibraryError: When there is none, or the manifest is damaged.
        """
        return read_manifest(Path(address)).info()

    @classmethod
    def remove(cls, address: str | Path) -> None:
        """Delete a library, whole or damaged; one rename takes it away, so it is never half there.

        Raises:
            LibraryError: When there is none, it is being written, or the folder cannot be changed.
        """
        folder = Path(address)
        if not (folder / LOCK).exists() and not (folder / MANIFEST).exists():
            raise LibraryError(f"There is no library in {folder}: nothing was removed.")
        try:
            if foreign := foreign_files(folder):
                raise LibraryError(f"The folder {folder} holds other files ({foreign[0]}): nothing was removed.")
            with _locked(folder):
                grave = folder.with_name(f".removed-{uuid.uuid4().hex}")
                folder.rename(grave)
            shutil.rmtree(grave, ignore_errors=True)
        except OSError as error:
            raise LibraryError(f"The library in {folder} cannot be removed: {error.strerror or error}.") from error

    @property
    def address(self) -> str:
        return str(self._folder)

    @property
    def info(self) -> LibraryInfo:
        return self._snapshot.manifest.info()

    @property
    def property_names(self) -> tuple[str, ...]:
        return self._snapshot.manifest.properties

    def content_sha256(self) -> str:
        """Hash what this object shows, see ``index.base.Index.content_sha256``."""
        return self._snapshot.manifest.content_sha256()

    def add(self, batches: Iterable[Batch], rejections: Iterable[Rejection] = ()) -> None:
        """Add molecules and rejections in one transaction, see ``index.base.Index.add``."""
        with _locked(self._folder):
            with Transaction(_current(self._folder)) as transaction:
                for batch in batches:
                    transaction.write(batch)
                for rejection in rejections:
                    transaction.reject(rejection)
                manifest = transaction.commit()
            self._snapshot = Snapshot(self._folder, manifest)

    def search(
        self,
        vector: Floats,
        k: int,
        *,
        ranges: Sequence[PropertyRange] = (),
        mask: Mask | None = None,
        bonuses: Mapping[int, float] | None = None,
        adjustment: Floats | None = None,
    ) -> SearchResult:
        """Return the best k rows that pass the filters, see ``index.base.Index.search``."""
        snapshot = self._snapshot
        query = check_query(vector, snapshot.manifest.width, k)
        rows = _passing(snapshot, ranges, mask)  # None: all of them
        offsets = _offsets(snapshot, rows, bonuses or {}, adjustment)  # (M,)
        scores = scan.dots(snapshot.vectors, query, rows) + offsets  # (M,)
        near = scan.candidates(scores, k, scan.error_bound(query, scores))  # (C,)
        near_rows = near if rows is None else rows[near]
        dots = scan.precise(snapshot.vectors, query, near_rows)  # (C,)
        scores[near] = dots + offsets[near]
        chosen = scan.best(scores[near], k)  # (k,)
        return SearchResult(
            rows=near_rows[chosen].astype(np.int64),
            scores=scores[near][chosen],
            cosines=(dots[chosen] / np.linalg.norm(query.astype(np.float64))).astype(np.float32),
            distribution=scores,
            searched=len(scores),
        )

    def count(self, ranges: Sequence[PropertyRange] = (), mask: Mask | None = None) -> int:
        """Count the rows that pass every filter."""
        rows = _passing(self._snapshot, ranges, mask)
        return self._snapshot.rows if rows is None else len(rows)

    def molecules(self, rows: Sequence[int]) -> list[Molecule]:
        """Return the molecules of the given rows, in their order."""
        return self._snapshot.molecules([int(row) for row in rows])

    def keys(self, rows: Sequence[int]) -> list[str]:
        """Return the keys of the given rows, in their order."""
        return self._snapshot.keys([int(row) for row in rows])

    def iter_molecules(self) -> Iterator[Molecule]:
        """Yield all molecules in row order."""
        return self._snapshot.iter_molecules()

    def rejections(self) -> Iterator[Rejection]:
        """Yield all rejected records in the order they came."""
        return self._snapshot.rejections()

    def rows_of(self, keys: Sequence[str]) -> dict[str, int]:
        """Return the row of each key that the library holds."""
        rows = self._snapshot.find(key_digests(keys))
        return {key: int(row) for key, row in zip(keys, rows, strict=True) if row >= 0}

    def vectors(self) -> scan.Matrix:
        """Return all vectors, (N, D), mapped read-only from the file."""
        return self._snapshot.vectors

    def vectors_of(self, rows: Sequence[int]) -> Floats:
        """Return the vectors of the given rows, in their order, (M, D) float32."""
        return np.asarray(self._snapshot.vectors[[int(row) for row in rows]], np.float32)

    def properties(self, name: str) -> Floats:
        """Return one property of all molecules, (N,) float32, NaN where there is no value."""
        return self._snapshot.column(name)

    def flags(self) -> Flags | None:
        """Return the packed bits of all molecules, (N, F) uint8, mapped read-only; None where none were added."""
        return self._snapshot.flags

    def verify(self) -> None:
        """Hash every byte of the library; opening checks sizes and small files only.

        Raises:
            LibraryError: Naming the first file that changed.
        """
        check_files(self._folder, self._snapshot.manifest, everything=True)


def _current(folder: Path) -> Snapshot:
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    return Snapshot(folder, manifest)


def _check_free(folder: Path, name: str) -> None:
    """Refuse a folder that holds anything but what a creation that was cut short leaves."""
    if any(path.name not in (LOCK, f"{MANIFEST}.tmp") for path in folder.iterdir()):
        raise LibraryError(
            f"The folder {folder} is not empty, so library {name!r} cannot start there: "
            "choose another name, or remove the library that has it."
        )


def _passing(snapshot: Snapshot, ranges: Sequence[PropertyRange], mask: Mask | None) -> Rows | None:
    """Return the ascending rows within all ranges and the mask, None where nothing filters."""
    kept = None if mask is None else check_mask(mask, snapshot.rows)
    for wanted in ranges:
        inside = scan.within(snapshot.column(wanted.name), wanted.low, wanted.high)
        kept = inside if kept is None else kept & inside
    return None if kept is None else np.flatnonzero(kept)


def _offsets(snapshot: Snapshot, rows: Rows | None, bonuses: Mapping[int, float], adjustment: Floats | None) -> Floats:
    """Return what is added to each kept row's dot product, (M,) float32."""
    constants = snapshot.constants if rows is None else snapshot.constants[rows]
    if not bonuses and adjustment is None:
        return constants
    added = (
        np.zeros(snapshot.rows, dtype=np.float32)
        if adjustment is None
        else check_adjustment(adjustment, snapshot.rows).copy()
    )
    for row, bonus in bonuses.items():
        if not 0 <= row < snapshot.rows:
            raise InputError(f"A bonus was given to row {row}, expected 0 to {snapshot.rows - 1}.")
        added[row] += np.float32(bonus)
    return constants + (added if rows is None else added[rows])


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system lets it go when a process dies, so it is never stale."""
    if not folder.is_dir():
        raise LibraryError(f"There is no library in {folder}: add one first, or check its name.")
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise LibraryError(
            f"The library in {folder} is being changed by another process or window: wait until that has finished."
        ) from None
    except OSError as error:
        raise LibraryError(
            f"The library in {folder} cannot be written: {error.strerror or error}. Check the folder's permissions."
        ) from error
    try:
        yield
    finally:
        lock.release()
