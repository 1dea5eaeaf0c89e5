"""Molecules back to files: the original records with their tags, and what was found out about them in front.

Names, tags and cells come from files of unknown origin, so nothing in them may break a record or act in a spreadsheet.
"""

import csv
import io
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor

from molsearch.chem.streams import printable
from molsearch.chem.structures import read_structure
from molsearch.errors import InputError
from molsearch.records import Entry, Molecule

Value = str | float | int
Rows = Iterable[tuple[Molecule, Mapping[str, Value]]]

_FORMULA = re.compile(r"\t|\r|\s*[=+\-@＝＋－＠]")
_HARMLESS = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?\s*")
_ENDS_VALUE = re.compile(r"\$\$\$\$|>.*<")
_EXCEL_ROWS = 1_048_576
_EXCEL_CELL = 32_767
_BATCH = 1_000


def write_sdf(rows: Rows, stream: BinaryIO) -> None:
    """Write an SD file with one record for every source record of every molecule.

    A record read as a molblock keeps that molblock, coordinates and all; one read as SMILES gets 2D coordinates.
    Tags: the extra columns first, then the original ones; an original tag called like an extra one gets
    " (original)" behind its name.

    Args:
        rows: Each molecule with its extra columns.
        stream: Binary stream to write UTF-8 to.
    """
    for molecule, extra in rows:
        for entry in molecule.sources:
            tags = _joined({name: _shown(value) for name, value in extra.items()}, _tags_of(entry))
            lines = [_guarded(molblock(molecule, entry))]
            for name, value in tags.items():
                lines.append(f">  <{_tag_name(name)}>\n{_tag_value(value)}\n")
            stream.write(("\n".join(lines) + "\n$$$$\n").encode("utf-8", "replace"))


def write_csv(rows: Rows, stream: BinaryIO) -> None:
    """Write a CSV table with one row for every source record; cells that Excel would run as formulas are made text.

    Args:
        rows: Each molecule with its extra columns.
        stream: Binary stream to write UTF-8 to, with a byte-order mark, without which Excel reads Latin-1.
    """
    with _Table(rows) as table, io.StringIO(newline="") as buffer:
        writer = csv.writer(buffer, lineterminator="\r\n")
        stream.write(b"\xef\xbb\xbf")
        writer.writerow([inert(name) for name in table.columns])
        for row in table.rows():
            writer.writerow([inert(_shown(value)) for value in row])
            stream.write(buffer.getvalue().encode("utf-8", "replace"))
            buffer.seek(0)
            buffer.truncate()
        stream.write(buffer.getvalue().encode("utf-8", "replace"))


def write_excel(rows: Rows, stream: BinaryIO) -> None:
    """Write an Excel workbook with one row for every source record; text stays text, whatever it begins with.

    Raises:
        InputError: There are more rows than a sheet holds.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    with _Table(rows) as table:
        if table.count >= _EXCEL_ROWS:
            raise InputError(f"{table.count:,} rows do not fit a sheet of {_EXCEL_ROWS:,}: export CSV or Parquet.")
        book = Workbook(write_only=True)
        sheet = book.create_sheet("molecules")

        def cell(value: Value | None) -> object:
            if not isinstance(value, str):
                return value
            made = WriteOnlyCell(sheet, value="")
            made.value = printable(value)[:_EXCEL_CELL]
            made.data_type = "s"
            return made

        sheet.append([cell(name) for name in table.columns])
        for row in table.rows():
            sheet.append([cell(value) for value in row])
        book.save(stream)


def write_parquet(rows: Rows, stream: BinaryIO) -> None:
    """Write a Parquet table with one row for every source record; numbers stay numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _Table(rows) as table:
        arrow = {int: pa.int64(), float: pa.float64(), str: pa.string()}
        schema = pa.schema([(name, arrow[kind]) for name, kind in table.columns.items()])
        with pq.ParquetWriter(stream, schema) as writer:
            for batch in table.batches():
                columns = zip(table.columns.values(), zip(*batch, strict=True), strict=True)
                values = [[None if value is None else kind(value) for value in column] for kind, column in columns]
                writer.write_table(pa.table(dict(zip(table.columns, values, strict=True)), schema=schema))


def molblock(molecule: Molecule, entry: Entry) -> str:
    """Return the record's own molblock, or one with 2D coordinates where it was read as SMILES."""
    if entry.kind == "molblock":
        return entry.text.rstrip("\n")
    with rdBase.BlockLogs():
        mol = read_structure(entry.text, entry.kind) or Chem.MolFromSmiles(molecule.key)
        rdDepictor.Compute2DCoords(mol)
        mol.SetProp("_Name", _one_line(entry.name))
        return str(Chem.MolToMolBlock(mol)).rstrip("\n")


def inert(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula; plain numbers keep their sign."""
    return "'" + cell if _FORMULA.match(cell) and not _HARMLESS.fullmatch(cell) else cell


class _Line(NamedTuple):
    """One spooled row: extra columns, then fixed ones, then the original tags."""

    own: dict[str, Value]
    tags: dict[str, str]


class _Table:
    """Rows spooled to a temporary file, because the columns are known only after the last row was seen."""

    def __init__(self, rows: Rows) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self.count = 0
        self._own: dict[str, type[Value]] = {}
        self._tags: dict[str, str] = {}
        for molecule, extra in rows:
            for entry in molecule.sources:
                self._spool(_line(molecule, entry, extra))
        taken = set(self._own)
        for name in self._tags:
            self._tags[name] = _free(name, taken)
            taken.add(self._tags[name])
        self.columns: dict[str, type[Value]] = {**self._own, **dict.fromkeys(self._tags.values(), str)}

    def _spool(self, line: _Line) -> None:
        for name, value in line.own.items():
            kinds = {self._own.get(name, type(value)), type(value)}
            self._own[name] = str if str in kinds else float if float in kinds else int
        self._tags.update(dict.fromkeys(line.tags, ""))
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

    def batches(self) -> Iterator[list[list[Value | None]]]:
        batch: list[list[Value | None]] = []
        for row in self.rows():
            batch.append(row)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


def _line(molecule: Molecule, entry: Entry, extra: Mapping[str, Value]) -> _Line:
    own: dict[str, Value] = {name: _plain(value) for name, value in extra.items()}
    fixed: dict[str, Value] = {"name": entry.name or molecule.name, "smiles": molecule.key, "record": entry.row}
    own.update({name: value for name, value in fixed.items() if name not in own})
    tags = dict(_tags_of(entry))
    if entry.kind == "smiles" and entry.text not in tags.values():
        tags["smiles as read"] = entry.text
    return _Line(own, {printable(name): value for name, value in tags.items()})


def _plain(value: Value) -> Value:
    """Make numpy scalars plain Python values."""
    if isinstance(value, str):
        return value
    return int(value) if hasattr(value, "__index__") else float(value)


def _tags_of(entry: Entry) -> Mapping[str, str]:
    """Return the original columns, less the one that held the molblock itself."""
    return {name: value for name, value in entry.properties.items() if "M  END" not in value or value not in entry.text}


def _joined(extra: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    joined = dict(extra)
    for name, value in tags.items():
        joined[_free(name, joined)] = value
    return joined


def _free(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    while name in taken:
        name += " (original)"
    return name


def _shown(value: Value | None) -> str:
    return "" if value is None else value if isinstance(value, str) else str(_plain(value))


def _one_line(text: str) -> str:
    return " ".join(printable(text).split("\n")).replace("\r", " ")


def _guarded(block: str) -> str:
    """Keep a line of a molblock from ending the record; nothing may follow ``M  END``."""
    kept: list[str] = []
    for line in block.replace("\r", "").split("\n"):
        kept.append(" " + line if line.startswith("$$$$") else line)
        if line.startswith("M  END"):
            break
    return "\n".join(kept)


def _tag_name(name: str) -> str:
    return re.sub(r"[<>]", "_", _one_line(name)).strip() or "unnamed"


def _tag_value(value: str) -> str:
    """Keep a value's lines, less blank ones, which would end it; lines that would end the record are indented."""
    lines = [line for line in printable(value).replace("\r", "").split("\n") if line.strip()]
    return "\n".join(f" {line}" if _ENDS_VALUE.match(line) else line for line in lines)
