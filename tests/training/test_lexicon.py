"""Trivial names out of captions."""

import pytest

from molsearch.training.features import Caption
from molsearch.training.lexicon import learn_lexicon


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("It is a conjugate base of a 3-oxohexanoyl-CoA.", "3-oxohexanoyl-coa"),
        ("It is a conjugate base of a shikimic acid, obtained by deprotonation.", "shikimic acid"),
        ("An anion that is the conjugate base of xanthosine; major species at pH 7.3.", "xanthosine"),
        ("It is an enantiomer of a (+)-camphor and a ketone.", "(+)-camphor"),
        ("It is a conjugate acid of a betaine. It has a role as a metabolite.", "betaine"),
    ],
)
def test_a_neighbour_s_name_is_learned_up_to_where_it_ends(text: str, name: str) -> None:
    assert learn_lexicon([Caption(text, "CCO")]) == {name: "CCO"}


def test_the_subject_is_learned_from_sources_that_begin_with_it() -> None:
    text = "Buserelin acetate is an organic molecular entity."
    assert learn_lexicon([Caption(text, "CCO", "momu_phy")]) == {"buserelin acetate": "CCO"}
    assert learn_lexicon([Caption(text, "CCO", "chebi20")]) == {}


@pytest.mark.parametrize("text", ["It is a solid.", "The molecule is a solid.", "This compound is a solid."])
def test_a_pronoun_is_no_name(text: str) -> None:
    assert learn_lexicon([Caption(text, "CCO", "momu_phy")]) == {}


def test_a_subject_is_worth_more_than_a_neighbour_and_the_first_stands() -> None:
    captions = [
        Caption("It is a conjugate base of a quinic acid.", "C"),
        Caption("Quinic acid is a solid.", "CC", "momu_phy"),
        Caption("Quinic acid is a liquid.", "CCC", "momu_phy"),
        Caption("It is a tautomer of a guanine.", "CCCC"),
        Caption("It is an enantiomer of a guanine.", "CCCCC"),
    ]
    assert learn_lexicon(captions) == {"quinic acid": "CC", "guanine": "CCCC"}
