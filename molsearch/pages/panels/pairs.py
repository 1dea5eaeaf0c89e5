"""Pairs of a text and its molecule out of a table that a person hands in."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from molsearch.chem.graph import canonical
from molsearch.errors import InputError
from molsearch.records import Pair

TEXT_COLUMNS = ("text", "description", "sentence", "caption", "text_named")
SMILES_COLUMNS = ("smiles", "canonical_smiles", "structure")


@dataclass(frozen=True, slots=True)
class PairFile:
    """What a table held.

    Attributes:
        pairs: Its pairs, in file order.
        skipped: Rows without a text or without a structure.
    """

    pairs: tuple[Pair, ...]
    skipped: int


def read_pairs(content: bytes) -> PairFile:
    """Read a comma- or tab-separated table with a header.

    Args:
        content: The file; a tab in its header means tab-separated without quoting.

    Raises:
        InputError: If it is no UTF-8 text, lacks a column or holds no pair.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
        rows = [row for row in _cells(lines) if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The file cannot be read as a table: {error}. Save it as CSV or TSV in UTF-8.") from error
    if not rows:
        raise InputError("The file is empty; expected a header and one pair a line. Choose another file.")
    header = [cell.strip().lower() for cell in rows[0]]
    text, smiles = _column(header, TEXT_COLUMNS, "text"), _column(header, SMILES_COLUMNS, "structure")
    padded = [row + [""] * (len(header) - len(row)) for row in rows[1:]]
    pairs = tuple(
        Pair(row[text].strip(), row[smiles].strip()) for row in padded if row[text].strip() and row[smiles].strip()
    )
    if len(pairs) < 2:
        raise InputError(f"The file holds {len(pairs)} complete pair(s), expected 2 or more. Fill in texts and SMILES.")
    return PairFile(pairs, len(padded) - len(pairs))


def _cells(lines: Sequence[str]) -> list[list[str]]:
    if lines and "\t" in lines[0]:
        return [line.split("\t") for line in lines]
    return list(csv.reader(lines))


def _column(header: Sequence[str], names: Sequence[str], what: str) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise InputError(
        f"The file has no {what} column: its first line is {', '.join(header)[:120]!r}, expected one of "
        f"{', '.join(names)}. Name the column in the first line."
    )


def readable(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Part the pairs whose structure RDKit reads from those it does not."""
    good: list[Pair] = []
    bad: list[Pair] = []
    for pair in pairs:
        try:
            canonical(pair.smiles)
            good.append(pair)
        except InputError:
            bad.append(pair)
    return good, bad
