"""The connection to a Milvus server: ``lib.db`` (Milvus Lite) or ``http://host:19530`` (a cluster).

Needs the package pymilvus and, for ``lib.db``, milvus-lite; no other file of this project imports them.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from molsearch.errors import LibraryError

SERVER = re.compile(r"https?://[^#]+|[^#]+\.db")
TOP_K = 16_384  # the most rows a Milvus server returns to one search
PAGE_ROWS = 1000
TIMEOUT_S = 60.0

# By default the client pings every ten seconds, at which Milvus Lite hangs up on one that has nothing to say.
_QUIET = {"grpc.keepalive_time_ms": 600_000, "grpc.keepalive_permit_without_calls": False}

Row = Mapping[str, Any]


class Client:
    """The calls to a server that this project needs; a call that fails raises one sentence.

    Args:
        server: A file that ends in ``.db``, or ``http://host:port``.

    Raises:
        LibraryError: From here and from every call: a package is missing, or the server does not do what was asked.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._client = _connect(server)

    def collections(self) -> list[str]:
        """Return the names of all collections."""
        with self._answering():
            return list(self._client.list_collections(timeout=TIMEOUT_S))

    def has(self, collection: str) -> bool:
        """Check whether there is a collection."""
        with self._answering():
            return bool(self._client.has_collection(collection, timeout=TIMEOUT_S))

    def make(
        self,
        collection: str,
        width: int,
        integers: Sequence[str],
        texts: Mapping[str, int],
        looked_up: Sequence[str],
        floats: Sequence[str] = (),
    ) -> None:
        """Make a collection anew: an integer key ``row``, a ``vector`` under FLAT inner product, and further fields.

        Args:
            collection: Its name.
            width: D of the vector.
            integers: Integer fields.
            texts: Text fields with the most bytes of each.
            looked_up: Which of the fields get an index of their own.
            floats: float32 fields, which may have no value.
        """
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=width)
        for name in integers:
            schema.add_field(name, DataType.INT64)
        for name, size in texts.items():
            schema.add_field(name, DataType.VARCHAR, max_length=size)
        for name in floats:
            schema.add_field(name, DataType.FLOAT, nullable=True)
        index = self._client.prepare_index_params()
        index.add_index(field_name="vector", index_type="FLAT", metric_type="IP")  # exact under every filter
        for name in looked_up:
            index.add_index(field_name=name, index_type="INVERTED")
        with self._answering():
            self._client.drop_collection(collection, timeout=TIMEOUT_S)
            self._client.create_collection(
                collection, schema=schema, index_params=index, consistency_level="Strong", timeout=TIMEOUT_S
            )

    def load(self, collection: str) -> None:
        """Let a collection be searched, which a server forgets when it is started anew."""
        with self._answering():
            self._client.load_collection(collection, timeout=TIMEOUT_S)

    def drop(self, collection: str) -> None:
        """Delete a collection, if there is one."""
        with self._answering():
            self._client.drop_collection(collection, timeout=TIMEOUT_S)

    def insert(self, collection: str, rows: Sequence[Row]) -> None:
        """Insert rows whose keys are not there yet."""
        with self._answering():
            for start in range(0, len(rows), PAGE_ROWS):
                self._client.insert(collection, rows[start : start + PAGE_ROWS], timeout=TIMEOUT_S)

    def replace(self, collection: str, row: Row) -> None:
        """Put a row in the place of the one with its key, in one atomic step."""
        with self._answering():
            self._client.upsert(collection, [row], timeout=TIMEOUT_S)

    def delete(self, collection: str, condition: str) -> None:
        """Delete all rows that meet a condition."""
        with self._answering():
            self._client.delete(collection, filter=condition, timeout=TIMEOUT_S)

    def count(self, collection: str, condition: str) -> int:
        """Return how many rows meet a condition."""
        with self._answering():
            answer = self._client.query(collection, filter=condition, output_fields=["count(*)"], timeout=TIMEOUT_S)
        return int(answer[0]["count(*)"])

    def pages(self, collection: str, condition: str, fields: Sequence[str]) -> Iterator[list[Row]]:
        """Yield all rows that meet a condition, some at a time."""
        with self._answering():
            pages = self._client.query_iterator(
                collection, batch_size=PAGE_ROWS, filter=condition, output_fields=list(fields), timeout=TIMEOUT_S
            )
            try:
                while page := pages.next():
                    yield page
            finally:
                pages.close()

    def nearest(self, collection: str, vector: Sequence[float], limit: int, condition: str) -> list[Row]:
        """Return row, vector and distance (inner product) of the nearest rows that meet a condition, best first."""
        with self._answering():
            (hits,) = self._client.search(
                collection,
                [vector],
                anns_field="vector",
                limit=limit,
                filter=condition,
                output_fields=["row", "vector"],
                timeout=TIMEOUT_S,
            )
        return [{**hit["entity"], "distance": hit["distance"]} for hit in hits]

    @contextmanager
    def _answering(self) -> Iterator[None]:
        from pymilvus import MilvusException

        try:
            yield
        except MilvusException as error:
            raise LibraryError(
                f"The Milvus server {self._server} did not do what was asked: {_sentence(error)}. "
                "Check that it runs and can be reached, then try again."
            ) from error


def _connect(server: str) -> Any:
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise LibraryError(
            "Libraries on Milvus need packages that are not installed: pip install pymilvus milvus-lite"
        ) from error
    for noisy in ("pymilvus", "grpc._server"):  # what they log as errors is also raised, as a sentence
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        return MilvusClient(server, timeout=TIMEOUT_S, grpc_options=_QUIET)
    except ImportError as error:
        raise LibraryError(f"{server} needs a package that is not installed: pip install milvus-lite") from error
    except Exception as error:  # Milvus Lite raises errors of its own, which pymilvus does not pass on as its own
        locked = type(error).__name__ == "DataDirLockedError"
        reason = "another process has it open" if locked else _sentence(error)
        raise LibraryError(f"The Milvus server {server} cannot be opened: {reason}. Check the address.") from error


def _sentence(error: Exception) -> str:
    text = str(getattr(error, "message", error)).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")[:300]
