"""A file or a pasted list to a library: every record a molecule's source or a rejection, in bounded memory."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

from molsearch.chem.io.chunks import chunks_of
from molsearch.chem.io.cleaning import BATCH, CleaningPool
from molsearch.chem.io.columns import looks_like_structure
from molsearch.chem.io.formats import ended, entries_of, format_of
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.spool import Spool
from molsearch.chem.io.streams import Source, open_source
from molsearch.chem.sandbox.process import cores
from molsearch.errors import InputError
from molsearch.records import Molecule, Progress, Rejection

__all__ = ["ReadOptions", "SpooledLibrary", "read_library", "read_pasted"]

PASTED = "pasted list.txt"
LARGE = 1_000_000  # bytes of a file from which a second process repays its start
MOST_WORKERS = 8


class SpooledLibrary:
    """A library that was read and lies in a temporary file until ``close()`` or its own end; see records.Library."""

    def __init__(self, name: str, spool: Spool) -> None:
        self._name = name
        self._spool = spool

    @property
    def name(self) -> str:
        """Name of the library."""
        return self._name

    @property
    def records(self) -> int:
        """Number of records that were read: the sources of all molecules plus the rejections."""
        return self._spool.records

    @property
    def molecule_count(self) -> int:
        """Number of different structures."""
        return self._spool.molecules

    @property
    def rejection_count(self) -> int:
        """Number of records that did not become a molecule."""
        return self._spool.rejections

    @property
    def temporary_bytes(self) -> int:
        """Size of the temporary file; 0 once it is closed."""
        return self._spool.size_bytes

    @property
    def sha256(self) -> str:
        """Hash of every record and what became of it: another file, or another clean-up, has another."""
        return self._spool.sha256

    def molecules(self) -> Iterator[Molecule]:
        """Yield the molecules in the order of their first record."""
        return self._spool.iter_molecules()

    def rejections(self) -> Iterator[Rejection]:
        """Yield the rejected records in file order."""
        return self._spool.iter_rejections()

    def close(self) -> None:
        """Delete the temporary file; the iterators end here."""
        self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_library(
    path: Path | BinaryIO,
    *,
    name: str = "",
    filename: str = "",
    options: ReadOptions | None = None,
    progress: Progress | None = None,
) -> SpooledLibrary:
    """Read a file into a library.

    Args:
        path: The file, or a seekable binary stream with its ``filename``.
        name: Name of the library; the file's name without suffixes by default.
        filename: Name whose suffix tells the format; the path's own by default.
        options: How to read.
        progress: Told the bytes taken and the bytes of the file; may raise ``Cancelled``, which leaves nothing behind.

    Raises:
        InputError: The file is missing, empty, of no known format, binary, or a table without structures.
        Cancelled: ``progress`` said so.
    """
    filename = filename or (path.name if isinstance(path, Path) else "")
    format_of(filename)
    with open_source(path, filename, options or ReadOptions()) as source:
        return SpooledLibrary(name or _stem(filename), _spooled(source, progress))


def read_pasted(
    text: str, *, name: str = "pasted", options: ReadOptions | None = None, progress: Progress | None = None
) -> SpooledLibrary:
    """Read pasted text: SMILES with or without names, a table, or molblocks.

    Raises:
        InputError: The text is blank, or a table without structures.
        Cancelled: ``progress`` said so.
    """
    if not text.strip():
        raise InputError("The pasted list is empty: paste one SMILES a line, a table with a header, or molblocks.")
    pieces = [piece.strip() for piece in re.split(r"[,;]", text) if piece.strip()]
    if "\n" not in text.strip() and len(pieces) > 1 and all(map(looks_like_structure, pieces)):
        text = "\n".join(pieces)
    stream = io.BytesIO(text.encode("utf-8", "replace"))
    return read_library(stream, name=name, filename=PASTED, options=options, progress=progress)


def _spooled(source: Source, progress: Progress | None) -> Spool:
    spool = Spool()
    chunks = chunks_of(source) if source.options.timeout_s > 0 else None
    count = source.options.workers or (min(cores(), MOST_WORKERS) if source.size > LARGE else 1)
    try:
        with CleaningPool(replace(source.options, workers=count)) as pool:
            if chunks is None:
                for item in pool.standardize(entries_of(source)):
                    spool.add(item)
                    if progress and spool.records % BATCH == 0:
                        progress(source.position, source.size)
            else:
                for rows in pool.read(chunks):
                    spool.write(rows, spool.records)
                    if progress:
                        progress(source.position, source.size)
                for item in ended(spool.records, source):
                    spool.add(item)
        spool.seal()
        if progress:
            progress(source.size, source.size)
    except BaseException:
        spool.close()
        raise
    return spool


def _stem(filename: str) -> str:
    path = Path(re.sub(r"\.gz(ip)?$", "", filename, flags=re.IGNORECASE))
    return path.stem or "library"
