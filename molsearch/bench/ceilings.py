"""Ceilings of speed, as a roofline has them: what each stage from a record's text to a stored vector cannot outrun."""

import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
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

#: What the ceiling of each stage is: the calls that it cannot do without, or that would stand in its place.
MEANINGS: Mapping[str, str] = {
    "parse": "RDKit's MolFromSmiles",
    "standardise": "RDKit's MolFromSmiles and MolToSmiles",
    "featurise": "RDKit's Morgan and atom-pair counts, no classes",
    "properties": "RDKit's table of descriptors, no QED",
    "forward": "its matrix products alone",
    "write": "hashing and writing the stored bytes",
}


def ceilings_per_s(
    model: DualEncoder, keys: Sequence[str], store: GraphStore, written: Path, bfloat16: bool
) -> dict[str, float]:
    """Time the ceilings of all stages, in molecules a processor second.

    Args:
        model: The model that encodes.
        keys: SMILES of some molecules, which RDKit reads.
        store: Their graphs.
        written: The folder of a library of these molecules alone.
        bfloat16: Whether the forward pass multiplies in bfloat16, else in float32.
    """
    count, atoms, mols = len(keys), len(store.graph.atoms), _parse(keys)
    took_s = {
        "parse": spent_s(lambda: _parse(keys)),
        "standardise": spent_s(lambda: _parse_and_write(keys)),
        "featurise": spent_s(lambda: _count_fragments(mols)),
        "properties": spent_s(lambda: _describe(mols)),
        "forward": spent_s(lambda: _multiply(model, atoms, count, bfloat16)),
        "write": spent_s(lambda: _hash_and_write(folder_bytes(written), written.with_name("ceiling.bin"))),
    }
    return {name: count / seconds for name, seconds in took_s.items()}


def spent_s(step: Callable[[], object]) -> float:
    """Return the processor seconds that a step takes in this process, so that other work on the machine counts less."""
    start = time.process_time()
    step()
    return max(time.process_time() - start, 1e-9)


# --- reading, fingerprints and properties: RDKit's own calls ---------------------------------------------------------

_MORGAN = Fingerprints.GetMorganGenerator(radius=RADII - 1, includeChirality=True, fpSize=MORGAN_SIZE)
_PAIRS = Fingerprints.GetAtomPairGenerator(fpSize=PAIR_SIZE)
_DESCRIBED = tuple(name for name, row in PROPERTIES.items() if row.descriptor)


def _parse(keys: Sequence[str]) -> list[Chem.Mol]:
    return [Chem.MolFromSmiles(key) for key in keys]


def _parse_and_write(keys: Sequence[str]) -> None:
    """Parse SMILES and write them again, as every clean-up must to give a key."""
    for mol in _parse(keys):
        Chem.MolToSmiles(mol)


def _count_fragments(mols: Mols) -> None:
    """Count Morgan environments and atom pairs; classes not included."""
    for mol in mols:
        _MORGAN.GetCountFingerprint(mol)
        if mol.GetNumAtoms() > 1:
            _PAIRS.GetCountFingerprint(mol)


def _describe(mols: Mols) -> None:
    """Compute the properties of RDKit's fast table; charge, stereocentres, fragments and QED not included."""
    descriptors = table(_DESCRIBED)
    for mol in mols:
        descriptors.ComputeProperties(mol)


# --- the forward pass: its matrix products, on numbers that mean nothing ---------------------------------------------

_BATCH = 128  # molecules whose matrices are multiplied at once


def _multiply(model: DualEncoder, atoms: int, molecules: int, bfloat16: bool) -> None:
    """Do the products that encoding some molecules takes, a batch at a time.

    Args:
        model: Says how large the layers are.
        atoms: Atoms of all molecules together.
        molecules: How many molecules.
        bfloat16: Whether in bfloat16, else in float32.
    """
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    with torch.inference_mode():
        for start in range(0, molecules, _BATCH):
            batch = min(_BATCH, molecules - start)
            batch_atoms = round(atoms * batch / molecules)
            _linear_products(model.molecule, batch_atoms, dtype)
            _linear_products(model.lexical.molecule_head, batch, dtype)
            _bank_products(model, batch_atoms, batch, dtype)


def _linear_products(part: nn.Module, rows: int, dtype: torch.dtype) -> None:
    for weight in _linear_weights(part):
        torch.zeros(rows, weight.shape[1], dtype=dtype) @ weight.detach().to(dtype).T


def _linear_weights(part: nn.Module) -> list[Tensor]:
    return [layer.weight for layer in part.modules() if isinstance(layer, nn.Linear)]


def _bank_products(model: DualEncoder, atoms: int, molecules: int, dtype: torch.dtype) -> None:
    """Multiply keys and values of every atom, scores and sums of every slot, and the projector's head."""
    config = model.projector.config
    width, longest = config.width, math.ceil(atoms / max(1, molecules))
    torch.zeros(atoms, width, dtype=dtype) @ torch.zeros(width, 2 * width, dtype=dtype)
    slots = torch.zeros(molecules, config.slots, width, dtype=dtype)
    scores = slots @ torch.zeros(molecules, width, longest, dtype=dtype)  # (B, K, L)
    sums = scores @ torch.zeros(molecules, longest, width, dtype=dtype)  # (B, K, D)
    sums @ torch.zeros(width, width, dtype=dtype)
    _linear_products(model.projector.head, molecules, dtype)


# --- the disk --------------------------------------------------------------------------------------------------------


def _hash_and_write(size: int, path: Path) -> None:
    data = bytes(size)
    hashlib.sha256(data).digest()
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    path.unlink()
