"""The command that measures every figure the project states and writes it where it is stated."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from molsearch.cli.evaluate import Json, named_folder
from molsearch.cli.terminal import answering, bar, print_json, say
from molsearch.errors import InputError
from molsearch.evaluation.registry import TABLES
from molsearch.settings import PROJECT, Settings

README = PROJECT / "README.md"


def figures(
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of chebi20_val, chebi20_pool, pcdes_val and train_pairs .tsv.")
    ] = None,
    libraries: Annotated[
        Path | None, typer.Option("--libraries", help="Folder of the libraries that the short queries rank.")
    ] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Model folder; the one in use, if left out.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="One table; may be repeated.")] = None,
    baselines: Annotated[
        list[str] | None,
        typer.Option("--baseline", metavar="NAME=FOLDER", help="A model to show, read without names; may be repeated."),
    ] = None,
    pcdes: Annotated[
        Path | None, typer.Option("--pcdes-model", help="Model trained with --only pcdes_split=train.")
    ] = None,
    learning: Annotated[
        Path | None, typer.Option("--learning-curve", help="Train on growing shares in this folder (half an hour).")
    ] = None,
    recipe: Annotated[str, typer.Option("--recipe", help="Recipe of the learning curve.")] = "lexical",
    ablation: Annotated[
        Path | None, typer.Option("--ablation", help="Train with one thing changed at a time in this folder (hours).")
    ] = None,
    seeds: Annotated[int, typer.Option("--ablation-seeds", min=1, help="Trainings of each row of the ablation.")] = 3,
    note: Annotated[str, typer.Option("--note", help="What else the machine was doing, for the tables.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Of every draw and bootstrap.")] = 0,
    readme: Annotated[Path, typer.Option("--readme", help="Document whose marked tables are written anew.")] = README,
    as_json: Json = False,
) -> None:
    """Measure the tables of README and model card and write them; without --data, write what was measured last."""
    with answering(as_json):
        from molsearch.evaluation.document import Circumstances, Measurement, record, rewrite_documents

        settings = Settings()
        folder = model or settings.models / settings.model
        given = {"--libraries DIR": libraries, "--learning-curve DIR": learning, "--ablation DIR": ablation}
        names = _names(only or [], data, given)
        if data is not None:
            from molsearch.bench.latency import query_latencies
            from molsearch.bench.report import machine

            when = Circumstances(datetime.now(UTC).date().isoformat(), machine(), note)
            with bar("Measuring") as progress:
                run = Measurement(
                    folder=folder,
                    data=data,
                    libraries=libraries,
                    evaluation=settings.data / "eval",
                    device=settings.device,
                    seed=seed,
                    baselines=dict(map(named_folder, baselines or ())),
                    pcdes=pcdes,
                    progress=progress,
                    latencies=query_latencies,
                    learning=learning,
                    recipe=recipe,
                    ablation=ablation,
                    ablation_seeds=seeds,
                )
                for name in names:
                    say(f"Measuring: {name}.")
                    record(folder, name, TABLES[name].figures(run), when)
        changed = rewrite_documents(folder, [readme])
        if as_json:
            print_json({"measured": names, "written": changed})
            return
        say(f"Measured {len(names)} tables; written anew: {', '.join(map(str, changed)) or 'nothing'}.")


def _names(only: list[str], data: Path | None, given: Mapping[str, Path | None]) -> tuple[str, ...]:
    """Choose the tables to measure: those asked for, else all whose files were given.

    Args:
        only: Tables asked for.
        data: Folder of the pairs.
        given: Folder of each option that some table needs, or None.

    Raises:
        InputError: If one is unknown or lacks its files.
    """
    if unknown := [name for name in only if name not in TABLES]:
        raise InputError(f"There is no table {unknown[0]!r}; choose from {', '.join(TABLES)}.")
    if data is None:
        if only or any(given.values()):
            raise InputError("There is nothing to measure with: give --data DIR, or no option to write tables anew.")
        return ()
    lacking = {name: row.needs for name, row in TABLES.items() if row.needs and not given[row.needs]}
    for name in only:
        if name in lacking:
            raise InputError(f"The table {name!r} needs {lacking[name]}; give it, or leave the table out.")
    left = [f"{name} (needs {option})" for name, option in lacking.items() if not only]
    if left:
        say(f"Left out: {', '.join(left)}.")
    return tuple(name for name in TABLES if (name in only if only else name not in lacking))
