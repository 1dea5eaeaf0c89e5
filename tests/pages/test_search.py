"""The Search page as a person uses it, run for real on a tiny untrained model and a small library."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from molsearch.interpretation import Reading, ReadPhrase
from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import LexicalConfig
from molsearch.pages.panels.job import BackgroundJob
from molsearch.pages.panels.search.hits import PER_PAGE
from molsearch.records import Phrase, Progress, PropertyRange, Ranking
from molsearch.screener import Screener

ROOT = Path(__file__).resolve().parents[2]
SCRIPT, IMAGE, MARKDOWN = "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](http://x) **b** :red[c]"
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
PASTED = f"""{ASPIRIN} {SCRIPT}
CC(C)Cc1ccc(cc1)C(C)C(=O)O {IMAGE}
Cn1cnc2c1c(=O)n(C)c(=O)n2C {MARKDOWN}
NS(=O)(=O)c1ccc(N)cc1 sulfanilamide
OCC ethanol
CCO alcohol
C1CC broken
"""
ACIDS, MOLECULES = 2, 5


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny model and two libraries, and the environment that points at it."""
    folder = tmp_path_factory.mktemp("home")
    torch.manual_seed(0)
    small = LexicalConfig(grams=512, width=8, hidden=8, out=8)
    DualEncoder(DualConfig(lexical_share=1.0, lexical=small)).save(folder / "models" / "default")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLSEARCH_HOME", str(folder))
        patch.setenv("MOLSEARCH_MODELS", str(folder / "models"))
        screener = Screener()
        screener.add(screener.read_text(PASTED), "nasty")
        screener.add(screener.read_text("\n".join("C" * n for n in range(1, PER_PAGE + 11))), "chains")
        yield folder


@pytest.fixture
def visit(home: Path) -> Callable[..., AppTest]:
    """Opens the app as a new visitor, with fields in the address or without."""
    st.cache_resource.clear()
    st.cache_data.clear()

    def visit(**fields: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in fields.items():
            app.query_params[name] = value
        return drawn(app)

    return visit


@pytest.fixture
def app(visit: Callable[..., AppTest]) -> AppTest:
    """The app as a new visitor finds it."""
    return visit()


def drawn(app: AppTest) -> AppTest:
    """Draw the page, and again once what runs beside it has ended."""
    app.run()
    for job in ("searching", "counting", "reading-tested"):
        if job in app.session_state:
            running = app.session_state[job]
            (running[1] if isinstance(running, tuple) else running).wait(60)
            app.run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(each for each in app.button if each.label == label).click()
    return drawn(app)


def press_key(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return drawn(app)


def searched(app: AppTest, text: str = "a sulfonamide", library: str = "nasty") -> AppTest:
    app.text_input(key="text").set_value(text)
    app.selectbox(key="library").set_value(library)
    return press(app, "Search")


def filtering(app: AppTest) -> AppTest:
    app.selectbox(key="library").set_value("nasty")
    app.toggle(key="filters").set_value(True)
    return drawn(app)


def ranking(app: AppTest) -> Ranking:
    found: Ranking = app.session_state["ranking"]
    return found


def keys(app: AppTest) -> set[str]:
    return {hit.molecule.key for hit in ranking(app).hits}


def shown(app: AppTest) -> str:
    """All that the page says in plain text elements."""
    return "\n".join(element.value for element in app.text)


def markdown(app: AppTest) -> str:
    """All that the page hands to a markdown renderer."""
    parts: list[Any] = [*app.markdown, *app.caption, *app.error, *app.info, *app.warning, *app.success, *app.subheader]
    return "\n".join([*(part.value for part in parts), *(each.label for each in app.button)])


# --- asking ------------------------------------------------------------------------------------------------------


def test_a_first_visit_offers_example_queries(app: AppTest) -> None:
    assert any("example" in each.key for each in app.button if each.key)


def test_an_example_searches_at_once(app: AppTest) -> None:
    next(each for each in app.button if (each.key or "").startswith("example")).click()
    assert ranking(drawn(app)).hits


def test_a_search_ranks_the_chosen_library(app: AppTest) -> None:
    found = ranking(searched(app))
    assert (found.library, len(found.hits)) == ("nasty", MOLECULES)
    assert "5 best of 5 molecules" in shown(app)


def test_as_many_hits_as_asked(app: AppTest) -> None:
    app.number_input(key="k").set_value(2)
    assert len(ranking(searched(app)).hits) == 2


@pytest.mark.parametrize("text", ["", "   ", "x" * 50_000])
def test_a_query_that_cannot_be_asked_is_a_sentence(app: AppTest, text: str) -> None:
    assert len(searched(app, text).error) == 1
    assert "Traceback" not in app.error[0].value


def test_a_phrase_is_weighed_beside_the_text_and_can_be_dropped(app: AppTest) -> None:
    press(app, "Add a phrase")
    app.text_input(key="phrase-0").set_value("used against fungi")
    app.slider(key="weight-0").set_value(0.25)
    query = ranking(searched(app)).query
    assert (query.weight, query.phrases) == (1.0, (Phrase("used against fungi", 0.25),))
    assert ranking(press_key(app, "drop-0")).query.phrases == ()


def test_a_negation_is_a_chip_that_can_be_taken_back(app: AppTest) -> None:
    searched(app, "a drug without a carboxylic acid")
    assert ASPIRIN not in keys(app) and ranking(app).searched == MOLECULES - ACIDS
    press(app, "without carboxylic acid")
    assert ranking(app).searched == MOLECULES and ASPIRIN in keys(app)
    searched(app, "a compound without a carboxylic acid")  # another text is read anew
    assert ranking(app).searched == MOLECULES - ACIDS


def test_a_negation_that_cannot_be_read_is_told(app: AppTest) -> None:
    assert "“a bad taste” could not be read" in markdown(searched(app, "a drug without a bad taste"))


def test_a_reference_structure_is_typed_in_a_box(app: AppTest) -> None:
    app.session_state["like-box"] = True  # a click on the popover
    drawn(app).text_input(key="like-text").set_value("OCC")
    press(app, "Search with it")
    assert ranking(app).read.reference == "CCO" and ranking(app).query.text == ""
    press(searched(app), "Drop this")
    assert ranking(app).query.reference == ""


def test_two_queries_stand_side_by_side(app: AppTest) -> None:
    searched(app)
    press(app, "Compare two queries")
    app.text_input(key="second").set_value("an alcohol without a carboxylic acid")
    searched(app)
    beside = app.session_state["ranking-beside"]
    assert (len(ranking(app).hits), len(beside.hits)) == (MOLECULES, MOLECULES - ACIDS)
    assert "3 of 5 molecules are in both lists" in shown(app)
    assert sum(each.value == "only here" for each in app.caption) == ACIDS
    assert sum("in the other list" in each.value for each in app.caption) == 2 * (MOLECULES - ACIDS)
    press_key(app, "open-second-2")
    assert (app.session_state["chosen"], app.session_state["chosen-side"]) == (2, "second")
    assert (
        "ranking-beside" not in press(app, "Back to one query").session_state
        or not (app.session_state["ranking-beside"])
    )


def test_a_long_search_can_be_stopped_and_the_last_answer_stands(app: AppTest) -> None:
    before = ranking(searched(app))
    job: BackgroundJob[Any] = BackgroundJob("Searching", endless)
    app.session_state["searching"] = job
    app.run()
    app.button(key="cancel-search").click().run()
    drawn(app)
    assert "The search was stopped." in [each.value for each in app.info]
    assert ranking(app) is before and not app.error


def endless(progress: Progress) -> None:
    while True:
        progress(1, 2)
        time.sleep(0.01)


# --- filters -----------------------------------------------------------------------------------------------------


def test_a_property_range_holds_for_every_hit(app: AppTest) -> None:
    filtering(app).number_input(key="from-mass_da").set_value(190.0)
    assert "**2** of 5 molecules are left" in markdown(drawn(app))  # told before anything is searched
    assert "ranking" not in app.session_state
    assert keys(searched(app)) == {"CC(C)Cc1ccc(C(C)C(=O)O)cc1", "Cn1c(=O)c2c(ncn2C)n(C)c1=O"}  # 206 and 194 Da


def test_a_filter_is_applied_by_the_button_beside_the_count(app: AppTest) -> None:
    filtering(searched(app)).text_input(key="smarts").set_value("S(=O)(=O)N")
    assert len(keys(drawn(app))) == MOLECULES
    press(app, "Apply")
    assert [hit.molecule.name for hit in ranking(app).hits] == ["sulfanilamide"]


def test_a_preset_sets_its_ranges_and_all_can_be_cleared(app: AppTest) -> None:
    press(filtering(app), "Veber")
    assert PropertyRange("rotatable_bonds", None, 10.0) in ranking(searched(app)).query.ranges
    press(app, "Clear all")
    assert ranking(searched(app)).query.ranges == ()


def test_what_the_field_leaves_out_is_a_chip_too(app: AppTest) -> None:
    app.session_state["without"] = ["carboxylic acid"]
    assert ranking(searched(app)).searched == MOLECULES - ACIDS
    assert ranking(press(app, "without carboxylic acid")).query.without == ()


def test_tested_compounds_are_counted_and_left_out(app: AppTest) -> None:
    filtering(app).text_area(key="tested-text").set_value(f"OC(=O)c1ccccc1OC(C)=O\nCCO\nCCCCCC\nC1CC x\n{ASPIRIN}")
    press(drawn(app), "Leave these out")
    searched(app)
    assert ranking(app).searched == 3 and ASPIRIN not in keys(app)
    chip = "2 of your 4 tested compounds are in this library and left out; 1 could not be read."
    assert ranking(press(app, chip)).searched == MOLECULES


def test_filters_that_nothing_passes_say_what_to_do(app: AppTest) -> None:
    filtering(app).text_input(key="smarts").set_value("[U]")
    assert "**none** of 5 molecules is left" in markdown(drawn(app))
    assert "Widen a range" in searched(app).info[0].value
    assert len(ranking(press(app, "Clear all filters and search")).hits) == MOLECULES


def test_a_broken_smarts_is_a_sentence_and_the_next_search_works(app: AppTest) -> None:
    filtering(app).text_input(key="smarts").set_value("C(((")
    assert searched(app).error
    app.text_input(key="smarts").set_value("")
    assert not searched(app).error


# --- looking -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["Grid", "Table"])
def test_names_from_files_show_as_they_are(app: AppTest, view: str) -> None:
    searched(app)
    app.segmented_control(key="view").set_value(view).run()
    for rank in range(1, 6):
        app.session_state["chosen"] = rank
        app.run()
        for name in (SCRIPT, IMAGE, MARKDOWN):
            assert name not in markdown(app)
    if view == "Grid":
        assert all(name in shown(app) for name in (SCRIPT, IMAGE, MARKDOWN))


def test_what_was_read_is_marked_and_inert() -> None:
    from molsearch.pages.panels.search.understood import marked

    kept = "<b>an ester</b> & more"
    shown = marked(ReadPhrase(kept, 0.5, kept, (Reading("ester", 6, 11, "class", "<ester>"),)), True, False)
    assert "<b>" not in shown and "&lt;b&gt;an <span" in shown and "&lt;ester&gt;" in shown
    assert "× 0.5" in shown


@pytest.mark.parametrize("view", ["Structure", "Why", "3D", "Records"])
def test_every_view_of_a_hit_draws(app: AppTest, view: str) -> None:
    searched(app)
    app.segmented_control(key="detail-view").set_value(view).run()
    assert not app.exception and not app.error


def test_a_hit_is_opened_from_its_card(app: AppTest) -> None:
    assert press_key(searched(app), "open-3").session_state["chosen"] == 3


def test_more_like_this_stands_on_every_card(app: AppTest) -> None:
    searched(app)
    third = ranking(app).hits[2].molecule.key
    assert ranking(press_key(app, "like-3")).query.reference == third
    assert ranking(press(app, "Drop this")).query.reference == ""


def test_pages_hold_all_hits_and_turn(app: AppTest) -> None:
    app.number_input(key="k").set_value(1000)
    searched(app, library="chains")
    assert shown(app).count(". record") == PER_PAGE + 1  # and once in the detail
    assert app.button(key="page-left").disabled
    press_key(app, "page-right")
    assert f"{PER_PAGE + 10}. record" in shown(app) and "page 2 of 2" in shown(app)


def test_a_switch_that_a_link_turned_off_is_told_and_turned_on(visit: Callable[..., AppTest]) -> None:
    app = visit(v="1", q="an acid", lib="nasty", names="0")
    assert not ranking(app).query.exact_names
    assert ranking(press(app, "names in the text lift no molecule")).query.exact_names


def test_the_query_is_still_there_after_a_visit_elsewhere(app: AppTest) -> None:
    filtering(app).number_input(key="to-mass_da").set_value(200.0)
    searched(app)
    app.switch_page("molsearch/pages/model.py").run()
    drawn(app.switch_page("molsearch/pages/search.py"))
    assert app.text_input(key="text").value == "a sulfonamide"
    assert ranking(searched(app)).query.ranges == (PropertyRange("mass_da", None, 200.0),)


# --- links -------------------------------------------------------------------------------------------------------


def test_a_search_is_carried_by_the_address(app: AppTest) -> None:
    filtering(app).number_input(key="to-mass_da").set_value(200.0)
    searched(app, "an acid without esters")
    assert dict(app.query_params) == {
        "v": "1",
        "q": "an acid without esters",
        "lib": "nasty",
        "r": "mass_da::200",
    }


def test_the_address_carries_no_tested_compound(app: AppTest) -> None:
    filtering(app).text_area(key="tested-text").set_value(ASPIRIN)
    press(drawn(app), "Leave these out")
    assert ASPIRIN not in str(searched(app).query_params)


def test_opening_a_link_asks_its_query(visit: Callable[..., AppTest]) -> None:
    app = visit(v="1", q="an acid", lib="nasty", k="3", r="mass_da:100:", p="0.5:a drug", q2="an alcohol", x="lactone")
    query = ranking(app).query
    assert (query.text, query.k, query.without) == ("an acid", 3, ("lactone",))
    assert (query.ranges, query.phrases) == ((PropertyRange("mass_da", 100, None),), (Phrase("a drug", 0.5),))
    assert app.session_state["ranking-beside"].query.text == "an alcohol"
    assert app.text_input(key="text").value == "an acid"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"v": "9", "q": "an acid"}, "version of the link"),
        ({"v": "1", "evil": "1"}, "unknown field"),
        ({"v": "1", "q": "an acid", "lib": "elsewhere"}, "not on this computer"),
        ({"v": "1", "q": "an acid", "lib": "nasty", "s": "C((("}, "SMARTS cannot be read"),
    ],
)
def test_a_broken_link_is_a_sentence_and_the_page_works(
    visit: Callable[..., AppTest], fields: dict[str, str], told: str
) -> None:
    app = visit(**fields)
    assert told in app.error[0].value
    app.session_state["smarts"] = ""
    assert len(keys(searched(app))) == MOLECULES and not app.error
