"""The matrix products of the molecule side alone: what encoding cannot be faster than on this processor."""

import math

import torch
from torch import Tensor, nn

from molsearch.model.dual import DualEncoder


def multiply(model: DualEncoder, atoms: int, molecules: int, half: bool) -> None:
    """Do the products of linear layers that encoding some molecules takes, on numbers that mean nothing.

    Args:
        model: Says how large the layers are.
        atoms: Atoms of all molecules together.
        molecules: How many molecules.
        half: Whether in bfloat16, else in float32.
    """
    kind = torch.bfloat16 if half else torch.float32
    with torch.inference_mode():
        for rows, layers in ((atoms, _linear(model.molecule)), (molecules, _linear(model.lexical.molecule_head))):
            for weight in layers:
                torch.empty(rows, weight.shape[1], dtype=kind).zero_() @ weight.detach().to(kind).T
        _read_by_bank(model, atoms, molecules, kind)


def _linear(part: nn.Module) -> list[Tensor]:
    return [layer.weight for layer in part.modules() if isinstance(layer, nn.Linear)]


def _read_by_bank(model: DualEncoder, atoms: int, molecules: int, kind: torch.dtype) -> None:
    """Keys and values of every atom, scores and sums of every slot, and the projector's head."""
    config = model.projector.config
    width, longest = config.width, math.ceil(atoms / max(1, molecules))
    torch.zeros(atoms, width, dtype=kind) @ torch.zeros(width, 2 * width, dtype=kind)
    slots = torch.zeros(molecules, config.slots, width, dtype=kind)
    scores = slots @ torch.zeros(molecules, width, longest, dtype=kind)  # (B, K, L)
    read = scores @ torch.zeros(molecules, longest, width, dtype=kind)
    read @ torch.zeros(width, width, dtype=kind)
    for weight in _linear(model.projector.head):
        torch.zeros(molecules, weight.shape[1], dtype=kind) @ weight.detach().to(kind).T
