"""The command that measures every figure the project states and writes it where it is stated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molsearch.cli.evaluate import Json, named_folder
from molsearch.cli.terminal import answering, bar, print_json, say
from molsearch.errors import InputError
from molsearch.serialization import plain
from molsearch.settings import PROJECT, Settings

if TYPE_CHECKING:  # torch loads with this
    from molsearch.evaluation.document import Measurement

TIMES, CURVE, QUERIES, ABLATION = "times", "learning curve", "queries", "ablation"
OPTIONAL = (QUERIES, CURVE, ABLATION)  # tables that need an option of their own
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
        lacking = {
            QUERIES: "" if libraries else "--libraries DIR",
            CURVE: "" if learning else "--learning-curve DIR",
            ABLATION: "" if ablation else "--ablation DIR",
        }
        names = _names(only or [], data, {name: option for name, option in lacking.items() if option})
        if data is not None:
            from molsearch.bench.report import machine

            given = dict(map(named_folder, baselines or ()))
            when = Circumstances(datetime.now(UTC).date().isoformat(), machine(), note)
            with bar("Measuring") as progress:
                run = Measurement(
                    folder, data, libraries, settings.data / "eval", settings.device, seed, given, pcdes, progress
                )
                for name in names:
                    say(f"Measuring: {name}.")
                    record(folder, name, _measured(name, run, Trainings(learning, recipe, ablation, seeds)), when)
        changed = rewrite_documents(folder, [readme])
        if as_json:
            print_json({"measured": names, "written": changed})
            return
        say(f"Measured {len(names)} tables; written anew: {', '.join(map(str, changed)) or 'nothing'}.")


@dataclass(frozen=True, slots=True)
class Trainings:
    """Where the tables that train models keep them: folders, or None where a table was not asked for.

    Attributes:
        curve: Of the learning curve.
        recipe: Its recipe.
        ablation: Of the ablation.
        seeds: Trainings of each row of the ablation.
    """

    curve: Path | None
    recipe: str
    ablation: Path | None
    seeds: int


def _names(only: list[str], data: Path | None, lacking: Mapping[str, str]) -> tuple[str, ...]:
    """Choose the tables to measure: those asked for, else all whose files were given.

    Args:
        only: Tables asked for.
        data: Folder of the pairs.
        lacking: Tables that cannot be measured, with the option that each needs.

    Raises:
        InputError: If one is unknown or lacks its files.
    """
    from molsearch.evaluation.figure_tables import TABLES

    if unknown := [name for name in only if name not in TABLES]:
        raise InputError(f"There is no table {unknown[0]!r}; choose from {', '.join(TABLES)}.")
    if data is None:
        if only or len(lacking) < len(OPTIONAL):
            raise InputError("There is nothing to measure with: give --data DIR, or no option to write tables anew.")
        return ()
    for name in only:
        if name in lacking:
            raise InputError(f"The table {name!r} needs {lacking[name]}; give it, or leave the table out.")
    left = [f"{name} (needs {option})" for name, option in lacking.items() if not only]
    if left:
        say(f"Left out: {', '.join(left)}.")
    return tuple(name for name in TABLES if (name in only if only else name not in lacking))


def _measured(name: str, run: "Measurement", trainings: Trainings) -> Mapping[str, Any]:
    from molsearch.evaluation.document import MEASURES

    validation = run.data / "chebi20_val.tsv"
    if name == TIMES:
        from molsearch.bench.latency import query_latencies

        kinds: dict[str, Any] = plain(query_latencies(run.model, run.evaluation, validation, seed=run.seed))
        below = "Grounding is names to structures and classes, exact names included; encoding is the network."
        return {"kinds": kinds, "below": below}
    files = (run.data / "train_pairs.tsv", validation, run.data / "chebi20_pool.tsv")
    if name == CURVE and trainings.curve:
        from molsearch.evaluation.learning_curve import learning_curve

        told = learning_curve(trainings.recipe, *files, trainings.curve, seed=run.seed, progress=run.progress)
        below = (
            f"Recipe `{told['recipe']}`, masked texts, molecules drawn at random; the last row extends the line of "
            "Hits@1 against the logarithm of the ChEBI-20 molecules to the whole training split (95 % of single runs)."
        )
        return {**told, "below": below}
    if name == ABLATION and trainings.ablation:
        from molsearch.evaluation.ablation import FIRST_SEED, ablate

        seeds = range(FIRST_SEED, FIRST_SEED + trainings.seeds)
        told = ablate(*files, trainings.ablation, seeds=seeds, progress=run.progress)
        below = (
            f"Recipe `{told['recipe']}`, {told['epochs']} epochs over {told['captions']:,} captions, on small encoders "
            "that read words and atoms alone: no names, no evidence, no query bank; masked texts, plain cosine, pool "
            f"{told['pool']:,}, mean ± standard deviation where there are several seeds. The rows compare with one "
            "another, not with the shipped model."
        )
        return {**told, "below": below}
    return MEASURES[name](run)
