"""Rotatable bonds and QED of many molecules at once, as RDKit computes them one by one.

QED is Bickerton et al., Nature Chem. 2012, 4, 90; its functions and weights are those of ``rdkit.Chem.QED``.
"""

import numpy as np
import numpy.typing as npt
from rdkit.Chem import QED

from molsearch.chem.cohort import Cohort, Ints

Doubles = npt.NDArray[np.float64]

_SINGLE, _DOUBLE, _TRIPLE, _AROMATIC = range(4)  # column "order" of arrays.BOND_COLUMNS


def rotatable_bonds(cohort: Cohort) -> Ints:
    """Count (N,) bonds that turn: RDKit's strict definition, for molecules that write no hydrogen as an atom.

    Neither end may be terminal, bear a triple bond, or be the middle of CF3, CCl3, CBr3 or tert-butyl; and one end must
    be neither the carbon nor the heteroatom of an amide, thioamide, amidine, ester or acid.
    """
    codes, bonds = cohort.atom_codes, cohort.bond_codes
    sources, targets = cohort.edges
    element, degree, aliphatic = codes[:, 0], codes[:, 1], codes[:, 5] == 0
    carbon = (element == 6) & aliphatic
    turns = (degree != 1) & (cohort.count(bonds[:, 0] == _TRIPLE) == 0)
    bulky = [element == halogen for halogen in (9, 17, 35)] + [carbon & (cohort.hydrogens == 3)]
    for kind in bulky:
        turns &= ~carbon | (cohort.count(kind[targets]) < 3)
    chalcogen = aliphatic & ((element == 8) | (element == 16))
    accepting = chalcogen | (aliphatic & (element == 7))
    doubled = carbon & (degree == 3) & (cohort.count((bonds[:, 0] == _DOUBLE) & accepting[targets]) > 0)
    partner = (element == 7) | (chalcogen & ((element == 8) | (degree != 1)))
    loose = (bonds[:, 0] == _SINGLE) & (bonds[:, 3] == 0)  # outside rings
    stiff = doubled & (cohort.count(loose & partner[targets]) > 0)
    stiff |= partner & (cohort.count(loose & doubled[targets]) > 0)
    free = turns & ~stiff
    open_ = ((bonds[:, 0] == _SINGLE) | (bonds[:, 0] == _AROMATIC)) & (bonds[:, 3] == 0)
    found = open_ & ((free[sources] & turns[targets]) | (turns[sources] & free[targets]))
    return np.bincount(cohort.owners[sources[found]], minlength=len(cohort.mols)) // 2


def qed_acceptors(cohort: Cohort) -> Ints:
    """Count (N,) what QED takes for hydrogen-bond acceptors: the patterns of ``QED.Acceptors``."""
    codes, bonds = cohort.atom_codes, cohort.bond_codes
    targets = cohort.edges[1]
    element, degree, charge, hydrogens = codes[:, 0], codes[:, 1], codes[:, 2] - 4, cohort.hydrogens
    aliphatic = codes[:, 5] == 0
    connected = degree + hydrogens
    chalcogen = (element == 8) | (element == 16)
    valence = cohort.valences
    plain = aliphatic & (valence == 2)
    found = ~aliphatic & ((element == 8) | (element == 7)) & (hydrogens == 0) & (connected == 2)
    found |= plain & (element == 8) & (connected == 2) & (hydrogens <= 1)
    found |= plain & (element == 16) & (connected == 2) & (hydrogens == 0)
    found |= plain & chalcogen & (connected == 1) & (hydrogens == 0)
    found |= aliphatic & chalcogen & (charge == -1) & (connected == 1)
    nitrogen = aliphatic & (element == 7) & (valence == 3)
    found |= nitrogen & (hydrogens == 0) & (connected == 1)
    oxygen = aliphatic & (element == 8)
    acyl = aliphatic & ((element == 6) | (element == 16))
    acyl &= cohort.count((bonds[:, 0] == _DOUBLE) & oxygen[targets]) > 0
    to_acyl = ((bonds[:, 0] == _SINGLE) | (bonds[:, 0] == _AROMATIC)) & acyl[targets]
    found |= nitrogen & (charge == 0) & (connected == 3) & (cohort.count(to_acyl) == 0)
    return np.bincount(cohort.owners[found], minlength=len(cohort.mols))


def qed_aromatic_rings(cohort: Cohort) -> Ints:
    """Count (N,) the rings left when ring atoms that are aliphatic and have an aliphatic neighbour are taken out.

    A neighbour by a double bond does not count.
    """
    codes, bonds = cohort.atom_codes, cohort.bond_codes
    sources, targets = cohort.edges
    aliphatic = codes[:, 5] == 0
    beside = ((bonds[:, 0] == _SINGLE) | (bonds[:, 0] == _AROMATIC)) & aliphatic[targets]
    out = aliphatic & (codes[:, 7] > 0) & (cohort.count(beside) > 0)
    kept = (bonds[:, 3] == 1) & ~out[sources] & ~out[targets]
    atoms = np.zeros(len(out), bool)
    atoms[sources[kept]] = True
    count = len(cohort.mols)
    edges = np.bincount(cohort.owners[sources[kept]], minlength=count) // 2
    parts = _parts(sources[kept], targets[kept], len(out))
    roots = atoms & (parts == np.arange(len(out)))
    return (
        edges - np.bincount(cohort.owners[atoms], minlength=count) + np.bincount(cohort.owners[roots], minlength=count)
    )


def _parts(sources: Ints, targets: Ints, atoms: int) -> Ints:
    """Number the first atom of the connected part that each atom is in, (A,)."""
    parts = np.arange(atoms)
    while True:
        before = parts.copy()
        np.minimum.at(parts, sources, parts[targets])
        parts = parts[parts]  # a part's number points on to the number of its own part
        if np.array_equal(parts, before):
            return parts


def qed(inputs: Doubles) -> Doubles:
    """Compute (N,) QED from (N, 8) values in the order of ``QED.adsParameters``."""
    weights = np.array([*QED.WEIGHT_MEAN])
    total = np.zeros(len(inputs))
    for x, weight, parameters in zip(inputs.T, weights, QED.adsParameters.values(), strict=True):
        base, height, centre, width, slope, fall, most = parameters
        rising = 1 + np.exp(-1 * (x - centre + width / 2) / slope)
        falling = 1 + np.exp(-1 * (x - centre - width / 2) / fall)
        total += weight * np.log((base + height / rising * (1 - 1 / falling)) / most)
    found: Doubles = np.exp(total / weights.sum())
    return found
