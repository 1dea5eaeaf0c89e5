"""What a run takes of the machine while it goes on: memory and processor time, its child processes included.

Read from Linux's /proc; elsewhere memory of children and their time before they end are not seen.
"""

import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_PROC = Path("/proc")
_INTERVAL_S = 0.25
_MIB = 2**20


class Footprint:
    """Watches this process and its descendants; a context manager.

    Attributes:
        peak_mib: Largest sum of resident memory seen so far; pages that processes share count once for each.
        peak_own_mib: Largest resident memory of this process alone since it started.
    """

    def __init__(self, interval_s: float = _INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="footprint", daemon=True)
        self._before_s = 0.0
        self._after_s: float | None = None
        self.peak_mib = 0.0

    def __enter__(self) -> Self:
        self._before_s = cpu_s()
        self._measure()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._measure()
        self._after_s = cpu_s()

    @property
    def cpu_s(self) -> float:
        """Processor seconds since the watch began, or while it went on: user and system, all processes."""
        return (cpu_s() if self._after_s is None else self._after_s) - self._before_s

    @property
    def peak_own_mib(self) -> float:
        return peak_memory_mib()

    def _watch(self) -> None:
        while not self._ended.wait(self._interval_s):
            self._measure()

    def _measure(self) -> None:
        total = sum(map(_resident_bytes, [os.getpid(), *descendants()]))
        self.peak_mib = max(self.peak_mib, total / _MIB)


def peak_memory_mib() -> float:
    """Return the largest resident memory of this process so far, in MiB; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # macOS counts bytes, Linux KiB


def descendants() -> list[int]:
    """List the children of this process, theirs, and so on, by number; none where the system does not tell."""
    processes, parents = [], [os.getpid()]
    while parents:
        children = [child for parent in parents for child in _children(parent)]
        processes += children
        parents = children
    return processes


def cpu_s() -> float:
    """Sum the processor seconds of this process and of all its descendants so far, those that ended included."""
    own = os.times()
    living = (_spent_s(process) for process in descendants())
    return own.user + own.system + own.children_user + own.children_system + sum(living)


def folder_bytes(folder: Path) -> int:
    """Sum the sizes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _children(process: int) -> list[int]:
    try:
        lists = [path.read_text() for path in (_PROC / str(process) / "task").glob("*/children")]
    except OSError:  # it ended meanwhile
        return []
    return [int(number) for text in lists for number in text.split()]


def _resident_bytes(process: int) -> int:
    try:
        pages = int((_PROC / str(process) / "statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _spent_s(process: int) -> float:
    """Sum user and system seconds of a process and of its children that ended."""
    try:
        fields = (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
        ticks = sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime; state is field 0
    except (OSError, ValueError):
        return 0.0
    return ticks / os.sysconf("SC_CLK_TCK")
