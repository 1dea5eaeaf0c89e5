"""Many SMARTS against many molecules: their clauses show which cannot match, and which must, before any search."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from rdkit import Chem

from molsearch.chem.batch.atoms import AtomTypes
from molsearch.chem.batch.molbatch import Bools, Bytes, Codes, Ints, MolBatch
from molsearch.chem.ontology.clauses import (
    LARGEST_RING,
    Bond,
    Clause,
    Shape,
    Way,
    pair_shape,
    requirements_of,
)
from molsearch.chem.ontology.rings import RingMap

Masks = dict[tuple[Shape, int], int]  # shape of a clause and a place in it (2i: atom i, 2i + 1: bond i) -> clauses

_ATOM = ((1,), 0)  # the only place of a clause of one atom

MOST_ENVIRONMENTS = 100_000  # surroundings of an atom, rings and pairs of rings that a screen remembers


class Screen:
    """A fixed list of queries."""

    def __init__(self, queries: Sequence[Chem.Mol]) -> None:
        """Take the queries apart."""
        self.queries = tuple(queries)
        requirements = [requirements_of(query) for query in queries]
        numbers: dict[Clause, int] = {}
        needs = [[numbers.setdefault(clause, len(numbers)) for clause in required.clauses] for required in requirements]
        self._needs = np.array([number for need in needs for number in need], np.int64)
        self._starts = np.cumsum([0, *map(len, needs)])[:-1]
        self._least = np.array(
            [(required.atoms, required.ring_bonds, required.rings) for required in requirements], np.int64
        ).T.copy()  # (3, Q)
        self._decided: Bools = np.array([required.decided for required in requirements], bool)
        self._bytes = (len(numbers) + 7) // 8
        # By the size of a ring: the clauses and the queries about a ring of that size or above.
        rings = [[max(clause.shape[1:], default=0) for clause in required.clauses] for required in requirements]
        largest = np.array([max(sizes, default=0) for sizes in rings])
        self._queries_from: Bools = np.array([largest >= max(size, 1) for size in range(LARGEST_RING + 2)])
        masks = [
            sum(1 << number for clause, number in numbers.items() if max(clause.shape[1:], default=0) >= max(size, 1))
            for size in range(LARGEST_RING + 2)
        ]
        self._clauses_from: Bytes = np.stack([self._packed(mask) for mask in masks])
        self._places: dict[str | Bond, Masks] = defaultdict(dict)  # for each part, where it stands
        for clause, number in numbers.items():
            standing: list[tuple[int, str | Bond]] = [(2 * i, atom) for i, atom in enumerate(clause.atoms)]
            for place, part in (*standing, *((2 * i + 1, bond) for i, bond in enumerate(clause.bonds))):
                key = (clause.shape, place)
                self._places[part][key] = self._places[part].get(key, 0) | 1 << number
        self._shapes = {clause.shape for clause in numbers}
        self._atoms = {
            part: Chem.MolFromSmarts(part).GetAtomWithIdx(0) for part in self._places if isinstance(part, str)
        }
        self._bonds = {
            part: Chem.MolFromSmarts(f"*{part[0]}*").GetBondWithIdx(0)
            for part in self._places
            if isinstance(part, tuple)
        }
        self._masks: dict[int, Masks] = {}
        self._lock = threading.Lock()  # for what is remembered, below
        self._rows: dict[int, int] = {}  # code of an environment -> row of the table
        self._table: Bytes = np.zeros((0, self._bytes), np.uint8)  # (environments, bytes): clauses that each shows

    def sift(self, molbatch: MolBatch) -> tuple[Bools, Bools]:
        """Return which queries each molecule may match, and of which it is certain that it does, (Q, N) each."""
        # SMARTS counts atoms of hydrogen ([2H]) as H and an AtomType does not: of a molecule that has some everything
        # is possible and nothing certain, and nothing may be learned of atom types, which others share.
        plain = ~molbatch.any_atom(molbatch.elements == 1)
        if plain.all():
            return self._sifted(molbatch)
        possible = np.ones((len(self.queries), len(plain)), bool)
        certain = np.zeros_like(possible)
        if plain.any():
            possible[:, plain], certain[:, plain] = self._sifted(molbatch.some(plain))
        return possible, certain

    def _sifted(self, molbatch: MolBatch) -> tuple[Bools, Bools]:
        """Sift molecules that write no hydrogen as an atom."""
        rings = RingMap(molbatch)
        listed = rings.listed()
        with self._lock:
            shown = self._present(molbatch, rings)
        present = shown | self._clauses_from[listed + 1]  # (N, bytes)
        bits = np.unpackbits(present.T, axis=0, bitorder="little")  # (clauses, N)
        possible = np.logical_and.reduceat(bits.view(bool)[self._needs], self._starts)
        ring_bonds = np.array([types.ring_bonds for types in molbatch.reads], np.int64)
        for size, least in zip((molbatch.sizes, ring_bonds, rings.independent), self._least, strict=True):
            possible &= least[:, None] <= size
        certain = possible & self._decided[:, None] & ~self._queries_from[listed + 1].T
        return possible, certain

    def _present(self, molbatch: MolBatch, rings: RingMap) -> Bytes:
        """Work out which clauses each molecule shows, (N, bytes)."""
        if len(self._rows) > MOST_ENVIRONMENTS:
            self._rows = {}

        def star(place: int) -> int:
            owner = int(molbatch.owners[place])
            return self._star(place - int(molbatch.starts[owner]), molbatch.mols[owner], molbatch.reads[owner])

        def ring(number: int) -> int:
            owner, cycle, ways = rings.cycle(number)
            return self._way((len(cycle), len(cycle)), ways, molbatch.mols[owner], molbatch.reads[owner])

        def pair(number: int) -> int:
            owner, first, second, ways = rings.pair(number)
            return self._way(pair_shape(first, second), ways, molbatch.mols[owner], molbatch.reads[owner])

        present = np.zeros((len(molbatch.mols), self._bytes), np.uint8)
        for codes, owners, shown_at in (
            (molbatch.near, molbatch.owners, star),
            (rings.codes, rings.owners, ring),
            (rings.pair_codes, rings.pair_owners, pair),
        ):
            if len(codes):
                rows = self._rows_of(codes, shown_at)  # this may extend the table
                shown = self._table[rows]
                starts = np.flatnonzero(np.append(True, np.diff(owners) != 0))
                present[owners[starts]] |= np.bitwise_or.reduceat(shown, starts, axis=0)
        return present

    def _rows_of(self, codes: Codes, shown_at: Callable[[int], int]) -> Ints:
        """Find the row of the table for each code; a new one is worked out at the first place that has it."""
        distinct, places, numbers = np.unique(codes, return_index=True, return_inverse=True)
        names = distinct.tolist()
        rows = []
        for name, place in zip(names, places.tolist(), strict=True):
            row = self._rows.get(name)
            if row is None:
                row = self._rows[name] = len(self._rows)
                self._write(row, shown_at(place))
            rows.append(row)
        return np.array(rows, np.int64)[numbers]

    def _write(self, row: int, mask: int) -> None:
        if row >= len(self._table):
            self._table = np.concatenate([self._table, np.zeros((row + 1000, self._bytes), np.uint8)])
        self._table[row] = self._packed(mask)

    def _packed(self, mask: int) -> Bytes:
        return np.frombuffer(mask.to_bytes(self._bytes, "little"), np.uint8)

    def _way(self, shape: Shape, ways: Iterable[Way], mol: Chem.Mol, types: AtomTypes) -> int:
        """Work out which clauses of a shape the ways through a molecule show, one bit each."""
        shown = 0
        for atoms, bonds in ways if shape in self._shapes else ():
            mask = -1
            for place, atom in enumerate(atoms):
                mask &= self._of_atom(mol, types, atom).get((shape, 2 * place), 0)
            for place, bond in enumerate(bonds):
                mask &= self._of_bond(mol, types, bond).get((shape, 2 * place + 1), 0)
            shown |= mask
        return shown

    def _star(self, atom: int, mol: Chem.Mol, types: AtomTypes) -> int:
        """Work out which clauses an atom, its bonds, and the paths of three atoms through it show."""
        own = self._of_atom(mol, types, atom)
        shown = own.get(_ATOM, 0)
        arms = []
        for bond, ends in enumerate(types.ends):
            if atom in ends:
                other, between = self._of_atom(mol, types, sum(ends) - atom), self._of_bond(mol, types, bond)
                for here, there in ((0, 2), (2, 0)):
                    shown |= own.get(((2,), here), 0) & between.get(((2,), 1), 0) & other.get(((2,), there), 0)
                sides = [other.get(((3,), 4 * side), 0) & between.get(((3,), 2 * side + 1), 0) for side in (0, 1)]
                arms.append(sides)
        centre = own.get(((3,), 2), 0)
        for left, (first, _) in enumerate(arms):
            for right, (_, second) in enumerate(arms):
                if left != right:
                    shown |= centre & first & second
        return shown

    def _of_atom(self, mol: Chem.Mol, types: AtomTypes, row: int) -> Masks:
        """Find the clauses in which an atom of this type can stand, by place."""
        number = types.atoms[row].number
        if (masks := self._masks.get(number)) is None:
            atom = mol.GetAtomWithIdx(row)
            masks = self._masks[number] = self._merged(part for part, query in self._atoms.items() if query.Match(atom))
        return masks

    def _of_bond(self, mol: Chem.Mol, types: AtomTypes, row: int) -> Masks:
        """Find the clauses in which a bond of this type can stand, by place."""
        number = types.bonds[row].number
        if (masks := self._masks.get(number)) is None:
            bond, ring = mol.GetBondWithIdx(row), mol.GetBondWithIdx(row).IsInRing()
            fits = (part for part, query in self._bonds.items() if (ring or not part[1]) and query.Match(bond))
            masks = self._masks[number] = self._merged(fits)
        return masks

    def _merged(self, parts: Iterable[str | Bond]) -> Masks:
        merged: Masks = {}
        for part in parts:
            for place, clauses in self._places[part].items():
                merged[place] = merged.get(place, 0) | clauses
        return merged
