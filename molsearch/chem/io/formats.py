"""The file formats: suffix to reader and writer, and bytes to records, streaming."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from molsearch.chem.io.cells import Rows
from molsearch.chem.io.delimited import sniff
from molsearch.chem.io.export import write_csv, write_excel, write_parquet
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.sdf import read_sdf, write_sdf
from molsearch.chem.io.streams import Source, open_source
from molsearch.chem.io.tables import read_csv, read_parquet, read_smiles, read_tsv
from molsearch.errors import InputError
from molsearch.records import Entry, Reason, Rejection

__all__ = ["FORMATS", "Format", "format_of", "read_entries"]

Reader = Callable[[Source], Iterator[Entry | Rejection]]


class FormatWriter(Protocol):
    """Rows, each a molecule with its extra columns, to a binary stream."""

    def __call__(self, rows: Rows, stream: BinaryIO, note: str = "") -> None:
        """Write the rows, and the note about the whole where the format has a place for it."""


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    Attributes:
        meaning: What it is, in words.
        read: Source to records, or None where it is only written.
        write: Rows to a binary stream, or None where it is only read.
        text: Whether its bytes are text.
        holds_note: Whether the writer finds a place for a note about the whole.
    """

    meaning: str
    read: Reader | None
    write: FormatWriter | None = None
    text: bool = True
    holds_note: bool = False


def read_text(source: Source) -> Iterator[Entry | Rejection]:
    """Yield the records of a pasted list or unnamed text: molblocks, a table, or one SMILES a line."""
    head = source.head()
    if any(line.startswith("M  END") or line.rstrip().endswith(("V2000", "V3000")) for line in head):
        return read_sdf(source)
    first = next((line for line in head if line.strip()), "")
    delimiter, _ = sniff(head, "\t,;")
    # No SMILES holds a comma or semicolon; a tab alone may also part a SMILES from its name.
    if delimiter in first and (delimiter != "\t" or len(first.split("\t")) > 2):
        return read_csv(source)
    return read_smiles(source)


_SDF = Format("SD file or molfile: structures with coordinates and data tags", read_sdf, write_sdf)
_SMILES = Format("SMILES, then a name, one a line", read_smiles)
_CSV = Format("table with a column of structures, separated by commas, semicolons or tabs", read_csv, write_csv)
_TSV = Format("table with a column of structures, separated by tabs", read_tsv)
FORMATS: dict[str, Format] = {
    ".sdf": _SDF,
    ".sd": _SDF,
    ".mol": Format("molfile: one structure with coordinates", read_sdf),
    ".smi": _SMILES,
    ".smiles": _SMILES,
    ".ism": _SMILES,
    ".cxsmiles": _SMILES,
    ".csv": _CSV,
    ".tsv": _TSV,
    ".tab": _TSV,
    ".txt": Format("pasted list: SMILES, a table or molblocks", read_text),
    ".parquet": Format(
        "Parquet table with a column of structures", read_parquet, write_parquet, text=False, holds_note=True
    ),
    ".xlsx": Format("Excel workbook, for export", None, write_excel, text=False, holds_note=True),
}


def format_of(filename: str) -> Format:
    """Find the format of a file by its suffix; ``.gz`` may follow it.

    Raises:
        InputError: The suffix is none of FORMATS, or its format is not read.
    """
    suffixes = [suffix.lower() for suffix in Path(filename).suffixes]
    if suffixes and suffixes[-1] in (".gz", ".gzip"):
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    known = FORMATS.get(suffix)
    if known is None or known.read is None:
        readable = ", ".join(name for name, row in FORMATS.items() if row.read)
        remedy = "save the sheet as CSV" if suffix in (".xlsx", ".xls") else "rename or convert it"
        raise InputError(
            f"{filename} has the suffix {suffix or '(none)'!r}, which is not read: expected one of {readable}, but for "
            f"Parquet also with .gz; {remedy}."
        )
    return known


def read_entries(
    file: Path | BinaryIO, filename: str = "", options: ReadOptions | None = None
) -> Iterator[Entry | Rejection]:
    """Yield the records of a file in order, as read; what cannot even be told apart is a rejection.

    Args:
        file: A path, or a seekable binary file.
        filename: Name that tells the format; the path's own by default.
        options: How to read.

    Raises:
        InputError: The file is missing, empty, of no known format, binary, or a table without structures.
    """
    with open_source(file, filename, options or ReadOptions()) as source:
        yield from entries_of(source)


def entries_of(source: Source) -> Iterator[Entry | Rejection]:
    """Yield the records of an opened source, and one rejection more where its bytes broke off."""
    known = format_of(source.filename)
    if known.text:
        source.expect_text()
    assert known.read is not None
    return _until_fault(known.read(source), source)


def _until_fault(records: Iterator[Entry | Rejection], source: Source) -> Iterator[Entry | Rejection]:
    row = 0
    for record in records:
        row = record.entry.row if isinstance(record, Rejection) else record.row
        yield record
    yield from ended(row, source)


def ended(row: int, source: Source) -> Iterator[Rejection]:
    """Yield the rejection that stands for what is missing of a file, if its bytes broke off.

    Args:
        row: Number of the last record, 0 where there is none.
        source: The file, read to its end.

    Raises:
        InputError: There is no record at all.
    """
    if source.fault:
        yield Rejection(Entry(row + 1, "", "smiles"), Reason.UNREADABLE, source.fault)
    elif row == 0:
        raise InputError(f"{source.filename} holds no record: expected at least one structure; choose another file.")
