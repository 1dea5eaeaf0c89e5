"""The Concepts page as a person uses it: tags of a pasted or stored molecule, a library by concept; on a tiny model."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from molsearch.screener import Screener

ROOT = Path(__file__).resolve().parents[2]
NASTY = "<script>alert(1)</script>"
PASTED = f"""CC(=O)Oc1ccccc1C(=O)O {NASTY}
NS(=O)(=O)c1ccc(N)cc1 =HYPERLINK(1)
CCO ethanol
CCN ethylamine
"""


@pytest.fixture
def home(tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home beside the tiny model, with a background of ten examples, so that a test waits for none."""
    lines = (ROOT / "data" / "examples.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "examples.csv").write_text("".join(lines[:11]), encoding="utf-8")
    monkeypatch.setenv("MOLSEARCH_HOME", str(tmp_path))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(tiny_models))
    monkeypatch.setattr("molsearch.analysis.study.AlignmentStudy.examples", tmp_path / "examples.csv")
    monkeypatch.setattr("molsearch.screener.Screener._examples_file", tmp_path / "none.sdf")
    return tmp_path


@pytest.fixture
def stored(home: Path) -> Path:
    """The same with the library "mine"."""
    screener = Screener()
    screener.add(screener.read_text(PASTED), "mine")
    return home


def opened(home: Path) -> AppTest:
    st.cache_resource.clear()
    st.cache_data.clear()
    return settled(AppTest.from_file(str(ROOT / "molsearch" / "pages" / "concepts.py"), default_timeout=60).run())


def settled(app: AppTest) -> AppTest:
    """Let the steps of this session end, then draw the page again."""
    assert not app.exception, app.exception
    for step in ("concept-list-job", "concept-counts-job", "concept-ranking-job", "concept-others-job"):
        if step in app.session_state:
            app.session_state[step].wait(60)
            app.run()
    assert not app.exception, app.exception
    return app


@pytest.fixture
def app(stored: Path) -> Iterator[AppTest]:
    """The page as a new visitor finds it."""
    yield opened(stored)


def tagged(app: AppTest, smiles: str) -> AppTest:
    app.text_input(key="tag-smiles").set_value(smiles).run()
    return settled(app)


def browsed(app: AppTest) -> AppTest:
    app.segmented_control(key="concepts-view").set_value("Browse a library").run()
    return settled(app)


def told(app: AppTest) -> str:
    return "\n".join(part.value for part in [*app.markdown, *app.caption, *app.info, *app.error, *app.text])


def test_a_first_visit_offers_molecules_to_try(app: AppTest) -> None:
    app.button(key="tag-example-caffeine").click().run()
    assert not app.exception and len(app.dataframe) == 4 and "Cn1c" in app.code[0].value


def test_a_pasted_molecule_is_tagged_in_every_group_with_the_verdict_of_the_rules(app: AppTest) -> None:
    tagged(app, "NS(=O)(=O)c1ccc(N)cc1")
    groups = [table.value.columns[0] for table in app.dataframe]
    assert groups == ["chemical class", "role", "physical behaviour", "origin"]
    for table in app.dataframe:
        standing = [float(cell.removeprefix("▲ ")) for cell in table.value["above"]]
        assert standing == sorted(standing, reverse=True) and len(standing) == 8
    assert "concepts stand above the background" in told(app)


def test_what_is_no_structure_is_one_sentence(app: AppTest) -> None:
    tagged(app, "C1CC")
    assert len(app.error) == 1 and not app.dataframe


def test_a_molecule_is_found_in_a_library_by_its_name(app: AppTest) -> None:
    app.segmented_control(key="tag-from").set_value("Library").run()
    app.selectbox(key="tag-library").set_value("mine").run()
    app.text_input(key="tag-name").set_value("ETHYL").run()
    assert not app.exception
    assert list(app.dataframe[0].value["name"]) == ["ethylamine"] and app.code[0].value == "CCN"
    app.text_input(key="tag-name").set_value("zzz").run()
    assert "Try fewer letters" in app.info[0].value


def test_a_library_is_counted_and_a_concept_waits_to_be_chosen(app: AppTest) -> None:
    browsed(app)
    app.selectbox(key="concept-library").set_value("mine").run()
    settled(app)
    table = app.dataframe[0].value
    assert len(table) > 300 and list(table["above"]) == sorted(table["above"], reverse=True)
    rules = dict(zip(table["concept"], table["rule"], strict=True))
    assert rules["a sulfonamide"] == 1 and rules["a carboxylic acid"] == 1
    assert "Click a concept" in told(app)


def test_concepts_are_filtered_by_group_and_letters(app: AppTest) -> None:
    browsed(app)
    app.selectbox(key="concept-group").set_value("role").run()
    app.text_input(key="concept-part").set_value("BACTER").run()
    assert list(app.dataframe[0].value["concept"]) == ["an antibacterial agent"]
    app.text_input(key="concept-part").set_value("qqq").run()
    assert "Clear them" in told(app)


def test_a_chosen_concept_shows_its_molecules_best_first(app: AppTest) -> None:
    browsed(app)
    app.selectbox(key="concept-library").set_value("mine").run()
    app.session_state["concept"] = "a sulfonamide"
    settled(app.run())
    assert "of 4 molecules in mine stand above the background" in told(app)
    assert "the class table counts **1** in" in told(app)
    names = [each.value for each in app.text]
    assert [name[:2] for name in names] == ["1.", "2.", "3.", "4."] and any(NASTY in name for name in names)


def test_the_members_come_as_a_table_that_a_spreadsheet_leaves_alone(stored: Path) -> None:
    from dataclasses import replace

    from molsearch.pages.panels.concepts.browse import members_csv

    concept_counter = Screener().concept_counter
    concept_ranking = replace(concept_counter.concept_ranking("mine", "a sulfonamide"), above=4)
    rows = list(csv.DictReader(io.StringIO(members_csv(concept_counter, concept_ranking))))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert {"'=HYPERLINK(1)", NASTY} <= {row["name"] for row in rows}
    assert [row["rule"] for row in rows].count("yes") == 1


def test_other_libraries_are_counted_beside_on_demand(stored: Path) -> None:
    screener = Screener()
    screener.add(screener.read_text("CCCl chloroethane"), "other")
    app = opened(stored)
    browsed(app)
    app.button(key="concept-beside").click().run()
    settled(app)
    assert "in other" in app.dataframe[0].value.columns and not app.exception


def test_without_a_library_the_page_says_what_to_do(home: Path) -> None:
    st.cache_resource.clear()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()  # the way there is a link between pages
    settled(app.switch_page("molsearch/pages/concepts.py").run())
    assert "Add one on the Library page" in told(browsed(app))


def test_a_background_that_is_missing_is_said(home: Path) -> None:
    (home / "examples.csv").unlink()
    app = opened(home)
    assert len(app.error) == 1 and "examples.csv" in app.error[0].value
