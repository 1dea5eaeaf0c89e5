"""A real Milvus server for the tests that need one."""

import importlib.util
import signal
import socket
import subprocess
import sys
import time

import pytest


def start_milvus(folder):
    """Start ``milvus-lite server`` on a free port of the loopback address; return its process and address."""
    for package in ("pymilvus", "milvus_lite"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install pymilvus milvus-lite to run this test")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(folder)]
    log = folder.with_suffix(".log").open("wb")
    process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log)
    log.close()
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process, f"http://127.0.0.1:{port}"
        except OSError:
            assert process.poll() is None, folder.with_suffix(".log").read_text()
            time.sleep(0.1)
    stop_milvus(process)
    raise AssertionError("milvus-lite server did not open its port in 30 seconds")


def stop_milvus(process):
    """Stop a server by its own process id."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def milvus(tmp_path_factory):
    """Address of a Milvus server that lives as long as the tests."""
    process, address = start_milvus(tmp_path_factory.mktemp("milvus") / "data")
    yield address
    stop_milvus(process)
