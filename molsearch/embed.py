"""A library to vectors, chunk by chunk, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from molsearch.chem.arrays import GraphStore
from molsearch.chem.crew import cores
from molsearch.chem.features import Features, features_of, joined
from molsearch.chem.pool import CHUNK, Pool
from molsearch.chem.properties import PROPERTIES
from molsearch.errors import InputError
from molsearch.index.base import Batch
from molsearch.records import Molecule, Progress, Reason, Rejection

Floats = npt.NDArray[np.float32]

BATCH_SIZE = 4_096  # enough for the encoder to put molecules of one size together, few enough to hold in memory
LARGE = 5_000  # molecules from which processes of their own repay their start
MOST_WORKERS = 8


class MoleculeEncoder(Protocol):
    """What embedding asks of a model; ``model.dual.DualEncoder`` is one."""

    def vectors_of_graphs(self, store: GraphStore, *, progress: Progress | None = None) -> Floats:
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
    workers: int | None = None,
    half: bool | None = None,
) -> Iterator[Batch]:
    """Turn molecules into batches that an index can store, in their order.

    Args:
        molecules: Any number of molecules, read as they are needed.
        model: The encoder; it buckets the graphs of a batch by size.
        batch_size: How many molecules are encoded at once. Three times as many are held in memory at most.
        progress: Told of every forward pass; raising ``Cancelled`` from it stops the embedding.
        total: How many molecules there are, for ``progress``; 0 if unknown.
        reject: Told of every record whose molecule the model cannot read. Without it such a record is an error.
        workers: Processes that compute graphs and properties while this one encodes; 0 does all of it here, None
            decides by ``total`` and the number of cores. The result is the same, vectors to float32 rounding.
        half: Whether to multiply in bfloat16, which ranks as float32 does (Spearman above 0.9999); None decides by
            ``total`` and the processor.

    Raises:
        InputError: If a molecule cannot be read and ``reject`` is None.
        MolsearchError: If the processes cannot be started.
    """
    done = 0
    count = workers_for(total) if workers is None else workers
    encoder = _halved(model, total >= LARGE if half is None else half)
    for chunk, features in _featured(_batches(molecules, batch_size), count):
        _report(chunk, features, reject)
        kept = [chunk[place] for place in features.kept]
        if features.store is not None:
            with _threads_beside(count):
                vectors = encoder.vectors_of_graphs(features.store, progress=_after(done, total, progress))
            columns = dict(zip(PROPERTIES, features.properties.T.copy(), strict=True))
            yield Batch(kept, vectors, model.constants(vectors), columns, features.store.class_bits())
        done += len(chunk)
        if progress:
            progress(done, total)


def _halved(model: MoleculeEncoder, wanted: bool) -> MoleculeEncoder:
    """Lay a model out in bfloat16 where that is wanted and can be done."""
    from molsearch.model.bfloat import HalfEncoder, supported  # here, as torch loads with it
    from molsearch.model.dual import DualEncoder

    return HalfEncoder(model) if wanted and isinstance(model, DualEncoder) and supported(model) else model


def workers_for(total: int) -> int:
    """Choose how many processes a library of ``total`` molecules is worth: none for a small or unknown one."""
    if total < LARGE:
        return 0
    return min(cores(), MOST_WORKERS) if cores() > 1 else 0


@contextmanager
def _threads_beside(workers: int) -> Iterator[None]:
    """Leave the workers their cores: torch's threads, which wait by spinning, else cost four times their work."""
    import torch  # here, as reading a file needs none of it

    before = torch.get_num_threads()
    if workers:
        torch.set_num_threads(min(before, max(1, cores() - workers)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(molecules: Iterable[Molecule], size: int) -> Iterator[list[Molecule]]:
    stream = iter(molecules)
    while batch := list(islice(stream, size)):
        yield batch


def _featured(batches: Iterator[list[Molecule]], workers: int) -> Iterator[tuple[list[Molecule], Features]]:
    """Compute the features of each batch, here or in a pool that works one batch ahead."""
    if not workers:
        for batch in batches:
            yield batch, features_of([one.key for one in batch])
        return
    taken: deque[tuple[list[Molecule], list[int]]] = deque()  # a batch and the sizes of its chunks

    def chunks() -> Iterator[list[str]]:
        for batch in batches:
            keys = [one.key for one in batch]
            parts = [keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK)]
            taken.append((batch, [len(part) for part in parts]))
            yield from parts

    with Pool(workers) as pool:
        answers = pool.map(chunks(), ahead=BATCH_SIZE // CHUNK + workers)
        parts: list[Features] = []
        for answer in answers:
            parts.append(answer)
            if len(parts) == len(taken[0][1]):
                batch, lengths = taken.popleft()
                yield batch, joined(parts, lengths)
                parts = []


def _report(batch: Sequence[Molecule], features: Features, reject: Callable[[Rejection], None] | None) -> None:
    """Hand back every record of the molecules that could not be read."""
    for place, reason in features.refused.items():
        if reject is None:
            raise InputError(reason)
        for entry in batch[place].sources:
            reject(Rejection(entry, Reason.UNREADABLE, reason))


def _after(before: int, of: int, progress: Progress | None) -> Progress | None:
    """Count one batch's progress on from the batches before it."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(before + done, of)

    return report
