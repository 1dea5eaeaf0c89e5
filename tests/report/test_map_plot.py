"""The map as a figure: points or density behind, hits in front, names inert."""

import numpy as np
import pytest

from molsearch.analysis.chemspace import ChemSpace
from molsearch.errors import InputError
from molsearch.pages.panels.search.chemical_space import selected
from molsearch.records import Entry, Hit, Molecule
from molsearch.report.map_plot import MOST_POINTS, chemspace_map

NASTY = "<b>bold</b><img src=x onerror=alert(1)>"


def hit(rank: int, score: float, name: str = "") -> Hit:
    return Hit(rank, score, score, 50.0, Molecule("CCO", name, (Entry(1, "CCO", "smiles", name),)))


def space(count: int) -> ChemSpace:
    return ChemSpace(np.random.default_rng(0).standard_normal((count, 2)).astype(np.float32), (60.0, 20.0))


def test_a_library_of_moderate_size_is_drawn_point_by_point() -> None:
    behind = chemspace_map(space(MOST_POINTS), [], []).data[0]
    assert (behind.type, len(behind.x)) == ("scattergl", MOST_POINTS)


def test_a_large_library_is_drawn_as_a_density_that_counts_every_molecule() -> None:
    behind = chemspace_map(space(MOST_POINTS + 1), [], []).data[0]
    counts = np.asarray(behind.customdata)
    assert behind.type == "heatmap" and counts.sum() == MOST_POINTS + 1
    assert np.isnan(np.asarray(behind.z)[counts == 0]).all()  # an empty cell shows the ground


def test_hits_stand_at_their_places_coloured_by_score_the_best_drawn_last() -> None:
    drawn = space(10)
    marked = chemspace_map(drawn, [hit(1, 0.9), hit(2, 0.4)], [7, 3]).data[1]
    np.testing.assert_allclose(np.stack([marked.x, marked.y], axis=1), drawn.points[[3, 7]])
    assert list(marked.marker.color) == [0.4, 0.9]


@pytest.mark.parametrize("dark", [False, True])
def test_names_from_files_are_escaped(dark: bool) -> None:
    text = chemspace_map(space(5), [hit(1, 0.5, NASTY)], [0], dark=dark).to_json()
    assert "<b>bold" not in text and "&lt;b&gt;bold" in text.replace("\\u003c", "<")


def test_the_axes_say_how_much_they_show() -> None:
    layout = chemspace_map(space(5), [], []).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == (
        "first direction, 60 % of the variance",
        "second direction, 20 % of the variance",
    )


GRID = ChemSpace(np.array([(x, y) for x in range(4) for y in range(4)], np.float32), (50.0, 50.0))


def test_boxes_and_outlines_add_up() -> None:
    box = {"xref": "x", "yref": "y", "x": [-0.5, 0.5], "y": [3.5, -0.5]}  # the first column, rows 0 to 3
    triangle = {"xref": "x", "yref": "y", "x": [-1, 1.5, -1], "y": [-1, -1, 1.5]}  # (0, 0) alone
    assert selected(GRID, {"box": [box], "lasso": [triangle]}).tolist() == [0, 1, 2, 3]
    assert selected(GRID, {"box": [], "lasso": [triangle]}).tolist() == [0]


@pytest.mark.parametrize(
    "selection",
    [
        {"box": [{"x": [0], "y": [0, 1]}]},
        {"box": [{}]},
        {"box": [3]},
        {"lasso": [{"x": ["a"] * 3, "y": [0, 1, 2]}]},
        {"lasso": [{"x": [0, 1], "y": [0, 1]}]},
    ],
)
def test_a_shape_that_is_none_is_a_sentence(selection: dict[str, list[object]]) -> None:
    with pytest.raises(InputError, match="again"):
        selected(GRID, selection)


def test_nothing_drawn_selects_nothing() -> None:
    assert selected(GRID, {"points": [], "box": [], "lasso": []}).tolist() == []
