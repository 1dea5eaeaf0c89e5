"""Scores and ranks of a whole file of pairs, against a slow count."""

import numpy as np
import pytest

from molsearch.analysis import pair_ranks as agreeing
from molsearch.analysis.pair_ranks import hits, pair_ranks
from molsearch.errors import Cancelled, InputError
from molsearch.records import Pair


def sample(n: int, seed: int = 0) -> tuple[list[Pair], np.ndarray, np.ndarray]:
    """Pairs whose vectors lie on a grid of halves, so that ties abound and dots are exact; some share a side."""
    rng = np.random.default_rng(seed)
    wording, structure = rng.integers(0, n - 2, n), rng.integers(0, n - 3, n)
    sides = rng.integers(-1, 2, (2, n, 4)).astype(np.float32) / 2
    pairs = [Pair(f"text {w}", "C" * (s + 1)) for w, s in zip(wording, structure, strict=True)]
    return pairs, sides[0][wording], sides[1][structure]


def slow_rank(pairs: list[Pair], scores: np.ndarray, own: int) -> float:
    better = tied = 0
    for other, pair in enumerate(pairs):
        if pair.text == pairs[own].text or pair.smiles == pairs[own].smiles:
            continue
        better += scores[other] > scores[own]
        tied += scores[other] == scores[own]
    return 1 + better + tied / 2


def test_ranks_both_ways_agree_with_a_slow_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreeing, "BLOCK", 7)  # several blocks, the last one short
    pairs, texts, molecules = sample(30)
    ranked = pair_ranks(pairs, texts, molecules)
    forwards, backwards = texts @ molecules.T, molecules @ texts.T
    assert ranked.text_ranks.tolist() == [slow_rank(pairs, forwards[i], i) for i in range(30)]
    assert ranked.molecule_ranks.tolist() == [slow_rank(pairs, backwards[i], i) for i in range(30)]


def test_the_histograms_count_every_combination_once() -> None:
    pairs, texts, molecules = sample(25)
    ranked = pair_ranks(pairs, texts, molecules)
    different = [
        (i, j) for i, a in enumerate(pairs) for j, b in enumerate(pairs) if a.text != b.text and a.smiles != b.smiles
    ]
    assert ranked.matched_counts.sum() == 25 and ranked.mismatched_counts.sum() == len(different)
    cosines = [float(texts[i] @ molecules[j]) for i, j in different]
    assert ranked.mismatched_mean == pytest.approx(np.mean(cosines), abs=1e-5)


def test_a_cosine_beyond_one_by_rounding_is_counted_too() -> None:
    ones = np.full((2, 1), 1.0000001, np.float32)
    ranked = pair_ranks([Pair("a", "C"), Pair("b", "CC")], ones, ones)
    assert ranked.matched_counts[-1] == 2 and ranked.mismatched_counts[-1] == 2


def test_a_caption_of_the_same_molecule_is_no_rival() -> None:
    pairs = [Pair("an alcohol", "CCO"), Pair("ethanol", "CCO"), Pair("an acid", "CC(=O)O")]
    vectors = np.eye(3, dtype=np.float32)
    texts, molecules = vectors[[0, 0, 1]], vectors[[0, 0, 1]]
    ranked = pair_ranks(pairs, texts, molecules)
    assert ranked.text_ranks.tolist() == [1, 1, 1]
    assert ranked.mismatched_counts.sum() == 4  # the acid with either alcohol text, and the other way round


def test_the_worst_pair_comes_first() -> None:
    texts = np.eye(3, dtype=np.float32)
    molecules = texts[[0, 2, 1]]  # the second and third are swapped
    ranked = pair_ranks([Pair(str(n), "C" * (n + 1)) for n in range(3)], texts, molecules)
    assert ranked.worst == [1, 2, 0]
    assert ranked.text_ranks.tolist() == [1, 2.5, 2.5]  # one better, one tied


def test_hits_count_ranks_up_to_k() -> None:
    assert hits(np.array([1, 1.5, 2, 11], np.float32), 1) == 0.25
    assert hits(np.array([1, 1.5, 2, 11], np.float32), 10) == 0.75


def test_comparing_tells_how_far_it_is_and_can_be_stopped() -> None:
    pairs, texts, molecules = sample(10)
    reports: list[tuple[int, int]] = []
    pair_ranks(pairs, texts, molecules, lambda done, total: reports.append((done, total)))
    assert reports == [(10, 10)]

    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        pair_ranks(pairs, texts, molecules, stop)


def test_one_pair_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(InputError, match="1 pairs"):
        pair_ranks([Pair("a", "C")], np.ones((1, 2), np.float32), np.ones((1, 2), np.float32))
