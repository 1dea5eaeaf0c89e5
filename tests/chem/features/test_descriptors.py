"""Properties of many molecules at once are those that RDKit computes of one."""

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molsearch.chem.batch.molbatch import MolBatch
from molsearch.chem.features.descriptors import may_have_stereocentres, profiles
from molsearch.chem.io.formats import read_entries
from molsearch.chem.ontology.classes import CLASSES, classes_and_alerts
from molsearch.chem.properties import PROPERTIES, properties
from molsearch.chem.structures import parse, readable
from molsearch.records import Entry

ODD = (
    "OC(=O)CNC(=S)C[NH3+]",
    "Cn1cc[n+](C)c1.[O-]c1ncoc1",
    "NS(=O)(=O)c1cc2c(cc1Cl)NC=NS2(=O)=O",
    "CC(C)CC(F)(F)F",
    "C[P@](=O)(O)c1ccccc1",
    "C1CN1[C@H]2CC2.CN1CCCC1",
    "C1CN2CCC1CC2",
    "C[S@](=O)CC[As](C)CC",
    "CC(C)(C)[Si](C)(C)OC1CCC(O)CC1",
    "[2H]C([2H])([2H])O",
    "[H][H]",
    "[Na+].[Cl-]",
    "C",
    "*CC*",
    "CC(F)(F)F",
    "CC(C)(C)NC(=O)c1ccccc1",
    "CSC(=N)NC",
    "O=C1c2ccccc2C(=Cc2ccc(Cl)cc2)c2ccccc21",
    "N#Cc1ccccc1C#CC",
    "OC(=O)C(C)N(C)C(=S)OC",
    "[O-]S(=O)(=O)c1ccc[nH]1",
    "C12C3C4C1C5C2C3C45",
    "ClC(Cl)(Cl)C1CC1N",
)


def one_by_one(smiles: list[str]) -> np.ndarray:
    return np.array([list(properties(parse(one)).values()) for one in smiles], np.float32)


def together(smiles: list[str]) -> np.ndarray:
    molbatch = MolBatch.of([parse(one) for one in smiles])
    return profiles(molbatch, classes_and_alerts(molbatch)[1]).astype(np.float32)


def differing(smiles: list[str]) -> list[tuple[str, str]]:
    one, other = one_by_one(smiles), together(smiles)
    names = list(PROPERTIES)
    return [(smiles[row], names[column]) for row, column in np.argwhere(one != other).tolist()]


def test_odd_molecules() -> None:
    assert differing(list(ODD)) == []


def test_one_molecule_alone_has_the_properties_it_has_among_others() -> None:
    assert np.array_equal(np.concatenate([together([one]) for one in ODD]), together(list(ODD)))


@pytest.mark.parametrize("smiles", ["CC(C)CC(F)(F)F", "c1ccncc1", "CC(C)(C)C(=O)N(C)C"])
def test_a_molecule_without_a_possible_centre_is_known_without_asking(smiles: str) -> None:
    assert not may_have_stereocentres(MolBatch.of([parse(smiles)])).any()


@pytest.mark.parametrize("smiles", ["CC(O)F", "CS(=O)CC", "C1CC1N1CC1", "OC1CCC(C)CC1", "C1CN2CCC1CC2", "CP(O)CC"])
def test_a_molecule_with_a_possible_centre_is_asked(smiles: str) -> None:
    assert may_have_stereocentres(MolBatch.of([parse(smiles)])).all()


@pytest.mark.slow
def test_examples_of_the_class_table() -> None:
    assert differing([chemical.example for chemical in CLASSES[::3]]) == []


@pytest.mark.slow
def test_molecules_of_the_pool(shared: Path) -> None:
    with (shared / "data" / "chebi20_pool.tsv").open(encoding="utf-8", newline="") as stream:
        smiles = [row["smiles"] for row in csv.DictReader(stream, delimiter="\t")]
    assert differing([one for one in random.Random(1).sample(smiles, 400) if readable(one)]) == []


@pytest.mark.parametrize("name", ["wehi_mols.csv", "idorsia_toy_space_enum.smi"])
@pytest.mark.slow
def test_molecules_of_a_library(shared: Path, name: str) -> None:
    entries = [one for one in read_entries(shared / "libraries" / name, name) if isinstance(one, Entry)]
    chosen = [one.text for one in random.Random(1).sample(entries, 400)]
    assert differing([one for one in chosen if Chem.MolFromSmiles(one)]) == []
