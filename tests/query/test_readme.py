"""The examples of ``molsearch/query/README.md`` are what the program reads, written by itself."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from molsearch.query.account import sentences
from molsearch.records import Query
from molsearch.screener import EXAMPLES, Screener
from molsearch.settings import PROJECT, Settings

README = PROJECT / "molsearch" / "query" / "README.md"
_TABLE = re.compile(r"\| text \|.*?\n(?=\n)", re.DOTALL)
_MARKUP, _ESCAPED = re.compile(r"[|\[\]]"), r"\\\g<0>"  # of Markdown, in SMILES
TEXTS = (
    "a sulfonamide with an aromatic amine",
    "a kinase blocker without a nitro group",
    "two carboxylic acids and a molecular weight below 300",
    "a para-substituted phenol",
    "a pyridine bearing two chlorines",
    "a pyridine or a pyrimidine",
    "a very lipophilic steroid other than cholesterol",
    "amides of nicotinic acid",
    "an antibacterial agent with no aromatic ring",
    "a halogen-free anilide",
    "C9H8O4",
    "(2S)-configured amino acid",
)


def examples_table(home: Path) -> str:
    """Read each text with the shipped model and write what was read as a table."""
    screener = Screener(Settings(home=home))
    lines = ["| text | what is read |", "|---|---|"]
    for text in TEXTS:
        ranking = screener.search(Query(text, k=1), EXAMPLES)
        account = " ".join([*sentences(ranking), *ranking.notes]) or "Its words alone."
        lines.append(f"| {text} | {_MARKUP.sub(_ESCAPED, account)} |")
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_the_examples_are_what_is_read(tmp_path: Path) -> None:
    assert examples_table(tmp_path) in README.read_text(encoding="utf-8")


def write_examples() -> None:
    """Write the table anew; a change that is meant to read otherwise asks for it."""
    with TemporaryDirectory() as home:
        table = examples_table(Path(home))
    README.write_text(_TABLE.sub(lambda _: table, README.read_text(encoding="utf-8")), encoding="utf-8")
