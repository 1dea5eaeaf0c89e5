"""Molecules to arrays: atoms, bonds, Morgan environments and counted fragments.

Stereochemistry, charge and isotopes are all visible, because captions speak of them: a stereo-blind graph cannot
put more than 89.4 % of the ChEBI-20 pool at rank 1.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from rdkit import Chem

from molsearch.chem.arrays import (
    CLASS_OFFSET,
    MORGAN_SIZE,
    GraphStore,
    MolGraph,
    offsets,
    spans,
)
from molsearch.chem.atompairs import atom_pairs
from molsearch.chem.classes import classes_and_alerts
from molsearch.chem.cohort import Bools, Cohort
from molsearch.chem.morgan import morgan
from molsearch.chem.traits import traits
from molsearch.errors import InputError

AT_ONCE = 256  # molecules described together


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


def featurise(smiles: str) -> MolGraph:
    """Turn a SMILES into the arrays that the molecule encoders read.

    Raises:
        InputError: If the SMILES cannot be read.
    """
    return graph_store([smiles]).graph


def graph_store(smiles: Sequence[str]) -> GraphStore:
    """Turn SMILES, one or more, into graphs in their order, many at once, as that costs a fifth of one by one.

    Raises:
        InputError: If one cannot be read.
    """
    return GraphStore.joined([graphs_of(cohort, classes_and_alerts(cohort)[0]) for cohort in _cohorts(smiles)])


def class_members(smiles: Sequence[str]) -> Bools:
    """Tell which chemical classes each of one or more molecules belongs to, (N, CLASS_SIZE).

    Raises:
        InputError: If one cannot be read.
    """
    return np.concatenate([classes_and_alerts(cohort)[0] for cohort in _cohorts(smiles)])


def _cohorts(smiles: Sequence[str]) -> Iterator[Cohort]:
    for start in range(0, len(smiles), AT_ONCE):
        part = smiles[start : start + AT_ONCE]
        mols = [parse(one) for one in part]
        yield Cohort(mols, [traits(mol, one) for mol, one in zip(mols, part, strict=True)])


def graphs_of(cohort: Cohort, classes: Bools) -> GraphStore:
    """Turn molecules into the arrays that the molecule encoders read.

    Args:
        cohort: One molecule or more.
        classes: (N, CLASS_SIZE) the chemical classes of each.
    """
    environments, *counted_environments = morgan(cohort)
    pairs, *counted_pairs = atom_pairs(cohort)
    owners, numbers = np.nonzero(classes)
    groups = (
        counted_environments,
        (MORGAN_SIZE + pairs, *counted_pairs),
        (CLASS_OFFSET + numbers, np.ones(len(numbers), np.int64), np.bincount(owners, minlength=len(classes))),
    )
    starts = offsets(np.stack([length for _, _, length in groups]).sum(0))
    fragments, counted = np.empty(starts[-1], np.int64), np.empty(starts[-1], np.int64)
    first = starts[:-1].copy()
    for found, count, length in groups:
        places = spans(first, length)
        fragments[places], counted[places] = found, count
        first += length
    return GraphStore(
        MolGraph(
            atoms=cohort.atom_codes,
            environments=environments,
            bonds=cohort.bond_codes,
            edges=cohort.local_edges,
            fragments=fragments,
            counts=counted,
        ),
        offsets(cohort.sizes),
        offsets(2 * cohort.bonds),
        starts,
    )
