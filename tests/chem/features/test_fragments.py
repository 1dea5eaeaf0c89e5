"""Morgan environments and atom pairs of many molecules at once: the numbers and counts that RDKit finds in each."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator as Fingerprints

from molsearch.bench.enumeration import enumerated
from molsearch.chem.batch.arrays import MORGAN_SIZE, PAIR_SIZE, RADII
from molsearch.chem.batch.molbatch import MolBatch
from molsearch.chem.features.fragments import FARTHEST, atom_pairs, morgan
from molsearch.chem.ontology.classes import CLASSES
from molsearch.chem.structures import parse, readable

_MORGAN = Fingerprints.GetMorganGenerator(radius=RADII - 1, includeChirality=True, fpSize=MORGAN_SIZE)
_PAIRS = Fingerprints.GetAtomPairGenerator(fpSize=PAIR_SIZE)
ODD = (
    "C",  # no pair at all
    "[Na+].[Cl-]",  # nor here, as no way leads from one to the other
    "[H][H]",
    "[2H]C([2H])([2H])O",
    "CC",
    "C" * (FARTHEST + 1),  # the ends just near enough, and too far
    "C" * (FARTHEST + 2),
    "C" * 64,
    "C" * 65,
    "C" * 200,
    "CC(=O)Oc1ccccc1C(=O)O.CN1CCC[C@H]1c1cccnc1",
    "[O-][N+](=O)c1ccccc1S(=O)(=O)N=[N+]=[N-]",
    "F[P-](F)(F)(F)(F)F.C#C[Si](C)(C)C",
    "C1CC2CCC1CC2.C12C3C4C1C5C4C3C25",
    "*c1ccccc1",
)


def environments_by_rdkit(mol: Chem.Mol) -> tuple[dict[int, int], list[list[int]]]:
    """Count the environments and list them by atom; RDKit takes the first of several atoms, so in canonical order."""
    ranks = list(Chem.CanonicalRankAtoms(mol))
    output = Fingerprints.AdditionalOutput()
    output.AllocateAtomToBits()
    sorted_mol = Chem.RenumberAtoms(mol, sorted(range(len(ranks)), key=ranks.__getitem__))
    counts = _MORGAN.GetCountFingerprint(sorted_mol, additionalOutput=output).GetNonzeroElements()
    rows = output.GetAtomToBits()
    return counts, [[*rows[rank], -1, -1, -1, -1][:RADII] for rank in ranks]


def differing(smiles: list[str]) -> list[str]:
    molbatch = MolBatch.of([parse(text) for text in smiles])
    environments, numbers, counts, lengths = morgan(molbatch)
    wrong, first = [], 0
    for row, (text, mol) in enumerate(zip(smiles, molbatch.mols, strict=True)):
        start, last = int(molbatch.starts[row]), first + int(lengths[row])
        counted = dict(zip(numbers[first:last].tolist(), counts[first:last].tolist(), strict=True))
        listed = environments[start : start + mol.GetNumAtoms()].tolist()
        if (counted, listed) != environments_by_rdkit(mol):
            wrong.append(text)
        first = last
    return wrong


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
def test_environments_of_single_molecules(smiles: str) -> None:
    assert differing([smiles]) == []


def test_environments_of_the_examples_of_the_class_table_together() -> None:
    assert differing([chemical.example for chemical in CLASSES]) == []


@pytest.mark.slow
def test_environments_of_molecules_of_the_pool_together(shared: Path) -> None:
    with (shared / "data" / "chebi20_pool.tsv").open(encoding="utf-8", newline="") as stream:
        smiles = [row["smiles"] for row in csv.DictReader(stream, delimiter="\t")]
    assert differing([text for text in random.Random(2).sample(smiles, 600) if readable(text)]) == []


def pairs_by_rdkit(mols: Sequence[Chem.Mol]) -> list[dict[int, int]]:
    return [_PAIRS.GetCountFingerprint(mol).GetNonzeroElements() if mol.GetNumAtoms() > 1 else {} for mol in mols]


def pairs_of(mols: Sequence[Chem.Mol]) -> list[dict[int, int]]:
    pairs, counts, lengths = atom_pairs(MolBatch.of(mols))
    cuts = np.cumsum(lengths)[:-1]
    parts = zip(np.split(pairs, cuts), np.split(counts, cuts), strict=True)
    return [dict(zip(numbers.tolist(), count.tolist(), strict=True)) for numbers, count in parts]


def test_odd_molecules_have_the_pairs_of_rdkit() -> None:
    mols = [parse(smiles) for smiles in ODD]
    assert pairs_of(mols) == pairs_by_rdkit(mols)


@pytest.mark.parametrize("smiles", ODD)
def test_odd_molecules_alone_have_the_pairs_of_rdkit(smiles: str) -> None:
    assert pairs_of([parse(smiles)]) == pairs_by_rdkit([parse(smiles)])


def test_drug_sized_molecules_have_the_pairs_of_rdkit_in_ascending_order() -> None:
    mols = [parse(smiles) for smiles in enumerated(200, seed=7)]
    assert pairs_of(mols) == pairs_by_rdkit(mols)
    assert all(list(pairs) == sorted(pairs) for pairs in pairs_of(mols))


@pytest.mark.slow
def test_the_pool_has_the_pairs_of_rdkit(shared: Path) -> None:
    lines = (shared / "data" / "chebi20_pool.tsv").read_text(encoding="utf-8").splitlines()[1::11]
    mols = [parse(line.split("\t")[1]) for line in lines]
    for start in range(0, len(mols), 256):
        assert pairs_of(mols[start : start + 256]) == pairs_by_rdkit(mols[start : start + 256])
