"""Molecules and rejections as Arrow tables: one file a segment, read a block at a time.

All text of a user's file is stored as bytes, because a record may hold what UTF-8 forbids (lone surrogates from
undecodable bytes) and must come back as it was.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa

from molsearch.records import Entry, Kind, Molecule, Reason, Rejection

T = TypeVar("T")
Row = dict[str, Any]

BLOCK_ROWS = 256  # one compressed record batch; a hit costs reading one block
_KINDS: dict[str, Kind] = {"smiles": "smiles", "molblock": "molblock"}

_TEXT = pa.large_binary()
_ENTRY = [
    pa.field("row", pa.int64()),
    pa.field("kind", pa.string()),
    pa.field("name", _TEXT),
    pa.field("text", _TEXT),
    pa.field("properties", pa.list_(pa.struct([("name", _TEXT), ("value", _TEXT)]))),
]
MOLECULES = pa.schema(
    [
        ("key", _TEXT),
        ("name", _TEXT),
        ("changes", pa.list_(pa.string())),
        ("sources", pa.list_(pa.struct(_ENTRY))),
    ]
)
REJECTIONS = pa.schema([("entry", pa.struct(_ENTRY)), ("reason", pa.string()), ("detail", _TEXT)])
KEY_COLUMN = MOLECULES.get_field_index("key")
WRITE_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


def molecule_row(molecule: Molecule) -> Row:
    """Return a molecule as a row of MOLECULES."""
    return {
        "key": to_bytes(molecule.key),
        "name": to_bytes(molecule.name),
        "changes": list(molecule.changes),
        "sources": [_entry_row(source) for source in molecule.sources],
    }


def row_molecule(row: Row) -> Molecule:
    """Return the molecule of a row of MOLECULES."""
    return Molecule(
        key=_to_text(row["key"]),
        name=_to_text(row["name"]),
        sources=tuple(_row_entry(source) for source in row["sources"]),
        changes=tuple(row["changes"]),
    )


def rejection_row(rejection: Rejection) -> Row:
    """Return a rejection as a row of REJECTIONS."""
    return {
        "entry": _entry_row(rejection.entry),
        "reason": rejection.reason.value,
        "detail": to_bytes(rejection.detail),
    }


def row_rejection(row: Row) -> Rejection:
    """Return the rejection of a row of REJECTIONS."""
    return Rejection(_row_entry(row["entry"]), Reason(row["reason"]), _to_text(row["detail"]))


def to_bytes(text: str) -> bytes:
    """Return a text as bytes, whatever it holds."""
    return text.encode("utf-8", "surrogatepass")


def joined(molecule: Molecule, others: Sequence[Molecule]) -> Molecule:
    """Return the molecule with the sources that came later under the same key."""
    every = [molecule, *others]
    return Molecule(
        key=molecule.key,
        name=next((m.name for m in every if m.name), ""),
        sources=tuple(source for m in every for source in m.sources),
        changes=tuple(dict.fromkeys(change for m in every for change in m.changes)),
    )


class RecordTable(Generic[T]):
    """The rows of one kind over all segments, read from their files when asked for.

    Args:
        files: Arrow files, oldest first.
        lengths: Rows of each file.
        decode: Turns a row into the record it stands for.
    """

    def __init__(self, files: Sequence[Path], lengths: Sequence[int], decode: Callable[[Row], T]) -> None:
        self._files = files
        self._starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self._decode = decode

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __iter__(self) -> Iterator[T]:
        for path in self._files:
            with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
                for number in range(reader.num_record_batches):
                    yield from map(self._decode, _rows(reader.get_batch(number)))

    def take(self, rows: Sequence[int]) -> Mapping[int, T]:
        """Return the records of the given row numbers, each block read once."""
        records: dict[int, T] = {}
        for wanted, places, block in self._blocks(rows):
            for row, place in zip(wanted, places, strict=True):
                records[row] = self._decode(_rows(block.slice(place, 1))[0])
        return records

    def texts(self, rows: Sequence[int], column: int) -> Mapping[int, str]:
        """Return one column of the given row numbers, the rest of the records unread.

        Args:
            rows: Row numbers.
            column: Place of a column of texts in the schema.
        """
        texts: dict[int, str] = {}
        only = pa.ipc.IpcReadOptions(included_fields=[column])
        for wanted, places, block in self._blocks(rows, only):
            texts.update(zip(wanted, map(_to_text, block.column(0).take(pa.array(places)).to_pylist()), strict=True))
        return texts

    def _blocks(self, rows: Sequence[int], options: Any = None) -> Iterator[tuple[list[int], list[int], Any]]:
        """Yield each block that holds some of the rows: those rows, their places in it, and the block."""
        by_block: dict[tuple[int, int], list[int]] = {}
        for row in sorted(set(rows)):
            number = int(np.searchsorted(self._starts, row, side="right")) - 1
            by_block.setdefault((number, (row - int(self._starts[number])) // BLOCK_ROWS), []).append(row)
        for number, blocks in groupby(by_block.items(), key=lambda item: item[0][0]):
            start = int(self._starts[number])
            with pa.memory_map(str(self._files[number])) as file, pa.ipc.open_file(file, options=options) as reader:
                for (_, block), wanted in blocks:
                    places = [(row - start) % BLOCK_ROWS for row in wanted]
                    yield wanted, places, _checked(reader.get_batch(block))


def _checked(block: Any) -> Any:
    block.validate(full=True)  # damaged offsets would otherwise be followed out of the block
    return block


def _rows(block: Any) -> list[Row]:
    rows: list[Row] = _checked(block).to_pylist()
    return rows


def _entry_row(entry: Entry) -> Row:
    return {
        "row": entry.row,
        "kind": entry.kind,
        "name": to_bytes(entry.name),
        "text": to_bytes(entry.text),
        "properties": [{"name": to_bytes(n), "value": to_bytes(v)} for n, v in entry.properties.items()],
    }


def _row_entry(row: Row) -> Entry:
    return Entry(
        row=row["row"],
        text=_to_text(row["text"]),
        kind=_KINDS[row["kind"]],
        name=_to_text(row["name"]),
        properties={_to_text(pair["name"]): _to_text(pair["value"]) for pair in row["properties"]},
    )


def _to_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
