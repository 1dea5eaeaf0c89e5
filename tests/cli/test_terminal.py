"""What a terminal shows: whole words in 80 columns, and RDKit's log never."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from molsearch.bench.ceilings import MEANINGS
from molsearch.bench.side_by_side import Lap
from molsearch.cli.bench import print_laps, print_query_steps, print_report, print_stages

ROOT = Path(__file__).resolve().parents[2]
RDKIT_LINE = re.compile(r"^\[\d\d:\d\d:\d\d\].*", re.MULTILINE)
LOG_SWITCHES = ("BlockLogs", "CaptureErrorLog", "DisableLog", "EnableLog", "LogTo", "WrapLogs")
#: Each draws lines from RDKit where its log is open: names of a hydride and of a metal, a carbon with five bonds.
PAIRS = """cid\tinchikey\tsmiles\ttext
1\tOKKJLVBELUTLKV-UHFFFAOYSA-N\tCO\tIt derives from a hydride of a pyridine.
2\tLFQSCWFLJHTTHZ-UHFFFAOYSA-N\tCCO\tA hydride of a metal with hydrogen.
"""
POOL = "cid\tsmiles\n1\tCO\n2\tCCO\n3\t[H]*\n"
MOLECULES = "smiles,name\nCCO,ethanol\nC(C)(C)(C)(C)C,pentavalent\n[H]*,hydride\n[Na]C,metal\nC1CC,open ring\n"


@pytest.fixture
def command(tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands find their files."""
    monkeypatch.setenv("MOLSEARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(tiny_models))
    for name, text in (("pairs.tsv", PAIRS), ("pool.tsv", POOL), ("molecules.csv", MOLECULES)):
        (tmp_path / name).write_text(text)
    return tmp_path


def run(folder: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a command as a process of its own: RDKit writes past everything that Python could capture."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "molsearch", *map(str, words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("add", "molecules.csv", "--name", "molecules"),
        ("explain", "a hydride of a pyridine", "C(C)(C)(C)(C)C"),
        ("evaluate", "--pairs", "pairs.tsv", "--pool", "pool.tsv"),
    ],
    ids=" ".join,
)
@pytest.mark.slow
def test_rdkit_says_nothing_on_standard_error(command: Path, tiny_models: Path, words: tuple[str, ...]) -> None:
    model = ("--model", tiny_models / "default") if words[0] == "evaluate" else ()
    done = run(command, *words, *model)
    assert done.returncode in (0, 2)
    assert RDKIT_LINE.findall(done.stderr) == []


def test_one_module_switches_rdkits_log() -> None:
    """Two that do meet in threads: what one captures the other cuts off, and the log stays open."""
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "molsearch").rglob("*.py")}
    switching = {path.stem for path, text in sources.items() if any(f"{name}(" in text for name in LOG_SWITCHES)}
    assert switching == {"structures"}


def test_the_screener_that_commands_and_pages_start_has_the_log_shut() -> None:
    code = "import molsearch.screener; from rdkit import rdBase; print(rdBase.LogStatus())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "rdApp.error:disabled" in done.stdout and "enabled" not in done.stdout, done.stderr


# --- the tables of `bench` -----------------------------------------------------------------------------------------

STEPS = {step: {"queries": 1_234, "median_ms": 1_234.5, "p95_ms": 12_345.6} for step in ("grounding", "encoding")}
REPORT = {
    "date": "2026-11-26",
    "machine": "Intel(R) Xeon(R) Processor @ 2.10GHz, 128 cores, 1024 GiB, Linux x86_64",
    "versions": {"python": "3.11.9", "transformers": "4.57.1"},
    "model_id": "0123456789abcdef",
    "embed_file": "idorsia_toy_space_enum.smi",
    "molecules_per_core_s": 1_234.5,
    "upload_to_ranking_s": 4.4321,
    "temporary_bytes": 123_456_789_012,
    "bandwidth_share_core": 0.123456,
    "identical": True,
}
GCN = "from_smiles + 3 GCN layers of 600, one molecule at a time"
LAPS = [
    Lap("embed, one thread, processor time", GCN, 2_000, 1_679.4, 1_316.2, "molecules/s", 1.28),
    Lap("embed, 128 cores", GCN, 2_000, 16_795.4, 1_316.2, "molecules/s", 12.76),
    Lap("search under a 1 % filter", "FAISS IndexFlatIP", 200_000, 1_234.5, 1_234.5, "ms", 1.0, 0.998),
]


@pytest.mark.parametrize(
    "table",
    [
        lambda: print_stages(dict.fromkeys(MEANINGS, 123_456.7), dict.fromkeys(MEANINGS, 1_234_567.8)),
        lambda: print_query_steps({"open short queries": STEPS, "captions": STEPS}),
        lambda: print_report("Bench", REPORT),
        lambda: print_laps(LAPS),
    ],
    ids=["stages", "query", "report", "side by side"],
)
def test_no_word_of_a_table_is_broken_in_80_columns(
    table: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        table()
        return capsys.readouterr().out

    def words(text: str) -> list[str]:
        return sorted(re.findall(r"[^\s\u2500-\u257f]+", text))

    assert max(map(len, printed(80).splitlines())) <= 80
    assert words(printed(80)) == words(printed(1_000))


def test_a_figure_stands_beside_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    print_report("Bench", REPORT)
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert ["molecules", "1,234", "a core second"] in lines
    assert ["upload to ranking", "4.43", "s"] in lines
    assert ["versions: transformers", "4.57.1", ""] in lines
    assert ["identical", "True", ""] in lines
