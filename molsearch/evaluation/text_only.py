"""A model that reads words only, and how one is trained: what the names in a text are worth, by leaving them out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from molsearch.evaluation.candidates import GRAPHS, part
from molsearch.model.dual import DualEncoder
from molsearch.model.grounding import TextStructures, ground
from molsearch.records import Progress
from molsearch.training.features import Example, TrainingFeatures
from molsearch.training.loop import Trainer
from molsearch.training.prepare import prepare
from molsearch.training.recipe import Recipe


class TextOnlyModel:
    """A model that reads words only: no structure and no class is looked up in a text, no molecule is lifted."""

    def __init__(self, model: DualEncoder) -> None:
        self._model = model

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Encode texts, (Q, D), from their words alone."""
        grounded, store = ground([TextStructures(text) for text in texts])
        return self._model.vectors_of_texts(grounded, store, progress=progress)

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Encode molecules, (N, D)."""
        starts = range(0, len(smiles), GRAPHS)
        parts = [
            self._model.encode_molecules(smiles[start : start + GRAPHS], part(progress, start, len(smiles)))
            for start in starts
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self._model.width), np.float32)

    def constants(self, vectors: np.ndarray) -> np.ndarray:
        """Return each molecule's constant, (N,)."""
        return self._model.constants(vectors)

    def named_structures(self, text: str) -> tuple[()]:
        """Find nothing."""
        return ()


def without_names(features: TrainingFeatures) -> TrainingFeatures:
    """Leave out of the captions every structure and class that was read in them."""

    def bare(examples: Sequence[Example]) -> tuple[Example, ...]:
        return tuple(replace(example, structures=(), relations=(), classes=()) for example in examples)

    return replace(
        features,
        train=bare(features.train),
        val=bare(features.val),
        synthetic_captions=bare(features.synthetic_captions),
        synthetic_names=bare(features.synthetic_names),
        lexicon={},
    )


def train_without_names(
    recipe: Recipe,
    pairs: Path,
    val: Path,
    pool: Path,
    out: Path,
    resume: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Train a recipe on the words of the captions alone: with ``lexical``, n-grams against fingerprints.

    Raises:
        InputError: If a file cannot be read.
    """
    features = without_names(prepare(pairs, val, pool, out / ".features", progress))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Trainer(recipe, features, out, device).run(resume=resume, progress=progress)
