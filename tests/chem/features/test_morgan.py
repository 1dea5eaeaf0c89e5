"""Morgan environments of many molecules at once are those that RDKit finds in one."""

import csv
import random
from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator as Fingerprints

from molsearch.chem.batch.arrays import MORGAN_SIZE, RADII
from molsearch.chem.batch.molbatch import MolBatch
from molsearch.chem.features.fragments import morgan
from molsearch.chem.ontology.classes import CLASSES
from molsearch.chem.structures import parse, readable

GENERATOR = Fingerprints.GetMorganGenerator(radius=RADII - 1, includeChirality=True, fpSize=MORGAN_SIZE)


def by_rdkit(mol: Chem.Mol) -> tuple[dict[int, int], list[list[int]]]:
    """Count the environments and list them by atom; RDKit takes the first of several atoms, so in canonical order."""
    ranks = list(Chem.CanonicalRankAtoms(mol))
    output = Fingerprints.AdditionalOutput()
    output.AllocateAtomToBits()
    sorted_mol = Chem.RenumberAtoms(mol, sorted(range(len(ranks)), key=ranks.__getitem__))
    counts = GENERATOR.GetCountFingerprint(sorted_mol, additionalOutput=output).GetNonzeroElements()
    rows = output.GetAtomToBits()
    return counts, [[*rows[rank], -1, -1, -1, -1][:RADII] for rank in ranks]


def differing(smiles: list[str]) -> list[str]:
    molbatch = MolBatch.of([parse(one) for one in smiles])
    environments, numbers, counts, lengths = morgan(molbatch)
    found, first = [], 0
    for row, (one, mol) in enumerate(zip(smiles, molbatch.mols, strict=True)):
        start, last = int(molbatch.starts[row]), first + int(lengths[row])
        counted = dict(zip(numbers[first:last].tolist(), counts[first:last].tolist(), strict=True))
        listed = environments[start : start + mol.GetNumAtoms()].tolist()
        if (counted, listed) != by_rdkit(mol):
            found.append(one)
        first = last
    return found


@pytest.mark.parametrize(
    "smiles",
    [
        "C",
        "CC",
        "[Na+].[Cl-]",
        "C[C@H](N)C(=O)O",
        "C[C@@H](N)C(=O)O",
        "F/C=C/F",
        "F/C=C\\F",
        "CC(C)(C)c1ccccc1",
        "C12C3C4C1C5C2C3C45",
        "[2H]C([2H])([2H])O",
        "FS(F)(F)(F)(F)F",
        "Cl[Pt]Cl",
        "C1CCCCCCCCCCC1",
        "C[C@H]1CC[C@@H](C)CC1",
        "O=C1" + "NCC(=O)" * 30 + "N1",
    ],
)
def test_single_molecules(smiles: str) -> None:
    assert differing([smiles]) == []


def test_examples_of_the_class_table_together() -> None:
    assert differing([chemical.example for chemical in CLASSES]) == []


def test_molecules_of_the_pool_together(shared: Path) -> None:
    with (shared / "data" / "chebi20_pool.tsv").open(encoding="utf-8", newline="") as stream:
        smiles = [row["smiles"] for row in csv.DictReader(stream, delimiter="\t")]
    assert differing([one for one in random.Random(2).sample(smiles, 600) if readable(one)]) == []
