"""Parquet files cut into shards: consecutive rows that one worker, on this machine or another, reads on its own.

A place is a path of this machine or a URI of an object store (``s3://bucket/folder``), as pyarrow opens it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from molsearch.chem.io.columns import Layout
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.tables import parquet_layout, read_parquet_batches
from molsearch.errors import InputError
from molsearch.records import Entry, Rejection

SHARD_ROWS = 65_536  # a worker's start for a shard costs seconds, these rows take it a minute
_READ_ROWS = 1_024  # rows decoded at once


@dataclass(frozen=True, slots=True)
class Shard:
    """Some consecutive rows of one row group of one Parquet file.

    Attributes:
        number: From 0 over all files; orders the shards.
        file: Path of the file on its file system.
        group: The row group.
        start: Rows of the group before the shard.
        rows: Rows of the shard.
        first: Record number of its first row in the file, from 1.
    """

    number: int
    file: str
    group: int
    start: int
    rows: int
    first: int


def located(place: str) -> tuple[Any, str]:
    """Return the file system of a place and the path on it.

    Raises:
        InputError: If there is no such kind of place.
    """
    import pyarrow as pa
    from pyarrow import fs

    try:
        return fs.FileSystem.from_uri(place) if "://" in place else (fs.LocalFileSystem(), str(Path(place).absolute()))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{place} is no place that can be opened ({error}): give a path or an s3:// address."
        ) from error


def plan_shards(place: str, rows: int, options: ReadOptions) -> tuple[Layout, list[Shard]]:
    """Cut a Parquet file, or all of a folder in the order of their names, into shards of at most ``rows`` rows.

    Raises:
        InputError: If there is no Parquet file, one cannot be read, their columns differ or none holds structures.
    """
    if rows < 1:
        raise InputError(f"A shard of {rows} rows was asked for, expected 1 or more.")
    system, path = located(place)
    layout: Layout | None = None
    names: list[str] = []
    shards: list[Shard] = []
    for file in _files(system, path, place):
        with _opened(system, file) as table:
            columns = [str(name) for name in table.schema_arrow.names]
            if layout is None:
                names, layout = columns, parquet_layout(columns, table.iter_batches(batch_size=100), options, file)
            elif columns != names:
                raise InputError(f"{file} has the columns {columns}, but the files before it {names}: give them apart.")
            first = 1
            for group in range(table.num_row_groups):
                length = table.metadata.row_group(group).num_rows
                for start in range(0, length, rows):
                    shards.append(Shard(len(shards), file, group, start, min(rows, length - start), first + start))
                first += length
    if layout is None or not shards:
        raise InputError(f"{place} holds no rows: expected Parquet files with a column of structures.")
    return layout, shards


def read_shard(place: str, shard: Shard, layout: Layout, options: ReadOptions) -> Iterator[Entry | Rejection]:
    """Yield the records of a shard, numbered as in the file.

    Args:
        place: Where the files lie, as given to ``plan_shards``; tells the file system.
        shard: Which rows.
        layout: Where structures and names stand.
        options: How to read.

    Raises:
        InputError: If the file cannot be read, or is no longer the one that was planned.
    """
    count = 0
    with _opened(located(place)[0], shard.file) as table:
        batches = _sliced(table.iter_batches(batch_size=_READ_ROWS, row_groups=[shard.group]), shard.start, shard.rows)
        for record in read_parquet_batches(batches, layout, options):
            count += 1
            yield _moved(record, shard.first - 1)
    if count != shard.rows:
        raise InputError(f"{shard.file} has {count} rows where {shard.rows} were planned: it was changed; start anew.")


def _files(system: Any, path: str, place: str) -> list[str]:
    from pyarrow import fs

    try:
        (about,) = system.get_file_info([path])
        if about.type == fs.FileType.File:
            return [path]
        listed = system.get_file_info(fs.FileSelector(path, recursive=True))
    except OSError as error:
        raise InputError(f"{place} cannot be opened ({error}): give a Parquet file or a folder of them.") from error
    files = sorted(info.path for info in listed if info.type == fs.FileType.File and info.path.endswith(".parquet"))
    if not files:
        raise InputError(f"{place} holds no file that ends in .parquet: give a Parquet file or a folder of them.")
    return files


@contextmanager
def _opened(system: Any, file: str) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with system.open_input_file(file) as stream:
            yield pq.ParquetFile(stream)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} cannot be read as Parquet ({error}): write it again.") from error


def _sliced(batches: Iterator[Any], start: int, rows: int) -> Iterator[Any]:
    """Cut rows out of record batches."""
    for batch in batches:
        if start < len(batch) and rows:
            part = batch.slice(start, rows)
            rows -= len(part)
            yield part
        start = max(0, start - len(batch))
        if not rows:
            return


def _moved(record: Entry | Rejection, by: int) -> Entry | Rejection:
    if isinstance(record, Rejection):
        return replace(record, entry=replace(record.entry, row=record.entry.row + by))
    return replace(record, row=record.row + by)
