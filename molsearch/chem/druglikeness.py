"""Donors, acceptors, rotatable bonds and QED of many molecules at once, as RDKit computes them one by one.

QED is Bickerton et al., Nature Chem. 2012, 4, 90; its functions and weights are those of ``rdkit.Chem.QED``.
"""

import numpy as np
import numpy.typing as npt
from rdkit.Chem import QED

from molsearch.chem.cohort import Bools, Cohort, Ints

Doubles = npt.NDArray[np.float64]

_RING_OF_THREE = 1  # column "ring_size"
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


def acceptors(cohort: Cohort) -> Ints:
    """Count (N,) hydrogen-bond acceptors by the pattern of RDKit's ``CalcNumHBA``.

    Hydroxyls that are not acidic, ethers and carbonyls, anions, amines that are not amides, and aromatic O, S and N
    with two neighbours: ``[$([O,S;H1;v2]-[!$(*=[O,N,P,S])]),$([O,S;H0;v2]),$([O,S;-]),$([N;v3;!$(N-*=!@[O,N,P,S])]),
    n&X2&H0&+0,$([o,s;+0])]``.
    """
    codes, bonds, targets = cohort.atom_codes, cohort.bond_codes, cohort.edges[1]
    element, charge, hydrogens = codes[:, 0], codes[:, 2] - 4, cohort.hydrogens
    aliphatic = codes[:, 5] == 0
    valence = cohort.valences
    chalcogen = aliphatic & ((element == 8) | (element == 16))
    takes = aliphatic & ((element == 7) | (element == 8) | (element == 15) | (element == 16))
    double, single = bonds[:, 0] == _DOUBLE, bonds[:, 0] == _SINGLE
    electron_poor = cohort.count(double & takes[targets]) > 0  # an atom doubly bound to O, N, P or S
    outside = cohort.count(double & takes[targets] & (bonds[:, 3] == 0)) > 0  # the same by a bond outside rings
    found = chalcogen & (hydrogens == 1) & (valence == 2) & (cohort.count(single & ~electron_poor[targets]) > 0)
    found |= chalcogen & (hydrogens == 0) & (valence == 2)
    found |= chalcogen & (charge == -1)
    amide = cohort.count(single & outside[targets]) > 0
    found |= aliphatic & (element == 7) & (valence == 3) & ~amide
    pyridine = (element == 7) & (hydrogens == 0) & (codes[:, 1] == 2)
    found |= ~aliphatic & (pyridine | (element == 8) | (element == 16)) & (charge == 0)
    return np.bincount(cohort.owners[found], minlength=len(cohort.mols))


def donors(cohort: Cohort) -> Ints:
    """Count (N,) hydrogen-bond donors by the pattern of ``CalcNumHBD``: atoms N, O and S that bear hydrogen."""
    codes = cohort.atom_codes
    element, charge, hydrogens = codes[:, 0], codes[:, 2] - 4, cohort.hydrogens
    aliphatic = codes[:, 5] == 0
    nitrogen = aliphatic & (element == 7) & (hydrogens > 0)
    found = nitrogen & ((cohort.valences == 3) | ((cohort.valences == 4) & (charge == 1)))
    found |= aliphatic & ((element == 8) | (element == 16)) & (hydrogens == 1) & (charge == 0)
    found |= ~aliphatic & (element == 7) & (hydrogens == 1) & (charge == 0)
    return np.bincount(cohort.owners[found], minlength=len(cohort.mols))


def may_have_stereocentres(cohort: Cohort) -> Bools:
    """Tell which molecules (N,) could hold a tetrahedral stereocentre; the others hold none.

    A centre has four arms, at most one of them a hydrogen; or it is P or As; or it has three and is N held by rings, or
    another element than C. Two neighbours that are bound to nothing else are alike if they are of one kind, by one kind
    of bond, and leave no centre between them.
    """
    codes = cohort.atom_codes
    sources, targets = cohort.edges
    element, degree = codes[:, 0], codes[:, 1]
    arms = degree + cohort.hydrogens
    held = (codes[:, 7] == _RING_OF_THREE) | (cohort.count(cohort.bond_codes[:, 3] == 1) >= 3)
    other = (element != 6) & ((element != 7) | held)
    centre = (cohort.hydrogens <= 1) & ((arms >= 4) | ((arms == 3) & other))
    centre |= (element == 15) | (element == 33)
    ends = np.flatnonzero(degree[targets] == 1)
    table = np.stack([sources[ends], cohort.kinds[targets[ends]], cohort.orders[ends]])  # (3, ends)
    table = table[:, np.lexsort(table)]
    alike = (table[:, 1:] == table[:, :-1]).all(0)
    twins = np.zeros(len(codes), bool)
    twins[table[0, 1:][alike]] = True
    return cohort.any_atom(centre & ~twins)


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
