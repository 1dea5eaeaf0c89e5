"""The hash of a library: the same contents, the same hash, whatever its name."""

from pathlib import Path

from molsearch.index.exact.engine import ExactIndex
from tests.index.samples import WIDTH, batch, rejection


def hashed(folder: Path, count: int, rejections: int = 0) -> str:
    index = ExactIndex.create(folder, folder.name, "m", WIDTH)
    index.add([batch(range(count))], map(rejection, range(rejections)))
    return index.content_sha256()


def test_the_same_contents_under_another_name_hash_the_same(tmp_path: Path) -> None:
    assert hashed(tmp_path / "one", 5, 2) == hashed(tmp_path / "two", 5, 2)


def test_one_molecule_or_rejection_more_changes_the_hash(tmp_path: Path) -> None:
    assert len({hashed(tmp_path / "a", 5), hashed(tmp_path / "b", 6), hashed(tmp_path / "c", 5, 1)}) == 3


def test_an_open_library_hashes_what_it_shows_not_what_was_added_since(tmp_path: Path) -> None:
    before = hashed(tmp_path / "a", 5)
    shown = ExactIndex.open(tmp_path / "a")
    ExactIndex.open(tmp_path / "a").add([batch(range(5, 9))])
    assert shown.content_sha256() == before != ExactIndex.open(tmp_path / "a").content_sha256()
