"""Tables of texts and the molecules they speak of, read in one of two ways.

A person's table (``pair_columns``, ``read_pair_file``) may have any separator, encoding and columns: it is read in
bounded memory, its structures are cleaned up, and every row that is left out is accounted for. A table to train or
measure with (``read_pairs``, ``read_pool``) has columns of known names and is taken as it stands: the first row that is
not whole is an error, since figures count every row.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from molsearch.chem.io.cleaning import BATCH, CleaningPool
from molsearch.chem.io.columns import MAX_COLUMNS, STRUCTURE_NAMES, is_structure_name, normalised, unique_names
from molsearch.chem.io.delimited import DelimitedRow, delimited_rows, sniff
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.streams import Source, open_source, printable
from molsearch.errors import InputError
from molsearch.records import Entry, Pair, Progress, Rejection

TEXT_NAMES = ("text", "description", "sentence", "caption", "textnamed", "abstract", "summary")
MOST_PAIRS = 5_000  # a rank takes every pair against every other, and a text a hundredth of a second
MOST_CHARS = 10_000
LEAST_PAIRS = 2


@dataclass(frozen=True, slots=True)
class PairColumns:
    """The columns of a table.

    Attributes:
        names: All of them, in their order, each once.
        text: The one that seems to hold the texts, or "".
        structure: The one that seems to hold the structures, or "".
    """

    names: tuple[str, ...]
    text: str
    structure: str


@dataclass(frozen=True, slots=True)
class PairLimits:
    """What is read at most.

    Attributes:
        pairs: Where a table holds more, as many are drawn at random.
        chars: Characters of a text; a longer one is left out.
        seed: Of the drawing, so that the same table gives the same pairs.
    """

    pairs: int = MOST_PAIRS
    chars: int = MOST_CHARS
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PairFile:
    """What a person's table held; ``rows`` is the sum of the pairs and of all that was left out.

    Attributes:
        pairs: The pairs in file order, the structure cleaned up; ``cid`` is the row, from 1.
        rows: Rows below the header.
        incomplete: Rows without a text or without a structure.
        oversized: Rows with too long a text, too many cells or too much in all.
        beyond: Complete rows that were not drawn, as there were more than the limit.
        unreadable: Drawn rows whose structure cannot be used, with the reason.
        limits: The limits that held.
    """

    pairs: tuple[Pair, ...]
    rows: int
    incomplete: int
    oversized: int
    beyond: int
    unreadable: tuple[Rejection, ...]
    limits: PairLimits

    @property
    def left_out(self) -> tuple[str, ...]:
        """Count each kind of row that was left out, with the reason; empty where all are in."""
        reasons = (
            (self.incomplete, "without a text or without a structure"),
            (self.oversized, f"with more than {self.limits.chars:,} characters of text, or too large as a whole"),
            (self.beyond, f"beyond the limit of {self.limits.pairs:,}, which were drawn at random"),
            (len(self.unreadable), "whose structure cannot be used"),
        )
        return tuple(f"{count:,} rows {why}" for count, why in reasons if count)


@dataclass(frozen=True, slots=True)
class PairRow(Pair):
    """A pair with what else its file says of it; "" where the file has no such column.

    Attributes:
        row: Record number in the file, from 1, the header not counted.
        key: Isomeric SMILES after clean-up, where the file already holds it.
        inchikey: Standard InChIKey.
        source: Where the caption comes from.
        chebi20_split: Split of ChEBI-20 that the molecule belongs to, or "none".
        pcdes_split: Split of PCdes that it belongs to, or "none".
    """

    row: int = 0
    key: str = ""
    inchikey: str = ""
    source: str = ""
    chebi20_split: str = ""
    pcdes_split: str = ""

    @property
    def empty(self) -> bool:
        """Return whether the text holds nothing but space."""
        return not self.text.strip()


@dataclass(frozen=True, slots=True)
class PairTable:
    """A table to train or measure with, in memory.

    Attributes:
        name: File name, for messages.
        columns: The header, lower case.
        rows: Every record, those with an empty text included.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[PairRow, ...]


def pair_columns(file: Path | BinaryIO, filename: str) -> PairColumns:
    """Read the header of a person's table, comma-, semicolon- or tab-separated.

    Raises:
        InputError: If the file is empty, no text, or has fewer than two columns.
    """
    with open_source(file, filename, ReadOptions()) as source:
        names, _ = _opened(source)
    plain = [normalised(name) for name in names]
    texts = [names[plain.index(name)] for name in TEXT_NAMES if name in plain]
    structures = [names[plain.index(name)] for name in STRUCTURE_NAMES if name in plain]
    structures += [name for name in names if is_structure_name(name)]
    return PairColumns(names, texts[0] if texts else "", structures[0] if structures else "")


def read_pair_file(
    file: Path | BinaryIO,
    filename: str,
    text: str,
    structure: str,
    *,
    options: ReadOptions | None = None,
    limits: PairLimits | None = None,
    progress: Progress | None = None,
) -> PairFile:
    """Read pairs from a person's table, comma-, semicolon- or tab-separated with a header.

    Args:
        file: A path or a seekable binary file.
        filename: Its name, for messages.
        text: Name of the column of texts.
        structure: Name of the column of SMILES or InChI.
        options: How structures are read; by default in the cleaning pool, with the project's limits.
        limits: What is read at most.
        progress: Called with the structures cleaned up.

    Raises:
        InputError: If the file is no table, lacks a column, or holds fewer than two pairs.
    """
    options, limits = options or ReadOptions(), limits or PairLimits()
    counts = _Counts()
    with open_source(file, filename, options) as source:
        names, rows = _opened(source)
        places = _place(names, text, "text"), _place(names, structure, "structure")
        drawn = _drawn(_complete(rows, places, options, limits, counts), limits, counts)
    entries = [Entry(row, smiles, "smiles", properties={"text": words}) for row, words, smiles in drawn]
    pairs: list[Pair] = []
    unreadable: list[Rejection] = []
    with CleaningPool(options) as pool:
        for done, (entry, outcome) in enumerate(zip(entries, pool.standardize(entries), strict=True), start=1):
            if isinstance(outcome, Rejection):
                unreadable.append(outcome)
            else:
                pairs.append(Pair(entry.properties["text"], outcome.key, str(entry.row)))
            if progress and (done % BATCH == 0 or done == len(entries)):
                progress(done, len(entries))
    pair_file = PairFile(
        tuple(pairs), counts.rows, counts.incomplete, counts.oversized, counts.beyond, tuple(unreadable), limits
    )
    if len(pairs) < LEAST_PAIRS:
        why = f" Left out: {'; '.join(pair_file.left_out)}." if pair_file.left_out else ""
        raise InputError(
            f"{filename} gives {len(pairs)} pairs, expected {LEAST_PAIRS} or more of a text and a structure that can "
            f"be read: choose other columns or another file.{why}"
        )
    return pair_file


def read_pairs(path: Path, text_column: str = "text") -> PairTable:
    """Read captions with their molecules, to train or measure with.

    Args:
        path: A tab-separated file without quoting, or a comma-separated one; UTF-8 with a header. The column
            ``smiles`` is required; cid, key, inchikey, source, chebi20_split and pcdes_split are read where present.
        text_column: The column that holds the captions.

    Raises:
        InputError: If the file cannot be read, lacks a column or a structure, or holds no record.
    """
    return _read_table(path, text_column)


def read_pool(path: Path) -> PairTable:
    """Read the molecules to rank among; as ``read_pairs``, with every text left empty and none deduplicated."""
    return _read_table(path, "")


def single_backslashes(smiles: str) -> str:
    r"""Undo the doubling of backslashes that JSON and some exporters leave: ``F/C=C\\F`` becomes ``F/C=C\F``.

    Safe on any SMILES, as two bond signs in a row are never valid.
    """
    return smiles.replace("\\\\", "\\")


# --- a person's table ----------------------------------------------------------------------------------------------


@dataclass
class _Counts:
    """What becomes of the rows while they stream by."""

    rows: int = 0
    incomplete: int = 0
    oversized: int = 0
    beyond: int = 0


def _opened(source: Source) -> tuple[tuple[str, ...], Iterator[DelimitedRow]]:
    """Return the names of the columns and the rows below them."""
    source.expect_text()
    delimiter, quoted = sniff(source.head(), ",;\t|")
    rows = delimited_rows(source, delimiter, quoted)
    header = next(rows, DelimitedRow([], 0)).cells
    if not 2 <= len(header) <= MAX_COLUMNS:
        raise InputError(
            f"{source.filename} begins with {len(header)} column(s), expected a header with 2 to {MAX_COLUMNS:,}, one "
            "of texts and one of structures: save it as CSV or TSV with the names in the first line."
        )
    return tuple(printable(name) for name in unique_names(header)), rows


def _place(names: Sequence[str], wanted: str, role: str) -> int:
    if wanted not in names:
        raise InputError(
            f"There is no {role} column {wanted[:60]!r}: the columns are {', '.join(names)[:200]}; choose one of them."
        )
    return names.index(wanted)


def _complete(
    rows: Iterator[DelimitedRow], places: tuple[int, int], options: ReadOptions, limits: PairLimits, counts: _Counts
) -> Iterator[tuple[int, str, str]]:
    """Yield row number, text and structure of the rows that have both in bounds, and count the others."""
    for number, (cells, size) in enumerate(rows, start=1):
        counts.rows = number
        text, structure = (cells[place].strip() if place < len(cells) else "" for place in places)
        if size > options.max_record_bytes or len(cells) > MAX_COLUMNS or len(text) > limits.chars:
            counts.oversized += 1
        elif not text or not structure:
            counts.incomplete += 1
        else:
            yield number, printable(text), structure


def _drawn(rows: Iterator[tuple[int, str, str]], limits: PairLimits, counts: _Counts) -> list[tuple[int, str, str]]:
    """Keep at most the limit, each row as likely as any other (Vitter's algorithm R), in file order."""
    draw = random.Random(limits.seed)
    kept: list[tuple[int, str, str]] = []
    for number, row in enumerate(rows):
        if len(kept) < limits.pairs:
            kept.append(row)
            continue
        counts.beyond += 1
        place = draw.randrange(number + 1)
        if place < limits.pairs:
            kept[place] = row
    return sorted(kept)


# --- a table to train or measure with ------------------------------------------------------------------------------


class _Unquoted(csv.excel_tab):
    """Tabs between the cells, and quotes that mean themselves."""

    quoting = csv.QUOTE_NONE


def _read_table(path: Path, text_column: str) -> PairTable:
    # With csv, not ``delimited_rows``: that one mends damage as well as it can, and here damage is an error.
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = _table_records(path.name, file.readline(), file)
            columns = next(records)
            _expect_columns(path.name, columns, ("smiles", *([text_column.lower()] if text_column else [])))
            rows = tuple(
                _pair_row(path.name, number, columns, cells, text_column) for number, cells in enumerate(records, 1)
            )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as a table of pairs: {error}. Give a UTF-8 file of tab- or comma-separated columns."
        ) from error
    if not rows:
        raise InputError(f"{path.name} holds a header but no record; expected one pair or more. Add rows to it.")
    return PairTable(path.name, tuple(columns), rows)


def _table_records(name: str, header: str, file: Iterator[str]) -> Iterator[list[str]]:
    """Yield the header's columns, then the cells of every line that is not blank."""
    if not header.strip():
        raise InputError(f"{name} starts with an empty line; expected a header such as 'smiles<tab>text'. Add one.")
    # A tab in the header settles it: SMILES hold no comma and captions of tab-separated files may hold loose quotes.
    dialect = _Unquoted if "\t" in header else csv.excel
    yield [cell.strip().lower() for cell in next(csv.reader([header], dialect))]
    yield from (cells for cells in csv.reader(file, dialect) if any(cells))


def _expect_columns(name: str, columns: Sequence[str], wanted: Sequence[str]) -> None:
    for column in wanted:
        if column not in columns:
            raise InputError(
                f"{name} has no column {column!r}, only {', '.join(columns)}; name the column in the file's header "
                "or choose another one."
            )


def _pair_row(name: str, number: int, columns: Sequence[str], cells: Sequence[str], text_column: str) -> PairRow:
    if len(cells) > len(columns):
        raise InputError(
            f"Row {number} of {name} has {len(cells)} fields, but the header names {len(columns)}; "
            "remove the extra separators or quote the field."
        )
    # Fields missing at the end are empty.
    values = {column: cell.strip() for column, cell in zip(columns, cells, strict=False)}
    smiles = single_backslashes(values.get("smiles", ""))
    if not smiles:
        raise InputError(f"Row {number} of {name} has no SMILES; every pair needs a molecule. Fill or remove the row.")
    return PairRow(
        text=values.get(text_column.lower(), "") if text_column else "",
        smiles=smiles,
        cid=values.get("cid", ""),
        row=number,
        key=single_backslashes(values.get("key", "")),
        inchikey=values.get("inchikey", ""),
        source=values.get("source", ""),
        chebi20_split=values.get("chebi20_split", ""),
        pcdes_split=values.get("pcdes_split", ""),
    )
