"""What each stage from a record's text to a stored vector can hardly be faster than, measured beside it."""

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from molsearch.chem.arrays import GraphStore
from molsearch.chem.limits import CALLS, read, read_and_write
from molsearch.footprint import folder_bytes
from molsearch.model.dual import DualEncoder
from molsearch.model.products import multiply

_BATCH = 128  # molecules whose matrices are multiplied at once

#: What the limit of each stage is.
MEANINGS: Mapping[str, str] = {
    "parse": "RDKit's MolFromSmiles",
    "standardise": "RDKit's MolFromSmiles and MolToSmiles",
    "featurise": "RDKit's Morgan and atom-pair counts, no classes",
    "properties": "RDKit's table of descriptors, no QED",
    "forward": "its matrix products alone",
    "write": "hashing and writing the stored bytes",
}


def limits_per_s(
    model: DualEncoder, keys: Sequence[str], store: GraphStore, written: Path, half: bool
) -> dict[str, float]:
    """Time the limits of all stages, in molecules a processor second.

    Args:
        model: The model that encodes.
        keys: SMILES of some molecules, which RDKit reads.
        store: Their graphs.
        written: The folder of a library of these molecules alone.
        half: Whether the forward pass multiplies in bfloat16.
    """
    count, atoms = len(keys), len(store.graph.atoms)
    mols = read(keys)
    took = {"parse": spent_s(lambda: read(keys)), "standardise": spent_s(lambda: read_and_write(keys))}
    took |= {name: spent_s(partial(call, mols)) for name, call in CALLS.items()}
    took["forward"] = spent_s(lambda: _multiplied(model, atoms, count, half))
    took["write"] = spent_s(lambda: _hashed_copy(folder_bytes(written), written.with_name("limit.bin")))
    return {name: count / seconds for name, seconds in took.items()}


def spent_s(step: Callable[[], object]) -> float:
    """Return the processor seconds that a step takes in this process, so that other work on the machine counts less."""
    start = time.process_time()
    step()
    return max(time.process_time() - start, 1e-9)


def _multiplied(model: DualEncoder, atoms: int, molecules: int, half: bool) -> None:
    done = 0
    while done < molecules:
        some = min(_BATCH, molecules - done)
        multiply(model, round(atoms * some / molecules), some, half)
        done += some


def _hashed_copy(size: int, path: Path) -> None:
    data = bytes(size)
    hashlib.sha256(data).digest()
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    path.unlink()
