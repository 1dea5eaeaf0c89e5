"""What a person reads: the account of an import, the ranking as a page."""

import csv
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from io import StringIO

import pytest

from molsearch.records import (
    Entry,
    Hit,
    ModelCard,
    Molecule,
    PropertyRange,
    Query,
    Ranking,
    Reason,
    Rejection,
)
from molsearch.report import import_report, ranking_page, rejections_csv

NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)>"


class Read:
    """A library of three records: two of ethanol, one that cannot be read."""

    name = "three"
    records = 3
    molecule_count = 1
    rejection_count = 1

    def molecules(self) -> Iterator[Molecule]:
        yield Molecule("CCO", "ethanol", (Entry(1, "CCO", "smiles"), Entry(2, "OCC", "smiles")), ("normalize",))

    def rejections(self) -> Iterator[Rejection]:
        yield Rejection(Entry(3, "C1CC", "smiles", "=cmd()"), Reason.UNREADABLE, "ring 1 is not closed")


def ranking(name: str = "ethanol", query: Query | None = None) -> Ranking:
    molecule = Molecule("CCO", name, (Entry(1, "CCO", "smiles", name),))
    hit = Hit(1, 0.5, 0.4, 90.0, molecule)
    return Ranking(query or Query("an alcohol"), "drugs", "abc", (hit,), (0.5, 0.1), 2, ("ethanol was read as CCO.",))


def page_text(ranking: Ranking) -> str:
    """Read the page as a strict parser does, so that broken markup fails."""
    page = ranking_page(ranking)
    body = page[page.index("<body>") : page.index("</html>")]
    return " ".join(ET.fromstring(body).itertext())


def test_every_record_is_accounted_for() -> None:
    report = import_report(Read())
    assert report.records == report.sources + report.rejections == 3


def test_repeats_are_counted_as_merged() -> None:
    assert import_report(Read()).merged == 1


def test_changes_and_reasons_are_counted_by_name() -> None:
    report = import_report(Read())
    assert report.changes == {"normalize": 1}
    assert report.reasons == {"unreadable": 1}


def test_import_reports_progress() -> None:
    seen: list[tuple[int, int]] = []
    import_report(Read(), lambda done, total: seen.append((done, total)))
    assert seen == [(0, 1)]


def test_rejections_are_written_with_row_and_reason() -> None:
    lines = list(csv.DictReader(StringIO(rejections_csv(Read().rejections()))))
    assert lines[0]["row"] == "3"
    assert lines[0]["reason"] == "unreadable"
    assert lines[0]["record"] == "C1CC"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    nasty = Rejection(Entry(1, "C", "smiles", start + "1+1"), Reason.EMPTY, "")
    assert next(csv.DictReader(StringIO(rejections_csv([nasty]))))["name"] == "'" + start + "1+1"


def test_the_page_states_query_library_and_score() -> None:
    text = page_text(ranking())
    assert "an alcohol" in text and "drugs, 2 molecules scored" in text and "score 0.500" in text


def test_the_page_states_the_filters() -> None:
    query = Query("an alcohol", ranges=(PropertyRange("logp", None, 3.0),), smarts="[OH]", reference="CO")
    assert "logp from any to 3; substructure [OH]; like CO" in page_text(ranking(query=query))


def test_the_page_names_its_model() -> None:
    card = ModelCard("default", "abc", "", "", {}, "")
    assert "default abc" in ranking_page(ranking(), card)


@pytest.mark.parametrize("place", ["name", "query"])
def test_markup_in_names_and_queries_stays_text(place: str) -> None:
    page = ranking_page(ranking(NASTY) if place == "name" else ranking(query=Query(NASTY)))
    assert "<script" not in page and "<img" not in page
    assert "&lt;script&gt;" in page


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = ranking_page(ranking())
    assert "src=" not in page and "href=" not in page and "default-src 'none'" in page
