"""The training losses: functions of embeddings that never see the model.

Shapes: N pairs of a batch, D width; row i of the texts and row i of the molecules are a pair.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def contrastive(texts: Tensor, molecules: Tensor, scale: Tensor | float, same: Tensor | None = None) -> Tensor:
    """Compute InfoNCE both ways: each text picks its molecule, each molecule its text (arXiv 2103.00020).

    Args:
        texts: (N, D) unit rows.
        molecules: (N, D) unit rows.
        scale: Factor on the cosines, the inverse of the temperature.
        same: (N, N) bool, true where text i also fits molecule j (one molecule or one caption twice in the batch);
            off the diagonal such cells are left out, so that they do not count as negatives.

    Returns:
        Scalar mean over the 2N choices.
    """
    logits = scale * texts @ molecules.T  # (N, N)
    if same is not None:
        own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(same & ~own, float("-inf"))
    pairs = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2
