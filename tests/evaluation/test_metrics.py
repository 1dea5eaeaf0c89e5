"""Metrics of ranks by hand, and the width of their intervals."""

import math

import numpy as np
import pytest

from molsearch.evaluation.metrics import bootstrap_interval, difference, paired_interval, rank_metrics


def test_metrics_of_ranks_by_hand() -> None:
    assert rank_metrics(np.array([1, 1.5, 10, 20, 100])) == pytest.approx(
        {
            "hits@1": 20,
            "hits@10": 60,
            "hits@20": 80,
            "mrr": 20 * (1 + 1 / 1.5 + 0.1 + 0.05 + 0.01),
            "mean_rank": 26.5,
        }
    )


def test_bootstrap_of_a_share_has_the_binomial_s_width() -> None:
    values = np.repeat([0.0, 100.0], [800, 200])
    low, high = bootstrap_interval(values)
    half = 100 * 1.96 * math.sqrt(0.2 * 0.8 / 1000)
    assert (low, high) == pytest.approx((20 - half, 20 + half), abs=0.4)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(values, seed=1) != (low, high)


def test_a_paired_interval_sees_what_separate_ones_miss() -> None:
    # Half the queries are hard for both; system a wins 3 in 100 and never loses.
    ranks_b = np.repeat([1.0, 50.0], [500, 500])
    ranks_a = ranks_b.copy()
    ranks_a[500:530] = 1
    low, high = paired_interval(ranks_a, ranks_b)
    assert 0 < low < 3 < high
    assert paired_interval(ranks_b, ranks_b) == (0, 0)
    assert bootstrap_interval(100.0 * (ranks_b <= 1))[1] > bootstrap_interval(100.0 * (ranks_a <= 1))[0]


def test_a_paired_interval_needs_the_same_queries() -> None:
    with pytest.raises(ValueError, match="same queries"):
        paired_interval(np.ones(3), np.ones(4))


def test_a_system_does_not_differ_from_itself() -> None:
    ranks = np.array([1, 4, 9.0])
    assert all(metric["interval"] == [0, 0] for metric in difference(ranks, ranks).values())
