"""Pairs in batches: in which order they come, and which of a batch must not count as negatives of each other."""

from collections.abc import Sequence

import numpy as np


def same_pairs(molecules: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Mark what must not count as a negative in a batch: one molecule or one caption twice.

    Args:
        molecules: (N,) number of each pair's molecule.
        texts: (N,) number of each pair's caption.

    Returns:
        (N, N) bool, true on the diagonal.
    """
    same: np.ndarray = (molecules[:, None] == molecules) | (texts[:, None] == texts)
    return same


def batches(
    lengths: Sequence[int], size: int, seed: int, epoch: int = 0, *, bucket: int = 16, drop_last: bool = True
) -> list[np.ndarray]:
    """Order rows into batches of like length, so that little is padding; the same seed and epoch, the same order.

    Args:
        lengths: (N,) length of each row, in tokens or characters.
        size: Rows a batch.
        seed: Of the whole training.
        epoch: Gives each pass its own order.
        bucket: How many batches are filled from one random draw of rows sorted by length; 1 means no bucketing.
        drop_last: Leave out an incomplete batch, since contrastive losses depend on the size.

    Returns:
        Row numbers of each batch, (size,) int64, in random order.
    """
    if size < 1 or bucket < 1:
        raise ValueError(f"size {size} and bucket {bucket} must both be at least 1")
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    cut: list[np.ndarray] = []
    for start in range(0, len(order), size * bucket):
        drawn = order[start : start + size * bucket]
        # Rows of one length stay in drawn order, as the sort is stable.
        drawn = drawn[np.argsort(np.asarray(lengths)[drawn], kind="stable")]
        shift = len(drawn) % size if drop_last else 0
        # The rows left out come from either end at random, so that no length is always missing.
        first = int(rng.integers(shift + 1))
        drawn = drawn[first : len(drawn) - (shift - first)]
        cut += [drawn[i : i + size] for i in range(0, len(drawn), size)]
    return [cut[i] for i in rng.permutation(len(cut))]
