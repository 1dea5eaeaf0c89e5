"""What each stage from a record's text to a stored vector can hardly be faster than, measured beside it."""

import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator as Fingerprints
from torch import Tensor, nn

from molsearch.bench.footprint import folder_bytes
from molsearch.chem.batch.arrays import MORGAN_SIZE, PAIR_SIZE, RADII, GraphStore
from molsearch.chem.properties import PROPERTIES, table
from molsearch.model.dual import DualEncoder

Mols = Sequence[Chem.Mol]

_MORGAN = Fingerprints.GetMorganGenerator(radius=RADII - 1, includeChirality=True, fpSize=MORGAN_SIZE)
_PAIRS = Fingerprints.GetAtomPairGenerator(fpSize=PAIR_SIZE)
_DESCRIBED = tuple(name for name, row in PROPERTIES.items() if row.descriptor)


def read(keys: Sequence[str]) -> list[Chem.Mol]:
    """Parse SMILES that can be read."""
    return [Chem.MolFromSmiles(key) for key in keys]


def read_and_write(keys: Sequence[str]) -> None:
    """Parse SMILES and write them again, as every clean-up must to give a key."""
    for mol in read(keys):
        Chem.MolToSmiles(mol)


def fingerprint(mols: Mols) -> None:
    """Count Morgan environments and atom pairs; classes not included."""
    for mol in mols:
        _MORGAN.GetCountFingerprint(mol)
        if mol.GetNumAtoms() > 1:
            _PAIRS.GetCountFingerprint(mol)


def describe(mols: Mols) -> None:
    """Compute the properties of RDKit's fast table; charge, stereocentres, fragments and QED not included."""
    fast = table(_DESCRIBED)
    for mol in mols:
        fast.ComputeProperties(mol)


#: For each stage the RDKit calls that it cannot do without, or that would stand in its place.
CALLS: Mapping[str, Callable[[Mols], None]] = {"featurise": fingerprint, "properties": describe}


def multiply(model: DualEncoder, atoms: int, molecules: int, half: bool) -> None:
    """Do the products of linear layers that encoding some molecules takes, on numbers that mean nothing.

    Args:
        model: Says how large the layers are.
        atoms: Atoms of all molecules together.
        molecules: How many molecules.
        half: Whether in bfloat16, else in float32.
    """
    kind = torch.bfloat16 if half else torch.float32
    with torch.inference_mode():
        for rows, layers in ((atoms, _linear(model.molecule)), (molecules, _linear(model.lexical.molecule_head))):
            for weight in layers:
                torch.empty(rows, weight.shape[1], dtype=kind).zero_() @ weight.detach().to(kind).T
        _read_by_bank(model, atoms, molecules, kind)


def _linear(part: nn.Module) -> list[Tensor]:
    return [layer.weight for layer in part.modules() if isinstance(layer, nn.Linear)]


def _read_by_bank(model: DualEncoder, atoms: int, molecules: int, kind: torch.dtype) -> None:
    """Keys and values of every atom, scores and sums of every slot, and the projector's head."""
    config = model.projector.config
    width, longest = config.width, math.ceil(atoms / max(1, molecules))
    torch.zeros(atoms, width, dtype=kind) @ torch.zeros(width, 2 * width, dtype=kind)
    slots = torch.zeros(molecules, config.slots, width, dtype=kind)
    scores = slots @ torch.zeros(molecules, width, longest, dtype=kind)  # (B, K, L)
    read = scores @ torch.zeros(molecules, longest, width, dtype=kind)
    read @ torch.zeros(width, width, dtype=kind)
    for weight in _linear(model.projector.head):
        torch.zeros(molecules, weight.shape[1], dtype=kind) @ weight.detach().to(kind).T


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
