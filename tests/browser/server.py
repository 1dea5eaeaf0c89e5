"""The real app as a process of its own: `streamlit run app.py` on a free loopback port, with the shipped model."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S = 120
STOP_S = 20


def free_port() -> int:
    """Ask the system for a port of the loopback interface that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(home: Path) -> Iterator[str]:
    """Run the app until the block ends.

    Args:
        home: An empty folder for its libraries; the log goes there too.

    Yields:
        Its address, "http://127.0.0.1:PORT".

    Raises:
        RuntimeError: If it does not answer in START_S seconds; the message ends with its log.
    """
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MOLSEARCH_", "STREAMLIT_"))
    }
    environment |= {"MOLSEARCH_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless=true"]
    log = home / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=stream, stderr=subprocess.STDOUT, preexec_fn=_end_with_parent
        )
        try:
            _await_answer(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    """Let the kernel end the server too where the tests are killed; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server says that it is healthy."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"The app did not start on port {port} in {START_S} s. Its log ends:\n{log.read_text()[-2000:]}")
