"""Substructure filters against RDKit's full parse, and molecules with an atom made a wildcard."""

import csv
from pathlib import Path

import pytest
from rdkit import Chem

from molsearch.chem.masking import without_each_atom
from molsearch.chem.substructure import MAX_SMARTS_CHARS, compile_smarts, matches
from molsearch.errors import InputError

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
SULFANILAMIDE = "Nc1ccc(S(N)(=O)=O)cc1"
# Patterns that ask for each thing a molecule must be perceived for: rings, aromaticity, charge, hybridisation, stereo.
PATTERNS = (
    "S(=O)(=O)N",
    "c1ccccc1",
    "[R2]",
    "[r5]",
    "[nH]",
    "[NX3;H2]",
    "[#6]~[#7+]",
    "[C;^3]",
    "[CX4;H3]",
    "[O-]",
    "[2H]",
)


def test_a_sulfonamide_pattern_finds_the_sulfonamide() -> None:
    assert list(matches([ASPIRIN, SULFANILAMIDE], "S(=O)(=O)N")) == [False, True]


@pytest.mark.parametrize("smarts", PATTERNS)
def test_the_cheap_parse_finds_what_the_full_parse_finds(smarts: str, shared: Path) -> None:
    with (shared / "data" / "chebi20_val.tsv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        keys = [Chem.CanonSmiles(row["smiles"]) for row, _ in zip(rows, range(150), strict=False)]
    pattern = Chem.MolFromSmarts(smarts)
    expected = [Chem.MolFromSmiles(key).HasSubstructMatch(pattern) for key in keys]
    assert list(matches(keys, smarts)) == expected


@pytest.mark.parametrize("smarts", ["", "  ", "c1ccc", "not a pattern", "C" * (MAX_SMARTS_CHARS + 1)])
def test_what_is_no_pattern_is_refused_before_any_molecule_is_read(smarts: str) -> None:
    with pytest.raises(InputError, match="SMARTS"):
        matches([], smarts)


def test_a_pattern_may_have_spaces_around_it() -> None:
    assert compile_smarts(" [OH] ").GetNumAtoms() == 1


def test_each_atom_of_ethanol_becomes_a_wildcard_in_its_turn() -> None:
    assert without_each_atom("CCO") == ["*CO", "C*O", "*CC"]


def test_a_wildcard_loses_charge_isotope_and_hydrogens() -> None:
    assert without_each_atom("[13CH3][NH3+]") == ["*[NH3+]", "*[13CH3]"]


def test_an_aromatic_ring_stays_aromatic_beside_the_wildcard() -> None:
    assert without_each_atom("c1ccccc1") == ["*1ccccc1"] * 6


@pytest.mark.parametrize(
    "smiles",
    [
        # RDKit finds no Kekulé form for the aromatic SMILES of these with a wildcard in some places.
        "C[C@@]12[C@](C[C@@H](O1)N3C4=CC=CC=C4C5=C6C(=C7C8=CC=CC=C8N2C7=C53)CNC6=O)(C(=O)OC)O",
        "[Na+].[Cl-]",
        "F/C=C/F",
        "[2H]O[2H]",
        "C",
        "*c1ccccc1",
    ],
)
def test_every_molecule_with_a_wildcard_can_be_read_and_keeps_its_size(smiles: str) -> None:
    size = Chem.MolFromSmiles(smiles).GetNumAtoms()
    assert [Chem.MolFromSmiles(one).GetNumAtoms() for one in without_each_atom(smiles)] == [size] * size


def test_what_is_no_structure_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        without_each_atom("C1CC")
