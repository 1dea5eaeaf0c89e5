"""Stereodescriptors stated in texts, and molecules that have as many."""

import pytest

from molsearch.query.stereo import agree, stated_configuration

L_ALANINE, D_ALANINE = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"  # S, R


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("the conjugate base of (S)-imazapyr", {"S": 1}),
        ("(7S,14S)-dihydroxy-(4Z,8E,10E)-docosatrienoic acid", {"S": 2, "Z": 1, "E": 2}),
        ("a (2R, 3S)-diol", {"R": 1, "S": 1}),
        ("an enantiomer of a (R)-carvone", {"S": 1}),
        ("an epimer of a (R)-carvone", {}),
        ("derives from (R)-lactic acid and (2R,3R)-tartaric acid", {"R": 2}),
        ("a double bond of Z configuration", {"Z": 1}),
        ("vitamin E, (E)", {"E": 1}),
        ("a fluorinated (Ser) residue with S-adenosyl and R groups", {}),
    ],
)
def test_descriptors_are_counted_by_label(text: str, stated: dict[str, int]) -> None:
    assert stated_configuration(text) == stated


def test_a_molecule_agrees_with_as_many_of_each_label_or_more() -> None:
    assert agree({"S": 1}, [L_ALANINE, D_ALANINE, "CC(N)C(=O)O"]).tolist() == [True, False, False]
    assert agree({"E": 1}, ["C/C=C/C", "C/C=C\\C", "C/C=C/C=C/C"]).tolist() == [True, False, True]


def test_nothing_stated_agrees_with_all_and_what_cannot_be_read_with_nothing_else() -> None:
    assert agree({}, [L_ALANINE, "C(("]).tolist() == [True, True]
    assert agree({"R": 1}, ["C(("]).tolist() == [False]
