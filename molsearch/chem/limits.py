"""What RDKit's compiled code alone takes for the stages of reading and describing molecules: their limits."""

from collections.abc import Callable, Mapping, Sequence

from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator as Fingerprints

from molsearch.chem.arrays import MORGAN_SIZE, PAIR_SIZE, RADII
from molsearch.chem.properties import PROPERTIES, table

Mols = Sequence[Chem.Mol]

_MORGAN = Fingerprints.GetMorganGenerator(radius=RADII - 1, includeChirality=True, fpSize=MORGAN_SIZE)
_PAIRS = Fingerprints.GetAtomPairGenerator(fpSize=PAIR_SIZE)
_DESCRIBED = tuple(name for name, row in PROPERTIES.items() if row.descriptor)


def read(keys: Sequence[str]) -> list[Chem.Mol]:
    """Parse SMILES that can be read."""
    return [Chem.MolFromSmiles(key) for key in keys]


def read_and_write(keys: Sequence[str]) -> None:
    """Parse SMILES and write them again, as every clean-up must to give a key."""
    for mol in read(keys):
        Chem.MolToSmiles(mol)


def fingerprint(mols: Mols) -> None:
    """Count Morgan environments and atom pairs; classes not included."""
    for mol in mols:
        _MORGAN.GetCountFingerprint(mol)
        if mol.GetNumAtoms() > 1:
            _PAIRS.GetCountFingerprint(mol)


def describe(mols: Mols) -> None:
    """Compute the properties of RDKit's fast table; charge, stereocentres, fragments and QED not included."""
    fast = table(_DESCRIBED)
    for mol in mols:
        fast.ComputeProperties(mol)


#: For each stage the RDKit calls that it cannot do without, or that would stand in its place.
CALLS: Mapping[str, Callable[[Mols], None]] = {"featurise": fingerprint, "properties": describe}
