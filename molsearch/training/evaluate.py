"""How well a model finds molecules for texts and texts for molecules: ranks first, then metrics, the pool stated.

Two protocols: ranks against a pool (Text2Mol's, with ties counted half), and accuracy in batches of 64 (PCdes).
Shapes: Q queries (pairs with a text), N molecules of the pool, D width.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from molsearch.alignment import ranks
from molsearch.errors import InputError
from molsearch.records import Progress
from molsearch.training.pairs import Row, Table, find_targets, keys, read_pairs, read_pool

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

#: Queries scored at once: 256 x 33,010 float32 are 34 MB.
_CHUNK = 256
_RESAMPLES = 2000

#: Value of each metric for each rank; a metric is their mean. Hits in percent, MRR in percent.
METRICS: Mapping[str, Callable[[Floats], Floats]] = {
    "hits@1": lambda ranks: 100.0 * (ranks <= 1),
    "hits@10": lambda ranks: 100.0 * (ranks <= 10),
    "hits@20": lambda ranks: 100.0 * (ranks <= 20),
    "mrr": lambda ranks: 100.0 / ranks,
    "mean_rank": lambda ranks: 1.0 * ranks,
}


class Named(Protocol):
    """A structure that a text names: a molecule of this key gets this bonus."""

    @property
    def key(self) -> str: ...
    @property
    def bonus(self) -> float: ...


class Scorer(Protocol):
    """What is asked of a model: score = cosine + the molecule's constant + the bonus of its exact name."""

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Encode texts: (Q, D) unit rows."""

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Encode molecules: (N, D) unit rows."""

    def constants(self, vectors: np.ndarray) -> np.ndarray:
        """Give each molecule's constant, (N,)."""

    def named_structures(self, text: str) -> Sequence[Named]:
        """Find the structures that a text names."""


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
            "text_to_molecule": self._direction(self.text_ranks),
            "molecule_to_text": self._direction(self.molecule_ranks),
        }

    def _direction(self, found: Floats) -> dict[str, object]:
        interval = bootstrap_interval(METRICS["hits@1"](found), seed=self.seed)
        return {**rank_metrics(found), "hits@1_interval": list(interval)}


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
    table, pool = read_pairs(pairs_file, text_column), read_pool(pool_file)
    rows = _with_text(table, text_column)
    targets = find_targets(rows, table.name, pool)
    text_ranks, own = _ranks(model, rows, pool.rows, targets, exact_names, progress)
    molecule_ranks = ranks(own.T, np.arange(len(rows)))
    return Evaluation(len(pool.rows), len(table.rows) - len(rows), text_ranks, molecule_ranks, seed)


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
    rows = _with_text(table, text_column)
    if len(rows) < size:
        raise InputError(
            f"{table.name} has {len(rows)} texts, but the pcdes protocol needs a batch of {size}; add more."
        )
    text_ranks, scores = _ranks(model, rows, rows, np.arange(len(rows)), exact_names, progress)
    order = np.random.default_rng(seed).permutation(len(rows))
    batches = [order[i : i + size] for i in range(0, len(rows) - size + 1, size)]
    inside = [scores[np.ix_(batch, batch)] for batch in batches]  # each (size, size)
    own = np.arange(size)
    return PcdesEvaluation(
        pool=len(rows),
        skipped=len(table.rows) - len(rows),
        seed=seed,
        batches=len(batches),
        text_accuracy=_share(np.concatenate([ranks(s, own) for s in inside]), 1),
        molecule_accuracy=_share(np.concatenate([ranks(s.T, own) for s in inside]), 1),
        text_recall=_share(text_ranks, 20),
        molecule_recall=_share(ranks(scores.T, np.arange(len(rows))), 20),
    )


def _with_text(table: Table, text_column: str) -> tuple[Row, ...]:
    rows = tuple(row for row in table.rows if not row.empty)
    if not rows:
        raise InputError(f"Column {text_column!r} of {table.name} is empty in every row; choose one that holds texts.")
    return rows


def _ranks(
    model: Scorer,
    rows: Sequence[Row],
    pool: Sequence[Row],
    targets: Ints,
    exact_names: bool,
    progress: Progress | None,
) -> tuple[Floats, Floats]:
    """Rank the pool for each text: (Q,) ranks, and (Q, Q) scores of the texts against the pairs' own molecules."""
    total = len(rows) + 2 * len(pool)  # texts, molecules, and the molecules' keys
    texts = model.encode_texts([row.text for row in rows], _part(progress, 0, total))  # (Q, D)
    molecules = model.encode_molecules([row.smiles for row in pool], _part(progress, len(rows), total))  # (N, D)
    constants = model.constants(molecules)  # (N,)
    after = _part(progress, len(rows) + len(pool), total)
    bonuses = _bonuses(model, rows, pool, after) if exact_names else [{}] * len(rows)
    found, own = [], []
    for start in range(0, len(rows), _CHUNK):
        scores = texts[start : start + _CHUNK] @ molecules.T + constants  # (chunk, N)
        for line, lifted in zip(scores, bonuses[start : start + _CHUNK], strict=True):
            for number, bonus in lifted.items():
                line[number] += bonus
        found.append(ranks(scores, targets[start : start + _CHUNK]))
        own.append(scores[:, targets])
    if progress:
        progress(total, total)
    return np.concatenate(found), np.concatenate(own)


def _bonuses(
    model: Scorer, rows: Sequence[Row], pool: Sequence[Row], progress: Progress | None
) -> list[dict[int, float]]:
    """Look up, for each text, which rows of the pool it names and by how much that lifts them."""
    named = [model.named_structures(row.text) for row in rows]
    numbers: dict[str, list[int]] = {}
    # Cleaning a large pool takes half a minute, so it is left out where no text names anything.
    for number, key in enumerate(keys(pool, progress) if any(named) else ()):
        numbers.setdefault(key, []).append(number)
    return [dict(_lifts(structures, numbers)) for structures in named]


def _lifts(structures: Sequence[Named], numbers: Mapping[str, Sequence[int]]) -> Iterator[tuple[int, float]]:
    """Yield the pool rows that the structures name; one named twice is lifted once, by the larger bonus."""
    for structure in sorted(structures, key=lambda structure: structure.bonus):
        for number in numbers.get(structure.key, ()):
            yield number, structure.bonus


def _share(found: Floats, cutoff: int) -> float:
    return float(100.0 * (found <= cutoff).mean())


def _part(progress: Progress | None, before: int, whole: int) -> Progress | None:
    """Let a step report its share of a longer one."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(before + done, whole)

    return report
