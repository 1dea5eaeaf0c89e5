"""The command ``bench``: speed and memory on this machine, and its large forms.

Those are a library ingested, a search among made vectors, an addition killed and resumed, and this program beside
others. Each is measured in ``molsearch.bench`` and printed here, a line a figure.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molsearch.cli.evaluate import Json
from molsearch.cli.terminal import answering, bar, print_json, print_table, say
from molsearch.errors import InputError
from molsearch.screener import EXAMPLES_FILE
from molsearch.serialization import plain
from molsearch.settings import Settings

if TYPE_CHECKING:  # torch loads with it
    from molsearch.bench.side_by_side import Lap

#: How the name of a figure ends -> its unit; the first that fits.
UNITS: Mapping[str, str] = {
    "_per_core_s": "a core second",
    "_per_s": "a second",
    "_gb_s": "GB a second",
    "_s": "s",
    "_ms": "ms",
    "_mib": "MiB",
    "_bytes": "bytes",
}


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
        settings = Settings()
        examples = settings.data / EXAMPLES_FILE
        if faults:
            measure_deaths(settings, faults, deaths, as_json)
        elif beside:
            measure_side_by_side(embed_file or examples, as_json)
        elif file is not None or count is not None or rows is not None:
            measure_large(settings, file, count, rows, log, as_json)
        else:
            measure_program(settings, embed_file or examples, upload_file or examples, captions, as_json)


def measure_program(
    settings: Settings, embed_file: Path, upload_file: Path, captions: Path | None, as_json: bool
) -> None:
    """Measure the program as it is used: stages, an upload, queries; print the figures.

    Raises:
        InputError: If a file cannot be read or holds no molecule.
    """
    from molsearch.bench.report import measure  # torch loads with it

    with bar("Embedding") as progress:
        report = measure(settings, embed_file, upload_file, progress, captions)
    if as_json:
        print_json(report)
        return
    figures = plain(report)
    print_stages(figures.pop("stages_per_s"), figures.pop("limits_per_s"))
    print_query_steps(figures.pop("query_steps"))
    print_report("Bench", figures)


def measure_large(
    settings: Settings, file: Path | None, count: int | None, rows: int | None, log: Path | None, as_json: bool
) -> None:
    """Measure a large library, made vectors or both, print the figures, and write them to a log.

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
        print_report(title.capitalize(), plain(report))


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
    print_report("Faults", plain(report))


def measure_side_by_side(file: Path, as_json: bool) -> None:
    """Time this program beside others and print a table for each, or one JSON object.

    Raises:
        InputError: If the file cannot be read or holds no molecule.
    """
    from molsearch.bench.report import machine  # torch loads with these
    from molsearch.bench.side_by_side import side_by_side
    from molsearch.screener import Screener

    with bar("Side by side") as progress:
        comparison = side_by_side(Screener(), file, progress=progress)
    circumstances = {"date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    if as_json:
        print_json({**circumstances, **plain(comparison)})
        return
    print_report("Side by side", circumstances)
    print_laps(comparison.laps)
    for note in comparison.notes:
        say(note)


# --- tables: whole words on a terminal of 80 columns -----------------------------------------------------------------


def print_report(title: str, figures: Mapping[str, Any]) -> None:
    """Print a line for each figure of a report: name, value, unit."""
    print_table(title, ["figure", "value", "unit"], list(_figure_rows(figures)))


def _figure_rows(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    from molsearch.bench.ingestion import figure_text  # torch loads with it

    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}: {key}", figure, unit) for key, figure, unit in _figure_rows(value))
            continue
        suffix = next((suffix for suffix in UNITS if name.endswith(suffix)), "")
        yield name.removesuffix(suffix).replace("_", " "), figure_text(value), UNITS.get(suffix, "")


def print_stages(stages: Mapping[str, float], ceilings: Mapping[str, float]) -> None:
    """Print the speed of each stage beside its ceiling."""
    from molsearch.bench.ceilings import MEANINGS  # torch loads with it

    rows = [
        (name, f"{speed:,.0f}", f"{ceilings[name]:,.0f}", f"{speed / ceilings[name]:.2f}", MEANINGS[name])
        for name, speed in stages.items()
    ]
    columns = ["stage", "speed", "ceiling", "share", "what the ceiling is"]
    print_table("Stages: molecules a core second", columns, rows, right=columns[1:4])


def print_query_steps(steps: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Print how long the steps of one query take, for each kind of query."""
    rows = [
        (kind, step, latency["queries"], f"{latency['median_ms']:,.1f}", f"{latency['p95_ms']:,.1f}")
        for kind, latencies in steps.items()
        for step, latency in latencies.items()
    ]
    columns = ["texts", "step", "timed", "median", "95th percentile"]
    print_table("One query: milliseconds", columns, rows, right=columns[2:])


def print_laps(laps: "Sequence[Lap]") -> None:
    """Print what both sides did, a table for each other side."""
    columns = ["what", "size", "ours", "theirs", "ratio", "agreement"]
    for (beside, unit), lines in groupby(laps, key=lambda lap: (lap.beside, lap.unit)):
        rows = [
            (
                lap.what,
                f"{lap.size:,}",
                f"{lap.ours:,.1f}",
                f"{lap.theirs:,.1f}",
                f"{lap.ratio:.2f}",
                "" if lap.agreement is None else f"{lap.agreement:.3f}",
            )
            for lap in lines
        ]
        print_table(f"Beside {beside}: {unit}", columns, rows, right=columns[1:])
