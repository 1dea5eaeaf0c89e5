"""The cleaning pool: a structure that hangs or kills RDKit costs one record, in order, and nothing else."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from molsearch.chem.io.cleaning import BATCH, CleaningPool
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.sandbox import process
from molsearch.errors import MolsearchError
from molsearch.records import Entry, Molecule, Reason, Rejection
from molsearch.settings import PROJECT

# A child that sleeps at one structure and dies at another: what RDKit does on its bad days, on demand.
TRAPPED = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from molsearch.chem.io import cleaning
from molsearch.chem.sandbox import process
real = cleaning.clean
def clean(text, *rest):
    if text == "C.hang": time.sleep(60)
    if text == "C.crash": os.kill(os.getpid(), 9)
    return real(text, *rest)
cleaning.clean = clean
process.serve()
"""


@pytest.fixture
def trapped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(process, "_CHILD", TRAPPED)
    monkeypatch.setattr(CleaningPool, "_idle", [])
    yield
    for worker in CleaningPool._idle:
        worker.close()


def outcomes(texts: list[str], options: ReadOptions) -> list[Molecule | Rejection]:
    with CleaningPool(options) as pool:
        return list(pool.standardize(Entry(row, text, "smiles") for row, text in enumerate(texts, start=1)))


def shown(found: list[Molecule | Rejection]) -> list[str]:
    return [item.key if isinstance(item, Molecule) else item.reason.value for item in found]


@pytest.mark.usefixtures("trapped")
@pytest.mark.slow
def test_a_structure_that_hangs_is_timed_out_and_the_others_are_read() -> None:
    found = outcomes(["CO", "C.hang", "CN", "C.hang", "CC"], ReadOptions(timeout_s=1.0))
    assert shown(found) == ["CO", "timed out", "CN", "timed out", "CC"]
    assert isinstance(found[1], Rejection)
    assert (found[1].entry.row, found[1].reason) == (2, Reason.TIMED_OUT)
    assert "1 s" in found[1].detail


@pytest.mark.usefixtures("trapped")
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.slow
def test_a_structure_that_kills_the_process_is_one_rejection() -> None:
    assert signal.SIGKILL == 9
    texts = ["CO"] * (BATCH + 3) + ["C.crash"] + ["CN"] * (BATCH + 3)
    found = outcomes(texts, ReadOptions(timeout_s=10.0, workers=2))
    assert shown(found) == ["CO"] * (BATCH + 3) + ["unreadable"] + ["CN"] * (BATCH + 3)
    crashed = found[BATCH + 3]
    assert isinstance(crashed, Rejection)
    assert "crashed" in crashed.detail


@pytest.mark.parametrize("options", [ReadOptions(), ReadOptions(workers=2), ReadOptions(timeout_s=0)])
def test_reading_in_workers_and_reading_here_agree(options: ReadOptions) -> None:
    texts = [f"{'C' * (n % 7 + 1)}{'O' if n % 3 else '(' if n % 5 else '[O-].[Na+]'}" for n in range(3 * BATCH + 5)]
    found = outcomes(texts, options)
    assert found == outcomes(texts, ReadOptions(timeout_s=0))
    assert [item.sources[0].row if isinstance(item, Molecule) else item.entry.row for item in found] == list(
        range(1, len(texts) + 1)
    )


def test_rejections_of_the_reader_pass_through_in_order() -> None:
    rejection = Rejection(Entry(2, "", "smiles"), Reason.TOO_LARGE, "x")
    with CleaningPool(ReadOptions()) as pool:
        found = list(pool.standardize([Entry(1, "CO", "smiles"), rejection, Entry(3, "CN", "smiles")]))
    assert shown(found) == ["CO", "too large", "CN"]
    assert found[1] is rejection


def test_one_worker_is_kept_warm_and_used_again() -> None:
    outcomes(["CO"], ReadOptions())
    (warm,) = CleaningPool._idle
    outcomes(["CO"], ReadOptions())
    assert CleaningPool._idle == [warm]


def test_a_child_that_cannot_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_CHILD", "raise SystemExit(1)")
    monkeypatch.setattr(CleaningPool, "_idle", [])
    with pytest.raises(MolsearchError, match="timeout_s=0"):
        outcomes(["CO"], ReadOptions())


def test_a_child_that_cleans_up_loads_neither_numpy_nor_torch() -> None:
    loaded = "[name for name in ('numpy', 'torch') if name in sys.modules]"
    code = f"import sys; import molsearch.chem.io.cleaning; print({loaded})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
