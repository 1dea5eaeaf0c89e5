"""What a ranking can be handed on as: one table from which the page's buttons, the command and the tests are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from molsearch.chem.io.export import hit_rows
from molsearch.chem.io.formats import FORMATS
from molsearch.errors import InputError
from molsearch.records import Ranking
from molsearch.report.ranking_page import ranking_page
from molsearch.report.run import RunManifest, run_of
from molsearch.report.run_file import write_run
from molsearch.screener import Screener

RUN_SUFFIX = ".run.json"  # of the manifest beside a file that has no place for it: hits.sdf, hits.sdf.run.json

Writer = Callable[[Ranking, RunManifest, BinaryIO], None]


@dataclass(frozen=True, slots=True)
class Export:
    """One kind of file.

    Attributes:
        label: On its button.
        hint: What is in it.
        mime: Its media type.
        write: Writes a ranking with its run manifest.
        holds_run: Whether the manifest lies inside it.
    """

    label: str
    hint: str
    mime: str
    write: Writer
    holds_run: bool


def _records(suffix: str) -> Writer:
    """Return what writes every source record of the hits in a format of ``chem.io.formats``."""
    write = FORMATS[suffix].write
    assert write is not None

    def records(ranking: Ranking, run: RunManifest, stream: BinaryIO) -> None:
        write(hit_rows(ranking), stream, write_run(run))

    return records


def _page(ranking: Ranking, run: RunManifest, stream: BinaryIO) -> None:
    stream.write(ranking_page(ranking, run).encode("utf-8", "replace"))


def _run(ranking: Ranking, run: RunManifest, stream: BinaryIO) -> None:
    stream.write((write_run(run) + "\n").encode("utf-8"))


_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXPORTS: Mapping[str, Export] = {
    ".sdf": Export(
        "SDF",
        "Hits with their original records, coordinates and tags; rank, score and percentile in front",
        "chemical/x-mdl-sdfile",
        _records(".sdf"),
        FORMATS[".sdf"].holds_note,
    ),
    ".csv": Export("CSV", "The same as a table", "text/csv", _records(".csv"), FORMATS[".csv"].holds_note),
    ".xlsx": Export(
        "Excel", "The same as a workbook, with the run manifest", _SHEET, _records(".xlsx"), FORMATS[".xlsx"].holds_note
    ),
    ".parquet": Export(
        "Parquet",
        "The same as a typed table, with the run manifest",
        "application/vnd.apache.parquet",
        _records(".parquet"),
        FORMATS[".parquet"].holds_note,
    ),
    ".html": Export("Report", "One page with drawings that opens offline, to read or print", "text/html", _page, True),
    ".json": Export(
        "Run manifest",
        "From which the command `repeat` makes the same ranking again",
        "application/json",
        _run,
        True,
    ),
}


def check_export(path: Path) -> Export:
    """Find what a file name asks for.

    Raises:
        InputError: If its suffix is no row of EXPORTS or its folder does not exist.
    """
    if path.suffix.lower() not in EXPORTS:
        raise InputError(
            f"Hits cannot be written to {path.name!r}: expected a name that ends in {' or '.join(EXPORTS)}."
        )
    if not path.parent.is_dir():
        raise InputError(f"Hits cannot be written to {path}: its folder does not exist; create it first.")
    return EXPORTS[path.suffix.lower()]


def exported(ranking: Ranking, screener: Screener, suffix: str) -> bytes:
    """Write a ranking to memory.

    Args:
        ranking: What is handed on.
        screener: Who answered.
        suffix: A row of EXPORTS.
    """
    EXPORTS[suffix].write(ranking, run_of(ranking, screener), stream := BytesIO())
    return stream.getvalue()


def export_file(ranking: Ranking, screener: Screener, path: Path) -> tuple[Path, ...]:
    """Write a ranking to a file of the kind its name asks for, and its run manifest beside it where it has no place.

    Returns:
        The files that were written.

    Raises:
        InputError: If the name asks for no known kind or a file cannot be written.
    """
    export, run = check_export(path), run_of(ranking, screener)
    beside = path.with_name(path.name + RUN_SUFFIX)
    try:
        with path.open("wb") as stream:
            export.write(ranking, run, stream)
        if not export.holds_run:
            with beside.open("wb") as stream:
                _run(ranking, run, stream)
    except OSError as error:
        raise InputError(f"Hits cannot be written to {path}: {error.strerror}; choose another place.") from error
    return (path,) if export.holds_run else (path, beside)
