"""A model whose vectors are written down, and slow loops to hold what is made of them against."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from molsearch.records import Progress

ALCOHOLS = ("C", "CC", "CCO", "CO")


@dataclass(frozen=True)
class Name:
    key: str
    bonus: float


@dataclass
class Lookup:
    """A model whose vectors are written down: what the protocol does with them is the thing under test."""

    texts: dict[str, Sequence[float]]
    molecules: dict[str, Sequence[float]]
    constant: dict[str, float] = field(default_factory=dict)
    names: dict[str, tuple[Name, ...]] = field(default_factory=dict)

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        if progress:
            progress(len(texts), len(texts))
        return np.array([self.texts[text] for text in texts], np.float32)

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        if progress:
            progress(len(smiles), len(smiles))
        self.order = list(smiles)
        return np.array([self.molecules[structure] for structure in smiles], np.float32)

    def constants(self, vectors: np.ndarray) -> np.ndarray:
        return np.array([self.constant.get(structure, 0.0) for structure in self.order], np.float32)

    def named_structures(self, text: str) -> tuple[Name, ...]:
        return self.names.get(text, ())


def circle(degrees: float) -> tuple[float, float]:
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def slow_rank(scores: Sequence[float], target: int) -> float:
    higher = sum(s > scores[target] for s in scores)
    return 1 + higher + (sum(s == scores[target] for s in scores) - 1) / 2


def slow_score(model: Lookup, text: str, smiles: str) -> float:
    dot = sum(a * b for a, b in zip(model.texts[text], model.molecules[smiles], strict=True))
    return float(dot + model.constant[smiles])
