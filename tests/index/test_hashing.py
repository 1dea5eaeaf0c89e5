"""The hash of a library: the same contents, the same hash, whatever its name."""

from pathlib import Path

from molsearch.index.exact import ExactIndex
from molsearch.index.hashing import content_sha256
from tests.index.samples import WIDTH, batch, rejection


def filled(folder: Path, count: int, rejections: int = 0) -> Path:
    ExactIndex.create(folder, folder.name, "m", WIDTH).add([batch(range(count))], map(rejection, range(rejections)))
    return folder


def test_the_same_contents_under_another_name_hash_the_same(tmp_path: Path) -> None:
    assert content_sha256(filled(tmp_path / "one", 5, 2)) == content_sha256(filled(tmp_path / "two", 5, 2))


def test_one_molecule_or_rejection_more_changes_the_hash(tmp_path: Path) -> None:
    folders = (filled(tmp_path / "a", 5), filled(tmp_path / "b", 6), filled(tmp_path / "c", 5, 1))
    assert len({content_sha256(folder) for folder in folders}) == 3


def test_a_milvus_library_has_none() -> None:
    assert content_sha256("http://127.0.0.1:19530#mine") == ""
