"""The command that repeats a ranking: ``repeat`` asks again what a run manifest says, and compares to the last bit."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from molsearch.cli.options import read_tested
from molsearch.cli.terminal import answering, bar, print_json, say
from molsearch.report.repeat import Repetition, repeat, share_sums_as
from molsearch.report.run import RunManifest
from molsearch.report.run_file import find_run
from molsearch.screener import Screener
from molsearch.settings import Settings

FRESH = "repeated"  # name of the library that --file makes in a temporary folder


def repeat_command(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="Run manifest, or an export that holds it.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="Read and embed this file anew instead of the stored library.")
    ] = None,
    library: Annotated[str, typer.Option("--library", help="Stored library, where its name has changed.")] = "",
    tested: Annotated[
        Path | None,
        typer.Option("--tested", help="File of tested compounds, where the manifest holds their hash only."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Repeat the ranking of MANIFEST and say whether it is the same bit for bit, or what differs.

    Exit status: 0 the same, 3 another model, 4 another library, 5 another ranking by the same model and library.
    """
    with answering(as_json):
        run = find_run(manifest)
        share_sums_as(run)  # vectors made on another count of threads could differ in a bit
        made = (
            _with_file(run, file, tested) if file else _repeated(run, Screener(), library or run.library.name, tested)
        )
        if as_json:
            print_json({"status": made.status, "repetition": made})
        else:
            for sentence in made.sentences:
                say(sentence)
    raise typer.Exit(made.status)


def _with_file(run: RunManifest, file: Path, tested: Path | None) -> Repetition:
    """Repeat on a library that is made of a file and goes away afterwards."""
    with TemporaryDirectory() as home:
        screener = Screener(replace(Settings(), home=Path(home)))
        with bar("Reading") as progress:
            read = screener.read(file, progress=progress)
        with read, bar("Embedding") as progress:
            screener.add(read, FRESH, progress)
        return _repeated(run, screener, FRESH, tested)


def _repeated(run: RunManifest, screener: Screener, library: str, tested: Path | None) -> Repetition:
    listed = read_tested(screener, tested) if tested else None
    with bar("Searching") as progress:
        return repeat(run, screener, library, listed, progress)
