"""Tables to records: SMILES files, CSV, TSV and Parquet, streamed row by row."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from molsearch.chem.io.cells import verbatim
from molsearch.chem.io.columns import (
    MAX_COLUMNS,
    Layout,
    find_layout,
    is_structure_name,
    looks_like_structure,
    unique_names,
)
from molsearch.chem.io.delimited import EXCERPT, DelimitedRow, delimited_rows, sniff
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.streams import BOMB_FLOOR, BOMB_RATIO, Excerpt, Source, megabytes, printable
from molsearch.errors import InputError
from molsearch.records import Entry, Reason, Rejection

_SAMPLE = 100  # rows looked at before the columns are told apart
_SAMPLE_BYTES = 4_000_000
_SMILES_LINE = re.compile(r"(\S+(?:\s+\|[^|]*\|)?)(?:\s+(.*))?")


def read_smiles(source: Source) -> Iterator[Entry | Rejection]:
    """Yield the records of a SMILES file: a structure, then its name, with or without a header line.

    Tabs make further columns; blank lines and lines that begin with ``#`` are no records.
    """
    sample, rest = _sampled(_smiles_rows(source))
    if sample:
        yield from _smiles_entries(chain(sample, rest), smiles_layout(sample), source)


def read_smiles_chunk(source: Excerpt, layout: Layout) -> Iterator[Entry | Rejection]:
    """Yield the records of a chunk of a SMILES file whose layout is known; rows count from 1."""
    return _smiles_entries(_smiles_rows(source), layout, source)


def smiles_sample(source: Excerpt) -> tuple[list[DelimitedRow], bool]:
    """Return the first rows of a SMILES file and whether they are enough to tell its layout."""
    sample, _ = _sampled(_smiles_rows(source))
    return sample, len(sample) >= _SAMPLE or sum(row.size for row in sample) > _SAMPLE_BYTES


def smiles_layout(sample: Sequence[DelimitedRow]) -> Layout:
    """Read from the first rows whether there is a header, and where structure and name stand."""
    cells = [row.cells for row in sample]
    width = max(len(row) for row in cells)
    header = is_structure_name(cells[0][0].lstrip("#"))
    structure = 0 if header else _smiles_position(cells)
    columns = unique_names([*cells[0], *[""] * (width - len(cells[0]))]) if header else unique_names([""] * width)
    return Layout(columns, structure, 1 - structure if width > 1 else -1, header)


def _smiles_rows(source: Source | Excerpt) -> Iterator[DelimitedRow]:
    return (DelimitedRow(_smiles_cells(line.text), line.size) for line in source.lines() if _is_record(line.text))


def _smiles_entries(
    rows: Iterable[DelimitedRow], layout: Layout, source: Source | Excerpt
) -> Iterator[Entry | Rejection]:
    columns = layout.columns
    own = {columns[layout.structure], columns[layout.name]} if len(columns) > 1 else {columns[layout.structure]}
    for entry in _entries(rows, layout, source):
        if isinstance(entry, Rejection):
            yield entry
            continue
        extra = {key: value for key, value in entry.properties.items() if key not in own}
        yield Entry(entry.row, entry.text, entry.kind, entry.name, extra)


def read_csv(source: Source) -> Iterator[Entry | Rejection]:
    """Yield the records of a CSV file; the separator is found in its head."""
    return _read_delimited(source, ",;\t|")


def read_tsv(source: Source) -> Iterator[Entry | Rejection]:
    """Yield the records of a tab-separated file; quotes are plain characters unless the file shows otherwise."""
    return _read_delimited(source, "\t,;|")


def read_parquet(source: Source) -> Iterator[Entry | Rejection]:
    """Yield the rows of a Parquet file.

    Raises:
        InputError: It is no Parquet file, or no column holds structures.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(source.binary)
        _refuse_bomb(table.metadata, source)
        names = [str(name) for name in table.schema_arrow.names]
        rows = chain([DelimitedRow(names, 0)], _bounded(_parquet_rows(table.iter_batches(batch_size=256)), source))
        yield from _read_rows(rows, source)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputError(f"{source.filename} cannot be read as Parquet ({error}): write it again.") from error


def parquet_layout(names: Sequence[str], batches: Iterable[Any], options: ReadOptions, filename: str) -> Layout:
    """Read from a Parquet file's column names and first rows where structures and names stand.

    Raises:
        InputError: No column holds structures, or one that the options name is missing.
    """
    sample, _ = _sampled(chain([DelimitedRow(list(names), 0)], _parquet_rows(batches)))
    cells = [row.cells for row in sample if row.size <= options.max_record_bytes and len(row.cells) <= MAX_COLUMNS]
    return find_layout(cells, options.structure_column, options.name_column, filename)


def read_parquet_batches(batches: Iterable[Any], layout: Layout, options: ReadOptions) -> Iterator[Entry | Rejection]:
    """Yield the rows of record batches of a Parquet file whose layout is known; rows count from 1."""
    return _entries(_parquet_rows(batches), replace(layout, header=False), Excerpt(b"", options))


def _refuse_bomb(metadata: Any, source: Source) -> None:
    size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if size > max(BOMB_FLOOR, BOMB_RATIO * source.size):
        raise InputError(
            f"{source.filename} unpacks to {megabytes(size)}, over {BOMB_RATIO} times its size, which no structure "
            "file does: write it again without compression if you trust it."
        )


def _bounded(rows: Iterable[DelimitedRow], source: Source) -> Iterator[DelimitedRow]:
    """Yield rows until they hold more than a file of that size can in earnest: repeated values take no space."""
    total, most = 0, max(BOMB_FLOOR, BOMB_RATIO * source.size)
    for row in rows:
        total += row.size + len(row.cells)
        if total > most:
            source.fault = (
                f"{source.filename} holds more than {megabytes(most)}, over {BOMB_RATIO} times its size, which no "
                "structure file does: reading stopped here; write it as CSV if you trust it."
            )
            return
        yield row


def _parquet_rows(batches: Iterable[Any]) -> Iterator[DelimitedRow]:
    for batch in batches:
        for record in zip(*map(_values, batch.columns), strict=True):
            cells = [_cell(value) for value in record]
            yield DelimitedRow(cells, sum(map(len, cells)))


def _values(column: Any) -> list[object]:
    """Return the cells of a column; a text of a wrong encoding is read as bytes, a time beyond the calendar as text."""
    import pyarrow as pa

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    try:
        values: list[object] = column.to_pylist()
    except (ValueError, OverflowError):
        values = column.cast(pa.string()).to_pylist()
    return values


def _cell(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def _read_delimited(source: Source, delimiters: str) -> Iterator[Entry | Rejection]:
    """Read the rows; a cell that an exporter marked as no formula by an apostrophe is read without the mark."""
    delimiter, quoted = sniff(source.head(), delimiters)
    rows = delimited_rows(source, delimiter, quoted)
    return _read_rows((DelimitedRow([verbatim(cell) for cell in row.cells], row.size) for row in rows), source)


def _read_rows(rows: Iterator[DelimitedRow], source: Source) -> Iterator[Entry | Rejection]:
    sample, rest = _sampled(rows)
    limit = source.options.max_record_bytes
    cells = [row.cells for row in sample if row.size <= limit and len(row.cells) <= MAX_COLUMNS]
    if not cells:
        raise InputError(
            source.fault or f"{source.filename} has no readable row: expected a table with a column of structures."
        )
    layout = find_layout(cells, source.options.structure_column, source.options.name_column, source.filename)
    return _entries(chain(sample, rest), layout, source)


def _sampled(rows: Iterator[DelimitedRow]) -> tuple[list[DelimitedRow], Iterator[DelimitedRow]]:
    sample: list[DelimitedRow] = []
    size = 0
    for row in islice(rows, _SAMPLE):
        sample.append(row)
        size += row.size
        if size > _SAMPLE_BYTES:
            break
    return sample, rows


def _entries(rows: Iterable[DelimitedRow], layout: Layout, source: Source | Excerpt) -> Iterator[Entry | Rejection]:
    limit = source.options.max_record_bytes
    body = islice(rows, 1, None) if layout.header else rows
    for number, (cells, size) in enumerate(body, start=1):
        if size > limit or len(cells) > MAX_COLUMNS:
            text = cells[layout.structure] if layout.structure < len(cells) else ""
            detail = (
                f"The record takes {megabytes(size)} in {len(cells):,} cells; at most {megabytes(limit)} and "
                f"{MAX_COLUMNS:,} cells are read."
            )
            yield Rejection(Entry(number, text[:EXCERPT], "smiles"), Reason.TOO_LARGE, detail)
            continue
        columns = layout.columns
        if len(cells) > len(columns):
            columns = unique_names([*columns, *[""] * (len(cells) - len(columns))])
        text = cells[layout.structure].strip() if layout.structure < len(cells) else ""
        name = printable(cells[layout.name].strip()) if 0 <= layout.name < len(cells) else ""
        properties = {printable(column): printable(cell) for column, cell in zip(columns, cells, strict=False)}
        yield Entry(number, text, "molblock" if "M  END" in text else "smiles", name, properties)


def _is_record(line: str) -> bool:
    words = line.lstrip("#").split()
    return bool(words) and (not line.startswith("#") or is_structure_name(words[0]))


def _smiles_cells(line: str) -> list[str]:
    match = _SMILES_LINE.match(line.strip())
    if not match:
        return [line.strip()]
    structure, rest = match.groups()
    if not rest:
        return [structure]
    after = line.strip()[len(structure) :]
    return [structure, *(cell.strip() for cell in (after[1:].split("\t") if after[0] == "\t" else [rest]))]


def _smiles_position(rows: Sequence[Sequence[str]]) -> int:
    """Return 1 where a file has the name first and the SMILES behind it, else 0."""
    pairs = [row for row in rows if len(row) > 1]
    if len(pairs) < len(rows) or any(looks_like_structure(row[0]) for row in pairs):
        return 0
    return int(sum(looks_like_structure(row[1]) for row in pairs) > 0.5 * len(pairs))
