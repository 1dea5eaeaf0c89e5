"""The writing side of the Milvus engine: one addition, piece by piece."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from molsearch.errors import InputError
from molsearch.index.batch import Batch, check_batch
from molsearch.index.exact.digests import DigestRows
from molsearch.index.exact.snapshot import key_digests
from molsearch.index.milvus.store import EXTRA, MOLECULE, REJECTION, Store
from molsearch.index.milvus.texts import LibraryState, molecule_text, rejection_text
from molsearch.records import Rejection

PAGE_ROWS = 500


class BatchWriter:
    """One addition on its way: what it wrote so far is in ``state``, which the server does not have yet.

    Args:
        store: Swept of what an earlier addition left.
        before: The library as it stands.
    """

    def __init__(self, store: Store, before: LibraryState) -> None:
        self._store = store
        self._before = before
        self._new = DigestRows()  # of what this addition adds
        self.state = before

    def write(self, batch: Batch) -> None:
        """Append the molecules of a batch; a key that the library has joins the molecule there."""
        state = self._prepared(batch)
        digests = key_digests([molecule.key for molecule in batch.molecules])
        fresh, owners = self._new.split_new(digests, self._store.find(digests, self._before), state.rows)
        texts = [molecule_text(molecule) for molecule in batch.molecules]
        molecules = [(state.rows + number, texts[position]) for number, position in enumerate(fresh)]
        extras = [(row, texts[position]) for position, row in owners.items()]
        vectors = np.column_stack([batch.vectors, batch.constants])[fresh].astype(np.float32)  # (N, D + 1)
        missing = np.full(len(batch.molecules), np.nan, dtype=np.float32)
        columns = {name: batch.properties.get(name, missing)[fresh] for name in state.properties or ()}
        self._store.write_rows(state.rows, vectors, digests[fresh], columns)
        self._store.write_records(MOLECULE, molecules, state.records)
        self._store.write_records(EXTRA, extras, state.records + len(molecules))
        self.state = replace(
            state,
            rows=state.rows + len(fresh),
            records=state.records + len(batch.molecules),
            sources=state.sources + sum(len(molecule.sources) for molecule in batch.molecules),
        )

    def reject(self, rejections: Iterable[Rejection]) -> None:
        """Append rejections."""
        texts: list[tuple[int, str]] = []
        for rejection in rejections:
            texts.append((self.state.rejections + len(texts), rejection_text(rejection)))
            if len(texts) == PAGE_ROWS:
                self._write_rejections(texts)
                texts = []
        self._write_rejections(texts)

    def _write_rejections(self, texts: Sequence[tuple[int, str]]) -> None:
        state = self.state
        self._store.write_records(REJECTION, texts, state.records)
        counts = (state.records + len(texts), state.rejections + len(texts))
        self.state = replace(state, records=counts[0], rejections=counts[1])

    def _prepared(self, batch: Batch) -> LibraryState:
        """Check a batch; before the first one, make the collection of vectors with its properties."""
        check_batch(batch, self.state.width)
        if self.state.properties is None:
            self._store.make_vectors(self.state.width, tuple(batch.properties))
            self.state = replace(self.state, properties=tuple(batch.properties))
        unknown = [name for name in batch.properties if name not in (self.state.properties or ())]
        if unknown:
            raise InputError(
                f"The library at {self._store.address} has no property {unknown[0]!r}, and Milvus cannot add one "
                "later: remove it and add its file again."
            )
        return self.state
