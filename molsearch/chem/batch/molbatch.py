"""Many molecules side by side: their atoms and bonds in a few long arrays, so that one step reads all of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Self

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from molsearch.chem.batch.arrays import ATOM_COLUMNS, BOND_COLUMNS
from molsearch.chem.batch.atoms import AtomTypes, atom_types

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class MolBatch:
    """Molecules and what ``atom_types`` read of them, N in all.

    Attributes:
        mols: The molecules.
        reads: The types of their atoms and bonds.
    """

    mols: Sequence[Chem.Mol]
    reads: Sequence[AtomTypes]

    @classmethod
    def of(cls, mols: Sequence[Chem.Mol]) -> Self:
        """Read sanitised molecules."""
        return cls(mols, [atom_types(mol) for mol in mols])

    @cached_property
    def sizes(self) -> Ints:
        """Atoms of each molecule, (N,)."""
        return np.array([len(read.atoms) for read in self.reads], np.int64)

    @cached_property
    def starts(self) -> Ints:
        """First atom of each molecule, (N,)."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def owners(self) -> Ints:
        """Molecule of each atom, (A,)."""
        return np.repeat(np.arange(len(self.mols)), self.sizes)

    @cached_property
    def kinds(self) -> Ints:
        """Number of the kind of each atom, (A,)."""
        return flat([[kind.number for kind in read.atoms] for read in self.reads])

    @cached_property
    def hydrogens(self) -> Ints:
        """Hydrogens on each atom that are not atoms themselves, (A,)."""
        return flat([read.hydrogens() for read in self.reads])

    @cached_property
    def atom_codes(self) -> Ints:
        """Columns of ``arrays.ATOM_COLUMNS``, (A, F)."""
        return _table([kind.codes for read in self.reads for kind in read.atoms], len(ATOM_COLUMNS))

    @cached_property
    def bond_codes(self) -> Ints:
        """Columns of ``arrays.BOND_COLUMNS``, (E, G)."""
        codes = _table([kind.codes for read in self.reads for kind in read.bonds], len(BOND_COLUMNS))
        return np.repeat(codes, 2, 0)

    @cached_property
    def elements(self) -> Ints:
        """Atomic numbers, (A,)."""
        return flat([[kind.element for kind in read.atoms] for read in self.reads])

    @cached_property
    def bonds(self) -> Ints:
        """Bonds of each molecule, (N,)."""
        return np.array([len(read.ends) for read in self.reads], np.int64)

    @cached_property
    def local_edges(self) -> Ints:
        """Source and target of each bond in both directions, counted within each molecule, (2, E)."""
        ends = flat([list(chain.from_iterable(read.ends)) for read in self.reads]).reshape(-1, 2)
        return np.concatenate([ends, ends[:, ::-1]], 1).reshape(-1, 2).T.copy()

    @cached_property
    def edges(self) -> Ints:
        """Source and target of each bond in both directions, counted over all molecules, (2, E)."""
        return self.local_edges + np.repeat(self.starts, 2 * self.bonds)

    @cached_property
    def orders(self) -> Ints:
        """Number of the kind of bond of each edge, (E,)."""
        return np.repeat(flat([[kind.number for kind in read.bonds] for read in self.reads]), 2)

    @cached_property
    def valences(self) -> Ints:
        """Bond orders and hydrogens of each atom together, (A,)."""
        return flat([[kind.valence for kind in read.atoms] for read in self.reads])

    @cached_property
    def plain(self) -> Bools:
        """Return which molecules can be read from these arrays alone, (N,).

        Not those that write a hydrogen as an atom, which SMARTS counts as an H and an AtomType does not, nor those with
        an atom whose code stands for several values.
        """
        codes = self.atom_codes
        odd = (codes[:, 0] == 1) | (codes[:, 1] == 7) | (codes[:, 2] % 8 == 0) | (codes[:, 3] == 5)
        return ~self.any_atom(odd)

    @cached_property
    def near(self) -> Codes:
        """Code of each atom's kind and of the bonds and kinds around it, (A,); see ``around``."""
        return self.around(self.kinds, self.orders)

    def around(self, atoms: Ints, bonds: Ints) -> Codes:
        """Compute for each atom a code for what it is, (A,), and for the bonds, (E,), and atoms around it.

        Equal surroundings have equal codes in one process; unequal ones share a code once in 2^64 pairs.
        """
        codes = mixed(atoms.astype(np.uint64))
        sources, targets = self.edges
        arms = mixed(codes[targets] * _ODD[0] + bonds.astype(np.uint64))
        total = np.zeros(len(codes), np.uint64)
        np.add.at(total, sources, arms)  # a sum, as neighbours have no order; it wraps round
        return mixed(codes * _ODD[1] + total)

    def count(self, edges: Bools) -> Ints:
        """Count the chosen edges that leave each atom, (A,)."""
        return np.bincount(self.edges[0][edges], minlength=len(self.kinds))

    def any_atom(self, chosen: Bools) -> Bools:
        """Return which molecules hold one of the chosen atoms, (N,)."""
        holds = np.zeros(len(self.mols), bool)
        holds[self.owners[chosen]] = True
        return holds

    def some(self, chosen: Bools) -> "MolBatch":
        """Return the chosen molecules, (N,) bool, as a batch of their own."""
        rows = np.flatnonzero(chosen).tolist()
        return MolBatch([self.mols[row] for row in rows], [self.reads[row] for row in rows])


def flat(lists: Sequence[Collection[int]]) -> Ints:
    """Lay lists of whole numbers end to end."""
    return np.fromiter(chain.from_iterable(lists), np.int64, sum(map(len, lists)))


def _table(rows: Sequence[bytes], width: int) -> Ints:
    return np.frombuffer(bytearray(b"".join(rows)), np.int64).reshape(-1, width)  # a bytearray may be written to


def mixed(codes: Codes) -> Codes:
    """Spread numbers over all 64 bits (the finaliser of splitmix64; Steele et al., OOPSLA 2014)."""
    codes = (codes ^ (codes >> np.uint64(30))) * _ODD[1]
    codes = (codes ^ (codes >> np.uint64(27))) * _ODD[2]
    return codes ^ (codes >> np.uint64(31))
