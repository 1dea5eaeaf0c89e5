"""Octanol-water partition and molar refractivity as sums over atoms (Wildman & Crippen, J. Chem. Inf. Comput. Sci.
1999, 39, 868), with RDKit asked once for all atoms that have the same surroundings.

The type of an atom follows from its neighbours; that of a terminal oxygen, and of the hydrogen on it, from the
neighbours of the one atom it is bound to as well. A test compares whole libraries with RDKit's own sums.
"""

import threading

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molsearch.chem.cohort import Codes, Cohort

Doubles = npt.NDArray[np.float64]

MOST_SITES = 100_000  # surroundings that are remembered
_COLUMNS = 4  # logP and refractivity of the atom, and the same of each of its hydrogens


class Crippen:
    """Remembers what atoms add; RDKit's numbers, added up in RDKit's order."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._values: Doubles = np.zeros((0, _COLUMNS))
        self._lock = threading.Lock()

    def of(self, cohort: Cohort) -> Doubles:
        """Return (N, 2) logP and molar refractivity of molecules that write no hydrogen as an atom."""
        with self._lock:
            values = self._per_atom(cohort)
        bearers = np.repeat(np.arange(len(values)), cohort.hydrogens)
        owners = np.concatenate([cohort.owners, cohort.owners[bearers]])
        added = np.concatenate([values[:, :2], values[bearers, 2:]])  # (atoms, then their hydrogens, 2)
        sums = [np.bincount(owners, weights=added[:, column], minlength=len(cohort.mols)) for column in (0, 1)]
        return np.stack(sums, 1)

    def _per_atom(self, cohort: Cohort) -> Doubles:
        sites = _sites(cohort)
        distinct, places, numbers = np.unique(sites, return_index=True, return_inverse=True)
        if len(self._rows) > MOST_SITES:
            self._rows, self._values = {}, np.zeros((0, _COLUMNS))
        names = distinct.tolist()
        unknown = [row for row, name in enumerate(names) if name not in self._rows]
        if unknown:
            self._learn(cohort, sites, sorted(set(cohort.owners[places[unknown]].tolist())))
        rows = np.array([self._rows[name] for name in names], np.int64)
        return self._values[rows[numbers]]

    def _learn(self, cohort: Cohort, sites: Codes, owners: list[int]) -> None:
        """Ask RDKit about whole molecules and keep what is new."""
        for owner in owners:
            start = int(cohort.starts[owner])
            names = sites[start : start + int(cohort.sizes[owner])].tolist()
            new = {name: place for place, name in enumerate(names) if name not in self._rows}
            values = _asked(cohort.mols[owner], cohort.reads[owner].hydrogens())
            known = len(self._rows)
            self._rows.update({name: known + row for row, name in enumerate(new)})
            self._values = np.concatenate([self._values, values[list(new.values())]])


def _sites(cohort: Cohort) -> Codes:
    codes = cohort.atom_codes
    atoms = codes[:, 0] * 4096 + codes[:, 1] * 512 + codes[:, 2] * 32 + codes[:, 3] * 4 + codes[:, 5]
    near = cohort.around(atoms, cohort.bond_codes[:, 0])
    sources, targets = cohort.edges
    ends = (codes[sources, 0] == 8) & (codes[sources, 1] == 1)
    sites = near.copy()
    sites[sources[ends]] = near[sources[ends]] * np.uint64(3) + near[targets[ends]]
    return sites


def _asked(mol: Chem.Mol, hydrogens: list[int]) -> Doubles:
    """Ask RDKit what each atom of one molecule adds, (A, columns)."""
    added = np.array(rdMolDescriptors._CalcCrippenContribs(Chem.AddHs(mol)))  # (atoms, then their hydrogens, 2)
    bearers = np.repeat(np.arange(len(hydrogens)), hydrogens)
    values = np.zeros((len(hydrogens), _COLUMNS))
    values[:, :2] = added[: len(hydrogens)]
    values[bearers, 2:] = added[len(hydrogens) :]
    return values
