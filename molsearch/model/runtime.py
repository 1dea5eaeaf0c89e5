"""What a process is set to while a model runs: how many threads share a sum, and that freed memory goes back.

The order of a sum decides its last bit, so a run can be repeated only on as many threads.
"""

import ctypes
from contextlib import suppress


def thread_count() -> int:
    """Return how many threads torch uses inside one operation."""
    import torch  # here, as reading a file needs none of it

    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Set how many threads torch uses inside one operation, for this process."""
    import torch

    torch.set_num_threads(count)


def give_back() -> None:
    """Return freed memory to the system, where that is glibc's to do.

    Batches of many sizes leave holes in its heap: an addition keeps a third of its memory so, a training half.
    """
    with suppress(OSError, AttributeError, TypeError):  # another system, another C library
        ctypes.CDLL(None).malloc_trim(0)
