"""Features from other processes: the same numbers in the same order, and a death that costs one molecule."""

import io
import subprocess
import sys

import numpy as np
import pytest

from molsearch.chem.batch.arrays import GraphStore
from molsearch.chem.features import pool as pooling
from molsearch.chem.features.features import Features, features_of, joined, packed_features, unpacked
from molsearch.chem.features.pool import FeaturePool
from molsearch.chem.properties import PROPERTIES
from molsearch.chem.sandbox import process
from molsearch.chem.sandbox.process import read_values, write_value
from molsearch.errors import MolsearchError
from molsearch.settings import PROJECT

SMILES = ["CCO", "no structure", "CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]", "C"]

# A child that dies at one molecule and sleeps at another.
TRAPPED = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from molsearch.chem.features import features
from molsearch.chem.sandbox import process
real = features.features_of
def features_of(smiles):
    if "C.crash" in smiles: os.kill(os.getpid(), 9)
    if "C.hang" in smiles: time.sleep(60)
    return real(smiles)
features.features_of = features_of
process.serve()
"""


def same(left: Features, right: Features) -> bool:
    if (left.kept, left.refused, left.store is None) != (right.kept, right.refused, right.store is None):
        return False
    arrays = [(left.properties, right.properties)]
    if left.store is not None and right.store is not None:
        arrays += zip(flat(left.store), flat(right.store), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True) for a, b in arrays)


def flat(store: GraphStore) -> list[np.ndarray]:
    graph = store.graph
    arrays = [graph.atoms, graph.environments, graph.bonds, graph.edges, graph.fragments, graph.counts]
    return [*arrays, store.atom_offsets, store.edge_offsets, store.fragment_offsets]


def test_features_keep_what_can_be_read_and_say_why_the_rest_cannot() -> None:
    features = features_of(SMILES)
    assert features.kept == (0, 2, 3, 4)
    assert list(features.refused) == [1]
    assert "no structure" in features.refused[1]
    assert features.store is not None
    assert features.store.sizes().tolist() == [3, 13, 2, 1]
    assert features.properties.shape == (4, len(PROPERTIES))


@pytest.mark.parametrize("smiles", [SMILES, ["no structure"], ["C"], []])
def test_features_survive_the_way_between_processes(smiles: list[str]) -> None:
    stream = io.BytesIO()
    write_value(packed_features(smiles), stream)
    stream.seek(0)
    assert same(unpacked(next(read_values(stream))), features_of(smiles))


def test_features_cut_short_anywhere_are_noticed() -> None:
    stream = io.BytesIO()
    write_value(packed_features(["CO"]), stream)
    whole = stream.getvalue()
    for length in range(0, len(whole), 7):
        with pytest.raises(EOFError):
            next(read_values(io.BytesIO(whole[:length])))


def test_joined_parts_are_the_features_of_the_whole() -> None:
    parts = [SMILES[:2], SMILES[1:2], SMILES[2:]]
    whole = features_of([smiles for part in parts for smiles in part])
    assert same(joined([features_of(part) for part in parts], [len(part) for part in parts]), whole)


@pytest.mark.slow
def test_answers_come_in_the_order_of_the_orders() -> None:
    chunks = [["C" * length] * (20 if length % 2 else 1) for length in range(1, 12)]
    with FeaturePool(2) as pool:
        answers = list(pool.map(chunks, ahead=3))
    assert all(same(answer, features_of(chunk)) for answer, chunk in zip(answers, chunks, strict=True))


def test_no_more_is_taken_than_may_be_ahead() -> None:
    taken = []
    with FeaturePool(1) as pool:
        answers = pool.map((taken.append(text) or [text] for text in ["C", "CC", "CCC", "CCCC", "CCCCC"]), ahead=2)
        next(answers)
        assert len(taken) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.slow
def test_a_molecule_that_kills_its_process_is_lost_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_CHILD", TRAPPED)
    chunks = [["C", "C.crash", "CC"], ["CCC"]]
    with FeaturePool(1) as pool:
        first, second = pool.map(chunks, ahead=1)
    assert first.kept == (0, 2)
    assert list(first.refused) == [1]
    assert "ended the process" in first.refused[1]
    assert same(second, features_of(["CCC"]))


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.slow
def test_a_process_killed_once_from_outside_loses_nothing() -> None:
    with FeaturePool(1) as pool:
        answers = pool.map([["C"], ["CC"], ["CCC"]], ahead=0)
        next(answers)
        kill(pool)
        rest = list(answers)
    assert [same(answer, features_of([smiles])) for answer, smiles in zip(rest, ["CC", "CCC"], strict=True)] == [
        True
    ] * 2


def kill(pool: FeaturePool) -> None:
    child = pool._processes.workers[0]._process
    assert child is not None
    child.kill()
    child.wait()


@pytest.mark.slow
def test_a_molecule_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_CHILD", TRAPPED)
    monkeypatch.setattr(pooling, "SECONDS", 3.0)
    with FeaturePool(1) as pool:
        (answer,) = pool.map([["C.hang", "CC"]], ahead=0)
    assert (answer.kept, list(answer.refused)) == ((1,), [0])


def test_a_process_that_cannot_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_CHILD", "raise SystemExit(3)")
    with FeaturePool(1) as pool, pytest.raises(MolsearchError, match="did not start"):
        list(pool.map([["C"]], ahead=0))


def test_a_child_imports_neither_torch_nor_a_screen() -> None:
    loaded = "[name for name in ('torch', 'streamlit') if name in sys.modules]"
    code = f"import sys; import molsearch.chem.features.pool; print({loaded})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
