"""The report: what it says, that it opens offline, and that nothing in it can act."""

import html
import re
import xml.etree.ElementTree as ET
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from molsearch.chem.details import SHOWN, alert_labels, details, spell_property, spell_value
from molsearch.records import PropertyRange, Query, Ranking
from molsearch.report.ranking_page import ranking_page
from molsearch.report.run import RunManifest, run_of
from molsearch.report.run_file import PAGE_END, PAGE_START, read_run
from molsearch.screener import Screener
from molsearch.settings import Settings

NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)>{0}{title}"
FILE = f"""smiles,name
CC(=O)Oc1ccccc1C(=O)O,aspirin
OC(=O)C(=O)CC(=O)C=Cc1ccc(O)c(O)c1,a catechol with a ketone
OCC,{NASTY}
CCO,alcohol
Nc1ccc(S(N)(=O)=O)cc1,sulfanilamide
C1CC,broken
"""
QUERY = Query("an acid, without a sulfonamide", k=3, ranges=(PropertyRange("mass_da", None, 400.0),), smarts="[OH]")


@pytest.fixture(scope="module")
def screener(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Screener]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "drugs.csv").write_text(FILE)
    screener = Screener(Settings(home=folder / "home", models=tiny_models, model="default", data=folder))
    with screener.read(folder / "drugs.csv") as library:
        screener.add(library, "drugs")
    yield screener


@pytest.fixture(scope="module")
def ranking(screener: Screener) -> Ranking:
    return screener.search(QUERY, "drugs")


@pytest.fixture(scope="module")
def run(screener: Screener, ranking: Ranking) -> RunManifest:
    return run_of(ranking, screener)


@pytest.fixture(scope="module")
def page(ranking: Ranking, run: RunManifest) -> str:
    return ranking_page(ranking, run)


def words(page: str) -> str:
    """What the page says, read as a strict parser reads it, so that broken markup fails."""
    return " ".join(ET.fromstring(page[page.index("<html") :]).itertext())


def rows(page: str) -> dict[str, str]:
    """The page's tables as name -> value."""
    tree = ET.fromstring(page[page.index("<html") :])
    found = {}
    for line in tree.iter("tr"):
        name, value = ("".join(cell.itertext()) for cell in line)
        found.setdefault(name, value)
    return found


def test_the_page_states_query_and_filters(page: str) -> None:
    told = rows(page)
    assert told["Query"] == QUERY.text
    assert told["Properties"] == "mass up to 400 Da"
    assert told["Substructure"] == "[OH]"
    assert "sulfonamide" in told["Understood"]


def test_the_page_counts_what_each_step_took_from_records_to_hits(page: str, run: RunManifest) -> None:
    told = rows(page)
    assert told["Records read"] == "6"
    assert told["rejected, unreadable"] == told["repeats of a structure"] == "− 1"
    assert told["Molecules"] == "4"
    assert told["substructure [OH]"] == "− 1, 3 left"  # sulfanilamide holds no hydroxy group
    assert told["without sulfonamide"] == "− 0, 3 left"
    assert told["Scored"] == "3" == str(run.scored)


def test_the_page_names_model_library_and_versions_by_hash(page: str, run: RunManifest) -> None:
    told = rows(page)
    assert run.model_id in told["Model"]
    assert told["Library hash"] == run.library.sha256
    assert all(f"{package.name} {package.version}" in told["Versions"] for package in run.versions)
    assert told["Made"] == run.made


def test_each_hit_has_drawing_score_percentile_and_properties(page: str, ranking: Ranking) -> None:
    tree = ET.fromstring(page[page.index("<main") : page.index("</main>") + 7])
    figures = list(tree.iter("figure"))
    assert len(figures) == len(ranking.hits) == 3
    for figure, hit in zip(figures, ranking.hits, strict=True):
        told = " ".join(figure.itertext())
        assert figure.find("svg") is not None
        assert f"{hit.rank}. {hit.molecule.name}" in told
        assert f"score {hit.score:.3f}, above {hit.percentile:.1f} %" in told
        known = details(hit.molecule.key).properties
        for name in SHOWN:
            assert f"{spell_property(name)} {spell_value(name, known[name])}" in told


def test_alerts_are_labels_with_the_name_of_their_rule(page: str, ranking: Ranking) -> None:
    catechol = next(hit.molecule.key for hit in ranking.hits if "catechol" in hit.molecule.name)
    labels = alert_labels(catechol)
    assert "PAINS: catechol_A(92)" in labels
    assert all(f"<i>{html.escape(label)}</i>" in page for label in labels)


def test_the_histogram_marks_every_hit(page: str, ranking: Ranking) -> None:
    chart = page[page.index('role="img"') :]
    assert chart[: chart.index("</svg>")].count("<line") == len(ranking.hits)


def test_a_substructure_is_marked_in_the_drawings(ranking: Ranking, run: RunManifest) -> None:
    plain = replace(ranking, query=replace(QUERY, smarts=""))
    assert "#0F766E" in ranking_page(ranking, run).upper().split("<MAIN>")[1]
    assert "#0F766E" not in ranking_page(plain, run).upper().split("<MAIN>")[1].split("</MAIN>")[0]


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    """No address, no script, no file: what a browser could fetch or run is not there, and forbidden besides."""
    bare = page.replace(html.escape(NASTY), "")
    assert not re.search(r"https?:|//|src\s*=|href|url\(|@import|<link|<iframe|<object|<embed|xmlns", bare)
    assert not re.search(r"<script|javascript:|\son\w+\s*=", bare)
    assert "default-src 'none'" in bare


def test_markup_in_names_and_queries_stays_text(ranking: Ranking, run: RunManifest) -> None:
    asked = replace(ranking, query=replace(QUERY, text=NASTY, reference=NASTY, without=(NASTY,)))
    for page in (ranking_page(asked, run), ranking_page(ranking, run)):
        assert "<script" not in page and "<img" not in page
        assert html.escape(NASTY) in page
        assert NASTY in words(page)


def test_the_page_holds_its_own_manifest(page: str, run: RunManifest) -> None:
    text = page[page.index(PAGE_START) + len(PAGE_START) :]
    assert read_run(html.unescape(text[: text.index(PAGE_END)])) == run


def test_a_ranking_without_hits_is_a_page_too(ranking: Ranking, run: RunManifest) -> None:
    empty = replace(ranking, hits=(), scores=array("f"), searched=0)
    assert "Scored" in words(ranking_page(empty, replace(run, hits=(), scored=0)))


def test_equal_scores_are_one_bar(ranking: Ranking, run: RunManifest) -> None:
    assert "nan" not in ranking_page(replace(ranking, scores=array("f", [0.5] * 9)), run).lower().split("<main>")[0]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("logp", 1.0, "1.00"), ("donors", 2.0, "2"), ("mass_da", 180.159, "180.16"), ("charge", -1.0, "-1")],
)
def test_counts_have_no_decimals_and_measures_two(name: str, value: float, shown: str) -> None:
    assert spell_value(name, value) == shown


def test_an_unreadable_structure_has_no_findings() -> None:
    assert details("not-a-smiles").properties == {}
    assert alert_labels("not-a-smiles") == ()
