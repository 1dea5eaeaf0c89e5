"""The exact scan: dot products of one vector with every kept row, and the best of them.

Two passes. The first reads the stored matrix block by block in float32, a thread for each core; its sums depend in
their last bits on where a row stands in a block. The second computes the rows that could be among the best again in
float64, each on its own, so that equal vectors get equal scores and ties fall by row order whatever the filter was.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError
from molsearch.index.batch import Floats, Rows
from molsearch.index.exact.halves import widener

Matrix = npt.NDArray[np.float16] | npt.NDArray[np.float32]

BLOCK_ROWS = 512  # a block of 512 x 256 stays in the processor's second-level cache
SHARE_ROWS = 32_768  # rows that a thread takes at once
THREADS = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
_EPSILON = float(np.finfo(np.float32).eps)


def dots(matrix: Matrix, query: Floats, rows: Rows | None = None) -> Floats:
    """Return the dot product of ``query`` with each row, or with each of the given ascending rows.

    Args:
        matrix: (N, D) float16 or float32.
        query: (D,) float32.
        rows: (M,) int64 row numbers to look at; None for all.

    Returns:
        (N,) or (M,) float32, right to ``error_bound``.
    """
    count = len(matrix) if rows is None else len(rows)
    result = np.empty(count, dtype=np.float32)
    width = matrix.shape[1]

    def fill(first: int) -> None:
        """Compute one thread's share; every block is the same whoever computes it."""
        last = min(first + SHARE_ROWS, count)
        widen, scale = widener(BLOCK_ROWS, width) if matrix.dtype == np.float16 else (_as_it_is, np.float32(1))
        scaled = query * scale
        for start in range(first, last, BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, last)
            block = matrix[start:stop] if rows is None else _gathered(matrix, rows[start:stop])  # (B, D)
            np.matmul(widen(block), scaled, out=result[start:stop])

    shares = range(0, count, SHARE_ROWS)
    if len(shares) <= 1 or THREADS == 1:
        for first in shares:
            fill(first)
    else:
        with ThreadPoolExecutor(min(THREADS, len(shares))) as threads:  # numpy lets go of the interpreter's lock
            list(threads.map(fill, shares))
    return result


def _as_it_is(block: Matrix) -> Floats:
    return np.asarray(block, np.float32)


def error_bound(query: Floats, scores: Floats) -> float:
    """Return how far a float32 score can lie from the true one, for unit rows of the query's width."""
    norm = float(np.linalg.norm(query))
    largest = float(np.abs(scores).max(initial=0.0))
    return _EPSILON * (len(query) * norm * 1.1 + 4 * largest)


def precise(matrix: Matrix, query: Floats, rows: Rows) -> npt.NDArray[np.float64]:
    """Return (M,) float64 dot products, each summed in an order that depends on the width alone."""
    result = np.empty(len(rows), dtype=np.float64)
    wanted = query.astype(np.float64)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = matrix[rows[start : start + BLOCK_ROWS]].astype(np.float64)
        result[start : start + BLOCK_ROWS] = (block * wanted).sum(axis=1)
    return result


def candidates(scores: Floats, k: int, margin: float) -> npt.NDArray[np.intp]:
    """Return the ascending positions of all scores that could be among the best k, given their error margin."""
    if k >= len(scores):
        return np.arange(len(scores))
    kth = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= kth - 2 * margin)


def best(scores: Floats, k: int) -> npt.NDArray[np.intp]:
    """Return the positions of the k largest scores, best first; equal ones keep their order."""
    return np.argsort(-scores, kind="stable")[:k]


def within(column: Floats, low: float | None, high: float | None) -> npt.NDArray[np.bool_]:
    """Return which values lie in the closed range; a missing value (NaN) lies in none.

    The limits are rounded to float32 as the stored values were, so that a limit equal to a value includes it.

    Raises:
        InputError: When a limit is not a number or the range is empty by its own limits.
    """
    if any(limit is not None and np.isnan(limit) for limit in (low, high)):
        raise InputError("A property range has a limit that is not a number: give a number or leave the side open.")
    if low is not None and high is not None and low > high:
        raise InputError(f"A property range goes from {low:g} to {high:g}, expected the lower limit first.")
    kept = ~np.isnan(column)
    with np.errstate(over="ignore"):  # a limit beyond float32 becomes infinite, which is what it means
        if low is not None:
            kept &= column >= np.float32(low)
        if high is not None:
            kept &= column <= np.float32(high)
    return kept


def known_property(name: str, names: Sequence[str]) -> None:
    """Refuse a property that a library does not hold.

    Raises:
        InputError: Naming the properties there are.
    """
    if name not in names:
        held = ", ".join(names) or "none"
        raise InputError(f"The library holds no property {name!r}; it holds: {held}.")


def _gathered(matrix: Matrix, rows: Rows) -> Matrix:
    first, last = int(rows[0]), int(rows[-1])
    return matrix[first : last + 1] if last - first + 1 == len(rows) else matrix[rows]
