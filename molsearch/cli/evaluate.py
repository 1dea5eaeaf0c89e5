"""The commands that measure a model: ``evaluate`` scores it by one protocol or compares two saved sets of ranks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molsearch.cli.terminal import answering, bar, print_json, print_table
from molsearch.errors import InputError
from molsearch.records import Progress
from molsearch.settings import Settings

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder


class Protocol(StrEnum):
    """How ``evaluate`` scores."""

    POOL = "pool"
    PCDES = "pcdes"
    QUERIES = "queries"
    ROLES = "roles"
    BASELINES = "baselines"
    MISSES = "misses"
    CONCEPTS = "concepts"
    CALIBRATION = "calibration"
    EXPLANATIONS = "explanations"
    RERANKER = "reranker"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What ``evaluate`` was asked to do, beside the protocol."""

    folder: Path | None
    pairs: Path
    text_column: str
    pools: tuple[Path, ...]
    training_pairs: Path | None
    ranks: Path | None
    seed: int
    exact_names: bool
    baselines: Mapping[str, Path]
    write: bool
    sample: int | None

    def model(self) -> "DualEncoder":
        """Load the model to measure.

        Raises:
            InputError: If none was given.
        """
        from molsearch.model.dual import DualEncoder

        if self.folder is None:
            raise InputError("There is no model to measure: give --model FOLDER.")
        return DualEncoder.load(self.folder, Settings().device)

    def pool(self) -> Path:
        """Give the one pool that most protocols rank.

        Raises:
            InputError: If there is none or more than one.
        """
        self.some_pool()
        if len(self.pools) > 1:
            raise InputError(f"This protocol ranks one pool, got {len(self.pools)}; give --pool once.")
        return self.pools[0]

    def some_pool(self) -> None:
        """Refuse to go on without a pool.

        Raises:
            InputError: If there is none.
        """
        if not self.pools:
            raise InputError("There is no pool to rank: give --pool FILE, or --protocol pcdes, which needs none.")


def _pool(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation import slices
    from molsearch.evaluation.rank_file import write_ranks
    from molsearch.evaluation.retrieval import answer_file, evaluation

    if asked.ranks and not asked.ranks.parent.is_dir():  # seen now, not after minutes of computing
        raise InputError(f"{asked.ranks.parent} is no folder, so {asked.ranks.name} cannot be written; make it first.")
    seen = slices.read_seen(asked.training_pairs) if asked.training_pairs else None
    table, answers, pool = answer_file(asked.model(), asked.pairs, asked.pool(), asked.text_column, progress)
    names = slices.names_in(asked.pairs, table, answers.rows)
    parts = slices.slices_of(table, answers, slices.names_itself(answers, pool, names), seen)
    if asked.ranks:
        write_ranks(asked.ranks, answers, parts, asked.exact_names)
    whole = evaluation(table, answers, pool, exact_names=asked.exact_names, seed=asked.seed)
    return {**whole.as_json(), "slices": slices.figures(answers, parts, asked.exact_names, asked.seed)}


def _pcdes(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation.retrieval import evaluate_pcdes

    return evaluate_pcdes(
        asked.model(), asked.pairs, asked.text_column, seed=asked.seed, exact_names=asked.exact_names, progress=progress
    ).as_json()


def _queries(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation.short_queries import evaluate_queries

    asked.some_pool()
    return evaluate_queries(asked.model(), asked.pairs, asked.pools, progress)


def _roles(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation.role_queries import evaluate_roles

    return evaluate_roles(
        asked.model(), asked.pairs, asked.text_column, seed=asked.seed, exact_names=asked.exact_names, progress=progress
    )


def _baselines(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation.baselines import evaluate_baselines

    if asked.training_pairs is None:
        raise InputError("Baselines search the training captions: give --training-pairs FILE.")
    files = (asked.pairs, asked.pool(), asked.training_pairs)
    return evaluate_baselines(*files, asked.text_column, models=asked.baselines, seed=asked.seed, progress=progress)


def _misses(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation.error_analysis import miss_figures
    from molsearch.evaluation.retrieval import answer_file

    _, answers, pool = answer_file(asked.model(), asked.pairs, asked.pool(), asked.text_column, progress)
    return miss_figures(answers, pool, exact_names=asked.exact_names, seed=asked.seed)


def _concepts(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.analysis.study import AlignmentStudy
    from molsearch.evaluation.concepts import evaluate_concepts

    model = asked.model()
    typical = AlignmentStudy(lambda: model, Settings()).example_smiles()
    return evaluate_concepts(model, asked.pairs, asked.text_column, typical, progress)


def _calibration(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation.calibration.fit import calibrate, figures
    from molsearch.search.calibration import write_calibration

    model, queries = asked.model(), Settings().data / "eval"
    found = calibrate(model, asked.pairs, asked.pool(), queries, asked.text_column, seed=asked.seed, progress=progress)
    written = {"written": str(write_calibration(found, model.folder))} if asked.write and model.folder else {}
    return {**written, **figures(found)}


def _explanations(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation.faithfulness import PAIRS, evaluate_explanations

    sample = PAIRS if asked.sample is None else asked.sample
    return evaluate_explanations(
        asked.model(), asked.pairs, asked.text_column, sample=sample, seed=asked.seed, progress=progress
    )


def _reranker(asked: Asked, progress: Progress) -> dict[str, object]:
    from molsearch.evaluation.reranker import evaluate_reranker

    return evaluate_reranker(
        asked.model(),
        asked.pairs,
        asked.pool(),
        asked.text_column,
        sample=asked.sample,
        seed=asked.seed,
        exact_names=asked.exact_names,
        progress=progress,
    )


#: What each protocol measures.
PROTOCOLS: Mapping[Protocol, Callable[[Asked, Progress], dict[str, object]]] = {
    Protocol.POOL: _pool,
    Protocol.PCDES: _pcdes,
    Protocol.QUERIES: _queries,
    Protocol.ROLES: _roles,
    Protocol.BASELINES: _baselines,
    Protocol.MISSES: _misses,
    Protocol.CONCEPTS: _concepts,
    Protocol.CALIBRATION: _calibration,
    Protocol.EXPLANATIONS: _explanations,
    Protocol.RERANKER: _reranker,
}


#: Options that some protocols alone use.
USED: Mapping[str, frozenset[Protocol]] = {
    "--ranks": frozenset({Protocol.POOL}),
    "--training-pairs": frozenset({Protocol.POOL, Protocol.BASELINES}),
    "--baseline": frozenset({Protocol.BASELINES}),
    "--write": frozenset({Protocol.CALIBRATION}),
    "--sample": frozenset({Protocol.EXPLANATIONS, Protocol.RERANKER}),
}


def _refuse_what_is_not_used(protocol: Protocol, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value and protocol not in USED[option]:
            fits = ", ".join(sorted(USED[option]))
            raise InputError(f"--protocol {protocol} does not use {option}; leave it out, or choose one of {fits}.")


def evaluate(
    model: Annotated[Path | None, typer.Option("--model", help="Model folder.")] = None,
    pairs: Annotated[Path | None, typer.Option("--pairs", help="Pairs: TSV with smiles, text and perhaps cid.")] = None,
    text_column: Annotated[str, typer.Option("--text-column", help="Column of the texts.")] = "text",
    pool: Annotated[list[Path] | None, typer.Option("--pool", help="Molecules to rank: TSV with smiles.")] = None,
    protocol: Annotated[Protocol, typer.Option("--protocol", help="How to score.")] = Protocol.POOL,
    training_pairs: Annotated[
        Path | None, typer.Option("--training-pairs", help="What the model was trained on, to tell slices by.")
    ] = None,
    ranks: Annotated[
        Path | None, typer.Option("--ranks", help="Also write each query's ranks to this TSV (protocol pool).")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A B", help="Compare two files of --ranks; nothing else is needed then."),
    ] = None,
    baselines: Annotated[
        list[str] | None,
        typer.Option(
            "--baseline", metavar="NAME=FOLDER", help="A model to measure without names (protocol baselines)."
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write calibration.toml into the model's folder (protocol calibration).")
    ] = False,
    sample: Annotated[
        int | None, typer.Option("--sample", help="How many pairs to take (protocols explanations, reranker).")
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
            _refuse_what_is_not_used(
                protocol,
                {
                    "--ranks": ranks,
                    "--training-pairs": training_pairs,
                    "--baseline": baselines,
                    "--write": write,
                    "--sample": sample is not None,
                },
            )
            given = dict(map(named_folder, baselines or ()))
            pools = tuple(pool or ())
            asked = Asked(
                model, pairs, text_column, pools, training_pairs, ranks, seed, exact_names, given, write, sample
            )
            with bar("Evaluating") as progress:
                figures = PROTOCOLS[protocol](asked, progress)
        if as_json:
            print_json(figures)
            return
        print_figures("Evaluation", figures)


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
