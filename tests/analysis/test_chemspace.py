"""The map of a library: the same each time, true to distances, and exact about what an outline holds."""

import numpy as np
import pytest

from molsearch.analysis.chemspace import BLOCK, SAMPLE, ChemSpace, project
from molsearch.errors import Cancelled, InputError

GRID = ChemSpace(np.array([(x, y) for x in range(5) for y in range(5)], np.float32), (50.0, 50.0))


def places(rows: np.ndarray) -> set[tuple[int, int]]:
    return {(int(x), int(y)) for x, y in GRID.points[rows]}


def test_vectors_in_a_plane_keep_their_distances() -> None:
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((300, 2))
    frame, _ = np.linalg.qr(rng.standard_normal((64, 2)))  # (64, 2) orthonormal
    space = project((flat @ frame.T).astype(np.float32))
    before = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    after = np.linalg.norm(space.points[:, None] - space.points[None], axis=2)
    np.testing.assert_allclose(after, before, atol=1e-4)
    assert sum(space.shares) == pytest.approx(100, abs=1e-3)


def test_the_axes_are_fitted_on_a_sample_and_the_map_repeats() -> None:
    vectors = np.random.default_rng(1).standard_normal((SAMPLE + BLOCK + 7, 8)).astype(np.float16)
    first, second = project(vectors), project(vectors)
    assert first.points.shape == (SAMPLE + BLOCK + 7, 2)
    np.testing.assert_array_equal(first.points, second.points)
    assert not np.array_equal(first.points, project(vectors, seed=1).points)


def test_the_first_direction_is_the_one_that_differs_most() -> None:
    vectors = np.zeros((50, 4), np.float32)
    vectors[:, 2] = np.linspace(-5, 5, 50)
    vectors[:, 0] = np.tile([0.0, 1.0], 25)
    space = project(vectors)
    assert abs(np.corrcoef(space.points[:, 0], vectors[:, 2])[0, 1]) == pytest.approx(1, abs=1e-3)
    assert space.shares[0] > 90 > 10 > space.shares[1] > 0


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_library_of_few_molecules_has_a_map_too(count: int) -> None:
    space = project(np.eye(3, 4, dtype=np.float32)[:count])
    assert space.points.shape == (count, 2) and np.isfinite(space.points).all()


def test_equal_vectors_stand_in_one_place() -> None:
    assert not project(np.ones((10, 4), np.float32)).points.any()


def test_placing_can_be_cancelled() -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        project(np.eye(4, dtype=np.float32), progress=stop)


def test_a_box_holds_what_lies_in_it_or_on_its_edge() -> None:
    wanted = {(x, y) for x in (1, 2) for y in (2, 3, 4)}
    assert places(GRID.within_box((1, 2), (2.5, 9))) == wanted == places(GRID.within_box((2.5, 9), (1, 2)))


def test_an_outline_holds_what_lies_within_it() -> None:
    triangle = GRID.within_outline([-0.5, 4.5, -0.5], [-0.5, -0.5, 4.5])
    assert places(triangle) == {(x, y) for x in range(5) for y in range(5) if x + y < 4}


def test_a_hollow_outline_leaves_its_bay_out() -> None:
    # a U: the bay between its arms, at x = 2 above y = 1, is outside
    x = [-0.5, 4.5, 4.5, 2.5, 2.5, 1.5, 1.5, -0.5]
    y = [-0.5, -0.5, 4.5, 4.5, 1.5, 1.5, 4.5, 4.5]
    assert {(x, y) for x in range(5) for y in range(5)} - places(GRID.within_outline(x, y)) == {(2, 2), (2, 3), (2, 4)}


def test_an_outline_agrees_with_a_slow_count_of_crossings() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 1, (400, 2)).astype(np.float32)
    x, y = rng.uniform(0, 1, (2, 9)).tolist()

    def inside(px: float, py: float) -> bool:
        crossings = 0
        for i in range(9):
            (x1, y1), (x2, y2) = (x[i], y[i]), (x[i - 1], y[i - 1])
            if min(y1, y2) <= py < max(y1, y2):
                crossings += px < x1 + (py - y1) * (x2 - x1) / (y2 - y1)
        return crossings % 2 == 1

    slow = [row for row, (px, py) in enumerate(points.tolist()) if inside(px, py)]
    assert ChemSpace(points, (0, 0)).within_outline(x, y).tolist() == slow


@pytest.mark.parametrize("corners", [0, 2, 5_001])
def test_an_outline_needs_a_number_of_corners_that_can_be(corners: int) -> None:
    with pytest.raises(InputError, match="corners"):
        GRID.within_outline([0.0] * corners, [0.0] * corners)
