"""The scan by several threads: the same bits as by one."""

import sys

import numpy as np
import pytest

from molsearch.index.exact import scan
from molsearch.index.exact.halves import PIECE, widener


@pytest.mark.parametrize("scalar", [np.float16, np.float32])
@pytest.mark.parametrize("kept", [1.0, 0.3])
def test_threads_change_no_bit(scalar: type, kept: float, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    monkeypatch.setattr(scan, "SHARE_ROWS", 4 * scan.BLOCK_ROWS)
    matrix = random.standard_normal((9 * scan.BLOCK_ROWS + 77, 24)).astype(scalar)
    query = random.standard_normal(24).astype(np.float32)
    rows = None if kept == 1 else np.flatnonzero(random.random(len(matrix)) < kept)
    monkeypatch.setattr(scan, "THREADS", 1)
    alone = scan.dots(matrix, query, rows)
    monkeypatch.setattr(scan, "THREADS", 4)
    np.testing.assert_array_equal(scan.dots(matrix, query, rows), alone)


def test_no_rows_have_no_scores() -> None:
    assert scan.dots(np.zeros((5, 3), np.float16), np.ones(3, np.float32), np.zeros(0, np.int64)).shape == (0,)


def every_half() -> np.ndarray:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    return halves[np.isfinite(halves)].reshape(-1, 16)


def test_both_ways_to_widen_halves_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    halves = every_half()
    halves.flags.writeable = False  # as a mapped file is
    with_torch, factor = widener(len(halves), 16)
    monkeypatch.delitem(sys.modules, "torch")
    with_numpy, scale = widener(len(halves), 16)
    monkeypatch.undo()
    np.testing.assert_array_equal(with_torch(halves) * factor, halves.astype(np.float32))
    np.testing.assert_array_equal(with_numpy(halves).astype(np.float64) * scale, halves.astype(np.float64))


def test_scores_are_the_same_bits_with_and_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    random = np.random.default_rng(1)
    matrix = random.standard_normal((3_000, 256)).astype(np.float16)
    query = random.standard_normal(256).astype(np.float32)
    with_torch = scan.dots(matrix, query)
    monkeypatch.delitem(sys.modules, "torch")
    without = scan.dots(matrix, query)
    monkeypatch.undo()
    np.testing.assert_array_equal(with_torch, without)


def test_the_pieces_of_a_block_are_too_small_for_threads_of_torch() -> None:
    assert PIECE < 32_768


@pytest.mark.parametrize("rows", [1, 126, 127, 128, 511, 512])
def test_a_block_that_is_not_full_is_widened_whole(rows: int) -> None:
    halves = np.random.default_rng(rows).standard_normal((rows, 256)).astype(np.float16)
    widen, scale = widener(512, 256)
    np.testing.assert_array_equal(widen(np.zeros((512, 256), np.float16)), 0)
    np.testing.assert_array_equal(widen(halves).astype(np.float64) * scale, halves.astype(np.float64))
