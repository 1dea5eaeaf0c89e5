"""The index engine for Milvus: what ``store.Store`` keeps, asked and filled like every other index.

Milvus has no transaction over many rows. Here rows count once the library's state record, written in one step, says
so; what a broken addition left is swept by the next one. One machine at a time may add to a library.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import filelock
import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError, LibraryError
from molsearch.index.batch import Batch, Floats, Mask, SearchResult, check_query
from molsearch.index.exact import scan
from molsearch.index.exact.record_table import joined
from molsearch.index.exact.snapshot import key_digests
from molsearch.index.milvus import texts
from molsearch.index.milvus.client import SERVER, TOP_K
from molsearch.index.milvus.filter import conditions
from molsearch.index.milvus.store import (
    ADDRESS,
    DRAWS,
    EXTRA,
    MOLECULE,
    REJECTION,
    Store,
    Stored,
    as_stored,
    library_names,
)
from molsearch.index.milvus.texts import LibraryState
from molsearch.index.milvus.writer import BatchWriter
from molsearch.index.naming import library_folder
from molsearch.records import LibraryInfo, Molecule, PropertyRange, Rejection

SAMPLE_ROWS = 10_000  # about this many rows stand for the score distribution of a larger library
PAGE_ROWS = 500


class MilvusIndex:
    """A library on a Milvus server. Implements ``index.base.Index``.

    The score distribution of a library of more than SAMPLE_ROWS molecules is that of a random sample of them, drawn
    when they were added.

    Args:
        store: Where it is kept.
        state: The library as it stands.
    """

    def __init__(self, store: Store, state: LibraryState) -> None:
        self._store = store
        self._state = state

    @classmethod
    def hosts(cls, home: str | Path) -> bool:
        """Return whether a home is a server, ``http://host:19530``, or a path that ends in ``.db``."""
        return SERVER.fullmatch(str(home)) is not None

    @classmethod
    def owns(cls, address: str | Path) -> bool:
        """Return whether an address has the form ``SERVER#NAME``."""
        return ADDRESS.fullmatch(str(address)) is not None

    @classmethod
    def address_of(cls, home: str | Path, name: str) -> str:
        """Return the address of a library, ``SERVER#NAME``.

        Raises:
            InputError: When no library can have this name.
        """
        library_folder(Path(home), name)  # checks the name
        return f"{home}#{name}"

    @classmethod
    def names(cls, home: str | Path) -> list[str]:
        """Return the names of the libraries on a server, sorted.

        Raises:
            LibraryError: When a package is missing or the server does not answer.
        """
        return library_names(str(home))

    @classmethod
    def create(cls, address: str | Path, name: str, model_id: str, width: int) -> "MilvusIndex":
        """Make an empty library.

        Raises:
            LibraryError: When the server does not answer or has a library of this name.
            InputError: When the width is not positive or the address has another form than ``SERVER#NAME``.
        """
        if width < 1:
            raise InputError(f"The width of a library's vectors is {width}, expected 1 or more.")
        store = Store(str(address))
        state = LibraryState(name, model_id, width, datetime.now(UTC).isoformat(timespec="seconds"))
        with _locked(store.address):
            if store.state() is not None:
                raise LibraryError(f"There is a library at {address} already: choose another name, or remove that one.")
            store.drop()
            store.make_records()
            store.write_state(state)
        return cls(store, state)

    @classmethod
    def open(cls, address: str | Path) -> "MilvusIndex":
        """Open a library.

        Raises:
            LibraryError: When the server does not answer or has no such library.
        """
        store = Store(str(address))
        return cls(store, store.known_state())

    @classmethod
    def read_info(cls, address: str | Path) -> LibraryInfo:
        """Return what is known of a library without opening its vectors."""
        return Store(str(address)).known_state().info()

    @classmethod
    def remove(cls, address: str | Path) -> None:
        """Delete a library.

        Raises:
            LibraryError: When there is none or it is being written.
        """
        store = Store(str(address))
        with _locked(store.address):
            if not store.exists():
                raise LibraryError(f"There is no library at {address}: nothing was removed.")
            store.drop()

    @property
    def address(self) -> str:
        return self._store.address

    @property
    def info(self) -> LibraryInfo:
        return self._state.info()

    @property
    def property_names(self) -> tuple[str, ...]:
        return self._state.properties or ()

    def content_sha256(self) -> str:
        """Return "": this engine keeps no hashes."""
        return ""

    def add(self, batches: Iterable[Batch], rejections: Iterable[Rejection] = ()) -> None:
        """Add molecules and rejections in one transaction, see ``index.base.Index.add``.

        Raises:
            InputError: Also when a batch brings a property that the first addition did not have.
        """
        with _locked(self.address):
            before = self._store.known_state()
            self._store.sweep(before)
            writer = BatchWriter(self._store, before)
            try:
                for batch in batches:
                    writer.write(batch)
                writer.reject(rejections)
                self._store.write_state(writer.state)
            except BaseException:
                with suppress(LibraryError):
                    self._store.sweep(writer.state if self._store.state() == writer.state else before)
                raise
            self._state = writer.state
            self.__dict__.pop("_sample", None)

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
        """Return the best k rows that pass the filters, see ``index.base.Index.search``.

        Raises:
            InputError: Also when k is above what Milvus returns, 16,384, or an adjustment is given.
        """
        if adjustment is not None:
            raise InputError("Milvus cannot add a number of its own to every row: search without an adjustment.")
        query = check_query(vector, self._state.width, k)
        if k > TOP_K:
            raise InputError(f"{k:,} hits were asked for, but Milvus returns at most {TOP_K:,}: ask for fewer.")
        bonuses = dict(bonuses or {})
        self._check_rows(list(bonuses), "A bonus was given to")
        lowered = sum(bonus < 0 for bonus in bonuses.values())  # as many more must be looked at to find the best k
        if k + lowered > TOP_K and self._state.rows > TOP_K:
            raise InputError(
                f"{k:,} hits with {lowered:,} rows lowered need more than the {TOP_K:,} rows that Milvus returns: "
                "ask for fewer."
            )
        wanted = conditions(ranges, mask, self._state.rows, self.property_names)
        near = self._near(query, k, wanted, list(bonuses))
        dots, scores = _scored(near, query, bonuses)
        best = np.lexsort((near.rows, -scores))[:k]
        distribution = self._distribution(query, ranges, mask, bonuses)
        return SearchResult(
            rows=near.rows[best],
            scores=scores[best],
            cosines=(dots[best] / np.linalg.norm(query.astype(np.float64))).astype(np.float32),
            distribution=distribution,
            searched=len(distribution) if self._is_whole else sum(map(self._store.count, wanted)),
        )

    def count(self, ranges: Sequence[PropertyRange] = (), mask: Mask | None = None) -> int:
        """Count the rows that pass every filter."""
        return sum(map(self._store.count, conditions(ranges, mask, self._state.rows, self.property_names)))

    def molecules(self, rows: Sequence[int]) -> list[Molecule]:
        """Return the molecules of the given rows, in their order.

        Raises:
            InputError: If there is no such row.
            LibraryError: If the server does not answer or the library is damaged.
        """
        wanted = [int(row) for row in rows]
        self._check_rows(wanted, "A molecule was asked for at")
        records: dict[int, list[Molecule]] = {}
        distinct = sorted(set(wanted))
        for start in range(0, len(distinct), PAGE_ROWS):
            condition = f"owner in {distinct[start : start + PAGE_ROWS]}"
            for owner, text in self._store.texts((MOLECULE, EXTRA), condition, self._state):
                records.setdefault(owner, []).append(texts.text_molecule(text))
        if len(records) < len(distinct):
            raise LibraryError(f"{self.address} has lost records of its molecules: remove it and add its file again.")
        return [joined(records[row][0], records[row][1:]) for row in wanted]

    def keys(self, rows: Sequence[int]) -> list[str]:
        """Return the keys of the given rows, in their order; see ``molecules``."""
        return [molecule.key for molecule in self.molecules(rows)]

    def iter_molecules(self) -> Iterator[Molecule]:
        """Yield all molecules in row order."""
        for start in range(0, self._state.rows, PAGE_ROWS):
            yield from self.molecules(range(start, min(start + PAGE_ROWS, self._state.rows)))

    def rejections(self) -> Iterator[Rejection]:
        """Yield all rejected records in the order they came."""
        for start in range(0, self._state.rejections, PAGE_ROWS):
            condition = f"owner >= {start} and owner < {start + PAGE_ROWS}"
            for _, text in self._store.texts((REJECTION,), condition, self._state):
                yield texts.text_rejection(text)

    def rows_of(self, keys: Sequence[str]) -> dict[str, int]:
        """Return the row of each key that the library holds."""
        rows = self._store.find(key_digests(keys), self._state)
        return {key: int(row) for key, row in zip(keys, rows, strict=True) if row >= 0}

    def vectors(self) -> Floats:
        """Return all vectors, (N, D) float32, fetched from the server."""
        return self._stored(f"row < {self._state.rows}").vectors[:, :-1]

    def vectors_of(self, rows: Sequence[int]) -> Floats:
        """Return the vectors of the given rows, in their order, (M, D) float32."""
        wanted = np.array([int(row) for row in rows], np.int64)
        self._check_rows(wanted.tolist(), "A vector was asked for at")
        stored = self._stored(f"row in {np.unique(wanted).tolist()}")
        order = np.argsort(stored.rows)
        return stored.vectors[order[np.searchsorted(stored.rows, wanted, sorter=order)], :-1]

    def properties(self, name: str) -> Floats:
        """Return one property of all molecules, (N,) float32, NaN where there is no value."""
        scan.known_property(name, self.property_names)
        return self._stored(f"row < {self._state.rows}", (name,)).columns[name]

    def flags(self) -> None:
        """Return None: this engine keeps no flags."""

    def verify(self) -> None:
        """Count what the server holds; its bytes are its own affair.

        Raises:
            LibraryError: When molecules are missing.
        """
        held = self._store.count(f"row < {self._state.rows}") if self._state.rows else 0
        if held != self._state.rows:
            raise LibraryError(
                f"{self.address} holds {held} molecules, expected {self._state.rows}: remove it and add its file again."
            )

    @property
    def _is_whole(self) -> bool:
        return self._state.rows <= SAMPLE_ROWS

    @cached_property
    def _sample(self) -> Stored:
        """The rows that stand for the distribution: all of a small library."""
        limit = DRAWS if self._is_whole else DRAWS * SAMPLE_ROWS // self._state.rows
        return self._stored(f"row < {self._state.rows} and draw < {limit}", self.property_names)

    def _stored(self, condition: str, properties: Sequence[str] = ()) -> Stored:
        if not self._state.rows:
            return as_stored([], self._state.width + 1, properties)
        return self._store.stored(condition, self._state.width, properties)

    def _distribution(
        self, query: Floats, ranges: Sequence[PropertyRange], mask: Mask | None, bonuses: Mapping[int, float]
    ) -> Floats:
        sample = self._sample
        kept = np.ones(len(sample.rows), dtype=np.bool_) if mask is None else mask[sample.rows]
        for wanted in ranges:
            kept = kept & scan.within(sample.columns[wanted.name], wanted.low, wanted.high)
        passed = Stored(sample.rows[kept], sample.vectors[kept], {})
        return _scored(passed, query, bonuses)[1]

    def _near(self, query: Floats, k: int, wanted: Sequence[str], bonus_rows: Sequence[int]) -> Stored:
        """Return all rows that could be among the best k, ties and rounding considered, with those of a bonus."""
        want = min(k + len(bonus_rows), TOP_K)
        extended = np.append(query, np.float32(1))  # (D + 1,): the constant counts once
        parts = [as_stored([], len(extended))]
        for condition in wanted:
            limit = min(want + 16, TOP_K)
            while True:
                near, scores = self._store.nearest(extended, limit, condition)
                margin = 4 * scan.error_bound(extended, scores)
                if len(scores) < limit or limit == TOP_K or scores[-1] < scores[want - 1] - margin:
                    break
                limit = min(2 * limit, TOP_K)
            parts.append(near)
            if bonus_rows:
                parts.append(self._stored(f"row in {bonus_rows} and {condition}"))
        rows, first = np.unique(np.concatenate([part.rows for part in parts]), return_index=True)
        return Stored(rows, np.concatenate([part.vectors for part in parts])[first], {})

    def _check_rows(self, rows: Sequence[int], what: str) -> None:
        wrong = [row for row in rows if not 0 <= row < self._state.rows]
        if wrong:
            raise InputError(f"{what} row {wrong[0]}, expected 0 to {self._state.rows - 1}.")


def _scored(stored: Stored, query: Floats, bonuses: Mapping[int, float]) -> tuple[npt.NDArray[np.float64], Floats]:
    """Return dot products (M,) float64 and scores (M,) float32."""
    dots = scan.precise(stored.vectors[:, :-1], query, np.arange(len(stored.rows)))
    gains = np.array([bonuses.get(int(row), 0.0) for row in stored.rows]) if bonuses else 0.0
    return dots, (dots + stored.vectors[:, -1] + gains).astype(np.float32)


@contextmanager
def _locked(address: str) -> Iterator[None]:
    """Keep a second addition of this machine out; the system lets the lock go when a process dies."""
    name = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    lock = filelock.FileLock(Path(tempfile.gettempdir()) / f"molsearch-{name}.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise LibraryError(
            f"The library at {address} is being changed by another process or window: wait until that has finished."
        ) from None
    try:
        yield
    finally:
        lock.release()
