"""The large forms of ``bench``: a library enumerated and ingested, and a search among made-up vectors."""

from pathlib import Path

from molsearch.settings import Settings
from molsearch.terminal import bar, plain, print_json, print_table


def measure_large(settings: Settings, count: int | None, rows: int | None, log: Path | None, as_json: bool) -> None:
    """Measure what was asked for, print the figures, and write them to a log.

    Args:
        settings: Which model and device.
        count: Molecules to make and ingest; None for none.
        rows: Vectors to search; None for none.
        log: A .json or .md file, or None.
        as_json: Whether to print one JSON object.

    Raises:
        InputError: If a number is too large or too small, or the log cannot be written.
    """
    from molsearch.haystack import measure_search
    from molsearch.ingestion import ingest_enumerated, write_log  # torch loads with these
    from molsearch.model.dual import DualEncoder

    reports: dict[str, object] = {}
    if count is not None:
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
