"""Freed memory goes back to the system where glibc keeps it, and nothing breaks where there is no glibc."""

import ctypes
import os
import platform
from pathlib import Path

import pytest

from molsearch.model.runtime import give_back


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked to give memory back")
def test_holes_in_the_heap_are_given_back() -> None:
    # Blocks too small to be mapped one by one; those that stay keep the heap from shrinking at its end.
    blocks = [bytearray(b"x" * 65_536) for _ in range(4_800)]
    del blocks[: len(blocks) - 1]
    kept = resident_mib()
    give_back()
    assert resident_mib() < kept - 100
    assert blocks[0][0] == ord("x")


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(name: str | None) -> None:
        calls.append(name)
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    give_back()
    assert calls == [None]
