"""Small files that would become large ones, and structures that would fill a machine: each is stopped in a sentence."""

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molsearch.chem.io.formats import read_entries
from molsearch.chem.io.library import ReadOptions, read_library
from molsearch.errors import InputError
from molsearch.records import Entry, Reason, Rejection
from molsearch.report.run_file import find_run, read_run
from tests.fuzz import seeds

INLINE = ReadOptions(timeout_s=0)


def parquet(table: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def read(data: bytes, filename: str, most_mib: float, options: ReadOptions = INLINE) -> list[Entry | Rejection]:
    """Read, and measure what Python held at most."""
    tracemalloc.start()
    try:
        found = list(read_entries(io.BytesIO(data), filename, options))
        assert tracemalloc.get_traced_memory()[1] / 2**20 < most_mib
    finally:
        tracemalloc.stop()
    return found


def test_a_parquet_of_one_huge_packed_cell_is_refused_unread() -> None:
    data = parquet(pa.table({"smiles": ["CCO", "C" * 300_000_000]}), compression="zstd", use_dictionary=False)
    assert len(data) < 1_000_000
    with pytest.raises(InputError, match="over 200 times its size"):
        read(data, "a.parquet", 50)


@pytest.mark.slow
def test_a_parquet_of_one_value_repeated_without_end_is_stopped() -> None:
    smiles = pa.DictionaryArray.from_arrays(pa.array([0] * 300_000, pa.int32()), ["C" * 400])
    data = parquet(pa.table({"smiles": smiles}))
    assert len(data) < 100_000
    count = 0
    for one in read_entries(io.BytesIO(data), "a.parquet", INLINE):
        count += 1
        last = one
    assert count < 150_000
    assert isinstance(last, Rejection)
    assert "reading stopped here" in last.detail


def test_texts_of_a_wrong_encoding_and_times_beyond_the_calendar_cost_no_record_of_a_parquet() -> None:
    broken = pa.array([b"\xff\xfe", b"b"]).view(pa.string())
    times = pa.array([2**62, 0], pa.timestamp("s"))
    data = parquet(pa.table({"smiles": ["CCO", "CC"], "name": broken, "time": times.cast(pa.int64())}))
    found = read(data, "a.parquet", 50)
    assert [(one.text, one.name) for one in found if isinstance(one, Entry)] == [("CCO", "\ufffd\ufffd"), ("CC", "b")]


@pytest.mark.parametrize(
    ("filename", "data"),
    [
        ("a.smi", b"C" * 1_000_000 + b"\nCO\n"),
        ("a.csv", b"smiles,n\n" + b"C" * 1_000_000 + b",1\nCO,2\n"),
        ("a.smi.gz", gzip.compress(b"C" * 1_000_000 + b"\nCO\n", mtime=0)),
        ("a.smi", b"(" * 1_000_000 + b"\nCO\n"),
        ("a.smi", b"C" + b"1" * 1_000_000 + b"\nCO\n"),
        ("a.smi", b"C" + b"(C" * 300_000 + b")" * 300_000 + b"\nCO\n"),
        ("a.smi", b"[" * 1_000_000 + b"\nCO\n"),
    ],
)
@pytest.mark.slow
def test_a_structure_of_a_million_atoms_costs_its_record(filename: str, data: bytes) -> None:
    with read_library(io.BytesIO(data), filename=filename, options=ReadOptions(timeout_s=2)) as library:
        assert [one.key for one in library.molecules()] == ["CO"]
        (lost,) = library.rejections()
    assert (lost.entry.row, lost.reason in {Reason.TOO_LARGE, Reason.UNREADABLE, Reason.TIMED_OUT}) == (1, True)


def test_a_molblock_that_states_a_million_atoms_costs_its_record() -> None:
    counts = "M  V30 COUNTS 2 1 0 0 0"
    block = seeds.V3000.replace(counts, "M  V30 COUNTS 1000000 999999 0 0 0")
    data = f"{block}$$$$\n{seeds.BLOCK}$$$$\n".encode()
    with read_library(io.BytesIO(data), filename="a.sdf", options=ReadOptions()) as library:
        assert [one.key for one in library.molecules()] == ["CCO"]
        assert [one.reason for one in library.rejections()] == [Reason.TOO_LARGE]


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "run.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b" " * 100_000_000)
    assert path.stat().st_size < 200_000
    with pytest.raises(InputError, match="unpacks to 100,000,000 bytes"):
        find_run(path)


def test_a_workbook_with_entities_in_entities_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.xlsx"
    whole.write_bytes(seeds.runs(".xlsx")[0])
    laughs = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
    bomb = f"<?xml version='1.0'?><!DOCTYPE w [<!ENTITY a0 'ha'>{laughs}]><w>&a11;</w>"
    path = tmp_path / "run.xlsx"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.infolist():
            new.writestr(part.filename, bomb if part.filename == "xl/workbook.xml" else old.read(part))
    with pytest.raises(InputError, match="cannot be read as a workbook"):
        find_run(path)


def test_a_score_beyond_all_float32_is_refused() -> None:
    text = seeds.runs(".json")[0].decode().replace("0.25", "1e300", 1)
    with pytest.raises(InputError, match="beyond all scores"):
        read_run(text)
