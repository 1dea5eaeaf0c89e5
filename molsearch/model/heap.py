"""Memory that was freed and that the C library keeps for itself."""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Give freed memory back to the system, where that is glibc's to do.

    Batches of many sizes leave holes in its heap: an addition keeps a third of its memory so, a training half.
    """
    with suppress(OSError, AttributeError, TypeError):  # another system, another C library
        ctypes.CDLL(None).malloc_trim(0)
