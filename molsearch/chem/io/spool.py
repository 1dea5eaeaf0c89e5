"""Molecules kept on disk while a library is read: merged by key, in file order, never all in memory."""

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from molsearch.chem.standardize import STEPS
from molsearch.errors import InputError
from molsearch.records import Entry, Kind, Molecule, Reason, Rejection

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE molecule (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE source (
    id INTEGER PRIMARY KEY, molecule INTEGER NOT NULL, changes TEXT NOT NULL,
    row INTEGER NOT NULL, text TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, properties TEXT NOT NULL);
CREATE TABLE rejection (
    id INTEGER PRIMARY KEY, reason TEXT NOT NULL, detail TEXT NOT NULL,
    row INTEGER NOT NULL, text TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, properties TEXT NOT NULL);
"""
# Key or None, names of the steps as JSON or a reason, detail of a rejection; record number, text, kind, name and
# properties as JSON.
SpoolRow = Sequence[Any]
_STEP_ORDER = {name: place for place, name in enumerate(STEPS)}


class Spool:
    """A temporary SQLite file of molecules and rejections; filled once, then read as often as wanted.

    Every iterator opens its own connection, so threads may read side by side.
    """

    def __init__(self) -> None:
        with _keeping():
            self._folder = tempfile.TemporaryDirectory(prefix="molsearch-", ignore_cleanup_errors=True)
        self._path = Path(self._folder.name) / "library.sqlite"
        self._connection: sqlite3.Connection | None = None
        try:
            with _keeping():
                self._connection = sqlite3.connect(self._path, check_same_thread=False)
                self._connection.executescript(_SCHEMA)
        except InputError:
            self.close()
            raise
        self._hash = hashlib.sha256()
        self.records = self.molecules = self.rejections = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, item: Molecule | Rejection) -> None:
        """Keep one record; a molecule whose key is known adds its sources to that molecule."""
        self.write(rows_of(item))

    def write(self, rows: Sequence[SpoolRow], before: int = 0) -> None:
        """Keep some records as rows.

        Args:
            rows: In file order.
            before: Added to their record numbers.

        Raises:
            InputError: If there is no room for them on the disk.
        """
        assert self._connection, "the spool is sealed"
        for key, first, second, row, *rest in rows:
            self._hash.update(json.dumps([key, first, second, before + row, *rest]).encode())
        with _keeping():
            self._insert(rows, before)

    def _insert(self, rows: Sequence[SpoolRow], before: int) -> None:
        assert self._connection
        kept = [row for row in rows if row[0] is not None]
        made = self._connection.executemany(
            "INSERT OR IGNORE INTO molecule VALUES (NULL, ?)", [row[:1] for row in kept]
        )
        self.molecules += made.rowcount if kept else 0
        self._connection.executemany(
            "INSERT INTO source SELECT NULL, id, ?, ?, ?, ?, ?, ? FROM molecule WHERE key = ?",
            [
                (changes, before + row, text, kind, name, properties, key)
                for key, changes, _, row, text, kind, name, properties in kept
            ],
        )
        self._connection.executemany(
            "INSERT INTO rejection VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
            [(reason, detail, before + row, *rest) for key, reason, detail, row, *rest in rows if key is None],
        )
        self.rejections += len(rows) - len(kept)
        self.records += len(rows)

    @property
    def sha256(self) -> str:
        """Hash of every record so far and what became of it, in order."""
        return self._hash.hexdigest()

    def seal(self) -> None:
        """End the filling; from now on the iterators see everything."""
        if self._connection:
            with _keeping():
                self._connection.execute("CREATE INDEX source_molecule ON source (molecule, id)")
                self._connection.commit()
            self._connection.close()
            self._connection = None

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self._path.stat().st_size if self._path.exists() else 0

    def iter_molecules(self) -> Iterator[Molecule]:
        """Yield the molecules in the order of their first record, each with all its sources."""
        query = (
            "SELECT molecule.id, key, changes, row, text, kind, name, properties "
            "FROM molecule JOIN source ON source.molecule = molecule.id ORDER BY molecule.id, source.id"
        )
        with closing(sqlite3.connect(self._path, check_same_thread=False)) as connection:
            for _, group in groupby(connection.execute(query), key=lambda row: int(row[0])):
                yield _molecule(list(group))

    def iter_rejections(self) -> Iterator[Rejection]:
        """Yield the rejected records in file order."""
        query = "SELECT reason, detail, row, text, kind, name, properties FROM rejection ORDER BY id"
        with closing(sqlite3.connect(self._path, check_same_thread=False)) as connection:
            for reason, detail, *entry in connection.execute(query):
                yield Rejection(_entry(*entry), Reason(reason), detail)

    def close(self) -> None:
        """Delete the file."""
        if self._connection:
            self._connection.close()
            self._connection = None
        self._folder.cleanup()


@contextmanager
def _keeping() -> Iterator[None]:
    """Turn what a full disk makes SQLite raise into a sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise InputError(
            f"What is read cannot be kept in the folder for temporary files ({error}): free space there, or name "
            "another folder by the variable TMPDIR, then read the file again."
        ) from error


def rows_of(item: Molecule | Rejection) -> list[SpoolRow]:
    """Write a record as rows: a molecule as one for each source."""
    if isinstance(item, Rejection):
        return [(None, item.reason.value, item.detail, *_columns(item.entry))]
    changes = json.dumps(item.changes)
    return [(item.key, changes, "", *_columns(entry)) for entry in item.sources]


def _columns(entry: Entry) -> tuple[int, str, str, str, str]:
    return entry.row, entry.text, entry.kind, entry.name, json.dumps(dict(entry.properties), ensure_ascii=False)


def _entry(row: int, text: str, kind: Kind, name: str, properties: str) -> Entry:
    return Entry(row, text, kind, name, json.loads(properties))


def _molecule(rows: list[tuple[int, str, str, int, str, Kind, str, str]]) -> Molecule:
    sources = tuple(_entry(*row[3:]) for row in rows)
    changes = {name for row in rows for name in json.loads(row[2])}
    name = next((entry.name for entry in sources if entry.name), "")
    return Molecule(rows[0][1], name, sources, tuple(sorted(changes, key=_STEP_ORDER.__getitem__)))
