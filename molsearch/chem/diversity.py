"""A few molecules that stand for many: diverse picks and cluster representatives, by Morgan fingerprints.

Molecules come best first, so a lower position is a better rank, and it decides every tie.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator as Fingerprints
from rdkit.SimDivFilters.rdSimDivPickers import MaxMinPicker

from molsearch.chem.structures import parse
from molsearch.errors import InputError
from molsearch.records import Progress

MAX_DIVERSE = 50_000  # molecules to pick from; picking is lazy, so fingerprints are what takes the time
MAX_CLUSTERED = 5_000  # molecules to cluster: every pair is compared
RADIUS = 2  # bonds around each atom, as in ECFP4
BITS = 2048
_REPORT = 100  # molecules between two reports of progress

_MORGAN = Fingerprints.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Molecules that resemble one another.

    Attributes:
        centre: Position of the molecule that has the most neighbours; it stands for the cluster.
        members: Positions of all of them, the centre first, the others in ascending order.
    """

    centre: int
    members: tuple[int, ...]


def fingerprints(keys: Sequence[str], progress: Progress | None = None) -> list[DataStructs.ExplicitBitVect]:
    """Compute Morgan fingerprints (Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742) without chirality.

    Args:
        keys: SMILES.
        progress: Told of the molecules done; may raise ``Cancelled``.

    Raises:
        InputError: If a SMILES cannot be read.
    """
    made = []
    for done, key in enumerate(keys):
        if progress and done % _REPORT == 0:
            progress(done, len(keys))
        made.append(_MORGAN.GetFingerprint(parse(key)))
    return made


def diverse(keys: Sequence[str], count: int, seed: int | None = None, progress: Progress | None = None) -> list[int]:
    """Pick molecules that differ from one another: each is the one farthest from its nearest pick so far (MaxMin).

    After Ashton et al., Quant. Struct.-Act. Relat. 2002, 21, 598; distance is 1 - Tanimoto similarity.

    Args:
        keys: SMILES, best first.
        count: How many to pick; all come back where there are no more.
        seed: Draws the first pick; None starts with the best.
        progress: Told of the fingerprints done; may raise ``Cancelled``.

    Returns:
        Positions in the order they were picked.

    Raises:
        InputError: If there are more than MAX_DIVERSE, ``count`` is below 1, or a SMILES cannot be read.
    """
    _check_count(len(keys), MAX_DIVERSE)
    if count < 1:
        raise InputError(f"The number of picks is {count}, expected 1 or more.")
    if not keys:
        return []
    bits = fingerprints(keys, progress)
    first = 0 if seed is None else int(np.random.default_rng(seed).integers(len(keys)))
    picked = MaxMinPicker().LazyBitVectorPick(bits, len(bits), min(count, len(bits)), firstPicks=[first])
    return [int(position) for position in picked]


def clusters(keys: Sequence[str], cutoff: float = 0.6, progress: Progress | None = None) -> list[Cluster]:
    """Cluster molecules by their neighbours: the one with the most becomes a centre and takes them with it (Butina).

    After Butina, J. Chem. Inf. Comput. Sci. 1999, 39, 747, with neighbours counted anew after each cluster.

    Args:
        keys: SMILES, best first.
        cutoff: Largest distance (1 - Tanimoto similarity) between neighbours, 0 to 1.
        progress: Told of the molecules compared; may raise ``Cancelled``.

    Returns:
        Largest cluster first; every position stands in exactly one.

    Raises:
        InputError: If there are more than MAX_CLUSTERED, the cutoff is out of range, or a SMILES cannot be read.
    """
    _check_count(len(keys), MAX_CLUSTERED)
    if not 0 <= cutoff <= 1:
        raise InputError(f"The distance cutoff is {cutoff:g}, expected a number from 0 to 1.")
    near = _neighbours(keys, cutoff, progress)  # (N, N)
    counts = near.sum(axis=1)  # (N,), itself included
    free = np.ones(len(keys), np.bool_)
    largest_first = []
    while free.any():
        centre = int(np.argmax(counts))  # the first of several: the best rank
        members = np.flatnonzero(near[centre] & free)
        free[members] = False
        counts -= near[members].sum(axis=0)  # (N,), as nearness is mutual
        counts[~free] = 0
        largest_first.append(Cluster(centre, (centre, *(int(member) for member in members if member != centre))))
    return largest_first


def _neighbours(keys: Sequence[str], cutoff: float, progress: Progress | None) -> npt.NDArray[np.bool_]:
    """Return which molecules lie within the cutoff of one another, (N, N)."""
    bits = fingerprints(keys)
    near = np.eye(len(bits), dtype=np.bool_)
    for row, fingerprint in enumerate(bits):
        if progress and row % _REPORT == 0:
            progress(row, len(bits))
        similar = DataStructs.BulkTanimotoSimilarity(fingerprint, bits[row + 1 :])  # (N - row - 1,)
        near[row, row + 1 :] = np.subtract(1.0, similar) <= cutoff
    return near | near.T


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise InputError(f"There are {count:,} molecules to choose from, expected at most {most:,}: take fewer hits.")
