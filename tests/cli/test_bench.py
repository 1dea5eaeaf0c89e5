"""The large benches in their small form: what they count is there, and what they claim is checked against an oracle."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from molsearch.bench.footprint import Footprint, cpu_s, descendants, folder_bytes
from molsearch.bench.ingestion import ingest_enumerated, write_log
from molsearch.bench.vector_search import LIGHTER, TOP, MadeVectors, measure_search
from molsearch.cli.bench import measure_large
from molsearch.errors import InputError
from molsearch.index.exact import scan
from molsearch.model.dual import DualEncoder
from molsearch.settings import Settings

_BUSY = """
import time
held = bytearray(60_000_000)
while time.process_time() < 0.5:
    pass
print(flush=True)
input()
"""


def test_memory_and_time_of_a_child_count() -> None:
    before, spent = Footprint(), cpu_s()
    with before:
        pass
    with Footprint(0.02) as footprint:
        child = subprocess.Popen([sys.executable, "-c", _BUSY], stdin=-1, stdout=-1)
        assert child.stdout and child.stdin
        child.stdout.readline()
        assert child.pid in descendants()
        living = cpu_s() - spent
        time.sleep(0.1)
        child.communicate(b"\n")
    assert living >= 0.45  # while it lives
    assert footprint.cpu_s >= 0.45  # and after it ended
    assert footprint.peak_mib > before.peak_mib + 50
    assert child.pid not in descendants()


def test_a_folder_is_as_large_as_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"12345")
    (tmp_path / "two").write_bytes(b"123")
    assert folder_bytes(tmp_path) == 8


def test_a_file_and_a_count_at_once_are_refused(tiny_models: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, models=tiny_models)
    with pytest.raises(InputError, match=r"got a\.smi and 1,000 molecules"):
        measure_large(settings, Path("a.smi"), 1000, None, None, as_json=False)


@pytest.mark.slow
def test_an_enumerated_library_is_ingested_whole(tiny_models: Path, tmp_path: Path) -> None:
    with Footprint() as before:
        pass
    told = ingest_enumerated(Settings(home=tmp_path, models=tiny_models), 40)
    assert (told.molecules, told.rejections, told.file) == (40, 0, "enumerated-40.smi")
    assert told.filtered in (20, 21)  # the lighter half, and the molecule in the middle
    assert told.vector_bytes == 40 * 16 * 2 < told.library_bytes
    assert told.file_bytes > 0 and told.temporary_bytes > told.file_bytes
    assert told.molecules_per_core_s == pytest.approx(40 / told.cpu_s)
    assert told.peak_mib >= 0.9 * before.peak_mib > 0  # what other tests hold is held while it runs, too
    assert told.peak_own_mib >= before.peak_own_mib > 0
    assert 0 < told.query_median_ms <= told.query_p95_ms
    assert not list(tmp_path.iterdir())  # the libraries of the settings are left alone


def test_a_search_among_made_vectors_finds_the_best_of_them(tiny_model: DualEncoder) -> None:
    told = measure_search(tiny_model, 4_000)
    assert (told.rows, told.width, told.scalar, told.vector_bytes) == (4_000, 16, "float16", 4_000 * 16 * 2)
    assert 1_800 < told.kept < 2_200
    assert told.recall_at_100 > 0.99  # 16 numbers are few, so that neighbours lie closer than halves can tell
    assert told.median_ms >= told.search_median_ms > 0
    assert told.bandwidth_share == pytest.approx(told.stream_ms / told.scan_ms)


def test_made_vectors_are_unit_clustered_and_the_same_again() -> None:
    one, other = (next(MadeVectors(2_000, 256, seed=3).parts()) for _ in range(2))
    np.testing.assert_array_equal(one.vectors, other.vectors)
    np.testing.assert_allclose(np.linalg.norm(one.vectors, axis=1), 1, atol=1e-6)
    nearest = np.sort(one.vectors @ one.vectors.T, axis=1)[:, -2]
    assert np.median(nearest) > 0.5  # chance alone gives 0.2
    inside = scan.within(one.properties[LIGHTER.name], LIGHTER.low, LIGHTER.high)
    assert 0.3 < inside.mean() < 0.7 and len({molecule.key for molecule in one.molecules}) == 2_000
    assert MadeVectors(300, 32).probes(TOP).shape == (TOP, 32)


@pytest.mark.parametrize("rows", [0, -1])
def test_no_rows_are_refused(rows: int) -> None:
    with pytest.raises(InputError, match="expected 1 or more"):
        MadeVectors(rows, 8)


def test_a_log_is_a_table_or_json(tmp_path: Path) -> None:
    write_log({"molecules": 1_000_000, "speed": 1234.5, "share": 0.123456}, tmp_path / "log.md")
    assert "| molecules | 1,000,000 |\n| speed | 1,234 |\n| share | 0.123 |" in (tmp_path / "log.md").read_text()
    write_log({"molecules": 5}, tmp_path / "log.json")
    assert (tmp_path / "log.json").read_text() == '{\n  "molecules": 5\n}\n'
    with pytest.raises(InputError, match="cannot be written"):
        write_log({}, tmp_path / "no such folder" / "log.json")
