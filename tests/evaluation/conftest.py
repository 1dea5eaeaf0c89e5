"""Features of the eight pairs, as the tests of training make them, and files for a model with written vectors."""

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.lookup import ALCOHOLS, Lookup, circle
from tests.training.conftest import features

__all__ = ["features"]


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def to_file(name: str, header: str, *rows: str) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(line.replace(" | ", "\t") for line in (header, *rows)) + "\n")
        return path

    return to_file


@pytest.fixture
def small(write):  # type: ignore[no-untyped-def]
    """Four molecules at 0, 30, 60, 90 degrees; three texts, one row without a text."""
    pairs = write(
        "pairs.tsv", "cid | smiles | text", "11 | C | gas", "12 | CC | ", "13 | CCO | spirit", "14 | CO | wood"
    )
    pool = write("pool.tsv", "cid | smiles", "14 | CO", "13 | CCO", "12 | CC", "11 | C")
    molecules = {smiles: circle(angle) for smiles, angle in zip(ALCOHOLS, (0, 30, 60, 90), strict=True)}
    texts = {"gas": circle(5), "spirit": circle(0), "wood": circle(70)}
    return Lookup(texts, molecules), pairs, pool


@pytest.fixture
def large(write):  # type: ignore[no-untyped-def]
    """300 texts, more than are scored at once, on 310 molecules with few distinct vectors, so that ties abound."""
    rng = np.random.default_rng(8)
    smiles = ["C" * (n + 1) for n in range(310)]
    molecules = {structure: tuple(rng.integers(-1, 2, size=3)) for structure in smiles}
    texts = {f"t{n}": tuple(rng.integers(-1, 2, size=3)) for n in range(300)}
    target = rng.permutation(310)[:300]
    pairs = write("l.tsv", "cid | smiles | text", *(f"{t} | {smiles[t]} | t{n}" for n, t in enumerate(target)))
    pool = write("lpool.tsv", "cid | smiles", *(f"{n} | {structure}" for n, structure in enumerate(smiles)))
    constant = {structure: float(rng.integers(0, 2)) for structure in smiles}
    return Lookup(texts, molecules, constant), pairs, pool
