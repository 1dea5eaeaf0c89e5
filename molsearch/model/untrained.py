"""A model as it was before training: the architecture of a folder with fresh weights, to compare with."""

from pathlib import Path

import torch

from molsearch.model.dual import DualEncoder
from molsearch.model.folder import read_parts
from molsearch.model.text import TransformerEncoder

SEED = 0
_COUNTED = "lexical.idf"  # how rare an n-gram is: counted in the corpus before the first step, not learned


def untrained(folder: Path, seed: int = SEED) -> DualEncoder:
    """Build the model that a folder describes, with the weights that this seed draws.

    Lexicon, tokenizer and n-gram rarities are the folder's own, so that both models read the same of a text. A text
    encoder that began as a pretrained one starts from fresh weights here too.

    Args:
        folder: A model folder.
        seed: Of the weights; the program's own random numbers go on undisturbed.

    Raises:
        ModelError: If the folder cannot be read.
    """
    parts = read_parts(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = TransformerEncoder.body_from(parts.body) if parts.body else None
        model = DualEncoder(parts.config, parts.tokenizer, body)
    if _COUNTED in parts.state:
        model.lexical.idf.copy_(parts.state[_COUNTED])
    model.lexicon = dict(parts.lexicon)
    return model.eval()
