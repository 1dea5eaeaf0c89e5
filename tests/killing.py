"""Work that dies by SIGKILL in a fork, at one of its file operations or after a while."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.listdir", "os.scandir"}


def forked(work: Callable[[], object], folder: Path, die_at: int = 0, die_after_s: float | None = None) -> int:
    """Run work in a fork; return how many file operations within ``folder`` it took, or -1 when it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event in WATCHED and arguments and str(folder) in str(arguments[0]):
                seen += 1
                if seen == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        work()
        os.write(writer, str(seen).encode())
        os._exit(0)
    os.close(writer)
    if die_after_s is not None:
        time.sleep(die_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    if os.WIFSIGNALED(status):
        return -1
    if status:
        raise SystemExit("the work ended in an error")
    return int(told)
