"""Protonation states, stated charges and mirror images against hand-derived chemistry."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import rdCIPLabeler

from molsearch.query.nomenclature.variants import (
    mirror_image,
    protonation_states,
    stated_charge,
    stated_forms,
    tautomers,
    with_chirality,
    without_chirality,
)

CANON = Chem.CanonSmiles


def charge_of(smiles: str) -> int:
    return int(Chem.GetFormalCharge(Chem.MolFromSmiles(smiles)))


def heavy_skeleton(smiles: str) -> str:
    """Write the molecule with neither charges nor hydrogens: what gaining or losing protons never changes."""
    mol = Chem.RWMol(Chem.MolFromSmiles(smiles))
    for atom in mol.GetAtoms():
        atom.SetFormalCharge(0)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(0)
    return str(Chem.MolToSmiles(mol, isomericSmiles=False, canonical=True))


# Protonation


@pytest.mark.parametrize(
    ("smiles", "direction", "expected"),
    [
        ("CC(=O)O", -1, "CC(=O)[O-]"),
        ("CN", 1, "C[NH3+]"),
        ("Oc1ccccc1", -1, "[O-]c1ccccc1"),
        ("CS", -1, "C[S-]"),
        ("c1ccncc1", 1, "c1cc[nH+]cc1"),
        ("NC(N)=N", 1, "NC(N)=[NH2+]"),
        ("Nc1ccccc1", 1, "[NH3+]c1ccccc1"),
        # Both carboxy groups of succinic acid, or one.
        ("O=C(O)CCC(=O)O", -1, "O=C([O-])CCC(=O)[O-]"),
        ("O=C(O)CCC(=O)O", -1, "O=C(O)CCC(=O)[O-]"),
        # Every OH of a phosphate, by one step over all atoms of a kind.
        ("COP(=O)(O)O", -1, "COP(=O)([O-])[O-]"),
        # From an ion back: the conjugate acid of acetate.
        ("CC(=O)[O-]", 1, "CC(=O)O"),
        ("C[NH3+]", -1, "CN"),
        # The conjugate base of a dication that is still a cation.
        ("[NH3+]CC[NH3+]", -1, "NCC[NH3+]"),
        # Glutamic acid as it is at pH 7: two carboxylates, one ammonium.
        ("N[C@@H](CCC(=O)O)C(=O)O", -1, "[NH3+][C@@H](CCC(=O)[O-])C(=O)[O-]"),
    ],
)
def test_a_conjugate_is_among_the_states(smiles: str, direction: int, expected: str) -> None:
    assert CANON(expected) in protonation_states(smiles, direction)


def test_acetic_acid_has_one_base_and_no_acid() -> None:
    assert protonation_states("CC(=O)O", -1) == ("CC(=O)[O-]",)
    assert protonation_states("CC(=O)O", 1) == ()


@pytest.mark.parametrize("smiles", ["CC(N)=O", "CC#N", "C[N+](=O)[O-]", "CS(N)(=O)=O", "NC=O"])
def test_an_amide_nitrile_or_nitro_group_takes_no_proton(smiles: str) -> None:
    assert protonation_states(smiles, 1) == ()


def test_what_counts_as_the_charge_can_be_told() -> None:
    # "X(2-)" resolved to the neutral acid: its conjugate acid is the monoanion or the neutral acid itself.
    assert set(protonation_states("O=C(O)CC(=O)O", 1, -2)) == {"O=C(O)CC(=O)O", "O=C([O-])CC(=O)O"}


def test_a_text_that_is_no_structure_has_no_states() -> None:
    assert protonation_states("not a structure", -1) == ()
    assert stated_forms("not a structure", "not a structure") == ()


ACIDS_AND_BASES = (
    "N[C@@H](Cc1cnc[nH]1)C(=O)O",
    "NC(=N)NCCC[C@H](N)C(=O)O",
    "O=P(O)(O)OP(=O)(O)OC[C@H]1O[C@@H](n2ccc(N)nc2=O)[C@H](O)[C@@H]1O",
    "CN(C)CCc1c[nH]c2ccc(O)cc12",
    "NCCc1ccc(O)c(O)c1",
)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(ACIDS_AND_BASES), st.sampled_from([-1, 1]))
def test_states_keep_the_skeleton_and_move_the_charge_as_told(smiles: str, direction: int) -> None:
    states = protonation_states(smiles, direction)
    assert states
    for state in states:
        assert heavy_skeleton(state) == heavy_skeleton(smiles)
        assert charge_of(state) * direction > 0
        assert CANON(state) == state


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(ACIDS_AND_BASES), st.randoms(use_true_random=False))
def test_the_order_of_atoms_changes_no_state(smiles: str, random: object) -> None:
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
    assert set(protonation_states(again, -1)) == set(protonation_states(smiles, -1))


# Charges that names state


@pytest.mark.parametrize(
    ("name", "charge"),
    [
        ("acetyl-CoA(4-)", -4),
        ("histamine(1+)", 1),
        ("L-histidine(+)", 1),
        ("citrate(3-)", -3),
        ("L-valine zwitterion", 0),
        ("L-valine", None),
        ("iron(2+) sulfate", None),
        ("1(2H)-one", None),
    ],
)
def test_a_name_states_its_charge(name: str, charge: int | None) -> None:
    assert stated_charge(name) == charge


def test_a_zwitterion_is_neutral_and_charged_within() -> None:
    assert stated_forms("glycine zwitterion", "NCC(=O)O") == ("[NH3+]CC(=O)[O-]",)


def test_a_structure_that_bears_its_stated_charge_stays_as_it_is() -> None:
    assert stated_forms("acetate(1-)", "CC(=O)[O-]") == ("CC(=O)[O-]",)
    assert stated_forms("acetic acid", "OC(C)=O") == ("CC(=O)O",)


def test_a_structure_resolved_without_its_stated_charge_gains_it() -> None:
    assert stated_forms("succinate(2-)", "O=C(O)CCC(=O)O") == ("O=C([O-])CCC(=O)[O-]",)


# Mirror images


def cip_labels(smiles: str) -> list[str]:
    mol = Chem.MolFromSmiles(smiles)
    rdCIPLabeler.AssignCIPLabels(mol)
    return sorted(atom.GetProp("_CIPCode") for atom in mol.GetAtoms() if atom.HasProp("_CIPCode"))


def test_the_mirror_image_of_l_alanine_is_d_alanine() -> None:
    assert mirror_image("C[C@H](N)C(=O)O") == CANON("C[C@@H](N)C(=O)O")


def test_a_mirror_image_keeps_the_double_bonds_and_swaps_every_centre() -> None:
    image = mirror_image("C/C=C/[C@H](O)[C@@H](N)C")
    assert cip_labels(image) == sorted({"R": "S", "S": "R"}[label] for label in cip_labels("C/C=C/[C@H](O)[C@@H](N)C"))
    assert "/" in image


@pytest.mark.parametrize(
    "smiles", ["C[C@H](N)C(=O)O", "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O", "C[C@H](F)/C=C\\Cl"]
)
def test_the_mirror_image_of_the_mirror_image_is_the_structure(smiles: str) -> None:
    assert mirror_image(mirror_image(smiles)) == CANON(smiles)
    assert mirror_image(smiles) != CANON(smiles)


def test_meso_tartaric_acid_is_its_own_mirror_image() -> None:
    assert mirror_image("O=C(O)[C@H](O)[C@H](O)C(=O)O") == CANON("O=C(O)[C@H](O)[C@H](O)C(=O)O")


def test_a_flat_structure_has_no_mirror_image_of_its_own() -> None:
    assert mirror_image("CC(N)C(=O)O") == ""
    assert mirror_image("C/C=C/C") == ""


# The chirality that a text states


@pytest.mark.parametrize("chirality", ["R", "S"])
def test_one_centre_has_the_letter_stated(chirality: str) -> None:
    (isomer,) = with_chirality("CC[C@H](C)O", chirality)
    assert cip_labels(isomer) == [chirality]


def test_two_different_centres_have_the_letters_in_either_order() -> None:
    isomers = with_chirality("CC(O)C(N)CC", "2R,3S")
    assert len(set(isomers)) == 2
    assert all(cip_labels(isomer) == ["R", "S"] for isomer in isomers)


def test_meso_tartaric_acid_is_one_isomer() -> None:
    assert with_chirality("O=C(O)C(O)C(O)C(=O)O", "R,S") == (CANON("O=C(O)[C@H](O)[C@H](O)C(=O)O"),)


@pytest.mark.parametrize(("smiles", "chirality"), [("CCO", "R"), ("CC(O)C(N)CC", "R"), ("NCC(=O)O", "L"), ("no", "R")])
def test_letters_that_do_not_fit_the_centres_give_nothing(smiles: str, chirality: str) -> None:
    assert with_chirality(smiles, chirality) == ()


# Other ways to write the same


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        # Arginine's guanidine, both ways; the stereocentre is untouched.
        ("N=C(N)NCCC[C@H](N)C(=O)O", "NC(N)=NCCC[C@H](N)C(=O)O"),
        # The imidazole of histidine, N-tau to N-pi.
        ("N[C@@H](Cc1cnc[nH]1)C(=O)O", "N[C@@H](Cc1c[nH]cn1)C(=O)O"),
        ("Cc1cc[nH]n1", "Cc1ccn[nH]1"),
    ],
)
def test_a_hydrogen_is_on_either_nitrogen(smiles: str, expected: str) -> None:
    assert tautomers(smiles) == (CANON(expected),)
    assert tautomers(CANON(expected)) == (CANON(smiles),)


@pytest.mark.parametrize("smiles", ["c1c[nH]cn1", "Cn1ccnc1", "c1ccc2[nH]ccc2c1", "NC(N)=O", "NC(=N)c1ccccc1", "no"])
def test_a_structure_that_can_be_written_one_way_has_no_twin(smiles: str) -> None:
    assert tautomers(smiles) == ()


@pytest.mark.parametrize(
    ("name", "flat"),
    [
        ("alanine", "CC(N)C(=O)O"),
        ("N-acetylalanine", ""),  # a longer word: left to OPSIN
        ("L-alanine", ""),
        ("D-alanine", ""),
        ("(S)-alanine", ""),
    ],
)
def test_an_amino_acid_without_its_hand_may_be_flat(name: str, flat: str) -> None:
    assert without_chirality(name, "C[C@H](N)C(=O)O") == flat


def test_what_is_no_amino_acid_keeps_its_chirality() -> None:
    assert without_chirality("cholesterol", "C[C@H](N)C(=O)O") == ""
