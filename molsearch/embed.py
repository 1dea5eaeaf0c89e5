"""A library to vectors, chunk by chunk, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from molsearch.chem.graph import featurise, parse
from molsearch.chem.properties import PROPERTIES, properties
from molsearch.errors import InputError
from molsearch.index.base import Batch
from molsearch.records import Molecule, Progress, Reason, Rejection

Floats = npt.NDArray[np.float32]

BATCH_SIZE = 4_096  # enough for the encoder to put molecules of one size together, few enough to hold in memory


class MoleculeEncoder(Protocol):
    """What embedding asks of a model; ``model.dual.DualEncoder`` is one."""

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> Floats:
        """Return (N, D) unit vectors."""

    def constants(self, vectors: Floats) -> Floats:
        """Return (N,) the constant that each molecule adds to its cosine."""


def embed(
    molecules: Iterable[Molecule],
    model: MoleculeEncoder,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
    *,
    total: int = 0,
    reject: Callable[[Rejection], None] | None = None,
) -> Iterator[Batch]:
    """Turn molecules into batches that an index can store, in their order.

    Args:
        molecules: Any number of molecules, read as they are needed.
        model: The encoder; it buckets the graphs of a batch by size.
        batch_size: How many molecules are held at once.
        progress: Told of every forward pass; raising ``Cancelled`` from it stops the embedding.
        total: How many molecules there are, for ``progress``; 0 if unknown.
        reject: Told of every record whose molecule the model cannot read. Without it such a record is an error.

    Raises:
        InputError: If a molecule cannot be read and ``reject`` is None.
    """
    done = 0
    stream = iter(molecules)
    while chunk := list(islice(stream, batch_size)):
        kept, vectors = _encode(chunk, model, _after(done, total, progress), reject)
        done += len(chunk)
        if kept:
            yield Batch(kept, vectors, model.constants(vectors), property_columns([one.key for one in kept]))


def _after(before: int, of: int, progress: Progress | None) -> Progress | None:
    """Count one batch's progress on from the batches before it."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(before + done, of)

    return report


def _encode(
    chunk: Sequence[Molecule],
    model: MoleculeEncoder,
    progress: Progress | None,
    reject: Callable[[Rejection], None] | None,
) -> tuple[Sequence[Molecule], Floats]:
    """Encode what can be encoded; hand the rest to ``reject``. The vectors are (N, D) of the N molecules kept."""
    try:
        return chunk, model.encode_molecules([one.key for one in chunk], progress)
    except (InputError, ValueError, RuntimeError):
        # One molecule spoils its whole batch: find the culprits, hand them back, keep the rest.
        kept, refused = _readable(chunk)
        if not refused or reject is None:
            raise
    for rejection in refused:
        reject(rejection)
    return kept, model.encode_molecules([one.key for one in kept], progress)


def _readable(chunk: Sequence[Molecule]) -> tuple[list[Molecule], list[Rejection]]:
    kept: list[Molecule] = []
    refused: list[Rejection] = []
    for molecule in chunk:
        try:
            featurise(molecule.key)
        except (InputError, ValueError, RuntimeError) as error:
            refused += [Rejection(entry, Reason.UNREADABLE, str(error)) for entry in molecule.sources]
        else:
            kept.append(molecule)
    return kept, refused


def property_columns(keys: Sequence[str]) -> Mapping[str, Floats]:
    """Compute the properties that are stored: name -> (N,), NaN where RDKit fails."""
    columns = {name: np.full(len(keys), np.nan, np.float32) for name in PROPERTIES}
    for row, key in enumerate(keys):
        with suppress(InputError, ValueError, RuntimeError):  # found by text all the same, never by a range
            for name, value in properties(parse(key)).items():
                columns[name][row] = value
    return columns
