"""How a learning rate climbs and falls over a training."""

import math
from typing import Literal

Decay = Literal["cosine", "linear"]


def share_of_peak(step: int, steps: int, warmup: float, decay: Decay) -> float:
    """Climb linearly to 1 over the share ``warmup`` of the steps, then fall to zero by ``decay``."""
    warm = max(1, round(warmup * steps))
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return (1 + math.cos(math.pi * done)) / 2 if decay == "cosine" else 1 - done
