"""Half-precision numbers to float32, block by block: with torch where the program has loaded it, else with numpy.

Both are exact and give the same bits; torch uses the processor's own instruction for it, which numpy does not.
Reading a file needs no torch, so it is never loaded for this.
"""

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from molsearch.index.batch import Floats

Halves = npt.NDArray[np.float16] | npt.NDArray[np.float32]  # in truth float16 alone, which a caller has looked up

SCALE = np.float32(2.0**112)  # what the numpy way leaves to the query; both ways give numbers times 1 / SCALE

PIECE = 32_512  # fewer numbers than torch shares among threads (its grain is 32,768): the scan has threads of its own


def widener(rows: int, width: int) -> tuple[Callable[[Halves], Floats], np.float32]:
    """Make what turns blocks into float32, for use by one thread.

    Args:
        rows: Rows of the largest block.
        width: Numbers in a row.

    Returns:
        A function from a block (B, D) to (B, D) float32, whose result lives until its next call, and what its numbers
        must still be multiplied by.
    """
    if "torch" in sys.modules:
        return _with_torch(rows, width), np.float32(1)
    wide = np.empty((rows, width), np.int32)
    return lambda block: _moved(block, wide[: len(block)]), SCALE


def _with_torch(rows: int, width: int) -> Callable[[Halves], Floats]:
    import torch

    own = np.empty((rows, width), np.float16)  # torch takes no read-only memory, such as a mapped file
    narrow, wide = torch.from_numpy(own), torch.empty((rows, width), dtype=torch.float32)
    floats: Floats = wide.numpy()
    step = max(1, PIECE // width)
    # Made once, as making one takes a microsecond.
    pieces = list(zip(narrow.split(step), wide.split(step), strict=True))

    def widened(block: Halves) -> Floats:
        count = len(block)
        np.copyto(own[:count], block)
        for half, full in pieces[: -(-count // step)]:
            full.copy_(half)
        return floats[:count]

    return widened


def _moved(block: Halves, wide: npt.NDArray[np.int32]) -> Floats:
    """Return half-precision numbers as float32 divided by SCALE, by moving their bits.

    Sign, exponent and mantissa move into the places they have in float32; the exponents' biases differ by 112. Exact
    for all finite numbers, and about three times as fast as numpy's own conversion.
    """
    np.copyto(wide, block.view(np.int16))
    np.left_shift(wide, 13, out=wide)
    np.bitwise_and(wide, np.int32(-0x70002000), out=wide)  # 0x8FFFE000: drop the copies of the sign bit
    return wide.view(np.float32)
