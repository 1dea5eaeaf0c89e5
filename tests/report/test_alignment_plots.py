"""Figures of the alignment: shares, marks, and nothing of a file that a browser would run."""

import numpy as np
import pytest

from molsearch.analysis.pair_ranks import pair_ranks
from molsearch.records import Pair
from molsearch.report.alignment_plots import (
    MOST_PLACES,
    MOST_ROWS,
    agreement_histogram,
    attention_map,
    divergence_bars,
    matrices,
    pair_rows,
)

TITLES = ("T2T", "T2M", "M2M", "M2T")
NASTY = "<img src=x onerror=alert(1)>"


def test_matched_and_mismatched_are_shares_of_their_own_count() -> None:
    vectors = np.eye(4, dtype=np.float32)
    found = pair_ranks([Pair(str(n), "C" * (n + 1)) for n in range(4)], vectors, vectors)
    figure = agreement_histogram(found)
    assert [round(sum(trace.y)) for trace in figure.data] == [100, 100]
    assert [sum(trace.customdata) for trace in figure.data] == [12, 4]


def test_a_pair_s_own_place_stays_when_only_the_likeliest_are_drawn() -> None:
    row = [1.0, *[0.5] * MOST_PLACES, 0.0]
    figure = pair_rows(dict.fromkeys(TITLES, row), {}, [str(n) for n in row], chosen=len(row) - 1)
    assert len(figure.data) == 4 and len(figure.data[0].x) == MOST_PLACES + 1
    assert figure.data[0].x[-1] == str(len(row)) and figure.data[0].marker.color[-1] != figure.data[0].marker.color[0]


def test_a_row_before_training_is_drawn_over_the_same_places() -> None:
    figure = pair_rows({title: [0.9, 0.1] for title in TITLES}, {"T2M": [0.4, 0.6]}, ["a", "b"], chosen=0)
    line = next(trace for trace in figure.data if trace.type == "scatter")
    assert list(line.y) == [0.4, 0.6] and list(line.x) == list(figure.data[0].x)


def test_a_matrix_shows_probability_against_an_even_share_with_an_arrow_at_the_chosen_row() -> None:
    figure = matrices(dict.fromkeys(TITLES, np.full((5, 5), 0.2, np.float32)), chosen=3)
    assert figure.data[0].z.tolist() == [[1.0] * 5] * 5
    assert [list(trace.y) for trace in figure.data if trace.type == "scatter"] == [[4]] * 4


def test_of_a_large_sample_the_rows_around_the_chosen_pair_are_drawn() -> None:
    size = MOST_ROWS + 80
    table = np.tile(np.arange(size, dtype=np.float32) / size, (size, 1))
    figure = matrices(dict.fromkeys(TITLES, table), chosen=size - 30)
    heat, arrow = figure.data[0], figure.data[1]
    assert heat.z.shape == (MOST_ROWS, MOST_ROWS) and heat.y[-1] == size
    assert heat.y[0] < arrow.y[0] < heat.y[-1] and arrow.x[0] < heat.x[0]
    assert heat.z[0].tolist() == [x - 1 for x in heat.x]  # the columns moved along with their numbers


def test_divergences_stand_side_by_side() -> None:
    figure = divergence_bars({"KL": 0.5}, {"KL": 0.1})
    assert [(trace.name, list(trace.y)) for trace in figure.data] == [
        ("before training", [0.5]),
        ("after training", [0.1]),
    ]


def test_attention_stands_in_the_order_of_the_slots_as_percent() -> None:
    weights = np.array([[0.75, 0.25], [0.1, 0.9]], np.float32)
    heat = attention_map(weights, ["an", "acid"], [1, 0]).data[0]
    assert heat.z.tolist() == pytest.approx(np.array([[10, 90], [75, 25]]))
    assert list(heat.y) == ["slot 2", "slot 1"]


@pytest.mark.parametrize(
    "figure",
    [
        pair_rows({title: [0.9, 0.1] for title in TITLES}, {}, [NASTY, NASTY], chosen=0),
        attention_map(np.ones((1, 1), np.float32), [NASTY], [0]),
    ],
)
def test_what_a_file_calls_things_is_escaped(figure) -> None:  # type: ignore[no-untyped-def]
    assert "<img" not in figure.to_json().replace("\\u003c", "<")
