"""Figures and drawings: what they show, and that text from files stays text."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from molsearch.chem.conformer import conformer
from molsearch.chem.drawing import LIGHT, data_uri, draw
from molsearch.errors import InputError
from molsearch.records import Entry, Explanation, Hit, Molecule, Query, Ranking, WordWeight
from molsearch.report.plots import (
    background_histogram,
    inert,
    score_histogram,
    shared_space,
    training_curves,
    weighted_words,
)

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
NASTY = "<img src=x onerror=alert(1)> [a](http://x) $x^2$"


def ranking(name: str = "aspirin", scores: tuple[float, ...] = (0.9, 0.5, 0.4, 0.3, 0.2, 0.1)) -> Ranking:
    molecule = Molecule(ASPIRIN, name, (Entry(1, ASPIRIN, "smiles", name),))
    return Ranking(Query("acid"), "drugs", "id", (Hit(1, scores[0], 0.8, 99.0, molecule),), scores, len(scores))


def explanation(text: str, *spans: tuple[int, int, float]) -> Explanation:
    words = tuple(WordWeight(start, end, text[start:end], weight) for start, end, weight in spans)
    return Explanation(text, "CO", 0.5, words, (0.1, -0.2), "left out")


def test_a_drawing_is_well_formed_svg() -> None:
    assert ET.fromstring(draw(ASPIRIN)).tag.endswith("svg")


def test_a_drawing_has_no_ground_of_its_own() -> None:
    assert "<rect" not in draw(ASPIRIN)


def test_a_dark_drawing_does_not_draw_in_black() -> None:
    assert "#000000" in draw(ASPIRIN)
    assert "#000000" not in draw(ASPIRIN, dark=True)


def test_only_the_atoms_with_weight_are_marked() -> None:
    plain, marked = draw("CCO"), draw("CCO", weights=(0.0, 0.0, 1.0))
    assert marked.count("<ellipse") == plain.count("<ellipse") + 1


def test_weights_of_both_signs_have_two_colours() -> None:
    marked = draw("CCO", weights=(-1.0, 0.0, 1.0)).upper()
    assert "#0F766E" in marked and "#D9622B" in marked


def test_a_substructure_is_marked_where_it_matches() -> None:
    assert "#0F766E" in draw(ASPIRIN, substructure="C(=O)[OH]").upper()
    assert "#0F766E" not in draw("CCO", substructure="C(=O)[OH]").upper()


def test_an_unreadable_smiles_is_drawn_as_words() -> None:
    assert "no drawing" in ET.fromstring(draw("not-a-smiles")).itertext().__next__()


def test_a_drawing_packs_into_an_inert_address() -> None:
    assert data_uri("<svg/>") == "data:image/svg+xml;base64,PHN2Zy8+"


def test_inert_escapes_and_cuts() -> None:
    assert inert("<b>&") == "&lt;b&gt;&amp;"
    assert len(inert("x" * 500)) == 60


def test_the_histogram_counts_every_score_once() -> None:
    assert sum(score_histogram(ranking()).data[0].y) == 6


def test_the_histogram_marks_each_hit_at_its_score() -> None:
    assert list(score_histogram(ranking()).data[1].x) == [0.9]


def test_the_histogram_of_nothing_is_empty_not_an_error() -> None:
    empty = Ranking(Query("acid"), "drugs", "id", (), (), 0)
    assert sum(score_histogram(empty).data[0].y) == 0


def test_names_in_figures_are_escaped() -> None:
    shown = score_histogram(ranking(NASTY)).to_json()
    assert "<img" not in shown and "&lt;img" in shown.replace("\\u003c", "<").replace("\\u0026", "&")


def test_words_are_shaded_and_escaped() -> None:
    page = weighted_words(explanation("<b> acid &", (0, 3, 0.5), (4, 8, -0.5)))
    assert "&lt;b&gt;" in page and "<b>" not in page and page.endswith("&amp;</p>")
    assert page.count("<span") == 2


def test_words_without_weight_are_plain() -> None:
    assert "<span" not in weighted_words(explanation("an acid", (0, 2, 0.0), (3, 7, 0.0)))


def test_a_library_against_a_background_is_counted_once_and_parted_at_the_bound() -> None:
    scores = np.array([-1.0, 0.0, 2.4, 2.6, 4.0], np.float32)
    bars = background_histogram(scores, 2.5).data[0]
    coloured = [count for count, colour in zip(bars.y, bars.marker.color, strict=True) if colour == LIGHT.hit]
    assert sum(bars.y) == 5 and sum(coloured) == 2


@pytest.mark.parametrize("scores", [[], [2.5], [2.5, 2.5], [1.0]])
def test_a_library_of_one_or_none_is_drawn_too(scores: list[float]) -> None:
    assert sum(background_histogram(np.array(scores, np.float32), 2.5).data[0].y) == len(scores)


def test_the_map_joins_the_chosen_text_with_its_molecule() -> None:
    points = np.arange(8.0).reshape(4, 2)
    assert list(shared_space(points[:2], points[2:], ["a", "b"], chosen=1).data[2].x) == [2.0, 6.0]


def test_curves_skip_missing_values() -> None:
    figure = training_curves([1, 2, 3], {"loss": [3.0, math.nan, 1.0]})
    assert list(figure.data[0].x) == [1, 3]


def test_a_conformer_holds_hydrogens_and_space() -> None:
    lines = conformer("C").splitlines()
    assert lines[0] == "" and lines[3].split()[0] == "5"
    assert any(float(line[20:30]) != 0.0 for line in lines[4:9])


def test_a_conformer_is_the_same_twice() -> None:
    assert conformer(ASPIRIN) == conformer(ASPIRIN)


def test_the_parts_of_a_salt_do_not_overlap() -> None:
    lines = conformer("[Na+].[Cl-]").splitlines()[4:6]
    assert abs(float(lines[0][:10]) - float(lines[1][:10])) >= 3.0


@pytest.mark.parametrize("smiles", ["", "not-a-smiles", "C" * 250])
def test_no_conformer_is_a_sentence(smiles: str) -> None:
    with pytest.raises(InputError, match="No 3D shape"):
        conformer(smiles)
