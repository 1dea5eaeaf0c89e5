"""All properties of many molecules at once, equal to those that ``chem.properties`` computes one molecule at a time.

Octanol-water partition and molar refractivity are sums over atoms (Wildman & Crippen, J. Chem. Inf. Comput. Sci. 1999,
39, 868), with RDKit asked once for all atoms that have the same surroundings. The type of an atom follows from its
neighbours; that of a terminal oxygen, and of the hydrogen on it, from the neighbours of the one atom it is bound to as
well. Donors, acceptors and rotatable bonds are counted as RDKit counts them. QED is Bickerton et al., Nature Chem.
2012, 4, 90; its functions and weights are those of ``rdkit.Chem.QED``. A test compares whole libraries with RDKit's own
values.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import QED, rdMolDescriptors

from molsearch.chem.batch.molbatch import Bools, Codes, Ints, MolBatch
from molsearch.chem.properties import PROPERTIES, properties, table

Doubles = npt.NDArray[np.float64]

MOST_SITES = 100_000  # surroundings that are remembered
_COLUMNS = 4  # logP and refractivity of the atom, and the same of each of its hydrogens


class Crippen:
    """Remembers what atoms add; RDKit's numbers, added up in RDKit's order."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._values: Doubles = np.zeros((0, _COLUMNS))
        self._lock = threading.Lock()

    def of(self, molbatch: MolBatch) -> Doubles:
        """Return (N, 2) logP and molar refractivity of molecules that write no hydrogen as an atom."""
        with self._lock:
            values = self._per_atom(molbatch)
        bearers = np.repeat(np.arange(len(values)), molbatch.hydrogens)
        owners = np.concatenate([molbatch.owners, molbatch.owners[bearers]])
        added = np.concatenate([values[:, :2], values[bearers, 2:]])  # (atoms, then their hydrogens, 2)
        sums = [np.bincount(owners, weights=added[:, column], minlength=len(molbatch.mols)) for column in (0, 1)]
        return np.stack(sums, 1)

    def _per_atom(self, molbatch: MolBatch) -> Doubles:
        sites = _sites(molbatch)
        distinct, places, numbers = np.unique(sites, return_index=True, return_inverse=True)
        if len(self._rows) > MOST_SITES:
            self._rows, self._values = {}, np.zeros((0, _COLUMNS))
        names = distinct.tolist()
        unknown = [row for row, name in enumerate(names) if name not in self._rows]
        if unknown:
            self._learn(molbatch, sites, sorted(set(molbatch.owners[places[unknown]].tolist())))
        rows = np.array([self._rows[name] for name in names], np.int64)
        return self._values[rows[numbers]]

    def _learn(self, molbatch: MolBatch, sites: Codes, owners: list[int]) -> None:
        """Ask RDKit about whole molecules and keep what is new."""
        for owner in owners:
            start = int(molbatch.starts[owner])
            names = sites[start : start + int(molbatch.sizes[owner])].tolist()
            new = {name: place for place, name in enumerate(names) if name not in self._rows}
            values = _contributions(molbatch.mols[owner], molbatch.reads[owner].hydrogens())
            known = len(self._rows)
            self._rows.update({name: known + row for row, name in enumerate(new)})
            self._values = np.concatenate([self._values, values[list(new.values())]])


def _sites(molbatch: MolBatch) -> Codes:
    codes = molbatch.atom_codes
    atoms = codes[:, 0] * 4096 + codes[:, 1] * 512 + codes[:, 2] * 32 + codes[:, 3] * 4 + codes[:, 5]
    near = molbatch.around(atoms, molbatch.bond_codes[:, 0])
    sources, targets = molbatch.edges
    ends = (codes[sources, 0] == 8) & (codes[sources, 1] == 1)
    sites = near.copy()
    sites[sources[ends]] = near[sources[ends]] * np.uint64(3) + near[targets[ends]]
    return sites


def _contributions(mol: Chem.Mol, hydrogens: list[int]) -> Doubles:
    """Ask RDKit what each atom of one molecule adds, (A, columns)."""
    added = np.array(rdMolDescriptors._CalcCrippenContribs(Chem.AddHs(mol)))  # (atoms, then their hydrogens, 2)
    bearers = np.repeat(np.arange(len(hydrogens)), hydrogens)
    values = np.zeros((len(hydrogens), _COLUMNS))
    values[:, :2] = added[: len(hydrogens)]
    values[bearers, 2:] = added[len(hydrogens) :]
    return values


_RING_OF_THREE = 1  # column "ring_size"
_SINGLE, _DOUBLE, _TRIPLE, _AROMATIC = range(4)  # column "order" of arrays.BOND_COLUMNS


def rotatable_bonds(molbatch: MolBatch) -> Ints:
    """Count (N,) bonds that turn: RDKit's strict definition, for molecules that write no hydrogen as an atom.

    Neither end may be terminal, bear a triple bond, or be the middle of CF3, CCl3, CBr3 or tert-butyl; and one end must
    be neither the carbon nor the heteroatom of an amide, thioamide, amidine, ester or acid.
    """
    codes, bonds = molbatch.atom_codes, molbatch.bond_codes
    sources, targets = molbatch.edges
    element, degree, aliphatic = codes[:, 0], codes[:, 1], codes[:, 5] == 0
    carbon = (element == 6) & aliphatic
    turns = (degree != 1) & (molbatch.count(bonds[:, 0] == _TRIPLE) == 0)
    bulky = [element == halogen for halogen in (9, 17, 35)] + [carbon & (molbatch.hydrogens == 3)]
    for kind in bulky:
        turns &= ~carbon | (molbatch.count(kind[targets]) < 3)
    chalcogen = aliphatic & ((element == 8) | (element == 16))
    accepting = chalcogen | (aliphatic & (element == 7))
    doubled = carbon & (degree == 3) & (molbatch.count((bonds[:, 0] == _DOUBLE) & accepting[targets]) > 0)
    partner = (element == 7) | (chalcogen & ((element == 8) | (degree != 1)))
    loose = (bonds[:, 0] == _SINGLE) & (bonds[:, 3] == 0)  # outside rings
    stiff = doubled & (molbatch.count(loose & partner[targets]) > 0)
    stiff |= partner & (molbatch.count(loose & doubled[targets]) > 0)
    free = turns & ~stiff
    open_ = ((bonds[:, 0] == _SINGLE) | (bonds[:, 0] == _AROMATIC)) & (bonds[:, 3] == 0)
    rotatable = open_ & ((free[sources] & turns[targets]) | (turns[sources] & free[targets]))
    return np.bincount(molbatch.owners[sources[rotatable]], minlength=len(molbatch.mols)) // 2


def acceptors(molbatch: MolBatch) -> Ints:
    """Count (N,) hydrogen-bond acceptors by the pattern of RDKit's ``CalcNumHBA``.

    Hydroxyls that are not acidic, ethers and carbonyls, anions, amines that are not amides, and aromatic O, S and N
    with two neighbours: ``[$([O,S;H1;v2]-[!$(*=[O,N,P,S])]),$([O,S;H0;v2]),$([O,S;-]),$([N;v3;!$(N-*=!@[O,N,P,S])]),
    n&X2&H0&+0,$([o,s;+0])]``.
    """
    codes, bonds, targets = molbatch.atom_codes, molbatch.bond_codes, molbatch.edges[1]
    element, charge, hydrogens = codes[:, 0], codes[:, 2] - 4, molbatch.hydrogens
    aliphatic = codes[:, 5] == 0
    valence = molbatch.valences
    chalcogen = aliphatic & ((element == 8) | (element == 16))
    takes = aliphatic & ((element == 7) | (element == 8) | (element == 15) | (element == 16))
    double, single = bonds[:, 0] == _DOUBLE, bonds[:, 0] == _SINGLE
    electron_poor = molbatch.count(double & takes[targets]) > 0  # an atom doubly bound to O, N, P or S
    outside = molbatch.count(double & takes[targets] & (bonds[:, 3] == 0)) > 0  # the same by a bond outside rings
    accepting = chalcogen & (hydrogens == 1) & (valence == 2) & (molbatch.count(single & ~electron_poor[targets]) > 0)
    accepting |= chalcogen & (hydrogens == 0) & (valence == 2)
    accepting |= chalcogen & (charge == -1)
    amide = molbatch.count(single & outside[targets]) > 0
    accepting |= aliphatic & (element == 7) & (valence == 3) & ~amide
    pyridine = (element == 7) & (hydrogens == 0) & (codes[:, 1] == 2)
    accepting |= ~aliphatic & (pyridine | (element == 8) | (element == 16)) & (charge == 0)
    return np.bincount(molbatch.owners[accepting], minlength=len(molbatch.mols))


def donors(molbatch: MolBatch) -> Ints:
    """Count (N,) hydrogen-bond donors by the pattern of ``CalcNumHBD``: atoms N, O and S that bear hydrogen."""
    codes = molbatch.atom_codes
    element, charge, hydrogens = codes[:, 0], codes[:, 2] - 4, molbatch.hydrogens
    aliphatic = codes[:, 5] == 0
    nitrogen = aliphatic & (element == 7) & (hydrogens > 0)
    donating = nitrogen & ((molbatch.valences == 3) | ((molbatch.valences == 4) & (charge == 1)))
    donating |= aliphatic & ((element == 8) | (element == 16)) & (hydrogens == 1) & (charge == 0)
    donating |= ~aliphatic & (element == 7) & (hydrogens == 1) & (charge == 0)
    return np.bincount(molbatch.owners[donating], minlength=len(molbatch.mols))


def may_have_stereocentres(molbatch: MolBatch) -> Bools:
    """Return which molecules (N,) could hold a tetrahedral stereocentre; the others hold none.

    A centre has four arms, at most one of them a hydrogen; or it is P or As; or it has three and is N held by rings, or
    another element than C. Two neighbours that are bound to nothing else are alike if they are of one kind, by one kind
    of bond, and leave no centre between them.
    """
    codes = molbatch.atom_codes
    sources, targets = molbatch.edges
    element, degree = codes[:, 0], codes[:, 1]
    arms = degree + molbatch.hydrogens
    held = (codes[:, 7] == _RING_OF_THREE) | (molbatch.count(molbatch.bond_codes[:, 3] == 1) >= 3)
    other = (element != 6) & ((element != 7) | held)
    centre = (molbatch.hydrogens <= 1) & ((arms >= 4) | ((arms == 3) & other))
    centre |= (element == 15) | (element == 33)
    ends = np.flatnonzero(degree[targets] == 1)
    table = np.stack([sources[ends], molbatch.kinds[targets[ends]], molbatch.orders[ends]])  # (3, ends)
    table = table[:, np.lexsort(table)]
    alike = (table[:, 1:] == table[:, :-1]).all(0)
    paired = np.zeros(len(codes), bool)
    paired[table[0, 1:][alike]] = True
    return molbatch.any_atom(centre & ~paired)


def qed_acceptors(molbatch: MolBatch) -> Ints:
    """Count (N,) what QED takes for hydrogen-bond acceptors: the patterns of ``QED.Acceptors``."""
    codes, bonds = molbatch.atom_codes, molbatch.bond_codes
    targets = molbatch.edges[1]
    element, degree, charge, hydrogens = codes[:, 0], codes[:, 1], codes[:, 2] - 4, molbatch.hydrogens
    aliphatic = codes[:, 5] == 0
    connected = degree + hydrogens
    chalcogen = (element == 8) | (element == 16)
    valence = molbatch.valences
    plain = aliphatic & (valence == 2)
    accepting = ~aliphatic & ((element == 8) | (element == 7)) & (hydrogens == 0) & (connected == 2)
    accepting |= plain & (element == 8) & (connected == 2) & (hydrogens <= 1)
    accepting |= plain & (element == 16) & (connected == 2) & (hydrogens == 0)
    accepting |= plain & chalcogen & (connected == 1) & (hydrogens == 0)
    accepting |= aliphatic & chalcogen & (charge == -1) & (connected == 1)
    nitrogen = aliphatic & (element == 7) & (valence == 3)
    accepting |= nitrogen & (hydrogens == 0) & (connected == 1)
    oxygen = aliphatic & (element == 8)
    acyl = aliphatic & ((element == 6) | (element == 16))
    acyl &= molbatch.count((bonds[:, 0] == _DOUBLE) & oxygen[targets]) > 0
    to_acyl = ((bonds[:, 0] == _SINGLE) | (bonds[:, 0] == _AROMATIC)) & acyl[targets]
    accepting |= nitrogen & (charge == 0) & (connected == 3) & (molbatch.count(to_acyl) == 0)
    return np.bincount(molbatch.owners[accepting], minlength=len(molbatch.mols))


def qed_aromatic_rings(molbatch: MolBatch) -> Ints:
    """Count (N,) the rings left when ring atoms that are aliphatic and have an aliphatic neighbour are taken out.

    A neighbour by a double bond does not count.
    """
    codes, bonds = molbatch.atom_codes, molbatch.bond_codes
    sources, targets = molbatch.edges
    aliphatic = codes[:, 5] == 0
    beside = ((bonds[:, 0] == _SINGLE) | (bonds[:, 0] == _AROMATIC)) & aliphatic[targets]
    out = aliphatic & (codes[:, 7] > 0) & (molbatch.count(beside) > 0)
    kept = (bonds[:, 3] == 1) & ~out[sources] & ~out[targets]
    atoms = np.zeros(len(out), bool)
    atoms[sources[kept]] = True
    count = len(molbatch.mols)
    edges = np.bincount(molbatch.owners[sources[kept]], minlength=count) // 2
    parts = _parts(sources[kept], targets[kept], len(out))
    roots = atoms & (parts == np.arange(len(out)))
    return (
        edges
        - np.bincount(molbatch.owners[atoms], minlength=count)
        + np.bincount(molbatch.owners[roots], minlength=count)
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
    desirability: Doubles = np.exp(total / weights.sum())
    return desirability


# Computed here for all molecules together; RDKit's own table answers the others one by one.
_COUNTED = ("rotatable_bonds", "fragments", "acceptors", "donors", "heteroatoms", "charge")
_TOGETHER = ("logp", "molar_refractivity", *_COUNTED, "qed")
_STEREOCENTRES = "stereocentres"  # asked of RDKit where there can be one
_FAST = tuple(name for name in PROPERTIES if name not in _TOGETHER and PROPERTIES[name].descriptor)
_PLACE = {name: place for place, name in enumerate(PROPERTIES)}
_crippen = Crippen()


def profiles(molbatch: MolBatch, alerts: Bools) -> Doubles:
    """Compute (N, P) properties in the order of PROPERTIES; a row of NaN where RDKit fails.

    Args:
        molbatch: Sanitised molecules.
        alerts: (N, alerts of QED) which of them each molecule shows.
    """
    values = np.full((len(molbatch.mols), len(PROPERTIES)), np.nan)
    each = [*map(_PLACE.__getitem__, _FAST), _PLACE[_STEREOCENTRES]]
    fast, places = table(_FAST), range(len(_FAST))
    stereocentres = PROPERTIES[_STEREOCENTRES].compute
    assert stereocentres
    molecules = zip(molbatch.mols, molbatch.plain.tolist(), may_have_stereocentres(molbatch).tolist(), strict=True)
    for row, (mol, plain, stereo) in enumerate(molecules):
        with suppress(ValueError, RuntimeError):
            if plain:
                computed = fast.ComputeProperties(mol)
                values[row, each] = [*[computed[place] for place in places], stereocentres(mol) if stereo else 0.0]
            else:
                values[row] = list(properties(mol).values())
    rows = np.flatnonzero(molbatch.plain & np.isfinite(values[:, each]).all(1))
    if len(rows):
        chosen = np.isin(np.arange(len(molbatch.mols)), rows)
        values[np.ix_(rows, np.array([_PLACE[name] for name in _TOGETHER]))] = _together(
            molbatch if chosen.all() else molbatch.some(chosen), values[rows], alerts[rows]
        )
    return values


def _together(molbatch: MolBatch, values: Doubles, alerts: Bools) -> Doubles:
    """Compute the columns of _TOGETHER, (N, 9)."""
    count = len(molbatch.mols)
    logp, refractivity = _crippen.of(molbatch).T
    mass, area = (values[:, _PLACE[name]] for name in ("mass_da", "tpsa_a2"))
    turning, giving = rotatable_bonds(molbatch), donors(molbatch)
    hetero = np.bincount(molbatch.owners[(molbatch.elements != 6) & (molbatch.elements != 1)], minlength=count)
    charge = np.bincount(molbatch.owners, weights=molbatch.atom_codes[:, 2] - 4, minlength=count)
    fragments: Sequence[int] = [read.fragments for read in molbatch.reads]
    inputs = (mass, logp, qed_acceptors(molbatch), giving, area, turning, qed_aromatic_rings(molbatch), alerts.sum(1))
    counts = (turning, fragments, acceptors(molbatch), giving, hetero, charge)
    return np.stack([logp, refractivity, *counts, qed(np.stack(inputs, 1).astype(np.float64))], 1)
