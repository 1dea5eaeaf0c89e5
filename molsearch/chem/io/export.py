"""Molecules to tables: one row for every source record, what was found out about it in front of its own columns.

Names, tags and cells come from files of unknown origin, so nothing in them may act in a spreadsheet.
"""

import csv
import io
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import islice
from typing import BinaryIO, NamedTuple

from molsearch.chem.io.cells import Rows, Value, inert, plain, shown, tags_of, unique, writable
from molsearch.chem.io.sdf import write_sdf
from molsearch.chem.io.streams import printable
from molsearch.errors import InputError
from molsearch.records import Entry, Hit, Molecule, Ranking

__all__ = ["NOTE_KEY", "NOTE_SHEET", "hit_rows", "write_csv", "write_excel", "write_parquet", "write_sdf"]

NOTE_SHEET = "run"  # the sheet of a workbook that holds the note, a line a row
NOTE_KEY = b"molsearch.run"  # the key of it in a Parquet file's metadata

_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
_NO_XML = re.compile("[\ufffe\uffff]")
_EXCEL_ROWS = 1_048_576
_EXCEL_COLUMNS = 16_384
_EXCEL_CELL = 32_767
_BATCH = 1_000


def hit_rows(ranking: Ranking) -> Rows:
    """Yield the molecules of a ranking with what is known of them: every number or text of a hit, the model."""
    names = [field.name for field in fields(Hit) if field.name != "molecule"]
    for hit in ranking.hits:
        values = {name: getattr(hit, name) for name in names}
        columns = {name: value for name, value in values.items() if isinstance(value, str | float | int)}
        yield hit.molecule, {**columns, "model_id": ranking.model_id}


def write_csv(rows: Rows, stream: BinaryIO, note: str = "") -> None:
    """Write a CSV table with one row for every source record; cells that Excel would run as formulas are made text.

    They are marked by an apostrophe, as ``chem.io.cells`` says. The readers of CSV and TSV files take it away again, so
    what was written here is read back cell by cell as it was.

    Args:
        rows: Each molecule with its extra columns.
        stream: Binary stream to write UTF-8 to, with a byte-order mark, without which Excel reads Latin-1.
        note: Not written: a CSV file has no place for a word about the whole.
    """
    with _Table(rows) as table, io.StringIO(newline="") as buffer:
        writer = csv.writer(buffer, lineterminator="\r\n")
        stream.write(b"\xef\xbb\xbf")
        writer.writerow([inert(name) for name in table.columns])
        for row in table.rows():
            writer.writerow([inert(shown(value)) for value in row])
            stream.write(buffer.getvalue().encode("utf-8"))
            buffer.seek(0)
            buffer.truncate()
        stream.write(buffer.getvalue().encode("utf-8"))


def write_excel(rows: Rows, stream: BinaryIO, note: str = "") -> None:
    """Write an Excel workbook with one row for every source record.

    Text is stored as text, whatever it begins with, and stays text when its cell is edited. A longer text than a cell
    holds is cut, and says so at its end.

    Args:
        rows: Each molecule with its extra columns.
        stream: Binary stream to write to.
        note: A word about the whole; a second sheet holds it, line by line.

    Raises:
        InputError: There are more rows or columns than a sheet holds.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    with _Table(rows) as table:
        if table.count >= _EXCEL_ROWS or len(table.columns) > _EXCEL_COLUMNS:
            raise InputError(
                f"{table.count:,} rows of {len(table.columns):,} columns do not fit a sheet of {_EXCEL_ROWS:,} by "
                f"{_EXCEL_COLUMNS:,}: export CSV or Parquet."
            )
        book = Workbook(write_only=True)
        sheet = book.create_sheet("molecules")

        def cell(value: Value | None) -> object:
            if not isinstance(value, str):
                return value
            made = WriteOnlyCell(sheet, value="")
            made.value = _fitting(_NO_XML.sub("\ufffd", printable(value)))
            made.data_type = "s"
            if _FORMULA.match(value):
                made.quotePrefix = True  # as if typed with an apostrophe, so that an edit does not make it a formula
            return made

        sheet.append([cell(name) for name in table.columns])
        for row in table.rows():
            sheet.append([cell(value) for value in row])
        if note:
            about = book.create_sheet(NOTE_SHEET)
            for line in note.split("\n"):
                about.append([cell(line)])
        book.save(stream)


def write_parquet(rows: Rows, stream: BinaryIO, note: str = "") -> None:
    """Write a Parquet table with one row for every source record; numbers stay numbers.

    Args:
        rows: Each molecule with its extra columns.
        stream: Binary stream to write to.
        note: A word about the whole; the file's metadata hold it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _Table(rows) as table:
        arrow = {int: pa.int64(), float: pa.float64(), str: pa.string()}
        columns = [(name, arrow[kind]) for name, kind in table.columns.items()]
        schema = pa.schema(columns, metadata={NOTE_KEY: note.encode()} if note else None)
        with pq.ParquetWriter(stream, schema) as writer:
            body = table.rows()
            while batch := list(islice(body, _BATCH)):
                cells = zip(table.columns.values(), zip(*batch, strict=True), strict=True)
                values = [[None if value is None else kind(value) for value in column] for kind, column in cells]
                writer.write_table(pa.table(dict(zip(table.columns, values, strict=True)), schema=schema))


class _Line(NamedTuple):
    """One spooled row: extra columns, then fixed ones, then the original tags."""

    own: dict[str, Value]
    tags: dict[str, str]


class _Table:
    """Rows spooled to a temporary file, because the columns are known only after the last row was seen."""

    def __init__(self, rows: Rows) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self.count = 0
        self._own: dict[str, type[Value]] = {}
        self._tags: dict[str, None] = {}
        for molecule, extra in rows:
            for entry in molecule.sources:
                self._spool(_line(molecule, entry, extra))
        kinds = [*self._own.values(), *(str for _ in self._tags)]
        self.columns: dict[str, type[Value]] = dict(zip(unique([*self._own], [*self._tags]), kinds, strict=True))

    def _spool(self, line: _Line) -> None:
        for name, value in line.own.items():
            kinds = {self._own.get(name, type(value)), type(value)}
            self._own[name] = str if str in kinds else float if float in kinds else int
        self._tags.update(dict.fromkeys(line.tags))
        self._file.write(json.dumps(line) + "\n")
        self.count += 1

    def __enter__(self) -> "_Table":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def rows(self) -> Iterator[list[Value | None]]:
        self._file.seek(0)
        for text in self._file:
            own, tags = json.loads(text)
            yield [own.get(name) for name in self._own] + [tags.get(name) for name in self._tags]


def _line(molecule: Molecule, entry: Entry, extra: Mapping[str, Value]) -> _Line:
    fixed: dict[str, Value] = {"name": entry.name or molecule.name, "smiles": molecule.key, "record": entry.row}
    own = {name: plain(value) for name, value in extra.items()}
    own.update({name: value for name, value in fixed.items() if name not in own})
    tags = dict(tags_of(entry))
    if entry.kind == "smiles" and entry.text not in tags.values():
        tags["smiles as read"] = entry.text
    return _Line(
        {writable(name): writable(value) if isinstance(value, str) else value for name, value in own.items()},
        dict(zip(unique([], [printable(writable(name)) for name in tags]), map(writable, tags.values()), strict=True)),
    )


def _fitting(text: str) -> str:
    """Cut a text to what a cell of Excel holds."""
    if len(text) <= _EXCEL_CELL:
        return text
    ending = f" … [cut: {len(text):,} characters, a cell of Excel holds {_EXCEL_CELL:,}]"
    return text[: _EXCEL_CELL - len(ending)] + ending
