"""How alike a vector is to all captions of a bank: what is high for one that every query finds, a hub."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]

_ROWS = 256  # vectors compared with the whole bank at once: 10 MB for 10,000 captions, and as much for each step


def soft_largest(vectors: Floats, bank: Tensor, beta: float) -> Floats:
    """Give the soft-largest cosine of each vector with the bank, (N,): log(mean of exp(beta * cosine)) / beta.

    Args:
        vectors: (N, D) unit rows.
        bank: (B, D) unit rows; 0 comes back where it is empty.
        beta: How far the largest counts above the rest.
    """
    if len(bank) == 0:
        return np.zeros(len(vectors), np.float32)
    output = [
        torch.logsumexp(beta * (torch.from_numpy(vectors[i : i + _ROWS]).to(bank.device) @ bank.T), 1)
        for i in range(0, len(vectors), _ROWS)
    ]
    return ((torch.cat(output) - math.log(len(bank))) / beta).cpu().numpy().astype(np.float32)
