"""The leading molecules of a ranking compared once more, each word of the query with each atom."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from molsearch.chem.features.graph import graph_store
from molsearch.model.dual import DualEncoder
from molsearch.model.grounding import ground, read_texts

Floats = npt.NDArray[np.float32]

LEADING = 200  # molecules that are compared
_CHUNK = 50  # of them at once


@torch.inference_mode()
def rerank_gains(model: DualEncoder, texts: Sequence[str], shares: Sequence[float], keys: Sequence[str]) -> Floats:
    """Compute what molecules gain by their atoms against the words of texts, (M,).

    Args:
        model: The encoder; without a re-ranker nothing is gained.
        texts: Phrases of a query.
        shares: Weight of each; they sum to 1.
        keys: M molecules.

    Raises:
        InputError: If a SMILES cannot be read.
    """
    head = model.reranker
    total = np.zeros(len(keys), np.float32)
    if head is None or not texts:
        return total
    model.eval()
    grounded, named = ground(read_texts(texts, model.lexicon))
    batch = model.prepare_texts(grounded, named, ["token"]).to(model.device)
    words = head.words(model.text_tokens(batch))
    for start in range(0, len(keys), _CHUNK):
        graphs, _ = model.prepare_molecules(graph_store(keys[start : start + _CHUNK]), ["token"])
        assert graphs is not None  # as the token path is among the paths
        atoms = head.atoms(model.molecule(graphs.to(model.device)))
        for row, share in enumerate(shares):
            gains = head.factor * head.match(words.rows(slice(row, row + 1)), atoms)
            total[start : start + _CHUNK] += np.float32(share) * gains.cpu().numpy()
    return total
