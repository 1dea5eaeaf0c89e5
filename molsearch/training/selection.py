"""Parts of a training file as files of their own: rows of one source or split, or molecules drawn at random."""

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from molsearch.chem.io.pairs import PairRow, PairTable, read_pairs
from molsearch.errors import InputError

#: Columns by which rows are chosen and that are written, "smiles" and "text" among them.
COLUMNS = tuple(field.name for field in fields(PairRow) if field.name != "row")
_BLANK = str.maketrans("\t\r\n", "   ")


def where(table: PairTable, condition: str) -> tuple[PairRow, ...]:
    """Keep the rows that fulfil a condition.

    Args:
        table: A pair file.
        condition: COLUMN=VALUE, such as "pcdes_split=train"; the column is one of COLUMNS.

    Raises:
        InputError: If the condition cannot be read, the file lacks the column, or no row fulfils it.
    """
    column, equals, value = (part.strip() for part in condition.partition("="))
    if not equals or column not in COLUMNS or column not in table.columns:
        known = ", ".join(name for name in COLUMNS if name in table.columns)
        raise InputError(
            f"Got the condition {condition!r} for {table.name}, expected COLUMN=VALUE with one of {known}."
        )
    rows = tuple(row for row in table.rows if getattr(row, column) == value)
    if not rows:
        values = sorted({str(getattr(row, column)) for row in table.rows})[:8]
        raise InputError(f"No row of {table.name} has {column} {value!r}; choose one of {', '.join(values)}.")
    return rows


def draw(rows: Sequence[PairRow], share: float, seed: int = 0) -> tuple[PairRow, ...]:
    """Keep the captions of a share of the molecules, drawn at random; a smaller share is part of a larger one.

    Args:
        rows: Pairs.
        share: Of the distinct molecules, above 0 and at most 1.
        seed: Of the draw.

    Raises:
        ValueError: If the share lies outside.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share {share} must be above 0 and at most 1")
    numbers = molecule_ids(rows)
    order = np.random.default_rng(seed).permutation(int(numbers.max()) + 1)
    kept = set(order[: max(1, round(share * len(order)))].tolist())
    return tuple(row for row, number in zip(rows, numbers.tolist(), strict=True) if number in kept)


def molecule_ids(rows: Sequence[PairRow]) -> np.ndarray:
    """Number the distinct molecules, (N,) int64: by InChIKey where every row has one, else by key or SMILES."""
    by_inchikey = all(row.inchikey for row in rows)
    numbers: dict[str, int] = {}
    names = (row.inchikey if by_inchikey else row.key or row.smiles for row in rows)
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def select(path: Path, condition: str, out: Path) -> Path:
    """Write the rows of a pair file that fulfil a condition to ``out``; see ``where``.

    Raises:
        InputError: If the file cannot be read, or no row fulfils the condition.
    """
    return write_rows(where(read_pairs(path), condition), out)


def write_rows(rows: Sequence[PairRow], path: Path) -> Path:
    """Write rows as a pair file that ``read_pairs`` reads as they are; tabs and line ends in a text become spaces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([str(getattr(row, name)).translate(_BLANK) for name in COLUMNS] for row in rows)
    return path
