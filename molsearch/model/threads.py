"""How many threads share one sum. The order of a sum decides its last bit, so a run can be repeated only on as many."""

import torch


def thread_count() -> int:
    """Return how many threads torch uses inside one operation."""
    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Set how many threads torch uses inside one operation, for this process."""
    torch.set_num_threads(count)
