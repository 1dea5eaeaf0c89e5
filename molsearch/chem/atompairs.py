"""Atom pairs of many molecules at once, numbered as RDKit numbers them.

After Carhart, Smith & Venkataraghavan, J. Chem. Inf. Comput. Sci. 1985, 25, 64: two atoms and the number of bonds on
the shortest way between them.
"""

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molsearch.chem.arrays import PAIR_SIZE, offsets
from molsearch.chem.cohort import Bools, Cohort, Ints
from molsearch.chem.morgan import Known, combined

FARTHEST = 30  # bonds between the atoms of a pair, at most
_WORD = 64  # atoms of a molecule whose neighbourhoods fit one number
_ONE = np.uint64(1)


def atom_pairs(cohort: Cohort) -> tuple[Ints, Ints, Ints]:
    """Number the pairs of atoms.

    Returns:
        Of all molecules end to end, ascending within each: pairs, below PAIR_SIZE, how often each occurs, and (N,) how
        many different ones a molecule has.
    """
    firsts, seconds, bonds = _apart(cohort)  # (P,) each
    codes = _codes.of(cohort, cohort.kinds, np.arange(len(cohort.kinds)))
    one, other = codes[firsts], codes[seconds]
    hashes = combined(np.zeros(len(one), np.uint32), np.minimum(one, other))
    hashes = combined(combined(hashes, bonds.astype(np.uint32)), np.maximum(one, other))
    keys = cohort.owners[firsts].astype(np.uint32) * np.uint32(PAIR_SIZE) + hashes % np.uint32(PAIR_SIZE)
    keys.sort()
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, np.int64)
    distinct = keys[starts].astype(np.int64)
    counts = np.diff(np.append(starts, len(keys)))
    return distinct % PAIR_SIZE, counts, np.bincount(distinct // PAIR_SIZE, minlength=len(cohort.mols))


def _apart(cohort: Cohort) -> tuple[Ints, Ints, Ints]:
    """Find all pairs of atoms of one molecule and the bonds between them, each pair once, (P,) each."""
    found = [_apart_in_large(cohort, owner) for owner in np.flatnonzero(cohort.sizes > _WORD).tolist()]
    small = cohort.sizes[cohort.owners] <= _WORD
    if small.any():
        found += _apart_in_small(cohort, small)
    if not found:
        return (np.zeros(0, np.int64),) * 3
    firsts, seconds, bonds = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return firsts, seconds, bonds


def _apart_in_large(cohort: Cohort, owner: int) -> tuple[Ints, Ints, Ints]:
    distances = np.triu(Chem.GetDistanceMatrix(cohort.mols[owner]), 1)
    firsts, seconds = np.nonzero((distances > 0) & (distances <= FARTHEST))
    start = int(cohort.starts[owner])
    return firsts + start, seconds + start, distances[firsts, seconds].astype(np.int64)


def _apart_in_small(cohort: Cohort, small: Bools) -> list[tuple[Ints, Ints, Ints]]:
    """Let what each atom reaches, one bit an atom, grow by a bond at a time; what is new is that many bonds away."""
    bits = (np.arange(len(cohort.owners)) - cohort.starts[cohort.owners]).astype(np.uint64)
    reached = np.where(small, _ONE << (bits % np.uint64(_WORD)), np.uint64(0))  # (A,)
    later = ~((reached << _ONE) - _ONE)  # the atoms after this one, so that a pair is found once
    around = _neighbours(cohort)  # (A, largest degree)
    found = []
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
        found.append((owner_rows, cohort.starts[cohort.owners[owner_rows]] + at % _WORD, np.full(len(at), bonds)))
    return found


def _neighbours(cohort: Cohort) -> Ints:
    """Set the neighbours of each atom side by side, itself where there are fewer, (A, largest degree)."""
    sources, targets = cohort.edges
    order = np.argsort(sources, kind="stable")
    degrees = np.bincount(sources, minlength=len(cohort.kinds))
    slots = np.arange(len(order)) - offsets(degrees)[:-1][sources[order]]
    table = np.repeat(np.arange(len(cohort.kinds))[:, None], int(degrees.max(initial=0)), 1)
    table[sources[order], slots] = targets[order]
    return table


def _atom_code(cohort: Cohort, place: int) -> int:
    owner = int(cohort.owners[place])
    atom = cohort.mols[owner].GetAtomWithIdx(place - int(cohort.starts[owner]))
    return int(rdMolDescriptors.GetAtomPairAtomCode(atom))


_codes = Known(_atom_code)
