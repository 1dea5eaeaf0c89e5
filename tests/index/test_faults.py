"""Whatever happens to the files or to the process, a library ends whole and the user gets a sentence."""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from molsearch.errors import LibraryError
from molsearch.index.base import open_index
from molsearch.index.exact.engine import ExactIndex
from molsearch.index.exact.manifest import MANIFEST, SMALL_FILE_BYTES
from tests.index.samples import WIDTH, batch, batches, rejection, unit

ROOT = Path(__file__).resolve().parents[2]
PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A library with every kind of file: columns, molecules, joined sources, rejections."""
    index = ExactIndex.create(tmp_path_factory.mktemp("home") / "whole", "whole", "m", WIDTH)
    index.add(batches(1500, 500), [rejection(i) for i in range(5)])
    index.add([batch([3, 4, 1500])])
    return Path(index.address)


@pytest.fixture
def copy(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def data_files(folder):
    return sorted(path for path in folder.iterdir() if path.name != "lock")


def test_truncated_at_any_page_a_file_is_reported(copy):
    truncations = 0
    for path in data_files(copy):
        original = path.read_bytes()
        for size in [*range(0, len(original), PAGE), len(original) - 1]:
            path.write_bytes(original[:size])
            with pytest.raises(LibraryError, match=r"is damaged: .*Remove it and add its source file again"):
                ExactIndex.open(copy)
            truncations += 1
        path.write_bytes(original)
    assert truncations > 50
    ExactIndex.open(copy).verify()


def test_a_changed_byte_of_a_small_file_is_reported(copy):
    for path in data_files(copy):
        original = path.read_bytes()
        assert len(original) < SMALL_FILE_BYTES
        for position in {0, len(original) // 2, len(original) - 1}:
            changed = bytearray(original)
            changed[position] ^= 1
            path.write_bytes(changed)
            with pytest.raises(LibraryError, match="does not match its checksum"):
                ExactIndex.open(copy)
        path.write_bytes(original)


def test_a_missing_file_is_named(copy):
    for path in data_files(copy):
        original = path.read_bytes()
        path.unlink()
        with pytest.raises(LibraryError, match="There is no library" if path.name == MANIFEST else path.name):
            ExactIndex.open(copy)
        path.write_bytes(original)


def test_a_changed_byte_of_a_big_file_is_found_by_verify(tmp_path):
    index = ExactIndex.create(tmp_path / "big", "big", "m", WIDTH, scalar="float32")
    index.add(batches(11_000, 5500))
    path = tmp_path / "big" / "vectors.bin"
    assert path.stat().st_size > SMALL_FILE_BYTES
    index.verify()
    with path.open("r+b") as file:
        file.seek(700_000)
        file.write(b"\x00\x00\x00\x00")
    with pytest.raises(LibraryError, match=r"vectors\.bin does not match its checksum"):
        ExactIndex.open(tmp_path / "big").verify()


NO_MANIFESTS = [b"", b"{}", b"[]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"checksum": 1, "format": 1}']


@pytest.mark.parametrize("content", NO_MANIFESTS)
def test_a_manifest_that_is_none_is_reported(copy, content):
    (copy / MANIFEST).write_bytes(content)
    with pytest.raises(LibraryError, match="is damaged"):
        ExactIndex.open(copy)


def test_a_later_format_says_so(copy):
    (copy / MANIFEST).write_text((copy / MANIFEST).read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(LibraryError, match="has format 2, expected 1"):
        ExactIndex.open(copy)


@pytest.mark.slow
def test_killed_at_any_moment_the_library_is_whole_and_the_next_addition_repairs_it(tmp_path):
    command = [sys.executable, "-m", "tests.index.killed", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    states = json.loads(run.stdout)
    assert states["old"] > 20
    assert states["new"] >= 1
    assert states["old"] + states["new"] >= states["operations"] > 20


HOLD = """
import sys
from molsearch.index.exact.engine import ExactIndex
from tests.index.samples import batch
def slow():
    yield batch(range(5000, 5010))
    print("holding", flush=True)
    sys.stdin.read()
ExactIndex.open(sys.argv[1]).add(slow())
"""


def test_a_second_process_gets_a_sentence_and_a_dead_one_holds_nothing(copy):
    before = ExactIndex.open(copy).info
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(copy)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(LibraryError, match="is being changed by another process or window: wait"):
            ExactIndex.open(copy).add([batch([7000])])
        with pytest.raises(LibraryError, match="is being changed"):
            ExactIndex.remove(copy)
        assert ExactIndex.open(copy).info == before
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()
    index = ExactIndex.open(copy)
    index.add([batch([7000])])
    assert index.info.molecules == before.molecules + 1


def test_two_threads_adding_never_mix(copy):
    index = ExactIndex.open(copy)
    outcomes = []

    def add(numbers):
        try:
            ExactIndex.open(copy).add([batch(numbers)])
            outcomes.append("added")
        except LibraryError as error:
            assert "is being changed" in str(error)
            outcomes.append("refused")

    threads = [threading.Thread(target=add, args=(range(9000 + 10 * i, 9010 + 10 * i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    grown = ExactIndex.open(copy)
    grown.verify()
    assert len(outcomes) == 8
    assert grown.info.molecules == index.info.molecules + 10 * outcomes.count("added")


def test_searches_in_threads_are_undisturbed_by_an_addition(copy):
    index = ExactIndex.open(copy)
    reader = ExactIndex.open(copy)
    before = reader.search(unit(1), 10).rows.tolist()
    answers = []

    def search():
        for _ in range(20):
            result = reader.search(unit(1), 10)
            answers.append((result.rows.tolist(), [m.name for m in reader.molecules(result.rows)]))

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    index.add(batches(2500, 250))
    for thread in threads:
        thread.join()
    assert len(answers) == 80
    assert all(answer == (before, [f"m{row}" for row in before]) for answer in answers)


def test_a_full_disk_ends_in_a_sentence_and_the_old_library(copy):
    before = ExactIndex.open(copy).info
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))  # the system refuses to grow a file beyond this
    try:
        with pytest.raises(LibraryError, match=r"cannot be written: File too large\. It stands as it was"):
            ExactIndex.open(copy).add([batch(range(2000, 4500))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    after = ExactIndex.open(copy)
    after.verify()
    assert after.info == before
    assert sum(path.stat().st_size for path in data_files(copy) if path.suffix == ".bin") < 150_000
    after.add([batch(range(2000, 4500))])
    assert after.info.molecules == before.molecules + 2500


READ_ONLY = """
import os, sys
from molsearch.errors import LibraryError
from molsearch.index.exact.engine import ExactIndex
from tests.index.samples import batch, unit
ExactIndex.open(sys.argv[1]).search(unit(0), 5)  # everything is imported before root becomes nobody
if os.geteuid() == 0:
    os.seteuid(65534)
for attempt in (
    lambda: ExactIndex.open(sys.argv[1]).add([batch([8000])]),
    lambda: ExactIndex.create(sys.argv[1] + "/inner/new", "new", "m", 24),
):
    try:
        attempt()
    except LibraryError as error:
        print(error)
print(len(ExactIndex.open(sys.argv[1]).search(unit(0), 5).rows))
"""


def test_a_read_only_library_can_be_searched_and_refuses_additions_in_a_sentence(whole):
    home = Path(tempfile.mkdtemp(dir="/tmp"))  # pytest's own folders are closed to other users
    try:
        folder = Path(shutil.copytree(whole, home / "whole"))
        home.chmod(0o755)
        (folder / "lock").chmod(0o444)
        folder.chmod(0o555)
        run = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 0, run.stderr
        add, create, hits = run.stdout.splitlines()
        assert "cannot be written: Permission denied" in add
        assert "cannot be made" in create and "Permission denied" in create
        assert hits == "5"
        ExactIndex.open(folder).verify()
    finally:
        home.joinpath("whole").chmod(0o755)
        shutil.rmtree(home)


def test_removing_takes_all_of_it_and_only_once(copy):
    ExactIndex.remove(copy)
    assert list(copy.parent.iterdir()) == []
    with pytest.raises(LibraryError, match="nothing was removed"):
        ExactIndex.remove(copy)


def test_a_damaged_library_can_be_removed(copy):
    (copy / MANIFEST).write_bytes(b"")
    ExactIndex.remove(copy)
    assert not copy.exists()


def test_a_foreign_folder_is_neither_taken_nor_removed(tmp_path):
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(LibraryError, match="is not empty"):
        ExactIndex.create(tmp_path, "x", "m", WIDTH)
    (tmp_path / MANIFEST).write_text('{"short_name": "a web page of its own"}')
    with pytest.raises(LibraryError, match="nothing was removed"):
        ExactIndex.remove(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [MANIFEST, "thesis.txt"]


def test_a_library_is_made_once(tmp_path):
    ExactIndex.create(tmp_path / "a", "a", "m", WIDTH).add([batch([1])])
    with pytest.raises(LibraryError, match="is not empty"):
        ExactIndex.create(tmp_path / "a", "a", "m", WIDTH)
    assert open_index(tmp_path / "a", None).info.molecules == 1
