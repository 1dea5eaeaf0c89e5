"""The rings of many molecules at once, and the pairs of rings that share a bond, each with a code for what it is."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from molsearch.chem.batch.molbatch import Bools, Codes, Ints, MolBatch, flat, mixed
from molsearch.chem.ontology.clauses import LARGEST_RING, Way, both_ways, ways_of_pair, ways_of_ring

Ring = tuple[int, ...]

_PLACES = np.arange(LARGEST_RING, dtype=np.uint64)
_SPREAD = (np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F))


class RingMap:
    """Rings of at most LARGEST_RING atoms, R in all, and pairs of them that share one bond and no other atom, P in all.

    Attributes:
        codes: (R,) code of each ring: equal ones have the same kinds of atoms and bonds in the same order.
        owners: (R,) molecule of each ring, ascending.
        pair_codes: (P,) the same for pairs.
        pair_owners: (P,) molecule of each pair, ascending.
    """

    def __init__(self, molbatch: MolBatch) -> None:
        """Lay out the rings that ``atom_types`` found."""
        self._molbatch = molbatch
        rings = [ring for types in molbatch.reads for ring in types.rings]
        self._counts = np.array([len(types.rings) for types in molbatch.reads], np.int64)  # (N,)
        self._sizes = np.array([len(ring) for ring in rings], np.int64)  # of all rings, the large ones too
        self._owners = np.repeat(np.arange(len(molbatch.reads)), self._counts)
        self._firsts = np.cumsum(self._sizes) - self._sizes
        holders = np.repeat(self._owners, self._sizes)
        self._atoms = flat(rings) + molbatch.starts[holders]
        bond_starts = np.cumsum(molbatch.bonds) - molbatch.bonds
        self._bonds = flat([ring for types in molbatch.reads for ring in types.bond_rings]) + bond_starts[holders]
        fragments = np.array([types.fragments for types in molbatch.reads], np.int64)
        self.independent = molbatch.bonds - molbatch.sizes + fragments  # (N,) rings of any basis
        self._small = np.flatnonzero(self._sizes <= LARGEST_RING)
        self.owners = self._owners[self._small]
        self.codes = self._coded(self._small, np.zeros(len(self._small), np.int64))
        self._pair()

    def _coded(self, rings: Ints, turns: Ints) -> Codes:
        """Hash rings, each read from ``turns`` places further on."""
        sizes = self._sizes[rings]
        inside = sizes[:, None].astype(np.uint64) > _PLACES  # (R, places)
        places = (np.arange(LARGEST_RING) + turns[:, None]) % sizes[:, None] + self._firsts[rings][:, None]
        places = np.where(inside, places, 0)
        kinds = self._molbatch.kinds[self._atoms[places]].astype(np.uint64)
        orders = self._molbatch.orders[2 * self._bonds[places]].astype(np.uint64)
        steps = mixed(mixed(kinds * _SPREAD[0] + orders) * _SPREAD[1] + _PLACES)
        return mixed(np.where(inside, steps, np.uint64(0)).sum(1) + sizes.astype(np.uint64))

    def _pair(self) -> None:
        """Find the pairs of rings that share bonds, and hash those that share a single one."""
        ring_of = np.repeat(np.arange(len(self._sizes)), self._sizes)
        order = np.argsort(self._bonds, kind="stable")
        bonds, ring_of = self._bonds[order], ring_of[order]
        places = order - self._firsts[ring_of]
        sharing = []
        step = 1
        while len(bonds) > step and (same := bonds[step:] == bonds[:-step]).any():  # step 2: bonds of three rings
            at = np.flatnonzero(same)
            sharing.append(np.array([ring_of[at], ring_of[at + step], places[at], places[at + step]]))
            step += 1
        pairs = np.concatenate(sharing, 1) if sharing else np.zeros((4, 0), np.int64)
        pairs = pairs[:, np.lexsort(pairs[1::-1])]
        is_first = np.append(True, (np.diff(pairs[:2]) != 0).any(0)) if pairs.size else np.zeros(0, bool)
        starts = np.flatnonzero(is_first)
        shared = np.diff(np.append(starts, pairs.shape[1]))  # bonds that each pair shares
        pairs = pairs[:, starts]
        owners = self._owners[pairs[0]]
        count = len(self._counts)
        self._pair_counts = np.bincount(owners, minlength=count)
        self._tangled: Bools = np.bincount(owners[shared > 1], minlength=count) > 0
        self._single = pairs[:, (shared == 1) & self._are_small(pairs[:2]) & self._meet_once(pairs[:2])]
        first, second, place, other = self._single
        self.pair_owners = self._owners[first]
        codes = np.stack([self._coded(first, place + 1), self._coded(second, other + 1)])
        same_way = self._atoms[self._firsts[first] + place] == self._atoms[self._firsts[second] + other]
        least, most = codes.min(0), codes.max(0)
        self.pair_codes = mixed(mixed(least * _SPREAD[0] + same_way) * _SPREAD[1] + most)

    def _are_small(self, pairs: Ints) -> Bools:
        small: Bools = self._sizes[pairs] <= LARGEST_RING
        both: Bools = small[0] & small[1]
        return both

    def _meet_once(self, pairs: Ints) -> Bools:
        """Return which pairs of rings have no more than two atoms in common."""
        atoms = [frozenset(ring) for types in self._molbatch.reads for ring in types.rings] if pairs.size else []
        return np.array([len(atoms[first] & atoms[second]) == 2 for first, second in pairs.T.tolist()], bool)

    def listed(self) -> Ints:
        """Find the size, at most LARGEST_RING, up to which every cycle of a molecule is a ring listed by RDKit, (N,).

        RDKit lists a basis: any other cycle is the sum, bond by bond modulo 2, of m >= 2 listed rings, so it has at
        least the bonds of the m smallest less twice the bonds that m rings can share.
        """
        whole = (self._counts == self.independent) & ~self._tangled
        listed = np.where(whole, LARGEST_RING, 0)
        for row in np.flatnonzero(whole & (self._pair_counts > 0)).tolist():
            sizes = tuple(sorted(map(len, self._molbatch.reads[row].rings)))
            listed[row] = _all_listed(sizes, int(self._pair_counts[row]))
        return listed

    def cycle(self, number: int) -> tuple[int, Ring, Iterator[Way]]:
        """Return the molecule of a ring, its atoms and the ways round it, in the molecule's own numbers."""
        owner, cycle = self._ring(int(self._small[number]))
        return owner, cycle, ways_of_ring(cycle, self._bond_of(owner))

    def pair(self, number: int) -> tuple[int, Ring, Ring, Iterator[Way]]:
        """Return the molecule of a pair, its two rings, and the ways round both."""
        first_ring, second_ring, place, _ = self._single[:, number].tolist()
        owner, first = self._ring(first_ring)
        _, second = self._ring(second_ring)
        bond = self._molbatch.reads[owner].bond_rings[first_ring - self._before(owner)][place]
        ends = self._molbatch.reads[owner].ends[bond]
        return owner, first, second, ways_of_pair(first, second, ends, self._bond_of(owner))

    def _ring(self, ring: int) -> tuple[int, Ring]:
        owner = int(self._owners[ring])
        return owner, self._molbatch.reads[owner].rings[ring - self._before(owner)]

    def _before(self, owner: int) -> int:
        return int(self._counts[:owner].sum())

    def _bond_of(self, owner: int) -> dict[tuple[int, int], int]:
        types = self._molbatch.reads[owner]
        return both_ways((bond, types.ends[bond]) for ring in types.bond_rings for bond in ring)


@lru_cache(maxsize=10_000)
def _all_listed(sizes: tuple[int, ...], pairs: int) -> int:
    smallest, bonds = LARGEST_RING + 1, 0
    for m, size in enumerate(sizes, 1):
        bonds += size
        if m > 1:
            smallest = min(smallest, bonds - 2 * min(m * (m - 1) // 2, pairs))
    return max(smallest - 1, 0)
