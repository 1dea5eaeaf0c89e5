"""The table that embedding a table gives: one row for each record that was read, in order, embedded or rejected.

Every row carries the file and record it came from. A molecule has its key, vector, constant, properties and classes; a
rejected record has its reason and no vector.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.index.base import Batch
from molsearch.records import Entry, Kind, Molecule, Reason, Rejection

_KINDS: Mapping[str, Kind] = {"smiles": "smiles", "molblock": "molblock"}


def vector_schema(width: int) -> Any:
    """Return the Arrow schema for vectors of width D."""
    import pyarrow as pa

    return pa.schema(
        [
            ("file", pa.string()),
            ("row", pa.int64()),
            ("key", pa.string()),
            ("name", pa.string()),
            ("text", pa.string()),
            ("kind", pa.string()),
            ("columns", pa.map_(pa.string(), pa.string())),
            ("changes", pa.list_(pa.string())),
            ("vector", pa.list_(pa.float32(), width)),
            ("constant", pa.float32()),
            *((name, pa.float32()) for name in PROPERTIES),
            ("classes", pa.binary()),
            ("reason", pa.string()),
            ("detail", pa.string()),
        ]
    )


def vector_table(
    file: str,
    records: Sequence[Molecule | Rejection],
    batches: Sequence[Batch],
    refused: Sequence[Rejection],
    width: int,
) -> Any:
    """Lay records out beside what became of them.

    Args:
        file: Where the records come from.
        records: N records in order, each molecule with the one source it was read from.
        batches: Vectors of the molecules, in order.
        refused: Those of the molecules that could not be embedded.
        width: D of the vectors.

    Returns:
        An Arrow table of N rows.
    """
    import pyarrow as pa

    failed = {rejection.entry.row: rejection for rejection in refused}
    outcomes = (
        failed.get(record.sources[0].row, record) if isinstance(record, Molecule) else record for record in records
    )
    rows = [_record_row(file, outcome) for outcome in outcomes]
    place = 0
    embedded = [row for row in rows if row["reason"] is None]
    for batch in batches:
        for i, vector in enumerate(batch.vectors):
            row = embedded[place + i]
            row["vector"], row["constant"] = vector, batch.constants[i]
            row["classes"] = None if batch.flags is None else batch.flags[i].tobytes()
            row.update((name, None if np.isnan(values[i]) else values[i]) for name, values in batch.properties.items())
        place += len(batch.molecules)
    return pa.Table.from_pylist(rows, schema=vector_schema(width))


def _record_row(file: str, record: Molecule | Rejection) -> dict[str, Any]:
    entry = record.entry if isinstance(record, Rejection) else record.sources[0]
    row: dict[str, Any] = {
        "file": file,
        "row": entry.row,
        "name": entry.name,
        "text": entry.text,
        "kind": entry.kind,
        "columns": list(entry.properties.items()),
        "reason": None,
    }
    if isinstance(record, Rejection):
        return row | {"reason": record.reason.value, "detail": record.detail}
    return row | {"key": record.key, "changes": list(record.changes)}


def read_vector_table(table: Any) -> tuple[Batch | None, list[Rejection]]:
    """Read a table back as what an index stores: a batch of its molecules, None without any, and its rejections.

    Raises:
        InputError: If it is no such table.
    """
    missing = {"row", "key", "vector", "constant", "reason", *PROPERTIES} - set(table.column_names)
    if missing:
        raise InputError(f"A table of vectors lacks the columns {sorted(missing)[:5]}: make it with `molsearch embed`.")
    rejections, molecules = [], []
    kept = []
    for place, row in enumerate(table.drop_columns(["vector", "classes", *PROPERTIES]).to_pylist()):
        entry = Entry(row["row"], row["text"], _KINDS[row["kind"]], row["name"], dict(row["columns"]))
        if row["reason"] is not None:
            rejections.append(Rejection(entry, Reason(row["reason"]), row["detail"]))
        else:
            molecules.append(Molecule(row["key"], row["name"], (entry,), tuple(row["changes"])))
            kept.append(place)
    if not molecules:
        return None, rejections
    molecule_rows = table.take(kept).combine_chunks()
    vectors = molecule_rows["vector"].combine_chunks().flatten().to_numpy().reshape(len(kept), -1)  # (N, D)
    columns = {name: molecule_rows[name].to_numpy().astype(np.float32) for name in PROPERTIES}
    bits = molecule_rows["classes"].to_pylist()
    flags = None if None in bits else np.stack([np.frombuffer(row, np.uint8) for row in bits])  # (N, F)
    return Batch(molecules, vectors, molecule_rows["constant"].to_numpy(), columns, flags), rejections
