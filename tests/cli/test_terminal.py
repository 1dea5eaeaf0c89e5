"""What a terminal shows: RDKit's log never."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
