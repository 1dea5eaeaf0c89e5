"""How molecules are related, on pairs that a chemist would name at once."""

import pytest

from molsearch.chem.relatedness import ALL_KINDS, KINDS, relatedness, skeleton

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("truth", "other", "kind"),
    [
        ("CCO", "OCC", "the same molecule twice"),
        ("CN(=O)=O", "C[N+](=O)[O-]", "the same molecule twice"),
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "stereo twin"),
        ("C[C@H](N)C(=O)O", "CC(N)C(=O)O", "stereo twin"),
        ("C/C=C/C(=O)O", "C/C=C\\C(=O)O", "stereo twin"),
        ("CC(=O)O", "CC(=O)[O-]", "conjugate acid or base, or salt"),
        ("CC(=O)O", "CC(=O)[O-].[Na+]", "conjugate acid or base, or salt"),
        ("C[C@H](N)C(=O)O", "C[C@@H]([NH3+])C(=O)[O-]", "conjugate acid or base, or salt"),
        ("Oc1ccccn1", "O=c1cccc[nH]1", "tautomer or isotopologue"),
        ("CC(=O)O", "[2H]C([2H])([2H])C(=O)O", "tautomer or isotopologue"),
        ("CCCCCC(=O)O", "CCCCCCCC(=O)[O-]", "homologue"),
        ("COc1ccccc1", "CCOc1ccccc1", "homologue"),
        ("C1CCCC1O", "C1CCCCC1O", "homologue"),
        ("CCCCC=CCC(=O)O", "CCC=CCCC(=O)O", "homologue"),
        ("Cc1ccccc1O", "Cc1ccc(O)cc1", "isomer of the same formula"),
        ("CCCO", "CC(C)O", "isomer of the same formula"),
        ("CCCC=CC(=O)O", "CC=CCCC(=O)O", "isomer of the same formula"),
        ("Cc1ccccc1", "Clc1ccccc1", "same scaffold, other substituents"),
        ("c1ccccc1", "Cc1ccccc1", "same scaffold, other substituents"),  # one CH2 more, but no longer chain
    ],
)
def test_pairs_are_named_by_their_closest_relation(truth: str, other: str, kind: str) -> None:
    assert relatedness(truth, other, NONE) == kind
    assert relatedness(other, truth, NONE) == kind


def test_chains_are_no_scaffold() -> None:
    assert relatedness("CCCCCl", "CCCBr", NONE) == "no class named"


@pytest.mark.parametrize(
    ("other", "kind"),
    [("NS(=O)(=O)c1ccncc1", "same named classes, other scaffold"), ("NCc1ccncc1", "other class")],
)
def test_farther_molecules_are_told_apart_by_the_classes_that_the_text_names(other: str, kind: str) -> None:
    assert relatedness("CS(N)(=O)=O", other, frozenset({"sulfonamide"})) == kind


def test_a_class_that_the_true_molecule_lacks_by_our_rules_does_not_count() -> None:
    assert relatedness("CS(N)(=O)=O", "NCc1ccncc1", frozenset({"steroid"})) == "no class named"


def test_every_kind_has_a_place() -> None:
    assert set(KINDS) < set(ALL_KINDS)
    assert len(ALL_KINDS) == len(set(ALL_KINDS)) == 10


def test_a_skeleton_is_the_first_block_of_the_inchikey() -> None:
    assert skeleton("CCO") == "LFQSCWFLJHTTHZ"
