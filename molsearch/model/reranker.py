"""Reranking of the leading molecules: each word against each atom, by late interaction (ColBERT, SIGIR 2020).

The vector of a text or molecule is what its tokens have in common; here the tokens themselves meet, so that one word
which no atom answers, or one group of atoms that no word asks for, counts against a molecule.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from molsearch.errors import ModelError
from molsearch.model.tokens import Tokens

FACTOR = 0.15  # what a match counts beside the score of a search, chosen on validation captions
FILE = "reranker.safetensors"


@dataclass(frozen=True, slots=True)
class Weighed:
    """Tokens of one side, ready to meet the other.

    Attributes:
        x: (B, L, d) unit vectors.
        mask: (B, L) bool.
        weights: (B, L) how much each counts, 0 at padding, each row summing to 1.
    """

    x: Tensor
    mask: Tensor
    weights: Tensor

    def rows(self, chosen: Tensor | slice | tuple[slice, None]) -> "Weighed":
        """Take some rows, as tensors are indexed."""
        return Weighed(self.x[chosen], self.mask[chosen], self.weights[chosen])


class _Side(nn.Module):
    """Brings the tokens of one modality to unit vectors, and says how much each counts."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.vector = nn.Linear(width, out, bias=False)
        self.weight = nn.Linear(width, 1)

    def forward(self, tokens: Tokens) -> Weighed:
        x = self.norm(tokens.x.float())
        weights = self.weight(x)[..., 0].masked_fill(~tokens.mask, float("-inf")).softmax(-1)
        return Weighed(F.normalize(self.vector(x), dim=-1), tokens.mask, weights)


class LateInteraction(nn.Module):
    """Matches words (and structures named among them) with atoms, both ways.

    It stands in a file of its own and in no model id: vectors and stored libraries are the same with and without it.

    A word's match is its largest cosine with any atom, an atom's that with any word; the score of a pair is the
    weighted mean of the words' matches plus that of the atoms'.

    Shapes:
        Tokens (B, L, D), Tokens (B, A, D) -> (B,)
    """

    factor: Tensor

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.words = _Side(width, out)
        self.atoms = _Side(width, out)
        self.log_scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("factor", torch.tensor(FACTOR))

    @staticmethod
    def match(words: Weighed, atoms: Weighed) -> Tensor:
        """Match rows of one side with rows of the other, (...) in [-2, 2]; rows are broadcast as tensors are."""
        cosines = words.x @ atoms.x.transpose(-1, -2)  # (B, L, A)
        of_words = cosines.masked_fill(~atoms.mask[..., None, :], -1.0).amax(-1)  # (B, L)
        of_atoms = cosines.masked_fill(~words.mask[..., :, None], -1.0).amax(-2)  # (B, A)
        return (of_words * words.weights).sum(-1) + (of_atoms * atoms.weights).sum(-1)

    def forward(self, texts: Tokens, molecules: Tokens) -> Tensor:
        """Match texts with molecules row by row, (B,)."""
        return self.match(self.words(texts), self.atoms(molecules))


def write_reranker(head: LateInteraction | None, folder: Path) -> None:
    """Write a head into a model's folder; None takes away the one that is there."""
    if head is None:
        (folder / FILE).unlink(missing_ok=True)
        return
    save_file({name: value.contiguous() for name, value in head.state_dict().items()}, folder / FILE)


def read_reranker(folder: Path, width: int) -> LateInteraction | None:
    """Read the head of a model's folder, or None where it has none.

    Args:
        folder: The model.
        width: D of its tokens.

    Raises:
        ModelError: If the file is damaged or belongs to another model.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        state = load_file(path)
        head = LateInteraction(width, len(state["words.vector.weight"]))
        head.load_state_dict(state)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"The re-ranker {path} cannot be used: {reason}; copy the folder again.") from error
    return head.eval()
