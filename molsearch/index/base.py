"""What an index is, which engines there are, and how to open one by its address."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError, LibraryError
from molsearch.index.batch import Batch, Flags, Floats, Mask, SearchResult
from molsearch.index.exact.engine import ExactIndex
from molsearch.index.milvus.engine import MilvusIndex
from molsearch.records import LibraryInfo, Molecule, PropertyRange, Rejection

__all__ = [
    "ENGINES",
    "Batch",
    "Index",
    "SearchResult",
    "create_index",
    "engine_of",
    "library_address",
    "library_names",
    "open_index",
    "read_info",
    "remove_index",
]


class Index(Protocol):
    """One stored library, searched by vector. Rows are numbered from 0 and keep their number for ever."""

    @classmethod
    def hosts(cls, home: str | Path) -> bool:
        """Return whether libraries of this engine live in such a home."""

    @classmethod
    def owns(cls, address: str | Path) -> bool:
        """Return whether an address may be that of a library of this engine."""

    @classmethod
    def address_of(cls, home: str | Path, name: str) -> str | Path:
        """Return where the library of a name lives in a home of this engine."""

    @classmethod
    def names(cls, home: str | Path) -> list[str]:
        """Return the names of the libraries in a home of this engine, sorted; damaged ones are among them."""

    @classmethod
    def create(cls, address: str | Path, name: str, model_id: str, width: int) -> "Index":
        """Make an empty library at an address."""

    @classmethod
    def open(cls, address: str | Path) -> "Index":
        """Open the library at an address."""

    @classmethod
    def read_info(cls, address: str | Path) -> LibraryInfo:
        """Return what is known of a library without opening its vectors."""

    @classmethod
    def remove(cls, address: str | Path) -> None:
        """Delete the library at an address."""

    @property
    def address(self) -> str: ...
    @property
    def info(self) -> LibraryInfo: ...
    @property
    def property_names(self) -> tuple[str, ...]: ...

    def content_sha256(self) -> str:
        """Hash what this object shows: vectors, constants, properties, molecules and rejections, not name or age.

        Additions in other portions give another hash.

        Returns:
            64 hexadecimal digits, or "" on an engine that keeps no hashes.
        """

    def add(self, batches: Iterable[Batch], rejections: Iterable[Rejection] = ()) -> None:
        """Add molecules and rejections in one transaction: whatever is raised, nothing of it was stored.

        A molecule whose key is here already is no second row: its sources join the molecule that is here, which keeps
        its vector, constant and properties. Rejections are taken after the batches, so they may be filled by them.

        Raises:
            InputError: When arrays and molecules of a batch do not fit together.
            LibraryError: When the library is locked, damaged or cannot be written.
        """

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
        """Return the best rows by dot product + constant + bonus + adjustment among those that pass every filter.

        Args:
            vector: (D,) float32.
            k: How many; fewer come back when fewer pass.
            ranges: Property ranges a row must lie in; a row without the value lies in none.
            mask: (N,) bool, True for the rows to look at.
            bonuses: Row -> what is added to its score.
            adjustment: (N,) what is added to every row's score; only where ``flags`` are held.

        Raises:
            InputError: On a wrong width, k below 1, an unknown property or a mask of another length.
        """

    def count(self, ranges: Sequence[PropertyRange] = (), mask: Mask | None = None) -> int:
        """Count the rows that pass every filter, as ``search`` takes them."""

    def molecules(self, rows: Sequence[int]) -> list[Molecule]:
        """Return the molecules of the given rows, in their order, with all of their sources."""

    def keys(self, rows: Sequence[int]) -> list[str]:
        """Return the keys of the given rows, in their order; cheaper than their molecules."""

    def iter_molecules(self) -> Iterator[Molecule]:
        """Yield all molecules in row order; memory does not grow with the library."""

    def rejections(self) -> Iterator[Rejection]:
        """Yield all rejected records in the order they came."""

    def rows_of(self, keys: Sequence[str]) -> dict[str, int]:
        """Return the row of each key that the library holds."""

    def vectors(self) -> npt.NDArray[np.float16] | npt.NDArray[np.float32]:
        """Return all vectors, (N, D), in row order."""

    def vectors_of(self, rows: Sequence[int]) -> Floats:
        """Return the vectors of the given rows, in their order, (M, D) float32, without reading the others."""

    def properties(self, name: str) -> Floats:
        """Return one property of all molecules, (N,) float32, NaN where there is no value."""

    def flags(self) -> Flags | None:
        """Return the packed bits of all molecules, (N, F) uint8; None where the engine keeps none or none came."""

    def verify(self) -> None:
        """Check every stored byte, which opening a library does not."""


#: Of several that could, the last one answers for a place: any text may be the path of a folder.
ENGINES: dict[str, type[Index]] = {"exact": ExactIndex, "milvus": MilvusIndex}


def create_index(address: str | Path, name: str, model_id: str, width: int, *, engine: str = "exact") -> Index:
    """Make an empty library.

    Args:
        address: Where it lives: a folder of its own, or ``SERVER#NAME`` on Milvus; see ``library_address``.
        name: Its name for people.
        model_id: The model whose vectors it will hold.
        width: D of those vectors.
        engine: A row of ENGINES.

    Raises:
        InputError: When there is no such engine, or the address is not one of its own.
        LibraryError: When the place is taken or cannot be written.
    """
    if engine not in ENGINES:
        raise InputError(f"There is no index engine {engine!r}; choose one of: {', '.join(ENGINES)}.")
    if engine_of(address) != engine:
        raise InputError(f"{address} is no address of the index engine {engine!r}: choose the engine it belongs to.")
    return ENGINES[engine].create(address, name, model_id, width)


def open_index(address: str | Path, model_id: str | None) -> Index:
    """Open a stored library.

    Args:
        address: As given to ``create_index``.
        model_id: The model that will ask; None to read a library without asking.

    Raises:
        LibraryError: When there is none, it is damaged, or another model filled it.
    """
    index = ENGINES[engine_of(address)].open(address)
    info = index.info
    if model_id is not None and info.model_id != model_id:
        raise LibraryError(
            f"The library {info.name!r} was embedded by model {info.model_id}, but model {model_id} is in use: "
            "use that model, or remove the library and add its file again to embed it with this one."
        )
    return index


def read_info(address: str | Path) -> LibraryInfo:
    """Return what is known of a library without opening its vectors.

    Raises:
        LibraryError: When there is none or it is damaged.
    """
    return ENGINES[engine_of(address)].read_info(address)


def remove_index(address: str | Path) -> None:
    """Delete a stored library.

    Raises:
        LibraryError: When there is none or it is being written.
    """
    ENGINES[engine_of(address)].remove(address)


def library_address(home: str | Path, name: str) -> str | Path:
    """Return where the library of a name lives.

    Args:
        home: A folder of libraries, or a Milvus server: ``http://host:19530`` or a path that ends in ``.db``.
        name: Its name for people.

    Raises:
        InputError: When no library can have this name.
    """
    return _engine_in(home).address_of(home, name)


def library_names(home: str | Path) -> list[str]:
    """Return the names of the libraries in a folder or on a Milvus server, sorted; damaged ones are among them.

    Raises:
        LibraryError: When the server does not answer.
    """
    return _engine_in(home).names(home)


def engine_of(address: str | Path) -> str:
    """Return the row of ENGINES that an address belongs to."""
    return next(name for name, engine in reversed(ENGINES.items()) if engine.owns(address))


def _engine_in(home: str | Path) -> type[Index]:
    return next(engine for engine in reversed(ENGINES.values()) if engine.hosts(home))
