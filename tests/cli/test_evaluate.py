"""The measuring commands as a person types them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from molsearch.cli.main import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``evaluate`` on four alcohols with the tiny model, in this process."""
    monkeypatch.setenv("MOLSEARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(tiny_models))
    keys = ["OKKJLVBELUTLKV", "LFQSCWFLJHTTHZ", "BDERNNFJNOPAEC", "LRHPLDYGYMQRHN"]
    lines = [f"{n}\t{key}-UHFFFAOYSA-N\t{'C' * n}O\talcohol {n}" for n, key in enumerate(keys, start=1)]
    (tmp_path / "pairs.tsv").write_text("\n".join(("cid\tinchikey\tsmiles\ttext", *lines)) + "\n")
    (tmp_path / "pool.tsv").write_text("cid\tsmiles\n" + "".join(f"{n}\t{'C' * n}O\n" for n in range(1, 9)))
    (tmp_path / "train.tsv").write_text(f"inchikey\tsmiles\ttext\n{keys[1]}-UHFFFAOYSA-N\tCCO\talcohol 3\n")

    def invoke(*words: str | Path) -> Result:
        given = [str(tmp_path / word) if str(word).endswith(".tsv") else str(word) for word in words]
        return CliRunner().invoke(app, ["evaluate", *given, "--json"])

    return invoke


@pytest.fixture
def measured(run: Run, tiny_models: Path) -> Callable[..., Any]:
    """The figures of the tiny model, with more options."""

    def answer(*words: str) -> Any:
        files = ("--model", tiny_models / "default", "--pairs", "pairs.tsv", "--pool", "pool.tsv")
        result = run(*files, *words)
        assert result.exit_code == 0, result.stdout
        return json.loads(result.stdout)

    return answer


def test_slices_stand_beside_the_headline(measured: Callable[..., Any]) -> None:
    printed = measured("--training-pairs", "train.tsv")
    counts = {name: part["n"] for name, part in printed["slices"].items()}
    assert counts["all"] == printed["queries"] == 4
    assert counts["skeleton not in training"] == counts["text not in training"] == 3
    assert counts["all three"] == 2
    assert printed["slices"]["all"]["text_to_molecule"] == printed["text_to_molecule"]


@pytest.mark.slow
def test_ranks_of_two_runs_are_compared(measured: Callable[..., Any], run: Run) -> None:
    measured("--ranks", "with.tsv")
    measured("--ranks", "without.tsv", "--no-exact-names")
    result = run("--compare", "with.tsv", "without.tsv")
    assert result.exit_code == 0, result.stdout
    printed = json.loads(result.stdout)
    assert (printed["a"], printed["b"], printed["queries"]) == ("with.tsv", "without.tsv", 4)
    assert set(printed["slices"]["all"]["text_to_molecule"]) == {"hits@1", "hits@10", "hits@20", "mrr", "mean_rank"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--model", "x"), "give --model FOLDER and --pairs FILE, or --compare"),
        (("--pairs", "pairs.tsv", "--pool", "pool.tsv"), "give --model FOLDER"),
        (("--pairs", "pairs.tsv", "--pool", "pool.tsv", "--protocol", "baselines"), "--training-pairs FILE"),
        (("--pairs", "pairs.tsv", "--protocol", "baselines", "--baseline", "models/x"), "expected NAME=FOLDER"),
        (("--model", "x", "--pairs", "pairs.tsv", "--protocol", "pcdes", "--ranks", "r.tsv"), "does not use --ranks"),
        (("--model", "x", "--pairs", "pairs.tsv", "--baseline", "a=b"), "choose one of baselines"),
        (("--compare", "pairs.tsv", "pool.tsv"), "no rank file"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert sentence in json.loads(result.stdout)["error"]


def test_a_file_without_roles_says_so(run: Run, tiny_models: Path) -> None:
    result = run("--model", tiny_models / "default", "--pairs", "pairs.tsv", "--protocol", "roles")
    assert result.exit_code == 2
    assert "No role is stated" in json.loads(result.stdout)["error"]


def test_baselines_need_no_model(run: Run, tiny_models: Path) -> None:
    files = ("--pairs", "pairs.tsv", "--pool", "pool.tsv", "--training-pairs", "train.tsv")
    result = run(*files, "--protocol", "baselines", "--baseline", f"tiny={tiny_models / 'default'}")
    assert result.exit_code == 0, result.stdout
    printed = json.loads(result.stdout)
    assert (printed["pool"], printed["queries"], len(printed["baselines"])) == (8, 4, 3)
    assert "hits@1_interval" in printed["baselines"]["tiny"]["text_to_molecule"]


def test_misses_are_sorted_by_kind(measured: Callable[..., Any]) -> None:
    printed = measured("--protocol", "misses")
    assert (printed["pool"], printed["queries"]) == (8, 4)
    assert printed["misses"] == printed["sampled"] == sum(kind["count"] for kind in printed["kinds"].values())
    assert set(printed["kinds"]) <= {"homologue"}  # only chains of methylenes to choose from


# --- figures -------------------------------------------------------------------------------------------------------


def figures(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["figures", *map(str, words), "--json"])


@pytest.fixture
def folder(tmp_path: Path, tiny_models: Path) -> Path:
    """A copy of the tiny model's folder, to write into."""
    return Path(shutil.copytree(tiny_models / "default", tmp_path / "model"))


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    """A document with one marked table."""
    (tmp_path / "README.md").write_text("<!-- figures: roles -->\n<!-- /figures -->\n")
    return tmp_path / "README.md"


def test_one_table_is_measured_and_written(tmp_path: Path, folder: Path, readme: Path) -> None:
    rows = [f"{'C' * n}O\tIt has a role as {'a fuel' if n % 2 else 'a drink'}.\n" for n in range(1, 31)]
    (tmp_path / "chebi20_val.tsv").write_text("smiles\ttext\n" + "".join(rows))
    files = ("--data", tmp_path, "--model", folder, "--readme", readme)
    printed = json.loads(figures(*files, "--only", "roles", "--note", "busy").stdout)
    assert printed == {"measured": ["roles"], "written": [str(readme)]}
    assert "| 2 | 30 |" in readme.read_text() and ", busy." in readme.read_text()
    again = json.loads(figures("--model", folder, "--readme", readme).stdout)
    assert again == {"measured": [], "written": []}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--only", "nothing"), "There is no table 'nothing'; choose from retrieval"),
        (("--only", "roles"), "give --data DIR"),
        (("--data", "x", "--only", "queries"), "needs --libraries DIR"),
        (("--data", "x", "--only", "learning curve"), "needs --learning-curve DIR"),
        (("--data", "x", "--only", "roles"), "cannot be read"),
    ],
)
def test_figures_that_cannot_be_measured_are_a_sentence(
    folder: Path, readme: Path, words: tuple[str, ...], sentence: str
) -> None:
    result = figures(*words, "--model", folder, "--readme", readme)
    assert result.exit_code == 2
    assert sentence in json.loads(result.stdout)["error"]
