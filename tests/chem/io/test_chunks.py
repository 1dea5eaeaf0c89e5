"""Files cut into chunks: the records, rows and rejections of reading them whole, wherever the cuts fall."""

import gzip
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molsearch.chem.io import chunks as chunking
from molsearch.chem.io.chunks import chunks_of, read_chunk
from molsearch.chem.io.cleaning import CleaningPool
from molsearch.chem.io.library import SpooledLibrary, read_library
from molsearch.chem.io.options import ReadOptions
from molsearch.chem.io.sdf import read_sdf
from molsearch.chem.io.streams import open_source
from molsearch.chem.io.tables import read_smiles
from molsearch.chem.sandbox import process
from molsearch.records import Entry, Rejection

INLINE = ReadOptions(timeout_s=0)
ETHANOL = "ethanol\n\n\n  2  1  0  0  0  0            999 V2000\n    0.0 0 0 C\n    0.0 0 0 O\n  1  2  1  0\nM  END\n"


def cut(data: bytes, filename: str, options: ReadOptions, size: int) -> list[Entry | Rejection]:
    """Read in chunks of at least ``size`` bytes, rows counted on."""
    with pytest.MonkeyPatch.context() as patch, open_source(io.BytesIO(data), filename, options) as source:
        patch.setattr(chunking, "LEAST_BYTES", size)
        records: list[Entry | Rejection] = []
        chunks = chunks_of(source)
        assert chunks is not None
        for chunk in chunks:
            records += [moved(record, len(records)) for record in list(read_chunk(chunk, options))]
        return records


def moved(record: Entry | Rejection, rows: int) -> Entry | Rejection:
    if isinstance(record, Rejection):
        return Rejection(moved(record.entry, rows), record.reason, record.detail)  # type: ignore[arg-type]
    return Entry(record.row + rows, record.text, record.kind, record.name, record.properties)


def whole(data: bytes, filename: str, options: ReadOptions) -> list[Entry | Rejection]:
    with open_source(io.BytesIO(data), filename, options) as source:
        return list((read_sdf if filename.endswith(".sdf") else read_smiles)(source))


LINES = ["CCO", "OCC ethanol", "c1ccccc1\tbenzene\t3", "", "# note", "smiles name", "C" * 90, "é", "$$$$", "a\x00b"]
SD_LINES = [
    ETHANOL,
    "$$$$\n",
    "$$$$ and more\n",
    "> <a>\n1\n\n",
    "\n",
    "M  END\n",
    "> <$$$$>\n",
    "x$$$$\n",
    "y" * 90 + "\n",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]), st.integers(1, 80))
def test_smiles_are_read_as_from_the_whole_file(lines: list[str], ends: str, size: int) -> None:
    data = ends.join(lines).encode()
    options = ReadOptions(timeout_s=0, max_record_bytes=200)
    if data:
        assert cut(data, "a.smi", options, size) == whole(data, "a.smi", options)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(SD_LINES), min_size=1, max_size=14), st.integers(1, 300), st.booleans())
def test_sd_records_are_read_as_from_the_whole_file(parts: list[str], size: int, windows: bool) -> None:
    text = "".join(parts)
    data = (text.replace("\n", "\r\n") if windows else text).encode()
    options = ReadOptions(timeout_s=0, max_record_bytes=2_000)
    assert cut(data, "a.sdf", options, size) == whole(data, "a.sdf", options)


@pytest.mark.parametrize("filename", ["a.smi", "a.sdf"])
def test_a_record_beyond_the_limit_is_one_rejection_between_the_others(filename: str) -> None:
    end = "\n" if filename == "a.smi" else "\n$$$$\n"
    small = "CCO" if filename == "a.smi" else ETHANOL.rstrip("\n")
    data = f"{small}{end}{'C' * 200_000}{end}{small}{end}".encode()
    options = ReadOptions(timeout_s=0, max_record_bytes=5_000)
    first, second, third = cut(data, filename, options, 1_000)
    assert isinstance(first, Entry)
    assert isinstance(second, Rejection)
    assert second.detail.startswith("The record takes 0.2 MB")
    assert isinstance(third, Entry)
    assert [first.row, second.entry.row, third.row] == [1, 2, 3]


@pytest.mark.parametrize("filename", ["a.csv", "a.txt", "a.parquet"])
def test_tables_are_not_cut(filename: str) -> None:
    with open_source(io.BytesIO(b"smiles\nCCO\n"), filename, INLINE) as source:
        assert chunks_of(source) is None


def contents(library: SpooledLibrary) -> tuple[list[object], list[object]]:
    return list(library.molecules()), list(library.rejections())


@pytest.mark.parametrize("name", ["mols.1000.sdf.gz", "solubility.train.sdf", "zinc.leads.500.q.sdf"])
@pytest.mark.slow
def test_a_library_read_in_workers_is_the_one_read_here(name: str, shared: Path) -> None:
    path = shared / "libraries" / name
    with read_library(path, options=ReadOptions(workers=2)) as there, read_library(path, options=INLINE) as here:
        assert contents(there) == contents(here)


def test_a_gzip_file_that_breaks_off_says_so_after_its_last_record() -> None:
    # Random names, so that the cut falls into the middle of the compressed data.
    lines = "".join(f"{'C' * (n % 30 + 1)}O {os.urandom(8).hex()}\n" for n in range(9_000))
    damaged = gzip.compress(lines.encode())[:-2_000]
    with read_library(io.BytesIO(damaged), filename="a.smi.gz") as library:
        *_, last = library.rejections()
        assert "cut off" in last.detail
        assert last.entry.row == library.records


# A worker that dies at one structure and hangs at another, in the middle of a chunk.
TRAPPED = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from molsearch.chem.io import cleaning
from molsearch.chem.sandbox import process
real = cleaning.clean
def clean(text, *rest):
    if text.startswith("C.hang"): time.sleep(60)
    if text.startswith("C.crash"): os.kill(os.getpid(), 9)
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


@pytest.mark.usefixtures("trapped")
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_chunk_whose_worker_dies_loses_only_the_record_to_blame() -> None:
    lines = [f"{'C' * (n + 1)}O name{n}" for n in range(30)]
    lines[7] = "C.crash bad"
    with read_library(io.BytesIO("\n".join(lines).encode()), filename="a.smi") as library:
        (rejection,) = library.rejections()
        rows = [entry.row for molecule in library.molecules() for entry in molecule.sources]
    assert (rejection.entry.row, rejection.entry.name) == (8, "bad")
    assert "crashed" in rejection.detail
    assert rows == [row for row in range(1, 31) if row != 8]


@pytest.mark.usefixtures("trapped")
def test_a_chunk_that_hangs_loses_only_the_record_to_blame() -> None:
    data = b"CO\nC.hang\nCN\n"
    with read_library(io.BytesIO(data), filename="a.smi", options=ReadOptions(timeout_s=1.5)) as library:
        (rejection,) = library.rejections()
        assert (rejection.entry.row, rejection.reason.value) == (2, "timed out")
        assert [molecule.key for molecule in library.molecules()] == ["CO", "CN"]


@pytest.mark.slow
def test_cancelling_ends_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    from molsearch.errors import Cancelled

    def stop(done: int, total: int) -> None:
        raise Cancelled("stopped")

    pools = []
    real = CleaningPool.__init__

    def watched(self: CleaningPool, options: ReadOptions) -> None:
        real(self, options)
        pools.append(self)

    monkeypatch.setattr(CleaningPool, "__init__", watched)
    with pytest.raises(Cancelled):
        read_library(io.BytesIO(b"CCO\n" * 60_000), filename="a.smi", options=ReadOptions(workers=2), progress=stop)
    (pool,) = pools
    assert [worker.alive() for worker in pool._processes.workers if worker not in CleaningPool._idle] in (
        [False],
        [False, False],
    )
