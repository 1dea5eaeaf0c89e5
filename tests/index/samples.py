"""Molecules with seeded vectors for the index tests; no model and no chemistry is needed to keep and find them."""

from collections.abc import Iterable

import numpy as np

from molsearch.index.batch import Batch
from molsearch.records import Entry, Molecule, Reason, Rejection

WIDTH = 24


def molecule(number: int, *, sources: int = 1, name: str | None = None) -> Molecule:
    """A molecule with a key of its own (an isotope beside a carbon chain)."""
    key = f"[{number % 1000}CH4].{'C' * (number // 1000 + 1)}"
    entries = tuple(
        Entry(number * 10 + i, f"{key} x{i}\n", "smiles", f"m{number}", {"CAS": f"{number}-{i}", "note": "µ 10 %"})
        for i in range(sources)
    )
    return Molecule(key, f"m{number}" if name is None else name, entries, ("cleanup",) if number % 3 == 0 else ())


def rejection(row: int) -> Rejection:
    """A record that did not become a molecule."""
    return Rejection(Entry(row, "not a molecule \udcff\x00", "molblock"), Reason.UNREADABLE, f"record {row}")


def batch(numbers: Iterable[int], seed: int = 0) -> Batch:
    """Molecules of the given numbers; a number has the same vector, constant and properties in every batch.

    Vectors are rounded to half precision first, so that storing them loses nothing and an oracle can be exact.
    """
    numbers = list(numbers)
    vectors = np.empty((len(numbers), WIDTH), dtype=np.float32)
    rest = np.empty((len(numbers), 2), dtype=np.float32)
    for position, number in enumerate(numbers):
        rng = np.random.default_rng([seed, number])
        vector = rng.standard_normal(WIDTH)
        vectors[position] = (vector / np.linalg.norm(vector)).astype(np.float16)
        rest[position] = rng.uniform(-0.2, 0.2), rng.uniform(100, 500)
    properties = {"mass_da": rest[:, 1], "rings": np.array([n % 5 for n in numbers], dtype=np.float32)}
    return Batch([molecule(n) for n in numbers], vectors, rest[:, 0], properties)


def batches(count: int, size: int) -> list[Batch]:
    """The molecules 0 to ``count`` in batches."""
    return [batch(range(start, min(start + size, count))) for start in range(0, count, size)]


def unit(seed: int) -> np.ndarray:
    """A unit vector, (D,)."""
    vector = np.random.default_rng(seed).standard_normal(WIDTH)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
