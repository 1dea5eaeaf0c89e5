"""Fingerprints against RDKit's own similarity."""

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molsearch.chem.fingerprints import BITS, morgan_bits, tanimoto
from molsearch.errors import InputError

SMILES = ("CCO", "OCC", "c1ccccc1O", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O")


def test_tanimoto_agrees_with_rdkit() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, includeChirality=True, fpSize=BITS)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(one)) for one in SMILES]
    expected = [DataStructs.BulkTanimotoSimilarity(one, prints) for one in prints]
    bits = morgan_bits(SMILES)
    np.testing.assert_allclose(tanimoto(bits, bits), expected, atol=1e-6)


def test_one_structure_written_twice_is_itself_and_mirror_images_are_not() -> None:
    likeness = tanimoto(morgan_bits(SMILES), morgan_bits(SMILES))
    assert likeness[0, 1] == 1
    assert likeness[3, 4] < 1


def test_no_molecules_have_no_rows() -> None:
    assert tanimoto(morgan_bits(()), morgan_bits(SMILES)).shape == (0, len(SMILES))


def test_what_is_no_structure_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        morgan_bits(["no structure"])
