"""A library moved: there whole, or still here."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from molsearch.errors import LibraryError
from molsearch.index.exact.engine import ExactIndex
from molsearch.index.exact.manifest import LOCK
from molsearch.index.moving import move_library
from tests.index.samples import WIDTH, batch, molecule

MEMORY = Path("/dev/shm")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    ExactIndex.create(tmp_path / "here", "here", "m", WIDTH).add([batch(range(5))])
    return tmp_path / "here"


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own."""
    if not (os.access(MEMORY, os.W_OK) and MEMORY.stat().st_dev != tmp_path.stat().st_dev):
        pytest.skip("there is no second disk to write to")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def test_a_moved_library_is_whole_under_its_new_name(library: Path, tmp_path: Path) -> None:
    before = ExactIndex.open(library).content_sha256()
    info = move_library(library, tmp_path / "deep" / "there", "there")
    assert (info.name, info.molecules, library.exists()) == ("there", 5, False)
    assert ExactIndex.open(tmp_path / "deep" / "there").content_sha256() == before
    assert list(ExactIndex.open(tmp_path / "deep" / "there").iter_molecules()) == [molecule(n) for n in range(5)]


def test_it_moves_to_another_disk(library: Path, other_disk: Path) -> None:
    assert move_library(library, other_disk / "there", "there").molecules == 5
    ExactIndex.open(other_disk / "there").verify()
    assert not library.exists() and [path.name for path in other_disk.iterdir()] == ["there"]


def test_a_place_that_is_taken_is_left_as_it_was(library: Path, tmp_path: Path) -> None:
    ExactIndex.create(tmp_path / "there", "there", "m", WIDTH).add([batch(range(2))])
    with pytest.raises(LibraryError, match="another name"):
        move_library(library, tmp_path / "there", "there")
    assert (ExactIndex.read_info(library).molecules, ExactIndex.read_info(tmp_path / "there").molecules) == (5, 2)


def test_a_place_with_other_files_leaves_the_library_with_its_name(library: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "letter.txt").write_text("keep me")
    with pytest.raises(LibraryError, match="stands where it was"):
        move_library(library, tmp_path / "there", "there")
    assert ExactIndex.read_info(library).name == "here"
    assert (tmp_path / "there" / "letter.txt").read_text() == "keep me"


def test_a_library_that_is_being_written_is_not_moved(library: Path, tmp_path: Path) -> None:
    with filelock.FileLock(library / LOCK), pytest.raises(LibraryError, match="being filled"):
        move_library(library, tmp_path / "there", "there")
    assert ExactIndex.read_info(library).name == "here"


def test_a_library_on_a_server_is_not_moved(library: Path) -> None:
    with pytest.raises(LibraryError, match="on a server"):
        move_library(library, "http://127.0.0.1:19530#there", "there")
