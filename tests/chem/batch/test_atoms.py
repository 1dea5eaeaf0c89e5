"""What is read of a molecule with its SMILES at hand is what RDKit answers atom by atom."""

import csv
import random
from pathlib import Path

import pytest

from molsearch.chem.batch.atoms import atom_types
from molsearch.chem.ontology.classes import CLASSES
from molsearch.chem.structures import parse, readable


def same(smiles: str) -> bool:
    mol = parse(smiles)
    return atom_types(mol, smiles) == atom_types(mol)


# Where the text misleads: groups that RDKit charges, hydrogens it folds in or keeps, capitals in aromatic rings.
@pytest.mark.parametrize(
    "smiles",
    [
        "CN(=O)=O",
        "CO",
        "CN=N#N",
        "CC=N",
        "O=Cl(=O)(=O)O",
        "[O-]Cl(=O)(=O)=O",
        "CI(=O)=O",
        "[H]C([H])([H])O",
        "[2H]OC",
        "[H][H]",
        "N1C=CC=C1",
        "C1=CC=NC=C1",
        "c1cc[nH]c1",
        "C[N+](C)(C)C",
        "C[C@H](N)O",
        "F/C=C\\F",
        "[13CH4]",
        "[CH3]",
        "[NH3]->[Pt]",
        "C~C",
        "B1(O)c2ccccc2CO1",
        "*CC*",
        "[Na+].[Cl-]",
        "C%12CCCCC%12",
        "FS(F)(F)(F)(F)F",
    ],
)
def test_smiles_whose_text_misleads(smiles: str) -> None:
    for _ in range(2):  # the second time kinds are recognised
        assert same(smiles)


def test_examples_of_the_class_table() -> None:
    assert [chemical.example for chemical in CLASSES if not same(chemical.example)] == []


@pytest.mark.slow
def test_molecules_of_the_pool(shared: Path) -> None:
    with (shared / "data" / "chebi20_pool.tsv").open(encoding="utf-8", newline="") as stream:
        smiles = [row["smiles"] for row in csv.DictReader(stream, delimiter="\t")]
    assert [one for one in random.Random(3).sample(smiles, 1_500) if readable(one) and not same(one)] == []
