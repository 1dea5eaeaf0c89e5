"""What the documents say of the project: places exist, figures are the measured ones, and a newcomer reads one page."""

import json
import re
from pathlib import Path

import pytest

from molsearch.settings import PROJECT, Settings

DOCUMENTS = sorted(
    [
        *PROJECT.glob("*.md"),
        *(path for top in ("molsearch", "models", "data", "tests") for path in (PROJECT / top).rglob("*.md")),
    ]
)
MOST_BYTES = 8_192  # of the README at the top, which is read before anything is tried
_BLOCK = re.compile(r"```.*?```", re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_PLACE = re.compile(r"`([a-z_]+(?:/[a-z_0-9]+)*(?:/|\.(?:py|tsv|toml|md|jsonl)))`")
_LINK = re.compile(r"(?<!\\)\]\(([^)#:]+)\)")


def places(document: Path) -> list[str]:
    """List what a document names in backticks as a file with a suffix or as a folder."""
    return _PLACE.findall(_BLOCK.sub("", document.read_text(encoding="utf-8")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_place_that_a_document_names_exists(document: Path) -> None:
    roots = (document.parent, PROJECT, PROJECT / "molsearch")
    assert [place for place in places(document) if not any((root / place).exists() for root in roots)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = _LINK.findall(_CODE.sub("", _BLOCK.sub("", document.read_text(encoding="utf-8"))))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_first_page_is_one_page() -> None:
    assert (PROJECT / "README.md").stat().st_size <= MOST_BYTES


def test_every_wing_stands_in_the_plan_of_the_house() -> None:
    plan = (PROJECT / "molsearch" / "README.md").read_text(encoding="utf-8")
    wings = [
        path for path in (PROJECT / "molsearch").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    names = [path.name if path.suffix else f"{path.name}/" for path in wings if not path.name.startswith("__")]
    assert [name for name in names if f"`{name}`" not in plan] == []


def test_the_figures_of_the_first_page_are_measured_ones() -> None:
    metrics = json.loads((Settings().models / "default" / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    page = " ".join((PROJECT / "README.md").read_text(encoding="utf-8").split())
    stated = {name: re.search(pattern, page) for name, pattern in FIGURES.items()}
    assert {name: found[1] if found else "" for name, found in stated.items()} == {
        name: f"{metrics[name]:.1f}" for name in FIGURES
    }


#: Figures that the first page states, by their name in metrics.json, and how it writes them.
FIGURES = {
    "ChEBI-20 val, masked, text_to_molecule hits@1": r"Hits@1 ([\d.]+) % with names masked",
    "ChEBI-20 val, named, text_to_molecule hits@1": r"and ([\d.]+) % with names kept",
    "queries, class, 70 open, precision@20": r"first twenty: ([\d.]+) %",
    "queries, property, 40 open, precision@20": r"and ([\d.]+) % on open class and property queries",
    "queries, class, 30 frozen, precision@20": r"queries, ([\d.]+) % and [\d.]+ % on the frozen",
    "queries, property, 20 frozen, precision@20": r"and ([\d.]+) % on the frozen ones",
}
