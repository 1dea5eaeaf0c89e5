"""Metrics of ranks, their intervals by bootstrap, and how much two systems differ on the same Q queries."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

_RESAMPLES = 2000

#: Value of each metric for each rank; a metric is their mean. Hits in percent, MRR in percent.
METRICS: Mapping[str, Callable[[Floats], Floats]] = {
    "hits@1": lambda ranks: 100.0 * (ranks <= 1),
    "hits@10": lambda ranks: 100.0 * (ranks <= 10),
    "hits@20": lambda ranks: 100.0 * (ranks <= 20),
    "mrr": lambda ranks: 100.0 / ranks,
    "mean_rank": lambda ranks: 1.0 * ranks,
}


def rank_metrics(ranks: Floats) -> dict[str, float]:
    """Compute every row of METRICS from (Q,) ranks."""
    return {name: float(metric(np.asarray(ranks)).mean()) for name, metric in METRICS.items()}


def direction(ranks: Floats, seed: int = 0) -> dict[str, object]:
    """Compute every row of METRICS of (Q,) ranks, and the 95 % interval of Hits@1."""
    interval = bootstrap_interval(METRICS["hits@1"](ranks), seed=seed)
    return {**rank_metrics(ranks), "hits@1_interval": list(interval)}


def both_directions(text_ranks: Floats, molecule_ranks: Floats, seed: int = 0) -> dict[str, object]:
    """Compute ``direction`` of the ranks of molecules for texts and of texts for molecules, (Q,) each."""
    return {"text_to_molecule": direction(text_ranks, seed), "molecule_to_text": direction(molecule_ranks, seed)}


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
    values = METRICS[metric]
    return bootstrap_interval(values(ranks_a) - values(ranks_b), seed=seed, level=level)


def difference(ranks_a: Floats, ranks_b: Floats, seed: int = 0) -> dict[str, dict[str, object]]:
    """Compute, for every row of METRICS, a, b, a minus b and the paired 95 % interval of that difference."""
    metrics_a, metrics_b = rank_metrics(ranks_a), rank_metrics(ranks_b)
    return {
        name: {
            "a": metrics_a[name],
            "b": metrics_b[name],
            "difference": metrics_a[name] - metrics_b[name],
            "interval": list(paired_interval(ranks_a, ranks_b, name, seed=seed)),
        }
        for name in METRICS
    }
