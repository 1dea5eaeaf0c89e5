"""Class names inside words."""

import pytest

from molsearch.chem.ontology.classes import CLASSES
from molsearch.query.compounding import QUALIFIERS, SUBSTITUENTS, find_compounds


@pytest.mark.parametrize(
    ("word", "classes"),
    [
        ("thienylketone", {"ketone", "thiophenes"}),
        ("bromophenols", {"phenols", "organobromine compound"}),
        ("diarylketone", {"ketone", "aromatic compound"}),
        ("dibromoaniline", {"anilines", "organobromine compound"}),
        ("cyanopyrrole", {"pyrroles", "nitrile"}),
        ("brominated", {"organobromine compound"}),
    ],
)
def test_a_compound_word_names_each_of_its_classes(word, classes):
    assert {name for name, _, _ in find_compounds(f"a {word}")} == classes


def test_all_classes_of_a_word_share_its_span():
    text = "a thienylketone linker"
    assert {text[start:end] for _, start, end in find_compounds(text)} == {"thienylketone"}


@pytest.mark.parametrize("text", ["a sulfonamide", "remarkable", "xyzphenol", "", "phenomenal", "estranged"])
def test_known_classes_and_other_words_are_left_alone(text):
    assert find_compounds(text) == []


def test_every_row_names_a_class_of_the_table():
    assert {*SUBSTITUENTS.values(), *QUALIFIERS.values()} <= {chemical.name for chemical in CLASSES}
