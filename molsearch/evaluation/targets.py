"""The molecules that texts speak of: their keys, and where they stand in the pool that is ranked."""

from collections.abc import Sequence

import numpy as np

from molsearch.chem.io.pairs import PairRow, PairTable
from molsearch.chem.standardize import standardize
from molsearch.errors import InputError
from molsearch.records import Entry, Molecule, Progress

_REPORT_EVERY = 500


def find_targets(rows: Sequence[PairRow], name: str, pool: PairTable) -> np.ndarray:
    """Find each pair's molecule in the pool: (Q,) row numbers, the first where the pool repeats it.

    Args:
        rows: The pairs.
        name: Name of their file, for messages.
        pool: The molecules to rank among.

    Raises:
        InputError: If any is missing.
    """
    by_cid: dict[str, int] = {}
    for number, molecule in enumerate(pool.rows):
        if molecule.cid:
            by_cid.setdefault(molecule.cid, number)
    targets = [by_cid.get(row.cid, -1) for row in rows]
    if -1 in targets:
        by_key: dict[str, int] = {}
        for number, key in enumerate(molecule_keys(pool.rows)):
            by_key.setdefault(key, number)
        unplaced = [i for i, number in enumerate(targets) if number < 0]
        for i, key in zip(unplaced, molecule_keys([rows[i] for i in unplaced]), strict=True):
            targets[i] = by_key.get(key, -1)
    missing = [row for row, number in zip(rows, targets, strict=True) if number < 0]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(rows)} molecules of {name} are not in the pool {pool.name}, the first in row "
            f"{missing[0].row} ({missing[0].smiles[:60]}); give the pool that holds them, or leave those rows out."
        )
    return np.array(targets, dtype=np.int64)


def molecule_keys(rows: Sequence[PairRow], progress: Progress | None = None) -> list[str]:
    """Clean each row's structure up to its molecule key; an unreadable SMILES is its own key."""
    keys = []
    for done, row in enumerate(rows, 1):
        cleaned = standardize(Entry(row.row, row.key or row.smiles, "smiles"))
        keys.append(cleaned.key if isinstance(cleaned, Molecule) else row.smiles)
        if progress and (done % _REPORT_EVERY == 0 or done == len(rows)):
            progress(done, len(rows))
    return keys
