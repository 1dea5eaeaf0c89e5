"""A library to vectors, chunk by chunk, in bounded memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from itertools import chain
from typing import Protocol

import numpy as np
import numpy.typing as npt

from molsearch import __version__
from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.features.features import Features, joined
from molsearch.chem.features.pool import CHUNK, FeaturePool
from molsearch.chem.properties import PROPERTIES
from molsearch.chem.sandbox.process import cores
from molsearch.errors import InputError
from molsearch.index.base import Batch
from molsearch.library.journal import Computed, EncodeSettings, Journal
from molsearch.model.runtime import give_back
from molsearch.records import Entry, Molecule, Progress, Reason, Rejection

Floats = npt.NDArray[np.float32]

BATCH_SIZE = 4_096  # enough for the encoder to put molecules of one size together, few enough to hold in memory
BATCH_BYTES = 1 << 26  # a batch ends with the molecule whose records bring it to this much text
_SOURCE_BYTES = 500  # what a record takes beside its text
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
    encode_settings: EncodeSettings | None = None,
    journal: Journal | None = None,
) -> Iterator[Batch]:
    """Turn molecules into batches that an index can store, in their order.

    Args:
        molecules: Any number of molecules, read as they are needed.
        model: The encoder; it buckets the graphs of a batch by size.
        batch_size: How many molecules are encoded at once. Three times as many are held in memory at most.
        progress: Called after every forward pass; raising ``Cancelled`` from it stops the embedding.
        total: How many molecules there are, for ``progress``; 0 if unknown.
        reject: Called with every record whose molecule the model cannot read. Without it such a record is an error.
        workers: Processes that compute graphs and properties while this one encodes; 0 does it here but for
            molecules that might hang, None decides by ``total`` and the number of cores. With the same
            settings the result is the same to the bit.
        half: Whether to multiply in bfloat16 where that can be done; None decides by ``total``.
        encode_settings: How to encode, in place of ``batch_size`` and ``half``; see ``encode_settings_of``.
        journal: Where each batch is looked up before it is computed, and kept once it is.

    Raises:
        InputError: If a molecule cannot be read and ``reject`` is None.
        LibraryError: If a batch cannot be kept in the journal.
        MolsearchError: If the processes cannot be started.
    """
    done = 0
    count = workers_for(total) if workers is None else workers
    encode_settings = encode_settings or encode_settings_of(model, total, batch_size, count, half)
    encoding = _Encoding(model, encode_settings, count, progress, total)
    for chunk, computed in encoding.results(_batches(molecules, encode_settings.batch), journal):
        _report(chunk, computed.refused, reject)
        if len(computed.vectors):
            kept = [molecule for place, molecule in enumerate(chunk) if place not in computed.refused]
            columns = dict(zip(PROPERTIES, computed.properties.T.copy(), strict=True))
            yield Batch(kept, computed.vectors, computed.constants, columns, computed.flags)
        done += len(chunk)
        give_back()
        if progress:
            progress(done, total)


def encode_settings_of(
    model: MoleculeEncoder,
    total: int,
    batch_size: int = BATCH_SIZE,
    workers: int | None = None,
    half: bool | None = None,
) -> EncodeSettings:
    """Choose how to encode a library of ``total`` molecules on this machine.

    In bfloat16, where the processor multiplies it, a large library ranks as in float32 (Spearman above 0.9999). The
    workers get their cores: torch's threads, which wait by spinning, else cost four times their work.
    """
    import torch  # here, as reading a file needs none of it

    count = workers_for(total) if workers is None else workers
    threads = torch.get_num_threads()
    return EncodeSettings(
        batch=batch_size,
        half=(total >= LARGE if half is None else half) and _supported(model),
        threads=min(threads, max(1, cores() - count)) if count else threads,
        programs=", ".join(
            (
                f"molsearch {__version__}",
                *(f"{name} {metadata.version(name)}" for name in ("rdkit", "numpy", "torch")),
                torch.backends.cpu.get_cpu_capability(),
            )
        ),
    )


def _supported(model: MoleculeEncoder) -> bool:
    """Return whether a model can be laid out in bfloat16 here."""
    from molsearch.model.dual import DualEncoder
    from molsearch.model.half_precision import supported

    return isinstance(model, DualEncoder) and supported(model)


@dataclass(frozen=True, slots=True)
class _Encoding:
    """The encoding of a library, batch by batch."""

    model: MoleculeEncoder
    encode_settings: EncodeSettings
    workers: int
    progress: Progress | None
    total: int

    def results(
        self, batches: Iterator[list[Molecule]], journal: Journal | None
    ) -> Iterator[tuple[list[Molecule], Computed]]:
        """Yield each batch and what became of it: first those that the journal has, then the others."""
        number = done = 0
        if journal:
            for chunk in batches:
                journaled = journal.load(number)
                if journaled is None or journaled.taken != len(chunk):
                    batches = chain([chunk], batches)
                    break
                yield chunk, journaled
                number, done = number + 1, done + len(chunk)
        encoder = self._encoder()
        for chunk, features in _featured(batches, self.workers):
            computed = self._computed(encoder, features, len(chunk), done)
            if journal:
                journal.save(number, computed)
            yield chunk, computed
            number, done = number + 1, done + len(chunk)

    def _encoder(self) -> MoleculeEncoder:
        from molsearch.model.dual import DualEncoder
        from molsearch.model.half_precision import HalfEncoder

        if self.encode_settings.half and isinstance(self.model, DualEncoder):
            return HalfEncoder(self.model)
        return self.model

    def _computed(self, encoder: MoleculeEncoder, features: Features, taken: int, done: int) -> Computed:
        if features.store is None:
            none = np.empty((0, 0), np.float32)
            return Computed(taken, features.refused, none, none.ravel(), features.properties, none.astype(np.uint8))
        with _THREADS.given(self.encode_settings.threads):
            vectors = encoder.vectors_of_graphs(features.store, progress=_after(done, self.total, self.progress))
            constants = self.model.constants(vectors)
        return Computed(taken, features.refused, vectors, constants, features.properties, features.store.class_bits())


def workers_for(total: int) -> int:
    """Choose how many processes a library of ``total`` molecules is worth: none for a small or unknown one."""
    if total < LARGE:
        return 0
    return min(cores(), MOST_WORKERS) if cores() > 1 else 0


class _Threads:
    """Torch's threads, lent for a while, at once to encodings that want as many; the last puts the old count back."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._encodings = 0
        self._before = self._count = 1

    @contextmanager
    def given(self, count: int) -> Iterator[None]:
        import torch  # here, as reading a file needs none of it

        with self._turn:
            self._turn.wait_for(lambda: not self._encodings or self._count == count)
            if not self._encodings:
                self._before, self._count = torch.get_num_threads(), count
                torch.set_num_threads(count)
            self._encodings += 1
        try:
            yield
        finally:
            with self._turn:
                self._encodings -= 1
                if not self._encodings:
                    torch.set_num_threads(self._before)
                    self._turn.notify_all()


_THREADS = _Threads()


def _batches(molecules: Iterable[Molecule], size: int) -> Iterator[list[Molecule]]:
    """Cut molecules into batches, of which none holds much more text than memory has room for."""
    batch: list[Molecule] = []
    weight = 0
    for molecule in molecules:
        batch.append(molecule)
        weight += sum(map(_weight, molecule.sources))
        if len(batch) == size or weight >= BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _weight(entry: Entry) -> int:
    tags = entry.properties
    return _SOURCE_BYTES + len(entry.text) + sum(map(len, tags)) + sum(map(len, tags.values()))


def _featured(batches: Iterator[list[Molecule]], workers: int) -> Iterator[tuple[list[Molecule], Features]]:
    """Compute the features of each batch, here or in a pool that works one batch ahead."""
    if not workers:
        with FeaturePool(1) as pool:  # its process starts with the first molecule that might hang
            for batch in batches:
                yield batch, pool.features([molecule.key for molecule in batch])
        return
    taken: deque[tuple[list[Molecule], list[int]]] = deque()  # a batch and the sizes of its chunks

    def chunks() -> Iterator[list[str]]:
        for batch in batches:
            keys = [molecule.key for molecule in batch]
            parts = [keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK)]
            taken.append((batch, [len(part) for part in parts]))
            yield from parts

    with FeaturePool(workers) as pool:
        answers = pool.map(chunks(), ahead=BATCH_SIZE // CHUNK + workers)
        parts: list[Features] = []
        for answer in answers:
            parts.append(answer)
            if len(parts) == len(taken[0][1]):
                batch, lengths = taken.popleft()
                yield batch, joined(parts, lengths)
                parts = []


def _report(batch: Sequence[Molecule], refused: Mapping[int, str], reject: Callable[[Rejection], None] | None) -> None:
    """Hand back every record of the molecules that could not be read."""
    for place, reason in refused.items():
        if reject is None:
            raise InputError(reason)
        for entry in batch[place].sources:
            reject(Rejection(entry, Reason.UNREADABLE, reason))


def _after(before: int, all_molecules: int, progress: Progress | None) -> Progress | None:
    """Count one batch's progress on from the batches before it."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(before + done, all_molecules)

    return report
