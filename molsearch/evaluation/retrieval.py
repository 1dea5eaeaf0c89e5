"""How well a model finds molecules for texts and texts for molecules: ranks first, then metrics, the pool stated.

Two protocols: ranks against a pool (Text2Mol's, with ties counted half), and accuracy in batches of 64 (PCdes).
Shapes: Q queries (pairs with a text), N molecules of the pool, D width.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molsearch.chem.io.pairs import PairRow, PairTable, read_pairs, read_pool
from molsearch.errors import InputError
from molsearch.evaluation.candidates import Answers, CandidatePool, Floats, Scorer, answer, part
from molsearch.evaluation.targets import find_targets
from molsearch.model.alignment import ranks
from molsearch.records import Progress

_RESAMPLES = 2000

#: Value of each metric for each rank; a metric is their mean. Hits in percent, MRR in percent.
METRICS: Mapping[str, Callable[[Floats], Floats]] = {
    "hits@1": lambda ranks: 100.0 * (ranks <= 1),
    "hits@10": lambda ranks: 100.0 * (ranks <= 10),
    "hits@20": lambda ranks: 100.0 * (ranks <= 20),
    "mrr": lambda ranks: 100.0 / ranks,
    "mean_rank": lambda ranks: 1.0 * ranks,
}


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Ranks of a model on a pair file.

    Attributes:
        pool: Number of molecules ranked, never deduplicated.
        skipped: Rows of the pair file left out because their text is empty.
        text_ranks: (Q,) rank of each text's molecule in the pool.
        molecule_ranks: (Q,) rank of each molecule's text among the texts of the pair file.
        seed: Of the bootstrap.
    """

    pool: int
    skipped: int
    text_ranks: Floats
    molecule_ranks: Floats
    seed: int = 0

    def as_json(self) -> dict[str, object]:
        """Give the figures as one JSON object; hits and MRR in percent."""
        return {
            "pool": self.pool,
            "queries": len(self.text_ranks),
            "skipped": self.skipped,
            "text_to_molecule": direction(self.text_ranks, self.seed),
            "molecule_to_text": direction(self.molecule_ranks, self.seed),
        }


@dataclass(frozen=True, slots=True)
class PcdesEvaluation:
    """Figures of the PCdes protocol, in percent; accuracy inside batches, recall over the whole file."""

    pool: int
    skipped: int
    seed: int
    batches: int
    text_accuracy: float
    molecule_accuracy: float
    text_recall: float
    molecule_recall: float

    def as_json(self) -> dict[str, object]:
        """Give the figures as one JSON object."""
        return {
            "pool": self.pool,
            "queries": self.pool,
            "skipped": self.skipped,
            "seed": self.seed,
            "batches": self.batches,
            "text_to_molecule": {"accuracy": self.text_accuracy, "recall@20": self.text_recall},
            "molecule_to_text": {"accuracy": self.molecule_accuracy, "recall@20": self.molecule_recall},
        }


def rank_metrics(found: Floats) -> dict[str, float]:
    """Compute every row of METRICS from (Q,) ranks."""
    return {name: float(of(np.asarray(found)).mean()) for name, of in METRICS.items()}


def direction(found: Floats, seed: int = 0) -> dict[str, object]:
    """Give every row of METRICS of (Q,) ranks, and the 95 % interval of Hits@1."""
    interval = bootstrap_interval(METRICS["hits@1"](found), seed=seed)
    return {**rank_metrics(found), "hits@1_interval": list(interval)}


def bootstrap_interval(values: Floats, *, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Estimate where the mean of (Q,) values lies: percentile bootstrap over 2000 resamples of the queries."""
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(len(values), size=len(values))].mean() for _ in range(_RESAMPLES)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_interval(
    ranks_a: Floats, ranks_b: Floats, metric: str = "hits@1", *, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Estimate how much system a's metric exceeds system b's, query by query on the same queries.

    Args:
        ranks_a: (Q,) ranks of one system.
        ranks_b: (Q,) ranks of the other, of the same queries in the same order.
        metric: A row of METRICS.
        seed: Of the bootstrap.
        level: Of the interval.

    Returns:
        Bounds of a minus b in the metric's unit; where 0 lies outside them, the systems differ.

    Raises:
        ValueError: If the systems did not answer as many queries.
    """
    if len(ranks_a) != len(ranks_b):
        raise ValueError(f"{len(ranks_a)} ranks against {len(ranks_b)}: both systems must answer the same queries")
    of = METRICS[metric]
    return bootstrap_interval(of(ranks_a) - of(ranks_b), seed=seed, level=level)


def evaluate(
    model: Scorer,
    pairs_file: Path,
    pool_file: Path,
    text_column: str = "text",
    *,
    exact_names: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Rank the whole pool for each text, and the file's texts for each molecule.

    A pair's molecule is found in the pool by cid where both files have it, else by key. Rows with an empty text are
    skipped and counted. Molecule to text uses the same scores, read by column.

    Raises:
        InputError: If a file cannot be read, holds no text, or a pair's molecule is not in the pool.
    """
    table, answers, pool = answer_file(model, pairs_file, pool_file, text_column, progress)
    return evaluation(table, answers, pool, exact_names=exact_names, seed=seed)


def evaluation(
    table: PairTable, answers: Answers, pool: CandidatePool, *, exact_names: bool, seed: int = 0
) -> Evaluation:
    """Take the headline figures from what a model made of a file."""
    chosen = answers.ranks(exact_names)
    return Evaluation(len(pool), len(table.rows) - len(answers.rows), chosen.text, chosen.molecule, seed)


def answer_file(
    model: Scorer, pairs_file: Path, pool_file: Path, text_column: str = "text", progress: Progress | None = None
) -> tuple[PairTable, Answers, CandidatePool]:
    """Rank a pool file for each text of a pair file; ``evaluate`` without the figures.

    Raises:
        InputError: As ``evaluate``.
    """
    table, molecules = read_pairs(pairs_file, text_column), read_pool(pool_file)
    rows = with_text(table, text_column)
    targets = find_targets(rows, table.name, molecules)
    total = len(rows) + 2 * len(molecules.rows)  # molecules, texts, and the molecules' keys
    pool = CandidatePool(model, molecules.rows, part(progress, 0, total))
    return table, answer(model, rows, pool, targets, part(progress, len(pool), total)), pool


def evaluate_pcdes(
    model: Scorer,
    pairs_file: Path,
    text_column: str = "text",
    *,
    seed: int = 0,
    size: int = 64,
    exact_names: bool = True,
    progress: Progress | None = None,
) -> PcdesEvaluation:
    """Score a file by the PCdes protocol (KV-PLM): its own molecules are the pool.

    Accuracy is the share of pairs ranked first inside seeded random batches, the last left out if incomplete;
    Recall@20 is over the whole file. Ties count half a rank, so a tied first place is no hit.

    Raises:
        InputError: If the file cannot be read or has fewer texts than one batch.
    """
    table = read_pairs(pairs_file, text_column)
    rows = with_text(table, text_column)
    if len(rows) < size:
        raise InputError(
            f"{table.name} has {len(rows)} texts, but the pcdes protocol needs a batch of {size}; add more."
        )
    total = 3 * len(rows)
    pool = CandidatePool(model, rows, part(progress, 0, total))
    found = answer(model, rows, pool, np.arange(len(rows)), part(progress, len(rows), total)).ranks(exact_names)
    order = np.random.default_rng(seed).permutation(len(rows))
    batches = [order[i : i + size] for i in range(0, len(rows) - size + 1, size)]
    inside = [found.own[np.ix_(batch, batch)] for batch in batches]  # each (size, size)
    own = np.arange(size)
    return PcdesEvaluation(
        pool=len(rows),
        skipped=len(table.rows) - len(rows),
        seed=seed,
        batches=len(batches),
        text_accuracy=_share(np.concatenate([ranks(s, own) for s in inside]), 1),
        molecule_accuracy=_share(np.concatenate([ranks(s.T, own) for s in inside]), 1),
        text_recall=_share(found.text, 20),
        molecule_recall=_share(found.molecule, 20),
    )


def with_text(table: PairTable, text_column: str) -> tuple[PairRow, ...]:
    """Leave out the rows without a text.

    Raises:
        InputError: If no row has one.
    """
    rows = tuple(row for row in table.rows if not row.empty)
    if not rows:
        raise InputError(f"Column {text_column!r} of {table.name} is empty in every row; choose one that holds texts.")
    return rows


def _share(found: Floats, cutoff: int) -> float:
    return float(100.0 * (found <= cutoff).mean())
