"""Atom pairs of many molecules at once: RDKit's own numbers and counts."""

from collections.abc import Sequence

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator as Fingerprints

from molsearch.bench.enumeration import enumerated
from molsearch.chem.batch.arrays import PAIR_SIZE
from molsearch.chem.batch.molbatch import MolBatch
from molsearch.chem.features.fragments import FARTHEST, atom_pairs
from molsearch.chem.structures import parse

_RDKIT = Fingerprints.GetAtomPairGenerator(fpSize=PAIR_SIZE)
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


def expected(mols: Sequence[Chem.Mol]) -> list[dict[int, int]]:
    return [_RDKIT.GetCountFingerprint(mol).GetNonzeroElements() if mol.GetNumAtoms() > 1 else {} for mol in mols]


def found(mols: Sequence[Chem.Mol]) -> list[dict[int, int]]:
    pairs, counts, lengths = atom_pairs(MolBatch.of(mols))
    cuts = np.cumsum(lengths)[:-1]
    parts = zip(np.split(pairs, cuts), np.split(counts, cuts), strict=True)
    return [dict(zip(one.tolist(), count.tolist(), strict=True)) for one, count in parts]


def test_odd_molecules_have_the_pairs_of_rdkit() -> None:
    mols = [parse(smiles) for smiles in ODD]
    assert found(mols) == expected(mols)


@pytest.mark.parametrize("smiles", ODD)
def test_alone_as_together(smiles: str) -> None:
    assert found([parse(smiles)]) == expected([parse(smiles)])


def test_drug_sized_molecules_have_the_pairs_of_rdkit_in_ascending_order() -> None:
    mols = [parse(smiles) for smiles in enumerated(200, seed=7)]
    assert found(mols) == expected(mols)
    assert all(list(one) == sorted(one) for one in found(mols))


def test_the_pool_has_the_pairs_of_rdkit(shared) -> None:  # type: ignore[no-untyped-def]
    lines = (shared / "data" / "chebi20_pool.tsv").read_text(encoding="utf-8").splitlines()[1::11]
    mols = [parse(line.split("\t")[1]) for line in lines]
    for start in range(0, len(mols), 256):
        assert found(mols[start : start + 256]) == expected(mols[start : start + 256])
