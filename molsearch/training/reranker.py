"""Teaches a trained model to re-rank: words against atoms, on what the model itself confuses."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from molsearch.chem.batch.arrays import GraphStore
from molsearch.errors import ModelError
from molsearch.model.batch import like_sizes
from molsearch.model.dual import DualEncoder
from molsearch.model.reranker import FILE, LateInteraction, write_reranker
from molsearch.model.tokens import Tokens, pad
from molsearch.records import Progress
from molsearch.training.augmentation import thin_words
from molsearch.training.batches import batches
from molsearch.training.features import Example, TrainingFeatures, load

WIDTH = 64  # columns that words and atoms are compared in
_RIVALS = 64  # molecules nearest to a caption that may stand against its own
_DRAWN = 15  # of those in each step
_BATCH, _RATE, _DECAY, _TOKEN_DROPOUT = 64, 1e-3, 0.02, 0.1
_CHUNK = 512

Ints = npt.NDArray[np.int64]


class Ragged:
    """Token vectors of many texts or molecules, end to end in half precision: 24,000 captions take 0.5 GB."""

    def __init__(self) -> None:
        self._parts: dict[int, Tensor] = {}

    def add(self, rows: Sequence[int], tokens: Tokens) -> None:
        """Keep the tokens of some rows."""
        for row, x, mask in zip(rows, tokens.x, tokens.mask, strict=True):
            self._parts[row] = x[mask].half().cpu()

    def take(self, rows: Sequence[int]) -> Tokens:
        """Pad some rows to one batch."""
        parts = [self._parts[row] for row in rows]
        return pad(torch.cat(parts).float(), torch.tensor([len(part) for part in parts]))


@torch.inference_mode()
def text_states(model: DualEncoder, examples: Sequence[Example], store: GraphStore) -> Ragged:
    """Encode captions to their word states."""
    model.eval()
    states = Ragged()
    for rows in like_sizes([len(example.text) for example in examples]):
        batch = model.prepare_texts([examples[row] for row in rows], store, ["token"]).to(model.device)
        states.add(rows, model.text_tokens(batch))
    return states


@torch.inference_mode()
def atom_states(model: DualEncoder, store: GraphStore) -> Ragged:
    """Encode molecules to their atom states."""
    model.eval()
    states = Ragged()
    for rows in like_sizes(store.sizes()):
        graphs, _ = model.prepare_molecules(store.take(rows), ["token"])
        assert graphs is not None  # the token path was asked for
        states.add(rows, model.molecule(graphs.to(model.device)))
    return states


def rivals(model: DualEncoder, examples: Sequence[Example], store: GraphStore, molecules: Ints) -> Ints:
    """Find the places of the molecules that the model ranks first for each caption, its own left out, (N, _RIVALS)."""
    vectors = model.vectors_of_graphs(store.take(molecules))
    constants = model.constants(vectors)
    texts = model.vectors_of_texts(examples, store)
    own = np.array([example.molecule for example in examples])
    nearest = []
    for start in range(0, len(texts), _CHUNK):
        scores = texts[start : start + _CHUNK] @ vectors.T + constants
        scores[own[start : start + _CHUNK, None] == molecules[None]] = -np.inf
        count = min(_RIVALS, len(molecules) - 1)
        nearest.append(np.argpartition(-scores, count - 1, axis=1)[:, :count])
    return np.concatenate(nearest)


def teach_reranker(folder: Path, cache: Path, epochs: int, seed: int = 0, progress: Progress | None = None) -> Path:
    """Teach a model folder its re-ranker and write it there, a file of its own.

    Args:
        folder: The model.
        cache: The features that it was trained on.
        epochs: Passes over the captions.
        seed: Of weights, order and draws.
        progress: Called with the steps done.

    Raises:
        InputError: If there is no feature cache.
        ModelError: If the model cannot be used, or has no token path.
    """
    model = DualEncoder.load(folder)
    if "token" not in model.paths:
        raise ModelError(f"The model in {folder} has no words and atoms to compare, only the short path; use another.")
    write_reranker(fit_reranker(model, load(cache), WIDTH, epochs, seed, progress), folder)
    return folder / FILE


def fit_reranker(
    model: DualEncoder, features: TrainingFeatures, width: int, epochs: int, seed: int, progress: Progress | None = None
) -> LateInteraction:
    """Teach a head to tell each caption's molecule from those that the model ranks beside it; the encoders stay.

    Args:
        model: A trained model with a token path.
        features: What it learned from.
        width: Columns that words and atoms are compared in.
        epochs: Passes over the captions.
        seed: Of weights, order and draws.
        progress: Called with the steps done.
    """
    examples, store = features.train, features.store
    molecules, places = np.unique([example.molecule for example in examples], return_inverse=True)
    against = rivals(model, examples, store, molecules)  # (N, R)
    words, atoms = text_states(model, examples, store), atom_states(model, store.take(molecules))
    torch.manual_seed(seed)
    head = LateInteraction(model.config.projector.width, width)
    optimizer = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=_DECAY)
    lengths = [example.text.count(" ") for example in examples]
    size = min(_BATCH, len(examples))
    steps = epochs * len(batches(lengths, size, seed))
    rng, step = np.random.default_rng(seed), 0
    for epoch in range(epochs):
        for rows in batches(lengths, size, seed, epoch):
            drawn = np.stack([rng.choice(against[row], min(_DRAWN, against.shape[1]), replace=False) for row in rows])
            drawn = np.concatenate([places[rows, None], drawn], 1)  # (B, 1 + 15)
            distinct, columns = np.unique(drawn, return_inverse=True)
            texts = head.words(thin_words(words.take(rows.tolist()), _TOKEN_DROPOUT)).rows((slice(None), None))
            candidates = head.atoms(thin_words(atoms.take(distinct.tolist()), _TOKEN_DROPOUT))
            candidates = candidates.rows(torch.from_numpy(columns.reshape(drawn.shape)))
            logits = head.match(texts, candidates) * head.log_scale.exp()  # (B, 1 + 15)
            loss = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
            for group in optimizer.param_groups:
                group["lr"] = _RATE * (1 - step / steps)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if progress:
                progress(step, steps)
    return head.eval()
