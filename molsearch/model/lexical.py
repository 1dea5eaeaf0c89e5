"""The lexical path: IDF-weighted bags of text n-grams against log-counted bags of molecule fragments.

Structures and classes that were found by name in the text enter the text side through the molecule side's own
fragment table, so that a name and a structure meet without either having been seen in training.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from molsearch.chem.batch.arrays import FRAGMENT_SIZE, RELATIONS
from molsearch.model.words import hashed, text_grams

GROUPS = RELATIONS  # fragments of grounded structures are kept apart by how the structure stands to the molecule


@dataclass(frozen=True, slots=True)
class LexicalConfig:
    """Sizes of the lexical path."""

    grams: int = 65_536
    width: int = 256
    hidden: int = 1024
    out: int = 128
    dropout: float = 0.3


@dataclass(frozen=True, slots=True)
class Bag:
    """Weighted sets of table rows laid end to end: numbers (M,), weights (M,), offsets (B,)."""

    numbers: Tensor
    weights: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, numbers: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> "Bag":
        """Lay one array of numbers and one of weights per row end to end."""
        lengths = [len(row) for row in numbers]
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if lengths else np.zeros(0)
        return cls(
            torch.from_numpy(np.concatenate(numbers).astype(np.int64)),
            torch.from_numpy(np.concatenate(weights).astype(np.float32)),
            torch.from_numpy(offsets.astype(np.int64)),
        )

    def to(self, device: torch.device) -> "Bag":
        """Move to a device."""
        return Bag(self.numbers.to(device), self.weights.to(device), self.offsets.to(device))


@lru_cache(maxsize=50_000)  # training reads the same captions every epoch
def gram_numbers(text: str, size: int) -> np.ndarray:
    """Number the distinct n-grams of a text, (M,), sorted; not to be written to."""
    return np.unique(np.fromiter((hashed(gram, size) for gram in text_grams(text)), np.int32))


def inverse_document_frequency(texts: Iterable[str], size: int, least: int = 3) -> Tensor:
    """Measure log(N / df) for each hashed n-gram, (size,); those in fewer than ``least`` texts weigh 0."""
    counts: Counter[int] = Counter()
    total = 0
    for text in texts:
        counts.update(gram_numbers(text, size).tolist())
        total += 1
    table = torch.zeros(size)
    for number, count in counts.items():
        if count >= least:
            table[number] = math.log(total / count)
    return table


def _mlp(width: int, config: LexicalConfig) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(config.dropout),
        nn.Linear(width, config.hidden),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden, config.out),
    )


class LexicalPath(nn.Module):
    """Two bag encoders that share the table of fragments.

    Shapes:
        text: Bag of n-grams (B,) and Bag of fragments (groups * B,) -> (B, out), unit rows
        molecule: Bag of fragments -> (B, out), unit rows
    """

    idf: Tensor

    def __init__(self, config: LexicalConfig) -> None:
        super().__init__()
        self.config = config
        self.grams = nn.EmbeddingBag(config.grams, config.width, mode="sum")
        self.fragments = nn.EmbeddingBag(FRAGMENT_SIZE, config.width, mode="sum")
        nn.init.normal_(self.grams.weight, std=0.02)
        nn.init.normal_(self.fragments.weight, std=0.02)
        self.register_buffer("idf", torch.zeros(config.grams))
        self.text_norm = nn.LayerNorm(config.width)
        self.group_norms = nn.ModuleList([nn.LayerNorm(config.width) for _ in GROUPS])
        self.molecule_norm = nn.LayerNorm(config.width)
        self.text_head = _mlp(config.width * (1 + len(GROUPS)), config)
        self.molecule_head = _mlp(config.width, config)

    def _sum(self, table: nn.EmbeddingBag, bag: Bag) -> Tensor:
        return F.embedding_bag(
            bag.numbers, table.weight, bag.offsets, mode="sum", per_sample_weights=bag.weights.to(table.weight.dtype)
        )

    def _fragments(self, counted: Bag) -> Tensor:
        return self._sum(self.fragments, Bag(counted.numbers, torch.log1p(counted.weights), counted.offsets))

    def text(self, grams: Bag, grounded: Bag) -> Tensor:
        """Embed texts from their n-grams, (B,) bags, and grounded fragments, (groups * B,) bags, to (B, out)."""
        weighted = Bag(grams.numbers, grams.weights * self.idf[grams.numbers], grams.offsets)
        parts = [self.text_norm(self._sum(self.grams, weighted))]
        groups = self._fragments(grounded).view(len(GROUPS), len(parts[0]), -1)
        parts += [norm(group) for norm, group in zip(self.group_norms, groups, strict=True)]
        return F.normalize(self.text_head(torch.cat(parts, -1)).float(), dim=-1)

    def molecule(self, fragments: Bag) -> Tensor:
        """Embed molecules from their counted fragments, (B, out)."""
        return F.normalize(self.molecule_head(self.molecule_norm(self._fragments(fragments))).float(), dim=-1)
