"""A table of texts and the molecules they speak of, as a person hands it in: read in bounded memory, accounted for."""

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
    """What a table held; ``rows`` is the sum of the pairs and of all that was left out.

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
        """Say of each kind of row that was left out how many there were and why; empty where all are in."""
        said = (
            (self.incomplete, "without a text or without a structure"),
            (self.oversized, f"with more than {self.limits.chars:,} characters of text, or too large as a whole"),
            (self.beyond, f"beyond the limit of {self.limits.pairs:,}, which were drawn at random"),
            (len(self.unreadable), "whose structure cannot be used"),
        )
        return tuple(f"{count:,} rows {why}" for count, why in said if count)


def pair_columns(file: Path | BinaryIO, filename: str) -> PairColumns:
    """Read the header of a comma-, semicolon- or tab-separated table.

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


def read_pairs(
    file: Path | BinaryIO,
    filename: str,
    text: str,
    structure: str,
    *,
    options: ReadOptions | None = None,
    limits: PairLimits | None = None,
    progress: Progress | None = None,
) -> PairFile:
    """Read pairs from a comma-, semicolon- or tab-separated table with a header.

    Args:
        file: A path or a seekable binary file.
        filename: Its name, for messages.
        text: Name of the column of texts.
        structure: Name of the column of SMILES or InChI.
        options: How structures are read; by default guarded, with the project's limits.
        limits: What is read at most.
        progress: Told of the structures cleaned up.

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
    with CleaningPool(options) as guard:
        for done, (entry, outcome) in enumerate(zip(entries, guard.standardize(entries), strict=True), start=1):
            if isinstance(outcome, Rejection):
                unreadable.append(outcome)
            else:
                pairs.append(Pair(entry.properties["text"], outcome.key, str(entry.row)))
            if progress and (done % BATCH == 0 or done == len(entries)):
                progress(done, len(entries))
    found = PairFile(
        tuple(pairs), counts.rows, counts.incomplete, counts.oversized, counts.beyond, tuple(unreadable), limits
    )
    if len(pairs) < LEAST_PAIRS:
        why = f" Left out: {'; '.join(found.left_out)}." if found.left_out else ""
        raise InputError(
            f"{filename} gives {len(pairs)} pairs, expected {LEAST_PAIRS} or more of a text and a structure that can "
            f"be read: choose other columns or another file.{why}"
        )
    return found


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
