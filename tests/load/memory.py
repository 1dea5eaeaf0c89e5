"""Resident memory of a process over time, its children apart."""

import os
import time
from pathlib import Path

import numpy as np


class Memory:
    """Samples of resident memory.

    Args:
        process: Its number; this process by default.
    """

    def __init__(self, process: int = 0) -> None:
        self._status = Path("/proc") / str(process or os.getpid()) / "statm"
        self._times: list[float] = []
        self._mib: list[float] = []

    def look(self) -> None:
        """Take a sample; on systems without /proc there is none."""
        if self._status.exists():
            pages = int(self._status.read_text(encoding="ascii").split()[1])
            self._times.append(time.monotonic())
            self._mib.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)

    @property
    def peak_mib(self) -> float:
        """Most that was resident at a sample."""
        return max(self._mib, default=0.0)

    def growth_mib(self) -> float:
        """Growth over the second half, by a straight line through its samples: the first half fills caches."""
        half = len(self._times) // 2
        if half < 2:
            return 0.0
        times, mib = np.array(self._times[half:]), np.array(self._mib[half:])
        slope = float(np.polyfit(times - times[0], mib, 1)[0])
        return slope * float(times[-1] - times[0])
