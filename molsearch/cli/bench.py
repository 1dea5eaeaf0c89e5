"""The command ``bench``, and its large forms: a library ingested, a search among made vectors, an addition killed."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from molsearch.cli.evaluate import Json, print_figures
from molsearch.cli.terminal import answering, bar, print_json, print_table, say
from molsearch.errors import InputError
from molsearch.screener import EXAMPLES_FILE
from molsearch.serialization import plain
from molsearch.settings import Settings


def measure_large(
    settings: Settings, file: Path | None, count: int | None, rows: int | None, log: Path | None, as_json: bool
) -> None:
    """Measure what was asked for, print the figures, and write them to a log.

    Args:
        settings: Which model and device.
        file: A file to ingest; None for none.
        count: Molecules to make and ingest; None for none.
        rows: Vectors to search; None for none.
        log: A .json or .md file, or None.
        as_json: Whether to print one JSON object.

    Raises:
        InputError: If a number is too large or too small, a file and a count are both given, the file cannot be read,
            or the log cannot be written.
    """
    from molsearch.bench.ingestion import ingest, ingest_enumerated, write_log  # torch loads with these
    from molsearch.bench.vector_search import measure_search
    from molsearch.model.dual import DualEncoder

    if file is not None and count is not None:
        raise InputError(f"One library is ingested at a time, got {file.name} and {count:,} molecules; give either.")
    reports: dict[str, object] = {}
    if file is not None:
        with bar("Embedding") as progress:
            reports["ingestion"] = ingest(settings, file, progress)
    elif count is not None:
        with bar("Embedding") as progress:
            reports["ingestion"] = ingest_enumerated(settings, count, progress)
    if rows is not None:
        model = DualEncoder.load(settings.models / settings.model, settings.device)
        with bar("Storing") as progress:
            reports["search"] = measure_search(model, rows, progress)
    figures = {name: value for report in reports.values() for name, value in plain(report).items()}
    if log is not None:
        write_log(reports if len(reports) > 1 and log.suffix.lower() != ".md" else figures, log)
    if as_json:
        print_json(reports)
        return
    for title, report in reports.items():
        print_table(title.capitalize(), ["figure", "value"], list(plain(report).items()))


def print_stages(stages: Mapping[str, float], limits: Mapping[str, float]) -> None:
    """Print the speed of each stage beside its limit."""
    from molsearch.bench.ceilings import MEANINGS  # torch loads with it

    rows = [(name, speed, limits[name], speed / limits[name], MEANINGS[name]) for name, speed in stages.items()]
    columns = ["stage", "molecules a core second", "limit", "share", "what the limit is"]
    print_table("Stages", columns, rows)


def measure_deaths(settings: Settings, count: int, deaths: int, as_json: bool) -> None:
    """Add ``count`` enumerated molecules undisturbed, and killed so many times and gone on with; print what came of it.

    Raises:
        InputError: If a number is too large or too small.
        MolsearchError: If an addition fails by itself.
    """
    from molsearch.bench.faults import measure_faults  # torch loads with it

    with bar("Killing and resuming") as progress:
        report = measure_faults(settings, count, deaths, progress=progress)
    if as_json:
        print_json(report)
        return
    print_table("Faults", ["figure", "value"], list(plain(report).items()))


def print_side_by_side(file: Path, as_json: bool) -> None:
    """Time both sides and print the table, or one JSON object."""
    from molsearch.bench.report import machine  # torch loads with these
    from molsearch.bench.side_by_side import Lap, side_by_side
    from molsearch.screener import Screener

    with bar("Side by side") as progress:
        found = side_by_side(Screener(), file, progress=progress)
    told = {"date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    if as_json:
        print_json({**told, **plain(found)})
        return
    columns = [field.name for field in fields(Lap)]
    rows = [[getattr(lap, name) for name in columns] for lap in found.laps]
    print_table(f"Side by side, {told['date']}, {told['machine']}", columns, rows)
    for note in found.notes:
        say(note)


def bench(
    embed_file: Annotated[Path | None, typer.Option("--embed-file", help="A large file to embed and search.")] = None,
    upload_file: Annotated[Path | None, typer.Option("--upload-file", help="A file as a user uploads it.")] = None,
    captions: Annotated[Path | None, typer.Option("--captions", help="Pairs whose captions are timed too.")] = None,
    file: Annotated[Path | None, typer.Option("--ingest", help="Ingest this file instead, and search it.")] = None,
    count: Annotated[int | None, typer.Option("--enumerate", help="Make and ingest so many molecules instead.")] = None,
    rows: Annotated[int | None, typer.Option("--search-rows", help="Search so many made vectors instead.")] = None,
    log: Annotated[Path | None, typer.Option("--log", help="Write the figures to this .json or .md file too.")] = None,
    beside: Annotated[
        bool, typer.Option("--side-by-side", help="Time this program beside PyG's from_smiles + GCN and FAISS instead.")
    ] = False,
    faults: Annotated[
        int, typer.Option("--faults", help="Instead add so many enumerated molecules, and kill and resume that.")
    ] = 0,
    deaths: Annotated[int, typer.Option("--deaths", help="How often to kill; 0 measures time and memory alone.")] = 20,
    as_json: Json = False,
) -> None:
    """Measure speed and memory on this machine; without files, on the shipped examples."""
    with answering(as_json):
        if faults:
            measure_deaths(Settings(), faults, deaths, as_json)
            return
        from molsearch.bench.report import measure

        settings = Settings()
        if beside:
            print_side_by_side(embed_file or settings.data / EXAMPLES_FILE, as_json)
            return
        if file is not None or count is not None or rows is not None:
            measure_large(settings, file, count, rows, log, as_json)
            return
        examples = settings.data / EXAMPLES_FILE
        with bar("Embedding") as progress:
            report = measure(settings, embed_file or examples, upload_file or examples, progress, captions)
        if as_json:
            print_json(report)
            return
        figures = plain(report)
        print_stages(figures.pop("stages_per_s"), figures.pop("limits_per_s"))
        print_figures("One query", figures.pop("query_steps"))
        print_table("Bench", ["figure", "value"], list(figures.items()))
