"""Morgan fingerprints of many molecules at once, and their Tanimoto similarity.

The chemist's plain yardstick for a learned space (Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rdkit.Chem import rdFingerprintGenerator as Fingerprints
from scipy.sparse import csr_matrix

from molsearch.chem.structures import parse

BITS = 2048
_MORGAN = Fingerprints.GetMorganGenerator(radius=2, includeChirality=True, fpSize=BITS)


def morgan_bits(smiles: Sequence[str]) -> Any:
    """Compute the bits of each molecule, radius 2 with chirality: (N, BITS) sparse float32 of ones.

    Raises:
        InputError: If a SMILES cannot be read.
    """
    rows = [np.array(_MORGAN.GetFingerprint(parse(text)).GetOnBits(), np.int32) for text in smiles]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    places = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    return csr_matrix((np.ones(len(places), np.float32), places, starts), shape=(len(rows), BITS))


def tanimoto(first: Any, second: Any) -> npt.NDArray[np.float32]:
    """Compare every molecule of one list with every one of the other.

    Args:
        first: (Q, BITS) sparse bits.
        second: (N, BITS) sparse bits.

    Returns:
        (Q, N) bits in both over bits in either; 0 where neither has any.
    """
    shared: npt.NDArray[np.float32] = (second @ first.T.toarray()).T
    either = np.asarray(first.sum(1)).reshape(-1, 1) + np.asarray(second.sum(1)).reshape(1, -1) - shared
    likeness = np.zeros_like(shared)
    np.divide(shared, either, out=likeness, where=either > 0)
    return likeness
