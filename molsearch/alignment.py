"""How texts and molecules lie in the shared space: similarities, distributions, divergences and ranks.

One definition serves the losses, the evaluation and the pictures. Shapes: Q queries, N molecules, D width.
"""

from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def ranks(scores: Array, targets: Array) -> Array:
    """Rank each query's target among all candidates, ties counted half.

    rank = 1 + (candidates scoring strictly higher) + (other candidates scoring the same) / 2

    Args:
        scores: (Q, N) score of every candidate for every query.
        targets: (Q,) integer, column of the right candidate.

    Returns:
        (Q,) floating ranks, from 1; of the same kind (numpy or torch) as ``scores``.

    Raises:
        ValueError: If a score is not a number, as no rank follows from it.
    """
    if bool((scores != scores).any()):
        raise ValueError("scores hold NaN where numbers are expected: no rank follows, check the vectors")
    own = scores[list(range(len(targets))), targets][:, None]  # (Q, 1)
    better = (scores > own).sum(1)  # (Q,)
    tied = (scores == own).sum(1) - 1  # (Q,), the target itself left out
    return 1 + better + tied / 2
