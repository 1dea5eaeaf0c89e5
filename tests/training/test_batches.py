"""The order of batches, and which pairs of one must not count as negatives."""

import numpy as np
import pytest

from molsearch.training.batches import batches, same_pairs

LENGTHS = np.random.default_rng(0).integers(1, 500, size=1003).tolist()


def test_every_row_comes_once_when_nothing_is_dropped() -> None:
    assert sorted(np.concatenate(batches(LENGTHS, 32, 1, drop_last=False)).tolist()) == list(range(1003))


def test_dropping_keeps_full_batches_of_distinct_rows() -> None:
    cut = batches(LENGTHS, 32, 1)
    assert [len(b) for b in cut] == [32] * (1003 // 32)
    assert len(set(np.concatenate(cut).tolist())) == 32 * (1003 // 32)


def test_rows_dropped_differ_between_epochs() -> None:
    left_out = [set(range(1003)) - set(np.concatenate(batches(LENGTHS, 32, 1, epoch)).tolist()) for epoch in range(4)]
    assert len(set.union(*left_out)) > len(left_out[0])


def test_seed_and_epoch_decide_the_order() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(batches(LENGTHS, 32, seed, epoch)).tolist()  # type: ignore[no-any-return]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3) and order(1, 2) != order(2, 2)


def test_bucketing_saves_padding() -> None:
    def padded(bucket: int) -> int:
        return sum(len(b) * max(LENGTHS[i] for i in b) for b in batches(LENGTHS, 32, 1, bucket=bucket))

    assert padded(16) < 0.75 * padded(1)


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="size 0"):
        batches(LENGTHS, 0, 1)


# --- what must not count as a negative -----------------------------------------------------------------------------


def test_same_pairs_marks_shared_molecules_and_shared_captions() -> None:
    molecules = np.unique(["C", "C", "CC", "CO"], return_inverse=True)[1]
    texts = np.unique(["a gas", "methane", "a gas", "an alcohol"], return_inverse=True)[1]
    marked = same_pairs(molecules, texts)
    expected = np.eye(4, dtype=bool)
    for i, j in ((0, 1), (0, 2)):
        expected[i, j] = expected[j, i] = True
    np.testing.assert_array_equal(marked, expected)
