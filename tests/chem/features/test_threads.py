"""What is remembered from molecule to molecule is shared by threads, and must not depend on who learned it when."""

import json
import subprocess
import sys

import pytest

from molsearch.settings import PROJECT

#: In a process of its own, as each memory is empty but once: threads meet the same molecules in orders of their own.
THREADS = """
import csv, hashlib, json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from molsearch.chem.features.features import features_of

threads = int(sys.argv[1])
sys.setswitchinterval(1e-6)
with open("data/examples.csv", encoding="utf-8", newline="") as file:
    smiles = [row["smiles"] for row in csv.DictReader(file)]
features_of(["[Xe]"])  # compiles the class table
gate = threading.Barrier(threads)

def digest(number):
    gate.wait()
    order = smiles[number * 29 :] + smiles[: number * 29]
    found = {}
    for one in order:
        features = features_of([one])
        graph = features.store.graph
        parts = (features.properties, graph.atoms, graph.environments, graph.fragments, graph.counts)
        found[one] = b"".join(part.tobytes() for part in parts)
    return hashlib.sha256(b"".join(found[one] for one in smiles)).hexdigest()

with ThreadPoolExecutor(threads) as pool:
    print(json.dumps(list(pool.map(digest, range(threads)))))
"""


def digests(threads: int) -> list[str]:
    """Features of the example library as each of some threads computes them, hashed."""
    command = [sys.executable, "-c", THREADS, str(threads)]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=True)
    found: list[str] = json.loads(run.stdout)
    return found


@pytest.mark.slow
def test_threads_that_learn_at_once_compute_what_one_alone_does() -> None:
    assert digests(8) == digests(1) * 8
