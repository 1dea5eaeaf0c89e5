"""The whole way of a visitor, without a network: ask, filter, see why, pick, export, and open the report."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.slow

QUERY = "a sulfonamide with an aromatic amine"
HEAVIEST_DA = 300
MASS = re.compile(r"(\d+) Da · logP")


def opened_report(browser: Browser, path: Path, asked: list[str]) -> Page:
    """Open a report as a file in a browser that is offline; note what it asks for."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
    page.goto(path.as_uri())
    return page


def test_from_a_query_to_an_exported_basket_and_a_report_without_a_network(
    visitor: Visitor, browser: Browser, downloads: Path
) -> None:
    page = visitor.page
    visitor.open()
    visitor.ask(QUERY)
    expect(visitor.card(1)).to_contain_text("1. Sulfamethoxazole")

    visitor.switch("Filters")
    visitor.set_number("to-mass_da", HEAVIEST_DA)
    expect(page.get_by_text(re.compile(r"\d+ of 232 molecules are left"))).to_be_visible()
    left = int(page.get_by_text(re.compile(r"\d+ of 232 molecules are left")).inner_text().split()[0])
    visitor.press("Apply", exact=True)
    expect(visitor.found()).to_contain_text(f"best of {left} molecules")
    visitor.switch("Filters")
    masses = [int(each) for each in MASS.findall(page.locator(".st-key-hits-grid-first").inner_text())]
    assert len(masses) == 20 and max(masses) <= HEAVIEST_DA

    visitor.choose("Why")
    expect(page.get_by_alt_text("Atoms by weight")).to_be_visible()
    expect(page.get_by_text("Stronger colour, larger weight")).to_be_visible()
    visitor.choose("3D")
    shape = page.frame_locator("iframe").locator("canvas").first
    expect(shape).to_be_visible()
    assert shape.evaluate("canvas => canvas.width") > 100

    names = [visitor.title(rank) for rank in (1, 3)]
    for rank in (1, 3):
        visitor.pick(rank)
    expect(page.get_by_role("button", name="Basket · 2")).to_be_visible()

    visitor.turn_to("Basket")
    expect(page.get_by_text("2 molecules", exact=True)).to_be_visible()
    path = visitor.take(page.get_by_role("button", name="CSV"), downloads)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == names
    assert all("Sulfa" in row["name"] or row["SMILES" if "SMILES" in row else "smiles"] for row in rows)

    visitor.turn_to("Search")
    expect(visitor.card(1)).to_contain_text(names[0])  # the answer is still there
    page.get_by_role("button", name="Export").click()
    path = visitor.take(page.get_by_role("button", name="Report"), downloads)
    asked: list[str] = []
    report = opened_report(browser, path, asked)
    expect(report.locator("h1")).to_contain_text(QUERY)
    assert report.locator("main figure").count() == 20
    assert report.locator("main figure svg").count() == 20
    expect(report.locator("figure", has_text=names[1])).to_contain_text("score")
    report.context.close()
    assert asked == [path.as_uri()]


def test_arrow_keys_turn_the_pages_of_hits(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open()
    page.get_by_role("textbox", name="Hits", exact=True).or_(page.get_by_role("spinbutton", name="Hits")).fill("60")
    visitor.ask("an aromatic ring")
    expect(page.get_by_text("page 1 of 2")).to_be_visible()
    assert visitor.ranks() == list(range(1, 51))
    visitor.leave_field()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("page 2 of 2")).to_be_visible()
    visitor.settle()
    assert visitor.ranks() == list(range(51, 61))
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("page 1 of 2")).to_be_visible()


def test_arrow_keys_in_a_text_turn_no_page(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open()
    page.get_by_role("textbox", name="Hits", exact=True).or_(page.get_by_role("spinbutton", name="Hits")).fill("60")
    visitor.ask("an aromatic ring")
    page.get_by_role("textbox", name="Describe the molecules you look for").press("ArrowRight")
    page.wait_for_timeout(500)
    visitor.settle()
    expect(page.get_by_text("page 1 of 2")).to_be_visible()


def test_a_newcomer_reaches_an_exported_basket_by_what_the_screen_says(visitor: Visitor, downloads: Path) -> None:
    """Six clicks on words in sight, none of which has to be known: example, basket, all hits, its page, a format."""
    page = visitor.page
    visitor.open()
    visitor.press("a beta-lactam antibiotic with a phenyl side chain")
    expect(visitor.found()).to_be_visible()
    leading = [visitor.title(rank) for rank in (1, 2, 3)]
    assert set(leading) == {"Amoxicillin", "Benzylpenicillin", "Cefalexin"}
    visitor.press("Basket · 0")
    visitor.press("Put all 20 hits into the basket")
    expect(page.get_by_role("button", name="Basket · 20")).to_be_visible()
    visitor.turn_to("Basket")
    path = visitor.take(page.get_by_role("button", name="SDF"), downloads)
    text = path.read_text(encoding="utf-8")
    assert text.count("$$$$") == 20 and text.startswith(f"{leading[0]}\n")


def test_what_one_browser_adds_no_other_sees(arrive: Arrive) -> None:
    here, there = arrive(), arrive()
    here.open("library")
    there.open()
    here.paste("CCO only-here\nCCCO propanol", "of-one-only")
    here.turn_to("Search")
    expect(here.page.get_by_role("combobox", name="Library")).to_have_value(re.compile("of-one-only.*private"))
    here.ask("an alcohol")
    expect(here.card(1)).to_contain_text(re.compile("only-here|propanol"))

    for place in ("", "library", "concepts"):
        there.open(place)
        assert "of-one-only" not in there.page.content()
    there.turn_to("Search")
    there.page.get_by_role("combobox", name="Library").click()
    offered = there.page.get_by_role("option").all_inner_texts()
    assert offered and not any("of-one-only" in each for each in offered)
    there.open("?v=1&q=an+alcohol&lib=of-one-only")
    assert "only-here" not in there.page.content()
    here.page.reload()  # a new session of the same browser owns nothing of the old one
    here.settle()
    assert "of-one-only" not in here.page.content()
