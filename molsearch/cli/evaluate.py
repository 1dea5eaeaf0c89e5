"""The commands that measure a model: ``evaluate`` scores it by one protocol or compares two saved sets of ranks."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from molsearch.cli.terminal import answering, bar, print_json, print_table
from molsearch.errors import InputError
from molsearch.evaluation.registry import CHOICES, Request, users_of

Choice = StrEnum("Choice", list(CHOICES))  # type: ignore[misc]  # the rows of the registry, not known to a type checker
POOL = Choice("pool")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]


def _users(option: str) -> str:
    names = users_of(option)
    return f"(protocol{'s' * (len(names) > 1)} {', '.join(names)})"


def evaluate(
    model: Annotated[Path | None, typer.Option("--model", help="Model folder.")] = None,
    pairs: Annotated[Path | None, typer.Option("--pairs", help="Pairs: TSV with smiles, text and perhaps cid.")] = None,
    text_column: Annotated[str, typer.Option("--text-column", help="Column of the texts.")] = "text",
    pool: Annotated[list[Path] | None, typer.Option("--pool", help="Molecules to rank: TSV with smiles.")] = None,
    protocol: Annotated[Choice, typer.Option("--protocol", help="How to score.")] = POOL,
    training_pairs: Annotated[
        Path | None, typer.Option("--training-pairs", help="What the model was trained on, to tell slices by.")
    ] = None,
    ranks: Annotated[
        Path | None, typer.Option("--ranks", help=f"Also write each query's ranks to this TSV {_users('--ranks')}.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A B", help="Compare two files of --ranks; nothing else is needed then."),
    ] = None,
    baselines: Annotated[
        list[str] | None,
        typer.Option(
            "--baseline",
            metavar="NAME=FOLDER",
            help=f"A model to measure without names {_users('--baseline')}.",
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help=f"Write calibration.toml into the model's folder {_users('--write')}.")
    ] = False,
    sample: Annotated[
        int | None, typer.Option("--sample", help=f"How many pairs to take {_users('--sample')}.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the batches and the bootstrap.")] = 0,
    exact_names: Annotated[bool, typer.Option(help="Lift molecules that a text names exactly.")] = True,
    as_json: Json = False,
) -> None:
    """Measure a model: how high it ranks each text's molecule, and each molecule's text."""
    with answering(as_json):
        if compare:
            from molsearch.evaluation.rank_file import compare as compared

            figures = compared(*compare, seed)
        else:
            if pairs is None:
                raise InputError("There is nothing to measure: give --model FOLDER and --pairs FILE, or --compare A B.")
            given = {
                "--ranks": ranks,
                "--training-pairs": training_pairs,
                "--baseline": baselines,
                "--write": write,
                "--sample": sample is not None,
            }
            _refuse_unused(protocol, [option for option, value in given.items() if value])
            with bar("Evaluating") as progress:
                request = Request(
                    folder=model,
                    pairs=pairs,
                    text_column=text_column,
                    pools=tuple(pool or ()),
                    training_pairs=training_pairs,
                    ranks=ranks,
                    seed=seed,
                    exact_names=exact_names,
                    baselines=dict(map(named_folder, baselines or ())),
                    write=write,
                    sample=sample,
                    progress=progress,
                )
                figures = CHOICES[protocol].measure(request)
        if as_json:
            print_json(figures)
            return
        print_figures("Evaluation", figures)


def _refuse_unused(protocol: str, options: Sequence[str]) -> None:
    for option in options:
        if option not in CHOICES[protocol].options:
            fits = ", ".join(users_of(option))
            raise InputError(f"--protocol {protocol} does not use {option}; leave it out, or choose one of {fits}.")


def named_folder(text: str) -> tuple[str, Path]:
    """Read NAME=FOLDER.

    Raises:
        InputError: If it is not that.
    """
    name, equals, folder = text.partition("=")
    if not (name.strip() and equals and folder.strip()):
        raise InputError(f"Got {text!r}, expected NAME=FOLDER, such as 'words alone=models/words'; write it so.")
    return name.strip(), Path(folder.strip())


def print_figures(title: str, figures: Mapping[str, object]) -> None:
    """Print counts and figures as one table, and each group of them as another."""
    counts = [(name, value) for name, value in figures.items() if not isinstance(value, Mapping)]
    if counts:
        print_table(title, ["figure", "value"], counts)
    for name, group in figures.items():
        if isinstance(group, Mapping):
            print_figures(f"{title} · {name.replace('_', ' ')}", group)
