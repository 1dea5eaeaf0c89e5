"""Every command as a person types it: results, JSON, exit status, and one clear sentence on bad input."""

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from rdkit import Chem
from typer.testing import CliRunner

from molsearch.cli.main import app
from molsearch.cli.terminal import shown
from molsearch.serialization import plain

ROOT = Path(__file__).resolve().parents[2]
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
FILE = f"""smiles,name,assay
{ASPIRIN},aspirin,1.5
CCO,ethanol,2.5
Nc1ccc(S(N)(=O)=O)cc1,sulfanilamide,3.5
C1CC,broken,4
"""
COMMANDS = (
    "embed",
    "odds",
    "read",
    "add",
    "search",
    "describe",
    "explain",
    "train",
    "evaluate",
    "figures",
    "models",
    "names",
    "bench",
    "repeat",
    "reranker",
)

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOLSEARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(tiny_models))
    monkeypatch.delenv("MOLSEARCH_MODEL", raising=False)
    (tmp_path / "drugs.csv").write_text(FILE)
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command in this process, standard output and standard error apart."""

    def invoke(*words: str | Path) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    return invoke


@pytest.fixture
def drugs(run: Run, home: Path) -> Path:
    """The stored library "drugs", and the file it came from."""
    assert run("add", home / "drugs.csv", "--name", "drugs").exit_code == 0
    return home / "drugs.csv"


def answer(result: Result) -> Any:
    """The one JSON object on standard output."""
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def sentence(result: Result, status: int) -> str:
    """What a failed command told a person: one line on standard error, nothing on standard output, no traceback."""
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return str(result.stderr.strip())


def test_the_commands_keep_their_names(run: Run) -> None:
    assert tuple(sorted(command.name or command.callback.__name__ for command in app.registered_commands)) == tuple(
        sorted(COMMANDS)
    )
    for command in COMMANDS:
        assert "--json" in run(command, "--help").stdout


# --- read and add ------------------------------------------------------------------------------------------------


def test_read_accounts_for_every_record(run: Run, home: Path) -> None:
    told = answer(run("read", home / "drugs.csv", "--json"))
    assert (told["records"], told["molecules"], told["rejections"]) == (4, 3, 1)
    assert [(one["row"], one["name"]) for one in told["rejected"]] == [(4, "broken")]


def test_read_stores_nothing(run: Run, home: Path) -> None:
    run("read", home / "drugs.csv")
    assert not (home / "home").exists()


def test_without_a_terminal_no_progress_is_drawn(run: Run, home: Path) -> None:
    assert len(run("add", home / "drugs.csv", "--name", "drugs").stderr.splitlines()) == 2


def test_add_reports_the_library(run: Run, home: Path) -> None:
    told = answer(run("add", home / "drugs.csv", "--name", "drugs", "--json"))
    assert (told["name"], told["molecules"], told["records"], told["rejections"]) == ("drugs", 3, 4, 1)


# --- search ------------------------------------------------------------------------------------------------------


def test_search_prints_hits_in_rank_order(run: Run, drugs: Path) -> None:
    told = answer(run("search", "an antibacterial", "--library", "drugs", "-k", "2", "--json"))
    assert [hit["rank"] for hit in told["hits"]] == [1, 2]
    assert told["hits"][0]["score"] >= told["hits"][1]["score"]
    assert {"rank", "score", "cosine", "percentile", "name", "smiles", "sources"} <= set(told["hits"][0])
    assert told["searched"] == 3


def test_a_hit_keeps_the_columns_of_its_record(run: Run, drugs: Path) -> None:
    hits = answer(run("search", "aspirin", "--library", "drugs", "--json"))["hits"]
    aspirin = next(hit for hit in hits if hit["smiles"] == ASPIRIN)
    assert aspirin["name"] == "aspirin"
    assert aspirin["sources"][0]["properties"]["assay"] == "1.5"


def test_search_shows_a_person_a_table(run: Run, drugs: Path) -> None:
    result = run("search", "an antibacterial", "--library", "drugs")
    assert result.exit_code == 0
    assert "aspirin" in result.stdout and "sulfanilamide" in result.stdout


def test_filters_are_read_from_options(run: Run, drugs: Path) -> None:
    found = answer(run("search", "a drug", "--library", "drugs", "--smarts", "S(=O)(=O)N", "--json"))
    assert [hit["name"] for hit in found["hits"]] == ["sulfanilamide"]
    found = answer(run("search", "a drug", "--library", "drugs", "--range", "mass_da=:100", "--json"))
    assert [hit["name"] for hit in found["hits"]] == ["ethanol"]


def test_search_weighs_phrases(run: Run, drugs: Path) -> None:
    options = ("--phrase", "0.5:an antibacterial", "--phrase", "a drug: white", "--weight", "0.2", "--library", "drugs")
    query = answer(run("search", "an amine", *options, "--json"))["query"]
    assert query["weight"] == 0.2
    assert [(one["weight"], one["text"]) for one in query["phrases"]] == [
        (0.5, "an antibacterial"),
        (1, "a drug: white"),
    ]


def test_search_leaves_out_what_it_is_told(run: Run, drugs: Path, home: Path) -> None:
    (home / "tested.smi").write_text("OCC mine\nC1CC broken\n")
    options = ("--without", "sulfonamide", "--tested", home / "tested.smi", "--library", "drugs")
    found = answer(run("search", "a drug without a nitro group", *options, "--json"))
    assert [hit["name"] for hit in found["hits"]] == ["aspirin"]
    steps = ["without nitro group", "without sulfonamide", "not in the tested list tested"]
    assert [(one["what"], one["left"]) for one in found["narrowing"]["steps"]] == list(
        zip(steps, [3, 2, 1], strict=True)
    )


def test_search_tells_a_person_what_it_left_out(run: Run, drugs: Path) -> None:
    told = run("search", "a drug without an ester", "--library", "drugs").stderr
    assert "Left out: “ester”, read as the class carboxylic ester." in told
    allowed = run("search", "a drug without an ester", "--allow", "carboxylic ester", "--library", "drugs")
    assert "Left out" not in allowed.stderr and "aspirin" in allowed.stdout


def test_search_exports_sdf_with_rank_and_original_columns(run: Run, drugs: Path, home: Path) -> None:
    run("search", "a drug", "--library", "drugs", "--out", home / "hits.sdf")
    mols = list(Chem.SDMolSupplier(str(home / "hits.sdf")))
    assert [mol.GetProp("rank") for mol in mols] == ["1", "2", "3"]
    assert {mol.GetProp("assay") for mol in mols} == {"1.5", "2.5", "3.5"}


def test_search_exports_csv(run: Run, drugs: Path, home: Path) -> None:
    run("search", "a drug", "--library", "drugs", "--out", home / "hits.csv")
    with (home / "hits.csv").open(encoding="utf-8-sig", newline="") as file:
        assert sorted(row["assay"] for row in csv.DictReader(file)) == ["1.5", "2.5", "3.5"]


def test_an_export_of_an_unknown_kind_is_refused_before_anything_is_computed(run: Run, drugs: Path, home: Path) -> None:
    assert ".sdf or .csv" in sentence(run("search", "a drug", "--library", "drugs", "--out", home / "hits.doc"), 2)


def test_an_export_that_cannot_be_written_is_a_sentence(run: Run, drugs: Path, home: Path) -> None:
    (home / "folder.sdf").mkdir()
    assert "folder.sdf" in sentence(run("search", "a drug", "--library", "drugs", "--out", home / "folder.sdf"), 2)


# --- describe and explain ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("captions.txt", "an alcohol\n\na sulfonamide\n"),
        ("captions.tsv", 'smiles\ttext\nC\tan alcohol\nC\t\nC\ta sulfonamide\n'),
        ("captions.csv", 'text,other\n"an alcohol",1\n"a sulfonamide",2\n'),
    ],
)  # fmt: skip
def test_describe_ranks_the_captions_of_a_file(run: Run, home: Path, name: str, content: str) -> None:
    (home / name).write_text(content)
    told = answer(run("describe", "CCO", "--captions", home / name, "--json"))
    assert told["captions_read"] == 2
    assert {match["text"] for match in told["captions"]} == {"an alcohol", "a sulfonamide"}
    assert [match["rank"] for match in told["captions"]] == [1, 2]


def test_a_quote_in_a_tsv_caption_is_a_plain_character(run: Run, home: Path) -> None:
    (home / "captions.tsv").write_text('text\na "so-called\nan alcohol\n')
    told = answer(run("describe", "CCO", "--captions", home / "captions.tsv", "--json"))
    assert {match["text"] for match in told["captions"]} == {'a "so-called', "an alcohol"}


def test_explain_weighs_words_and_atoms(run: Run) -> None:
    told = answer(run("explain", "an alcohol", "CCO", "--json"))
    assert [word["word"] for word in told["words"]] == ["an", "alcohol"]
    assert len(told["atoms"]) == 3
    assert run("explain", "an alcohol", "CCO").exit_code == 0


# --- models ------------------------------------------------------------------------------------------------------


def test_models_are_listed(run: Run) -> None:
    told = answer(run("models", "--json"))
    assert told["in_use"] == "default"
    assert [card["name"] for card in told["models"]] == ["default"]
    assert run("models").exit_code == 0


def test_no_model_is_a_sentence(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLSEARCH_MODELS", str(home / "nowhere"))
    assert "nowhere" in sentence(run("explain", "an alcohol", "CCO"), 3)
    assert answer(run("models", "--json"))["models"] == []


# --- evaluate, train and bench -------------------------------------------------------------------------------


@pytest.fixture
def pairs(home: Path) -> Path:
    """Sixty-six pairs, a row without text, and their molecules as the pool."""
    rows = ["cid\tsmiles\ttext"] + [f"{n}\t{'C' * n}O\talcohol number {n}" for n in range(1, 67)] + ["67\tCCN\t "]
    (home / "pairs.tsv").write_text("\n".join(rows) + "\n")
    pool = ["cid\tsmiles"] + [f"{n}\t{'C' * n}O" for n in range(1, 67)] + ["67\tCCN", "68\tC"]
    (home / "pool.tsv").write_text("\n".join(pool) + "\n")
    return home / "pairs.tsv"


def test_evaluate_prints_both_directions_with_the_pool(run: Run, home: Path, tiny_models: Path, pairs: Path) -> None:
    told = answer(
        run("evaluate", "--model", tiny_models / "default", "--pairs", pairs, "--pool", home / "pool.tsv", "--json")
    )
    assert (told["pool"], told["queries"], told["skipped"]) == (68, 66, 1)
    for direction in ("text_to_molecule", "molecule_to_text"):
        assert {"hits@1", "hits@10", "hits@20", "mrr", "mean_rank", "hits@1_interval"} <= set(told[direction])


def test_evaluate_knows_the_pcdes_protocol(run: Run, tiny_models: Path, pairs: Path) -> None:
    words = ("evaluate", "--model", tiny_models / "default", "--pairs", pairs, "--protocol", "pcdes", "--seed", "3")
    told = answer(run(*words, "--json"))
    assert (told["seed"], told["batches"]) == (3, 1)
    assert run(*words).exit_code == 0


def test_evaluate_without_a_pool_says_so(run: Run, tiny_models: Path, pairs: Path) -> None:
    assert "--pool FILE" in sentence(run("evaluate", "--model", tiny_models / "default", "--pairs", pairs), 2)


RECIPE = """epochs = 1
batch_size = 8
bank = 4

[model]
lexical_share = 1.0

[model.lexical]
grams = 512
width = 8
hidden = 8
out = 8
"""


def test_train_writes_a_model_that_evaluate_reads(run: Run, home: Path, pairs: Path) -> None:
    (home / "tiny.toml").write_text(RECIPE)
    training = home / "train.tsv"
    training.write_text("smiles\ttext\n" + "".join(f"{'C' * n}N\tamine number {n}\n" for n in range(1, 17)))
    files = ("--pairs", training, "--val", pairs, "--pool", home / "pool.tsv", "--out", home / "models" / "default")
    told = answer(run("train", "--recipe", home / "tiny.toml", *files, "--json"))
    assert Path(told["model"]) == home / "models" / "default"
    measured = ("evaluate", "--model", told["model"], "--pairs", pairs, "--pool", home / "pool.tsv", "--json")
    assert answer(run(*measured))["queries"] == 66


def test_train_on_chosen_rows_and_words_alone(run: Run, home: Path, pairs: Path) -> None:
    (home / "tiny.toml").write_text(RECIPE)
    training = home / "train.tsv"
    rows = [f"{'C' * n}N\tamine number {n}, ethanamine\t{'train' if n % 2 else 'none'}\n" for n in range(1, 21)]
    training.write_text("smiles\ttext\tpcdes_split\n" + "".join(rows))
    files = ("--pairs", training, "--val", pairs, "--pool", home / "pool.tsv", "--out", home / "chosen")
    told = answer(run("train", "--recipe", home / "tiny.toml", *files, "--only", "pcdes_split=train", "--json"))
    chosen = (home / "chosen" / ".features" / "pairs.tsv").read_text()
    assert chosen.count("amine number") == 10 and "none" not in chosen
    assert (Path(told["model"]) / "weights.safetensors").is_file()
    words = ("train", "--recipe", home / "tiny.toml", *files[:-1], home / "words", "--without-names", "--json")
    assert answer(run(*words))["model"] == str(home / "words")
    assert "no row" in sentence(run("train", "--recipe", "lexical", *files, "--only", "pcdes_split=x"), 2).lower()


def test_an_unknown_recipe_names_the_known_ones(run: Run, home: Path, pairs: Path) -> None:
    files = ("--pairs", pairs, "--val", pairs, "--pool", home / "pool.tsv", "--out", home / "model")
    assert "default" in sentence(run("train", "--recipe", "nothing", *files), 2)


@pytest.mark.slow
def test_bench_states_machine_date_and_pool(run: Run, home: Path) -> None:
    told = answer(run("bench", "--embed-file", home / "drugs.csv", "--upload-file", home / "drugs.csv", "--json"))
    assert told["pool"] == 3 and told["upload_molecules"] == 3
    assert told["molecules_per_s"] > 0 and told["query_median_ms"] > 0 and told["peak_memory_mib"] > 0
    assert told["queries"] == 50 and told["machine"] and told["date"]
    assert told["query_steps"]["open short queries"]["grounding"]["median_ms"] > 0


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.sdf", b""),
        ("empty.csv", b""),
        ("words.csv", b"colour,taste\nred,sweet\ngreen,sour\n"),
        ("binary.sdf", bytes(range(256)) * 40),
        ("cut.sdf.gz", gzip.compress(b"x" * 100_000, mtime=0)[:50]),
        ("what.doc", b"CCO\n"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_sentence_that_names_it(
    run: Run, home: Path, name: str, content: bytes
) -> None:
    (home / name).write_bytes(content)
    result = run("read", home / name, "--json")
    if result.exit_code == 0:  # such a file may also be read, every record of it rejected
        told = json.loads(result.stdout)
        assert told["molecules"] == 0 and told["rejections"] > 0
    else:
        assert result.exit_code == 2
        assert json.loads(result.stdout)["error"] == result.stderr.strip()
        assert name in result.stderr


def test_a_missing_file_is_a_sentence(run: Run, home: Path) -> None:
    assert "nowhere.sdf" in sentence(run("read", home / "nowhere.sdf"), 2)
    assert "nowhere.txt" in sentence(run("describe", "CCO", "--captions", home / "nowhere.txt"), 2)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("search", "   ", "--library", "drugs"), 2),
        (("search", "x" * 50_000, "--library", "drugs"), 2),
        (("search", "a drug", "--library", "drugs", "-k", "0"), 2),
        (("search", "a drug", "--library", "drugs", "--range", "mass_da"), 2),
        (("search", "a drug", "--library", "drugs", "--range", "mass_da=a:b"), 2),
        (("search", "a drug", "--library", "drugs", "--range", "mass_da=nan:"), 2),
        (("search", "a drug", "--library", "dregs"), 4),
        (("explain", "a drug", "Xx"), 2),
        (("explain", " ", "CCO"), 2),
    ],
)
def test_a_call_that_cannot_be_answered_is_a_sentence_and_a_status(
    run: Run, drugs: Path, words: tuple[str, ...], status: int
) -> None:
    assert sentence(run(*words), status).endswith(".")


def test_an_unknown_option_is_a_usage_error(run: Run) -> None:
    assert run("search", "a drug", "--colour", "red").exit_code == 2


def test_an_unknown_column_names_the_known_ones(run: Run, home: Path) -> None:
    (home / "captions.tsv").write_text("caption\nan alcohol\n")
    assert "it has caption" in sentence(run("describe", "CCO", "--captions", home / "captions.tsv"), 2)


# --- the program itself ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_program_starts_and_keeps_standard_output_clean(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "molsearch", "read", str(home / "drugs.csv"), "--json"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["molecules"] == 3


@pytest.mark.slow
def test_serving_loads_no_training_and_reading_loads_no_torch() -> None:
    code = (
        "import sys; import molsearch.cli.main; from molsearch.screener import Screener; Screener().read_text('CCO');"
        "print([name for name in sys.modules if name.startswith('molsearch.training') or name == 'torch'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_json_has_no_nan_and_no_surprises() -> None:
    assert plain({"a": (1, float("nan"), float("inf")), "b": Path("x")}) == {"a": [1, None, None], "b": "x"}
    with pytest.raises(TypeError):
        plain(object())


def test_a_name_cannot_steer_the_terminal() -> None:
    assert shown("a\x1b[2Jb\r\n") == "a\ufffd[2Jb\ufffd\ufffd"
