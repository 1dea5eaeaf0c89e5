"""The scan by several threads: the same bits as by one."""

import numpy as np
import pytest

from molsearch.index import scan


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
