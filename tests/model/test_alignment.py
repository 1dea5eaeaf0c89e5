"""Ranks, the four distributions and the report, against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from molsearch.errors import InputError
from molsearch.model.alignment import (
    distances,
    distributions,
    divergences,
    ranks,
    report,
    shared_map,
    similarities,
)


def pairs(n: int, width: int = 6, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    texts = rng.normal(size=(n, width)).astype(np.float32)
    return texts, texts + noise * rng.normal(size=(n, width)).astype(np.float32)


@pytest.mark.parametrize(
    ("row", "target", "rank"),
    [
        ([0.9, 0.5, 0.1], 0, 1),
        ([0.9, 0.5, 0.1], 2, 3),
        ([0.9, 0.9, 0.1], 1, 1.5),
        ([0.9, 0.5, 0.5, 0.5], 2, 3),
        ([0.2, 0.2, 0.2, 0.2], 0, 2.5),
    ],
)
@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_rank_counts_ties_half(kind, row: list[float], target: int, rank: float) -> None:  # type: ignore[no-untyped-def]
    assert ranks(kind([row]), kind([target])).tolist() == [rank]


def test_ranks_agree_with_a_slow_count() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, size=(20, 30)) / 4  # few values, so ties abound
    targets = rng.integers(0, 30, size=20)
    slow = []
    for row, target in zip(scores.tolist(), targets, strict=True):
        higher = sum(s > row[target] for s in row)
        tied = sum(s == row[target] for j, s in enumerate(row) if j != target)
        slow.append(1 + higher + tied / 2)
    assert ranks(scores, targets).tolist() == slow


def test_a_score_that_is_no_number_has_no_rank() -> None:
    with pytest.raises(ValueError, match="NaN"):
        ranks(np.array([[0.1, np.nan]]), np.array([0]))


def test_similarities_are_cosines_whatever_the_lengths() -> None:
    s = similarities(torch.tensor([[3.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 1.0], [0.0, -5.0]]))
    half = math.sqrt(0.5)
    torch.testing.assert_close(s.t2m, torch.tensor([[half, 0.0], [half, -1.0]]))
    torch.testing.assert_close(s.m2t, torch.tensor([[half, half], [0.0, -1.0]]))
    torch.testing.assert_close(s.t2t, torch.eye(2))
    torch.testing.assert_close(s.m2m, torch.tensor([[1.0, -half], [-half, 1.0]]))


def test_similarities_refuse_what_is_not_pairs() -> None:
    with pytest.raises(ValueError, match="pairs"):
        similarities(torch.zeros(3, 2), torch.zeros(4, 2))


def test_distances_are_euclidean_between_unit_rows() -> None:
    assert distances(torch.tensor([0.0, -1.0, 0.5])).tolist() == pytest.approx([math.sqrt(2), 2, 1])


def test_distribution_rows_sum_to_1_and_follow_the_temperature() -> None:
    s = similarities(torch.eye(2), torch.eye(2))
    warm, cold = distributions(s, 1.0).t2m[0], distributions(s, 0.5).t2m[0]
    assert warm.tolist() == pytest.approx([math.e / (math.e + 1), 1 / (math.e + 1)])
    assert cold[0].item() == pytest.approx(math.exp(2) / (math.exp(2) + 1))


def test_divergences_stay_finite_at_a_tiny_temperature() -> None:
    texts, molecules = (torch.from_numpy(x) for x in pairs(8, noise=2.0))
    kl = divergences(distributions(similarities(texts, molecules), 1e-3))
    # Worked from the same cosines in float64, where nothing underflows for these sizes of exponent.
    t = torch.nn.functional.normalize(texts, dim=1).double()
    m = torch.nn.functional.normalize(molecules, dim=1).double()
    p, q = torch.log_softmax(m @ m.T / 1e-3, 1), torch.log_softmax(t @ m.T / 1e-3, 1)
    assert kl.m2m_t2m.item() == pytest.approx((p.exp() * (p - q)).sum(1).mean().item(), rel=1e-3)


def test_a_divergence_of_two_rows_by_hand() -> None:
    # Texts at right angles, molecules the same point: M2M rows are (1/2, 1/2), T2T rows softmax(1, 0).
    s = similarities(torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    p = math.e / (math.e + 1)
    expected = 0.5 * math.log(0.5 / p) + 0.5 * math.log(0.5 / (1 - p))
    assert divergences(distributions(s, 1.0)).m2m_t2t.item() == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_of_0_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        distributions(similarities(torch.eye(2), torch.eye(2)), temperature)


def test_report_tells_matched_from_mismatched() -> None:
    seen = report(*pairs(12))
    matched = seen.cosines.t2m.diagonal()
    mismatched = seen.cosines.t2m[~np.eye(12, dtype=bool)]
    assert matched.shape == (12,) and mismatched.shape == (132,)
    assert matched.min() > 0.9 > mismatched.mean()
    assert seen.text_ranks.tolist() == [1] * 12 and seen.molecule_ranks.tolist() == [1] * 12


def test_report_holds_what_the_losses_use() -> None:
    from molsearch.training.losses import second_order

    texts, molecules = pairs(9, noise=1.0)
    terms = second_order(torch.from_numpy(texts), torch.from_numpy(molecules))
    assert report(texts, molecules).divergences == pytest.approx({k: v.item() for k, v in terms.items()})


def test_report_gives_a_chosen_pair_s_four_rows() -> None:
    seen = report(*pairs(7, noise=1.0))
    chosen = seen.of_pair(3)
    for row, matrix in ((chosen.t2t, "t2t"), (chosen.t2m, "t2m"), (chosen.m2m, "m2m"), (chosen.m2t, "m2t")):
        cosines = getattr(seen.cosines, matrix)[3] / seen.temperature
        assert row.tolist() == pytest.approx((np.exp(cosines) / np.exp(cosines).sum()).tolist(), rel=1e-4)


def test_pca_map_keeps_distances_of_points_in_a_plane() -> None:
    flat = np.random.default_rng(1).normal(size=(10, 2))
    lifted = (flat @ np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0][:2]).astype(np.float32)
    texts, molecules = shared_map(lifted[:5], lifted[5:])
    on_map = np.concatenate([texts, molecules])
    for i in range(10):
        for j in range(i):
            assert np.linalg.norm(on_map[i] - on_map[j]) == pytest.approx(np.linalg.norm(flat[i] - flat[j]), rel=1e-3)


def test_tsne_map_is_repeatable_and_covers_both_sides() -> None:
    texts, molecules = pairs(10)
    first, again = (report(texts, molecules, layout="tsne", seed=5) for _ in range(2))
    assert first.text_map.shape == first.molecule_map.shape == (10, 2)
    np.testing.assert_array_equal(first.text_map, again.text_map)


def test_report_leaves_its_input_alone() -> None:
    texts, molecules = pairs(4)
    texts.flags.writeable = molecules.flags.writeable = False
    report(texts, molecules)


@pytest.mark.parametrize("n", [0, 1])
def test_one_pair_cannot_be_compared(n: int) -> None:
    with pytest.raises(InputError, match=f"holds {n} pair"):
        report(*pairs(n))
