"""A large library from its file to the first answers, in one log: how fast, how large, how much memory."""

import json
import statistics
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from molsearch.bench.enumeration import write_enumerated
from molsearch.bench.footprint import Footprint, folder_bytes
from molsearch.bench.report import machine, phrases, timed, warm_up
from molsearch.errors import InputError
from molsearch.index.base import library_address, open_index
from molsearch.records import Progress, PropertyRange, Query
from molsearch.screener import Screener
from molsearch.serialization import plain
from molsearch.settings import Settings

NAME = "ingested"
FILTERED = "mass_da"  # the property that the queries are filtered by: the heavier half is left out


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What one run measured.

    Attributes:
        date: UTC day of the run, ISO 8601.
        machine: Processor, cores, memory and system.
        model_id: The model that ran.
        file: Name of the file.
        file_bytes: Its size.
        enumerate_s: Seconds to make its molecules; 0 where the file was there already.
        molecules: Distinct molecules stored.
        rejections: Records that did not become a molecule.
        read_s: Seconds to parse and clean up its records.
        add_s: Seconds to compute vectors and properties and to store them.
        molecules_per_s: ``molecules / (read_s + add_s)``.
        cpu_s: Processor seconds of both, all processes together.
        molecules_per_core_s: ``molecules / cpu_s``, whatever else the machine does.
        peak_mib: Largest resident memory of the process and its children together.
        peak_own_mib: Largest resident memory of the process alone.
        temporary_bytes: Size of the file that molecules wait in between reading and embedding.
        library_bytes: Size of the stored library.
        vector_bytes: Size of its vectors alone.
        queries: Distinct queries timed, each under a filter.
        filtered: Molecules that the filter leaves.
        query_median_ms: Median milliseconds from sentence to ranking.
        query_p95_ms: 95th percentile of the same.
    """

    date: str
    machine: str
    model_id: str
    file: str
    file_bytes: int
    enumerate_s: float
    molecules: int
    rejections: int
    read_s: float
    add_s: float
    molecules_per_s: float
    cpu_s: float
    molecules_per_core_s: float
    peak_mib: float
    peak_own_mib: float
    temporary_bytes: int
    library_bytes: int
    vector_bytes: int
    queries: int
    filtered: int
    query_median_ms: float
    query_p95_ms: float


def ingest_enumerated(settings: Settings, count: int, progress: Progress | None = None) -> Ingestion:
    """Make ``count`` drug-sized molecules, see ``bench.enumeration``, and ingest their file.

    Raises:
        InputError: If there are not so many.
    """
    with TemporaryDirectory(prefix="molsearch-bench-") as folder:
        file = Path(folder) / f"enumerated-{count}.smi"
        _, enumerate_s = timed(lambda: write_enumerated(file, count))
        return replace(ingest(settings, file, progress), enumerate_s=enumerate_s)


def ingest(settings: Settings, file: Path, progress: Progress | None = None) -> Ingestion:
    """Read a file, embed and store its molecules in a temporary folder, and search them under a property filter.

    Args:
        settings: Which model and device; its library folder is left alone.
        file: What to ingest.
        progress: Called during the embedding.

    Raises:
        InputError: If the file cannot be read or holds no molecule.
    """
    with TemporaryDirectory(prefix="molsearch-bench-") as home:
        screener = Screener(replace(settings, home=Path(home)))
        warm_up(screener)
        with Footprint() as footprint:
            read, read_s = timed(lambda: screener.read(file))
            with read as library:
                if not library.molecule_count:
                    raise InputError(f"{file} holds no molecule to measure with; give another file.")
                temporary_bytes = library.temporary_bytes
                info, add_s = timed(lambda: screener.add(library, NAME, progress))
        folder = Path(library_address(screener.settings.libraries, NAME))
        index = open_index(folder, info.model_id)
        lighter = PropertyRange(FILTERED, high=float(np.nanmedian(index.properties(FILTERED))))
        queries = [Query(text, ranges=(lighter,)) for text in phrases()]
        laps = [timed(partial(screener.search, query, NAME))[1] for query in queries]
        return Ingestion(
            date=datetime.now(UTC).date().isoformat(),
            machine=machine(),
            model_id=info.model_id,
            file=file.name,
            file_bytes=file.stat().st_size,
            enumerate_s=0.0,
            molecules=info.molecules,
            rejections=info.rejections,
            read_s=read_s,
            add_s=add_s,
            molecules_per_s=info.molecules / (read_s + add_s),
            cpu_s=footprint.cpu_s,
            molecules_per_core_s=info.molecules / footprint.cpu_s,
            peak_mib=footprint.peak_mib,
            peak_own_mib=footprint.peak_own_mib,
            temporary_bytes=temporary_bytes,
            library_bytes=folder_bytes(folder),
            vector_bytes=index.vectors().nbytes,
            queries=len(laps),
            filtered=index.count([lighter]),
            query_median_ms=1000 * statistics.median(laps),
            query_p95_ms=1000 * statistics.quantiles(laps, n=20)[-1],
        )


def write_log(report: object, path: Path) -> None:
    """Write a report as a table in Markdown where the file's name ends in .md, else as JSON.

    Raises:
        InputError: If the file cannot be written.
    """
    figures = plain(report)
    rows = [f"| {name} | {figure_text(value)} |" for name, value in figures.items()]
    table = "\n".join(["| figure | value |", "|---|---|", *rows, ""])
    text = table if path.suffix.lower() == ".md" else json.dumps(figures, indent=2, allow_nan=False) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another file.") from error


def figure_text(value: object) -> str:
    """Write a figure with as many digits as a reader takes in."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
