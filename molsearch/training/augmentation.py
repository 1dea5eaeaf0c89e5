"""What is swapped or hidden at random in training, so that no word, name or fragment is learned by heart."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from molsearch.model.lexical import Bag
from molsearch.model.molecule import MoleculeBatch
from molsearch.model.text import PieceBatch, WordBatch
from molsearch.model.tokens import Tokens
from molsearch.model.words import words
from molsearch.training.features import Example
from molsearch.training.recipe import Recipe

Masked = TypeVar("Masked", bound=WordBatch | PieceBatch | Tokens)


def swap(example: Example, written: Sequence[Example], share: float, rng: np.random.Generator) -> Example:
    """Put a caption written from the structure in a caption's place, for a share of the draws."""
    if not written or rng.random() >= share:
        return example
    return written[int(rng.integers(len(written)))]


class SyntheticNames:
    """Synthetic names to learn beside captions (training/synthetic_names.py)."""

    def __init__(self, examples: Sequence[Example]) -> None:
        measured = sorted(((len(words(example.text)), example) for example in examples), key=lambda pair: pair[0])
        self.examples = [example for _, example in measured]
        self._lengths = [length for length, _ in measured]

    def draw(self, captions: Sequence[Example], share: float, rng: np.random.Generator) -> list[Example]:
        """Draw ``share`` times as many as there are captions, none longer than the longest of those.

        A batch holds captions of like length; a single long name would fill the rest of it with padding.
        """
        count = round(share * len(captions))
        if not count or not self.examples:
            return []
        fitting = bisect_right(self._lengths, max(len(words(caption.text)) for caption in captions))
        return [self.examples[row] for row in rng.integers(fitting, size=count)] if fitting else []


def thin(example: Example, recipe: Recipe, rng: np.random.Generator) -> Example:
    """Leave out some of the structures named in a caption, at random."""
    if not recipe.structure_dropout or not example.structures:
        return example
    kept = rng.random(len(example.structures)) >= recipe.structure_dropout
    return replace(
        example,
        structures=tuple(row for row, keep in zip(example.structures, kept, strict=True) if keep),
        relations=tuple(kind for kind, keep in zip(example.relations, kept, strict=True) if keep),
    )


def thin_bag(bag: Bag, share: float) -> Bag:
    """Set the weight of a share of a bag's entries to 0, at random."""
    if not share:
        return bag
    return replace(bag, weights=bag.weights * (torch.rand_like(bag.weights) >= share))


def thin_words(batch: Masked, share: float) -> Masked:
    """Hide a share of the words or tokens, at random; the first always stays."""
    if not share:
        return batch
    kept = torch.rand(batch.mask.shape, device=batch.mask.device) >= share
    kept[:, 0] = True
    return replace(batch, mask=batch.mask & kept)


def thin_environments(batch: MoleculeBatch, share: float) -> MoleculeBatch:
    """Hide a share of the atoms' Morgan environments, at random."""
    if not share:
        return batch
    hidden = torch.rand(batch.environments.shape, device=batch.environments.device) < share
    return replace(batch, environments=batch.environments.masked_fill(hidden, -1))
