"""The command ``embed`` as a person types it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from molsearch.cli.main import app


@pytest.fixture
def home(tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOLSEARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(tiny_models))
    monkeypatch.delenv("MOLSEARCH_MODEL", raising=False)
    pq.write_table(pa.table({"mol_a": ["CCO", "broken", "C"], "id": ["a", "b", "c"]}), tmp_path / "in.parquet")
    return tmp_path


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def test_a_table_becomes_a_folder_of_vectors(home: Path) -> None:
    status, out, _ = run("embed", home / "in.parquet", home / "out", "--structure-column", "mol_a", "--json")
    assert status == 0
    told = json.loads(out)
    assert (told["records"], told["molecules"], told["rejections"], told["parts"]) == (3, 2, 1, 1)
    assert pq.read_table(home / "out")["key"].to_pylist() == ["CCO", None, "C"]


def test_done_again_nothing_is_made_and_the_sentence_says_so(home: Path) -> None:
    words = ("embed", home / "in.parquet", home / "out", "--structure-column", "mol_a")
    run(*words)
    status, _, said = run(*words)
    assert status == 0
    assert "3 rows: 2 vectors, 1 rejected" in said
    assert "0 parts were made, 1 were there" in said


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("missing.parquet",), 2, "cannot be opened"),
        (("in.parquet", "--actors", "0"), 2, "The number of actors is 0"),
        (("in.parquet", "--precision", "int8"), 2, "int8"),
        (("in.parquet", "--engine", "spark"), 2, "spark"),
        (("in.parquet", "--structure-column", "smiles"), 2, "no structure column 'smiles'"),
    ],
)
def test_bad_words_end_in_a_sentence(home: Path, words: tuple[str, ...], status: int, sentence: str) -> None:
    found, _, said = run("embed", home / words[0], home / "out", *words[1:])
    assert found == status
    assert sentence in " ".join(said.replace("│", " ").split())


def test_help_names_engines_and_what_every_node_needs() -> None:
    status, out, _ = run("embed", "--help")
    told = " ".join(out.replace("│", " ").split())
    assert status == 0
    assert "local|ray" in told
    assert "the model folder at the same paths" in told
