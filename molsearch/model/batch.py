"""Grounded texts to tensors: what one forward pass of the text side reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from molsearch.chem.batch.arrays import FRAGMENT_SIZE, RELATIONS, GraphStore
from molsearch.model.lexical import Bag, gram_numbers
from molsearch.model.molecule import MoleculeBatch
from molsearch.model.text import PieceBatch, WordBatch
from molsearch.records import Progress


class Grounded(Protocol):
    """A text whose named structures are rows of a GraphStore."""

    @property
    def text(self) -> str: ...
    @property
    def structures(self) -> tuple[int, ...]: ...
    @property
    def relations(self) -> tuple[int, ...]: ...
    @property
    def classes(self) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True)
class StructureSlots:
    """Named structures of a batch of texts, each distinct structure once.

    Attributes:
        molecules: The distinct structures.
        texts: (S,) which text a slot belongs to.
        slots: (S,) its place in that text.
        rows: (S,) its row in ``molecules``.
        relations: (S,) its row in arrays.RELATIONS.
        shape: (B, most slots of any text).
    """

    molecules: MoleculeBatch
    texts: Tensor
    slots: Tensor
    rows: Tensor
    relations: Tensor
    shape: tuple[int, int]

    def to(self, device: torch.device) -> "StructureSlots":
        """Move to a device."""
        texts, slots, rows, relations = (t.to(device) for t in (self.texts, self.slots, self.rows, self.relations))
        return StructureSlots(self.molecules.to(device), texts, slots, rows, relations, self.shape)


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Everything the text side reads of B texts; paths a model does not have are None."""

    tokens: WordBatch | PieceBatch | None
    structures: StructureSlots | None
    grams: Bag | None
    grounded: Bag | None

    def to(self, device: torch.device) -> "TextBatch":
        """Move to a device."""
        return TextBatch(
            None if self.tokens is None else self.tokens.to(device),
            None if self.structures is None else self.structures.to(device),
            None if self.grams is None else self.grams.to(device),
            None if self.grounded is None else self.grounded.to(device),
        )


def like_sizes(
    sizes: Sequence[int] | npt.NDArray[np.int64], batch_size: int = 128, progress: Progress | None = None
) -> Iterator[list[int]]:
    """Split rows into batches of like size, the smallest first, so that little is padding.

    Args:
        sizes: Of each row.
        batch_size: Rows a batch.
        progress: Told of the rows done, when the next batch is asked for.
    """
    order = np.argsort(sizes, kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size].tolist()
        if progress:
            progress(min(start + batch_size, len(order)), len(order))


def gram_bag(texts: Sequence[str], size: int) -> Bag:
    """Collect the n-grams of each text with weight 1; the model multiplies by IDF."""
    numbers = [gram_numbers(text, size) for text in texts]
    return Bag.of(numbers, [np.ones(len(row), np.float32) for row in numbers])


def fragment_bag(store: GraphStore) -> Bag:
    """Collect the counted fragments of each molecule."""
    graph = store.graph
    return Bag(
        torch.from_numpy(graph.fragments),
        torch.from_numpy(graph.counts.astype(np.float32)),
        torch.from_numpy(store.fragment_offsets[:-1]),
    )


def grounded_bag(texts: Sequence[Grounded], store: GraphStore) -> Bag:
    """Collect the fragments of the structures and classes named in each text, kept apart by relation.

    Returns:
        One bag of (relations * B) rows, all texts of the first relation first; a fragment keeps its largest count.
    """
    owners, rows = [], []
    for owner, text in enumerate(texts):
        for row, relation in zip(text.structures, text.relations, strict=True):
            owners.append(relation * len(texts) + owner)
            rows.append(row)
    taken = store.take(rows)
    lengths = np.diff(taken.fragment_offsets)
    keys = np.repeat(np.array(owners, np.int64), lengths) * FRAGMENT_SIZE + taken.graph.fragments
    # Class names speak of the whole molecule, as names of relation 0 do.
    named = [owner * FRAGMENT_SIZE + number for owner, text in enumerate(texts) for number in text.classes]
    keys = np.concatenate([keys, np.array(named, np.int64)])
    counts = np.concatenate([taken.graph.counts, np.ones(len(named), np.int64)])
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    distinct = keys[first]
    largest = np.maximum.reduceat(counts, first) if len(first) else counts
    offsets = np.searchsorted(distinct // FRAGMENT_SIZE, np.arange(len(RELATIONS) * len(texts)))
    return Bag(
        torch.from_numpy(distinct % FRAGMENT_SIZE),
        torch.from_numpy(largest.astype(np.float32)),
        torch.from_numpy(offsets.astype(np.int64)),
    )


def structure_slots(texts: Sequence[Grounded], store: GraphStore) -> StructureSlots | None:
    """Collect the structures named in each text, or None where no text names any."""
    rows: dict[int, int] = {}
    table = [
        (owner, slot, rows.setdefault(row, len(rows)), relation)
        for owner, text in enumerate(texts)
        for slot, (row, relation) in enumerate(zip(text.structures, text.relations, strict=True))
    ]
    if not table:
        return None
    owners, slots, distinct, relations = torch.tensor(table).T
    shape = (len(texts), max(len(text.structures) for text in texts))
    return StructureSlots(MoleculeBatch.of(store.take(list(rows))), owners, slots, distinct, relations, shape)
