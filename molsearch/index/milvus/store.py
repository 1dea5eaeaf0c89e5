"""A library on a Milvus server: two collections, one of vectors and one of records.

An address is ``SERVER#NAME``; one server holds many libraries. A vector is stored with the molecule's constant as one
dimension more, against which a query stands with 1, so that the server's inner product is the score.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError, LibraryError
from molsearch.index.batch import Floats, Rows
from molsearch.index.exact.digests import Digests
from molsearch.index.milvus.client import SERVER, Client, Row
from molsearch.index.milvus.texts import LibraryState, pieces, state_text, text_state, whole_texts

ADDRESS = re.compile(rf"(?P<server>{SERVER.pattern})#(?P<name>.+)", re.DOTALL)
MOLECULE, EXTRA, REJECTION, STATE = range(4)  # kinds of records
DRAWS = 1 << 31  # every row draws a number below this, by which samples are taken

_PREFIX, _VECTORS, _RECORDS = "molsearch_", "_vectors", "_records"
_MAX_COLLECTION_CHARS = 240  # Milvus allows 255
_MAX_TEXT_BYTES = 65_535
_MESSAGE_CHARS = 8_000_000  # of records in one message; a server takes 64 MB
_RECORD_PIECES = 1 << 20  # room for the pieces of one record between primary keys


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows as the server holds them: rows (M,), vectors with the constant last (M, D + 1), properties (M,) each."""

    rows: Rows
    vectors: Floats
    columns: Mapping[str, Floats]


class Store:
    """One library on one server.

    Args:
        address: ``SERVER#NAME``.

    Raises:
        InputError: When the address has another form or its name is too long.
        LibraryError: From here and from every call, when the server does not do what was asked.
    """

    def __init__(self, address: str) -> None:
        parts = ADDRESS.fullmatch(address)
        if parts is None:
            raise InputError(f"{address!r} is no address on Milvus: expected SERVER#NAME, as in lib.db#drugs.")
        name = _PREFIX + _identifier(parts["name"])
        if len(name) > _MAX_COLLECTION_CHARS:
            raise InputError(f"The library name {parts['name'][:30]!r}… is too long for Milvus: shorten it.")
        self.address = address
        self._vectors, self._records = name + _VECTORS, name + _RECORDS
        self._client = Client(parts["server"])

    # The library as a whole

    def exists(self) -> bool:
        """Check whether there is a library, damaged or not."""
        return self._client.has(self._records)

    def state(self) -> LibraryState | None:
        """Return the library's state, ready to be searched; None where there is no library.

        Raises:
            LibraryError: If what is stored of it is damaged.
        """
        if not self.exists():
            return None
        self._client.load(self._records)
        texts = self._texts(f"kind == {STATE}")
        if not texts:
            return None
        try:
            state = text_state(texts[0][1])
        except (ValueError, KeyError, TypeError) as error:
            raise LibraryError(
                f"{self.address} is damaged: its state is unreadable. Remove it and add it again."
            ) from error
        if state.properties is not None:
            self._client.load(self._vectors)
        return state

    def known_state(self) -> LibraryState:
        """Return the library's state.

        Raises:
            LibraryError: When there is no library.
        """
        state = self.state()
        if state is None:
            raise LibraryError(f"There is no library at {self.address}: add one first, or check its name.")
        return state

    def write_state(self, state: LibraryState) -> None:
        """Replace the state in one atomic step: this makes an addition real."""
        (row,) = _record_rows(STATE, [(0, state_text(state))], -1)
        self._client.replace(self._records, row)

    def make_records(self) -> None:
        """Make the collection of records anew; Milvus wants a vector in it, which means nothing."""
        fields = ("record", "piece", "owner", "kind")
        self._client.make(self._records, 2, fields, {"text": _MAX_TEXT_BYTES}, ("owner", "record"))

    def make_vectors(self, width: int, properties: Sequence[str]) -> None:
        """Make the collection of vectors anew."""
        columns = [column(name) for name in properties]
        self._client.make(self._vectors, width + 1, ("draw",), {"digest": 32}, ("digest",), columns)

    def drop(self) -> None:
        """Delete the library; the records go first, and with them its name."""
        self._client.drop(self._records)
        self._client.drop(self._vectors)

    def sweep(self, state: LibraryState) -> None:
        """Delete rows and records that the state does not count: what an interrupted addition left."""
        if state.properties is not None:
            self._client.delete(self._vectors, f"row >= {state.rows}")
        self._client.delete(self._records, f"record >= {state.records}")

    # Rows

    def write_rows(self, first: int, vectors: Floats, digests: Digests, columns: Mapping[str, Floats]) -> None:
        """Insert rows numbered from ``first``; vectors (N, D + 1) end with the constant."""
        draws = digests[:, 0] % np.uint64(DRAWS)
        rows = []
        for i, vector in enumerate(vectors):
            values = {column(name): None if np.isnan(v[i]) else float(v[i]) for name, v in columns.items()}
            digest, draw = digests[i].tobytes().hex(), int(draws[i])
            rows.append({"row": first + i, "vector": vector, "digest": digest, "draw": draw, **values})
        self._client.insert(self._vectors, rows)

    def find(self, digests: Digests, state: LibraryState) -> Rows:
        """Return the row of each key digest, (N,) int64, -1 where the library has none."""
        names = [digest.tobytes().hex() for digest in digests]
        rows: dict[str, int] = {}
        if state.rows and names:
            wanted = ", ".join(f'"{name}"' for name in names)
            condition = f"digest in [{wanted}] and row < {state.rows}"
            for page in self._client.pages(self._vectors, condition, ["row", "digest"]):
                rows |= {row["digest"]: row["row"] for row in page}
        return np.array([rows.get(name, -1) for name in names], dtype=np.int64)

    def count(self, condition: str) -> int:
        """Return how many rows meet a condition."""
        return self._client.count(self._vectors, condition)

    def nearest(self, query: Floats, limit: int, condition: str) -> tuple[Stored, Floats]:
        """Return the rows of largest inner product with (D + 1,) and these products, best first."""
        hits = self._client.nearest(self._vectors, query.tolist(), limit, condition)
        return as_stored(hits, len(query)), np.array([hit["distance"] for hit in hits], dtype=np.float32)

    def stored(self, condition: str, width: int, properties: Sequence[str] = ()) -> Stored:
        """Return all rows that meet a condition, in row order."""
        fields = ["row", "vector", *map(column, properties)]
        pages = self._client.pages(self._vectors, condition, fields)
        parts = [as_stored((), width + 1, properties), *(as_stored(page, width + 1, properties) for page in pages)]
        rows = np.concatenate([part.rows for part in parts])
        order = np.argsort(rows)
        vectors = np.concatenate([part.vectors for part in parts])[order]
        columns = {name: np.concatenate([part.columns[name] for part in parts])[order] for name in properties}
        return Stored(rows[order], vectors, columns)

    # Records

    def write_records(self, kind: int, texts: Sequence[tuple[int, str]], first: int) -> None:
        """Insert records (owner, text) numbered from ``first``."""
        rows = _record_rows(kind, texts, first)
        start, size = 0, 0
        for end, row in enumerate(rows, start=1):
            size += len(row["text"])
            if size > _MESSAGE_CHARS or end == len(rows):
                self._client.insert(self._records, rows[start:end])
                start, size = end, 0

    def texts(self, kinds: Sequence[int], condition: str, state: LibraryState) -> list[tuple[int, str]]:
        """Return (owner, text) of the records of some kinds that meet a condition, in the order they came."""
        return self._texts(f"kind in {list(kinds)} and record < {state.records} and {condition}")

    def _texts(self, condition: str) -> list[tuple[int, str]]:
        pages = self._client.pages(self._records, condition, ["owner", "record", "piece", "text"])
        return whole_texts(row for page in pages for row in page)


def library_names(server: str) -> list[str]:
    """Return the names of the libraries on a server, sorted.

    Raises:
        LibraryError: When a package is missing or the server does not answer.
    """
    names = []
    for collection in Client(server).collections():
        if collection.startswith(_PREFIX) and collection.endswith(_RECORDS):
            encoded = collection[len(_PREFIX) : -len(_RECORDS)]
            data = re.sub("_([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), encoded).encode("latin-1")
            names.append(data.decode("utf-8", "replace"))
    return sorted(names)


def column(name: str) -> str:
    """Return the field that holds a property."""
    return "property_" + _identifier(name)


def as_stored(answer: Sequence[Row], width: int, properties: Sequence[str] = ()) -> Stored:
    """Return the rows of an answer as arrays; ``width`` is that of the stored vectors."""
    rows = np.array([row["row"] for row in answer], dtype=np.int64)
    vectors = np.array([row["vector"] for row in answer], dtype=np.float32).reshape(len(answer), width)
    columns: dict[str, npt.NDArray[np.float32]] = {
        name: np.array([row[column(name)] for row in answer], dtype=np.float32) for name in properties
    }
    return Stored(rows, vectors, columns)


def _identifier(name: str) -> str:
    """Return a name in letters, digits and ``_XX``, which is all that Milvus allows in the name of anything."""
    return "".join(c if c.isascii() and c.isalnum() else "".join(f"_{b:02X}" for b in c.encode()) for c in name)


def _record_rows(kind: int, texts: Sequence[tuple[int, str]], first: int) -> list[Row]:
    return [
        {"row": record * _RECORD_PIECES + piece, "vector": [0.0, 0.0], "kind": kind, "owner": owner}
        | {"record": record, "piece": piece, "text": part}
        for record, (owner, text) in enumerate(texts, start=first)
        for piece, part in enumerate(pieces(text))
    ]
