"""Molecules to arrays: atoms, bonds, Morgan environments and counted fragments.

Stereochemistry, charge and isotopes are all visible, because captions speak of them: a stereo-blind graph cannot
put more than 89.4 % of the ChEBI-20 pool at rank 1.
"""

from collections.abc import Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator as Fingerprints

from molsearch.chem.arrays import (
    ATOM_COLUMNS,
    BOND_COLUMNS,
    CLASS_OFFSET,
    CLASS_SIZE,
    MORGAN_SIZE,
    PAIR_SIZE,
    RADII,
    Ints,
    MolGraph,
)
from molsearch.chem.classes import class_vector
from molsearch.chem.traits import Traits, traits
from molsearch.errors import InputError

_MORGAN = Fingerprints.GetMorganGenerator(radius=RADII - 1, includeChirality=True, fpSize=MORGAN_SIZE)
_NOTHING = (-1,) * RADII
_PAIRS = Fingerprints.GetAtomPairGenerator(fpSize=PAIR_SIZE)


def parse(smiles: str) -> Chem.Mol:
    """Parse a SMILES.

    Raises:
        InputError: If RDKit cannot read it or it holds no atom.
    """
    mol = Chem.MolFromSmiles(smiles) or _without_valence_check(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        raise InputError(f"This SMILES cannot be read: got {smiles[:80]!r}, expected a valid structure; correct it.")
    return mol


def _without_valence_check(smiles: str) -> Chem.Mol | None:
    """Read complexes and boranes whose valences RDKit does not know."""
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None:
        return None
    mol.UpdatePropertyCache(strict=False)
    checks = Chem.SanitizeFlags.SANITIZE_ALL ^ Chem.SanitizeFlags.SANITIZE_PROPERTIES
    if Chem.SanitizeMol(mol, checks, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol


def strict(smiles: str) -> bool:
    """Tell whether RDKit reads a SMILES with all its checks."""
    return Chem.MolFromSmiles(smiles) is not None


def readable(smiles: str) -> bool:
    """Tell whether ``featurise`` can read a SMILES."""
    try:
        return bool(parse(smiles))
    except InputError:
        return False


def canonical(smiles: str) -> str:
    """Write the isomeric canonical SMILES of a structure, without any clean-up."""
    return str(Chem.MolToSmiles(parse(smiles)))


def _environments(mol: Chem.Mol) -> tuple[dict[int, int], Ints]:
    """Count the Morgan environments, and list those centred on each atom, (A, RADII).

    Of several atoms whose environments cover the same bonds RDKit keeps the first, so atoms are put in canonical order:
    else the choice between symmetric atoms would follow the order in which the SMILES happens to be written.
    """
    ranks = list(Chem.CanonicalRankAtoms(mol))
    order = sorted(range(len(ranks)), key=ranks.__getitem__)
    output = Fingerprints.AdditionalOutput()
    output.AllocateAtomToBits()
    counts = _MORGAN.GetCountFingerprint(Chem.RenumberAtoms(mol, order), additionalOutput=output).GetNonzeroElements()
    rows = output.GetAtomToBits()
    padded = [(*rows[rank], *_NOTHING)[:RADII] for rank in ranks]  # ranks count from 0 without ties
    return dict(counts), np.array(padded, np.int64)


def featurise(smiles: str) -> MolGraph:
    """Turn a SMILES into the arrays that the molecule encoders read.

    Raises:
        InputError: If the SMILES cannot be read.
    """
    mol = parse(smiles)
    return graph_of(mol, traits(mol))


def graph_of(mol: Chem.Mol, read: Traits) -> MolGraph:
    """Turn a molecule and its traits into the arrays that the molecule encoders read."""
    edges = np.array([end for ends in read.ends for end in (*ends, *reversed(ends))], np.int64)
    morgan, environments = _environments(mol)
    pairs = _PAIRS.GetCountFingerprint(mol).GetNonzeroElements() if mol.GetNumAtoms() > 1 else {}
    classes = [CLASS_OFFSET + row for row in class_vector(mol, read) if row < CLASS_SIZE]
    return MolGraph(
        atoms=_table([kind.codes for kind in read.atoms], len(ATOM_COLUMNS)),
        environments=environments,
        bonds=_table([kind.codes for kind in read.bonds for _ in range(2)], len(BOND_COLUMNS)),
        edges=edges.reshape(-1, 2).T.copy(),
        fragments=np.array([*morgan, *(MORGAN_SIZE + number for number in pairs), *classes], np.int64),
        counts=np.array([*morgan.values(), *pairs.values(), *[1] * len(classes)], np.int64),
    )


def _table(rows: Sequence[bytes], width: int) -> Ints:
    return np.frombuffer(bytearray(b"".join(rows)), np.int64).reshape(-1, width)  # a bytearray may be written to
