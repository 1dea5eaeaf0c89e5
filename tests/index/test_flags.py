"""Flags and adjustments: bits stored beside the vectors, and a number added to every row's score."""

from dataclasses import replace

import numpy as np
import pytest

from molsearch.errors import InputError
from molsearch.index.base import open_index
from molsearch.index.exact.engine import ExactIndex
from tests.index.samples import WIDTH, batch, unit


def flagged(numbers, width=3):
    numbers = list(numbers)
    flags = np.array([[number % 256] * width for number in numbers], np.uint8).reshape(len(numbers), width)
    return replace(batch(numbers), flags=flags)


@pytest.fixture
def index(tmp_path):
    return ExactIndex.create(tmp_path / "lib", "lib", "m", WIDTH)


def test_flags_come_back_in_row_order_over_several_additions(index):
    index.add([flagged(range(5)), flagged(range(5, 9))])
    index.add([flagged([3, 9])])  # 3 is here already and keeps its flags
    assert open_index(index.address, "m").flags()[:, 0].tolist() == list(range(10))


def test_a_library_filled_without_flags_has_none(index):
    index.add([batch(range(4))])
    index.add([flagged(range(4, 6))])
    assert index.flags() is None


def test_rows_that_bring_no_flags_hold_none_of_them(index):
    index.add([flagged(range(1, 3)), batch(range(3, 5))])
    assert index.flags()[:, 0].tolist() == [1, 2, 0, 0]


def test_flags_of_another_width_are_refused_and_nothing_is_stored(index):
    index.add([flagged(range(2))])
    with pytest.raises(InputError, match="4 bytes of flags"):
        index.add([flagged(range(2, 4), width=4)])
    assert index.info.molecules == 2


def test_a_lift_is_added_to_every_score_and_not_to_the_cosine(index):
    index.add([flagged(range(50))])
    adjustment = np.linspace(0, 3, 50).astype(np.float32)
    plain, lifted = index.search(unit(1), 50), index.search(unit(1), 50, adjustment=adjustment, bonuses={7: 1.0})
    expected = dict(zip(plain.rows.tolist(), plain.scores, strict=True))
    cosines = dict(zip(plain.rows.tolist(), plain.cosines, strict=True))
    for row, score, cosine in zip(lifted.rows.tolist(), lifted.scores, lifted.cosines, strict=True):
        assert score == pytest.approx(expected[row] + adjustment[row] + (row == 7), abs=1e-6)
        assert cosine == cosines[row]


@pytest.mark.parametrize("adjustment", [np.zeros(3, np.float32), np.full(5, np.nan, np.float32)])
def test_an_adjustment_of_another_length_or_without_numbers_is_refused(index, adjustment):
    index.add([flagged(range(5))])
    with pytest.raises(InputError, match="finite numbers"):
        index.search(unit(1), 2, adjustment=adjustment)
