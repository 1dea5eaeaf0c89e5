"""Morgan environments and atom pairs of many molecules at once, numbered as RDKit numbers them.

Environments after Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742: what lies within a radius of an atom, namely the
bonds it covers and a hash that grows by a layer a round. Of several environments of a molecule that cover the same
bonds one counts, that of the smallest radius, then of the smallest hash, then of the atom that comes first in canonical
order; the atoms of the others grow no further.

Pairs after Carhart, Smith & Venkataraghavan, J. Chem. Inf. Comput. Sci. 1985, 25, 64: two atoms and the number of bonds
on the shortest way between them.
"""

import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molsearch.chem.batch.arrays import MORGAN_SIZE, PAIR_SIZE, RADII, offsets
from molsearch.chem.batch.molbatch import Bools, Codes, Ints, MolBatch, mixed

Hashes = npt.NDArray[np.uint32]

_GOLDEN = np.uint32(0x9E3779B9)
_NONE = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def morgan(molbatch: MolBatch) -> tuple[Ints, Ints, Ints, Ints]:
    """Number the environments of every atom.

    Returns:
        (A, RADII) environment of each radius centred on the atom, -1 where it adds nothing new; and of all molecules
        end to end, ascending within each: environments, how often each occurs, and (N,) how many a molecule has.
    """
    growth = _Growth(molbatch)
    environments = np.full((len(molbatch.kinds), RADII), -1, np.int64)
    environments[:, 0] = growth.hashes % MORGAN_SIZE
    for radius in range(1, RADII):
        kept = growth.grow(radius - 1)
        environments[kept, radius] = growth.hashes[kept] % MORGAN_SIZE
    there = environments >= 0
    owners = np.broadcast_to(molbatch.owners[:, None], environments.shape)
    keys, counts = np.unique(owners[there] * MORGAN_SIZE + environments[there], return_counts=True)
    return environments, keys % MORGAN_SIZE, counts, np.bincount(keys // MORGAN_SIZE, minlength=len(molbatch.mols))


class _Growth:
    """Environments that grow.

    Attributes:
        hashes: (A,) hash of each atom's environment; 0 once it grows no further.
    """

    def __init__(self, molbatch: MolBatch) -> None:
        self._molbatch = molbatch
        self.hashes = _atom_hashes(molbatch)
        self._bond_hashes = _bond_invariants.of(molbatch, molbatch.orders, np.arange(len(molbatch.orders))).astype(
            np.uint64
        )
        self._lay_out()
        words = (int(molbatch.bonds.max(initial=0)) + 63) // 64 or 1
        self._covered = np.zeros((len(self.hashes), words), np.uint64)  # bonds of each environment
        self._dead: Bools = self._degrees == 0
        self._kept: Codes = np.zeros(0, np.uint64)  # what the environments found so far cover
        self._places = np.arange(len(self.hashes))  # of atoms: canonical where that was asked for
        self._ranked: set[int] = set()

    def _lay_out(self) -> None:
        """Set the edges of each atom side by side, (A, largest degree), -1 where there are fewer."""
        sources = self._molbatch.edges[0]
        order = np.argsort(sources, kind="stable")
        self._degrees = np.bincount(sources, minlength=len(self.hashes))
        firsts = np.cumsum(self._degrees) - self._degrees
        slots = np.arange(len(order)) - firsts[sources[order]]
        self._edges = np.full((len(self.hashes), int(self._degrees.max(initial=0))), -1, np.int64)
        self._edges[sources[order], slots] = order
        local = np.arange(len(sources)) // 2 - np.repeat(
            np.cumsum(self._molbatch.bonds) - self._molbatch.bonds, 2 * self._molbatch.bonds
        )
        self._words, self._bits = local // 64, np.uint64(1) << (local % 64).astype(np.uint64)

    def grow(self, layer: int) -> Ints:
        """Grow by one bond; return the atoms whose environments are new."""
        covered = self._wider()
        hashes = self._hashed(layer)
        alive = np.flatnonzero(~self._dead)
        salts = _SPREAD * np.arange(1, covered.shape[1] + 1, dtype=np.uint64)  # a word counts by its place
        codes = mixed(mixed(covered[alive] + salts).sum(1) * _SPREAD + self._molbatch.owners[alive].astype(np.uint64))
        order = self._order(alive, codes, hashes[alive])
        firsts = order[np.append(True, np.diff(codes[order]) != 0)] if len(order) else order
        firsts = firsts[~np.isin(codes[firsts], self._kept)]
        kept = alive[firsts]
        self._kept = np.concatenate([self._kept, codes[firsts]])
        self.hashes = np.where(self._dead, np.uint32(0), hashes)
        self._covered = covered
        self._dead = np.ones(len(self.hashes), bool)
        self._dead[kept] = False
        return kept

    def _wider(self) -> Codes:
        covered = self._covered.copy()
        targets = self._molbatch.edges[1]
        for edges in self._edges.T:
            rows = np.flatnonzero((edges >= 0) & ~self._dead)
            edge = edges[rows]
            covered[rows] |= self._covered[targets[edge]]
            covered[rows, self._words[edge]] |= self._bits[edge]
        return covered

    def _hashed(self, layer: int) -> Hashes:
        """Hash each atom's hash with those of its neighbours in order of bond and hash."""
        keys = self._bond_hashes << np.uint64(32) | self.hashes[self._molbatch.edges[1]].astype(np.uint64)
        around = np.where(self._edges >= 0, np.append(keys, _NONE)[self._edges], _NONE)
        around.sort(1)
        hashes = combined(np.full(len(self.hashes), layer, np.uint32), self.hashes)
        for keys in around.T:
            pair = combined(combined(np.zeros(len(keys), np.uint32), keys >> np.uint64(32)), keys)
            hashes = np.where(keys == _NONE, hashes, combined(hashes, pair))
        return self._with_chirality(hashes, around)

    def _with_chirality(self, hashes: Hashes, around: Codes) -> Hashes:
        """Add the CIP code of stereocentres."""
        cip = self._molbatch.atom_codes[:, 6]
        rows = np.flatnonzero((cip > 0) & ~self._dead)
        if len(rows):
            there = around[rows]
            single = ((there >> np.uint64(32)) == 1) | (there == _NONE)
            alike = (there[:, 1:] == there[:, :-1]) & (there[:, 1:] != _NONE)
            chiral = single.all(1) & ~alike.any(1)
            chosen = rows[chiral]
            marks = np.array([0, 3, 2, 1], np.uint32)[cip[chosen]]
            hashes[chosen] = combined(hashes[chosen], marks)
        return hashes

    def _order(self, alive: Ints, codes: Codes, hashes: Hashes) -> Ints:
        """Order environments by what they cover, then by hash, then by the canonical rank of the atom."""
        order = np.lexsort((hashes, codes))
        same = (np.diff(codes[order]) == 0) & (np.diff(hashes[order]) == 0)
        if not same.any():
            return order
        for owner in set(self._molbatch.owners[alive[order[1:][same]]].tolist()) - self._ranked:
            self._ranked.add(owner)
            start, mol = int(self._molbatch.starts[owner]), self._molbatch.mols[owner]
            self._places[start : start + mol.GetNumAtoms()] = list(Chem.CanonicalRankAtoms(mol))
        return np.lexsort((self._places[alive], hashes, codes))


def combined(seeds: Hashes, values: npt.NDArray[np.unsignedinteger]) -> Hashes:
    """Combine hashes with values as Boost's hash_combine does, in 32 bits."""
    hashes: Hashes = seeds ^ (values.astype(np.uint32) + _GOLDEN + (seeds << np.uint32(6)) + (seeds >> np.uint32(2)))
    return hashes


class Known:
    """A number that RDKit gives to each kind of atom or bond, asked once."""

    def __init__(self, ask: Callable[[MolBatch, int], int]) -> None:
        self._ask = ask
        self._values = np.zeros(64, np.uint32)
        self._known: Bools = np.zeros(64, bool)
        self._lock = threading.Lock()

    def of(self, molbatch: MolBatch, kinds: Ints, places: Ints) -> Hashes:
        """Return the number of each kind, (M,), which are those of the atoms, or edges, at some places, (M,)."""
        with self._lock:
            more = int(kinds.max(initial=0)) + 1 - len(self._values)
            if more > 0:
                self._values = np.concatenate([self._values, np.zeros(more + 64, np.uint32)])
                self._known = np.concatenate([self._known, np.zeros(more + 64, bool)])
            if not self._known[kinds].all():
                for kind, first in zip(*np.unique(kinds, return_index=True), strict=True):
                    if not self._known[kind]:
                        self._values[kind] = self._ask(molbatch, int(places[first]))
                        self._known[kind] = True
            return self._values[kinds]


def _atom_hashes(molbatch: MolBatch) -> Hashes:
    """RDKit's first hash of each atom: it follows from the kind where no hydrogen is written as an atom."""
    written = molbatch.any_atom(molbatch.elements == 1)
    places = np.flatnonzero(~written[molbatch.owners])
    hashes = np.zeros(len(molbatch.kinds), np.uint32)
    hashes[places] = _invariants.of(molbatch, molbatch.kinds[places], places)
    for owner in np.flatnonzero(written).tolist():
        start, mol = int(molbatch.starts[owner]), molbatch.mols[owner]
        hashes[start : start + mol.GetNumAtoms()] = list(rdMolDescriptors.GetConnectivityInvariants(mol))
    return hashes


def _atom_invariant(molbatch: MolBatch, place: int) -> int:
    owner = int(molbatch.owners[place])
    numbers = rdMolDescriptors.GetConnectivityInvariants(molbatch.mols[owner])
    return int(numbers[place - int(molbatch.starts[owner])])


def _bond_invariant(molbatch: MolBatch, edge: int) -> int:
    owner = int(molbatch.owners[molbatch.edges[0][edge]])
    bond = molbatch.mols[owner].GetBondWithIdx(edge // 2 - int(molbatch.bonds[:owner].sum()))
    kind, stereo = int(bond.GetBondType()), int(bond.GetStereo())
    return 100 + 10 * kind + stereo if kind == 2 and stereo else kind


_invariants = Known(_atom_invariant)
_bond_invariants = Known(_bond_invariant)


FARTHEST = 30  # bonds between the atoms of a pair, at most
_WORD = 64  # atoms of a molecule whose neighbourhoods fit one number
_ONE = np.uint64(1)


def atom_pairs(molbatch: MolBatch) -> tuple[Ints, Ints, Ints]:
    """Number the pairs of atoms.

    Returns:
        Of all molecules end to end, ascending within each: pairs, below PAIR_SIZE, how often each occurs, and (N,) how
        many different ones a molecule has.
    """
    firsts, seconds, bonds = _apart(molbatch)  # (P,) each
    codes = _codes.of(molbatch, molbatch.kinds, np.arange(len(molbatch.kinds)))
    left, right = codes[firsts], codes[seconds]
    hashes = combined(np.zeros(len(left), np.uint32), np.minimum(left, right))
    hashes = combined(combined(hashes, bonds.astype(np.uint32)), np.maximum(left, right))
    keys = molbatch.owners[firsts].astype(np.uint32) * np.uint32(PAIR_SIZE) + hashes % np.uint32(PAIR_SIZE)
    keys.sort()
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, np.int64)
    distinct = keys[starts].astype(np.int64)
    counts = np.diff(np.append(starts, len(keys)))
    return distinct % PAIR_SIZE, counts, np.bincount(distinct // PAIR_SIZE, minlength=len(molbatch.mols))


def _apart(molbatch: MolBatch) -> tuple[Ints, Ints, Ints]:
    """Find all pairs of atoms of one molecule and the bonds between them, each pair once, (P,) each."""
    pairs = [_apart_in_large(molbatch, owner) for owner in np.flatnonzero(molbatch.sizes > _WORD).tolist()]
    small = molbatch.sizes[molbatch.owners] <= _WORD
    if small.any():
        pairs += _apart_in_small(molbatch, small)
    if not pairs:
        return (np.zeros(0, np.int64),) * 3
    firsts, seconds, bonds = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return firsts, seconds, bonds


def _apart_in_large(molbatch: MolBatch, owner: int) -> tuple[Ints, Ints, Ints]:
    distances = np.triu(Chem.GetDistanceMatrix(molbatch.mols[owner]), 1)
    firsts, seconds = np.nonzero((distances > 0) & (distances <= FARTHEST))
    start = int(molbatch.starts[owner])
    return firsts + start, seconds + start, distances[firsts, seconds].astype(np.int64)


def _apart_in_small(molbatch: MolBatch, small: Bools) -> list[tuple[Ints, Ints, Ints]]:
    """Let what each atom reaches, one bit an atom, grow by a bond at a time; what is new is that many bonds away."""
    bits = (np.arange(len(molbatch.owners)) - molbatch.starts[molbatch.owners]).astype(np.uint64)
    reached = np.where(small, _ONE << (bits % np.uint64(_WORD)), np.uint64(0))  # (A,)
    later = ~((reached << _ONE) - _ONE)  # the atoms after this one, so that a pair is found once
    around = _neighbours(molbatch)  # (A, largest degree)
    pairs = []
    for bonds in range(1, FARTHEST + 1):
        wider = reached.copy()
        for column in around.T:
            wider |= reached[column]
        new = wider & ~reached
        reached = wider
        firsts = np.flatnonzero(new)
        if not len(firsts):
            break
        firsts = np.flatnonzero(new & later)
        shown = np.unpackbits((new & later)[firsts].astype("<u8").view(np.uint8), bitorder="little")
        at = np.flatnonzero(shown.view(bool))
        owner_rows = firsts[at // _WORD]
        pairs.append((owner_rows, molbatch.starts[molbatch.owners[owner_rows]] + at % _WORD, np.full(len(at), bonds)))
    return pairs


def _neighbours(molbatch: MolBatch) -> Ints:
    """Set the neighbours of each atom side by side, itself where there are fewer, (A, largest degree)."""
    sources, targets = molbatch.edges
    order = np.argsort(sources, kind="stable")
    degrees = np.bincount(sources, minlength=len(molbatch.kinds))
    slots = np.arange(len(order)) - offsets(degrees)[:-1][sources[order]]
    table = np.repeat(np.arange(len(molbatch.kinds))[:, None], int(degrees.max(initial=0)), 1)
    table[sources[order], slots] = targets[order]
    return table


def _atom_code(molbatch: MolBatch, place: int) -> int:
    owner = int(molbatch.owners[place])
    atom = molbatch.mols[owner].GetAtomWithIdx(place - int(molbatch.starts[owner]))
    return int(rdMolDescriptors.GetAtomPairAtomCode(atom))


_codes = Known(_atom_code)
