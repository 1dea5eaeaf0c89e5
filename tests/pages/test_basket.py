"""The basket in the app: filled from hits, kept through searches and pages, saved, reopened, asked again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import LexicalConfig
from molsearch.screener import Screener
from molsearch.settings import Settings
from molsearch.workspace.basket import Basket, save

ROOT = Path(__file__).resolve().parents[2]
SCRIPT, IMAGE, MARKDOWN = "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](http://x) **b** :red[c]"
PASTED = f"""CC(=O)Oc1ccccc1C(=O)O {SCRIPT}
CC(C)Cc1ccc(cc1)C(C)C(=O)O {IMAGE}
Cn1cnc2c1c(=O)n(C)c(=O)n2C {MARKDOWN}
NS(=O)(=O)c1ccc(N)cc1 sulfanilamide
CCO ethanol
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny model and one library, and the environment that points at it."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "data").mkdir()
    small = LexicalConfig(grams=512, width=8, hidden=8, out=8)
    DualEncoder(DualConfig(lexical_share=1.0, lexical=small)).save(folder / "models" / "default")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLSEARCH_HOME", str(folder))
        patch.setenv("MOLSEARCH_MODELS", str(folder / "models"))
        screener = Screener(Settings())
        screener.add(screener.read_text(PASTED), "nasty")
        yield folder


@pytest.fixture
def app(home: Path) -> Iterator[AppTest]:
    """The app as a new visitor finds it."""
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def drawn(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def opened(app: AppTest, page: str) -> AppTest:
    return drawn(app.switch_page(f"molsearch/pages/{page}.py"))


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return drawn(app)


def settled(app: AppTest) -> AppTest:
    """Let the jobs of this session end, and draw what came of them."""
    for job in ("searching", "opening", "picking-job", "map-job"):
        if job in app.session_state:  # else it ended before the page was drawn, which shows what came of it
            app.session_state[job].wait(60)
            drawn(app)
    return app


def searched(app: AppTest, text: str = "a sulfonamide") -> AppTest:
    app.text_input(key="text").set_value(text)
    app.selectbox(key="library").set_value("nasty")
    next(each for each in app.button if each.label == "Search").click()
    return settled(drawn(app))


def basket(app: AppTest) -> Basket:
    held: Basket = app.session_state["basket"]
    return held


def names(app: AppTest) -> list[str]:
    return [pick.molecule.name for pick in basket(app).picks]


def best(app: AppTest, rank: int) -> str:
    return str(app.session_state["ranking"].hits[rank - 1].molecule.name)


def filled(app: AppTest, *ranks: int) -> AppTest:
    """Search, and put hits into the basket."""
    searched(app)
    for rank in ranks:
        press(app, f"pick-{rank}")
    return app


def uploaded(app: AppTest, content: bytes) -> AppTest:
    """Open a basket file on the Basket page."""
    app.file_uploader[0].set_value(("x.molsearch.json", content, "application/json"))
    return settled(press(drawn(app), "open-basket"))


def markdown(app: AppTest) -> str:
    """All that the page hands to a markdown or HTML renderer."""
    parts = [*app.markdown, *app.caption, *app.error, *app.info, *app.warning, *app.toast, *app.subheader]
    return "\n".join([*(part.value for part in parts), *(each.label for each in app.button)])


def test_an_empty_basket_says_what_to_do(app: AppTest) -> None:
    assert "press the bookmark" in opened(app, "basket").info[0].value
    assert not any(each.key == "undo" for each in app.button)


def test_a_bookmark_puts_a_hit_in_and_takes_it_out(app: AppTest) -> None:
    filled(app, 2, 1)
    assert names(app) == [best(app, 2), best(app, 1)]
    assert names(press(app, "pick-2")) == [best(app, 1)]


def test_the_basket_lives_through_searches_pages_and_the_removal_of_its_library(app: AppTest, home: Path) -> None:
    screener = Screener(Settings())
    screener.add(screener.read_text("CCN gone"), "short-lived")
    opened(app, "search")
    app.selectbox(key="library").set_value("short-lived")
    app.text_input(key="text").set_value("an amine")
    next(each for each in app.button if each.label == "Search").click()
    press(settled(drawn(app)), "pick-1")
    screener.remove("short-lived")
    searched(opened(app, "search"), "an acid")
    opened(opened(app, "model"), "basket")
    assert names(app) == ["gone"]
    assert len(app.dataframe[0].value) == 1 and not app.error


def test_all_hits_go_in_at_once_and_none_twice(app: AppTest) -> None:
    filled(app, 3)
    app.session_state["basket-box"] = True
    press(drawn(app), "add-all")
    assert sorted(names(app)) == sorted(hit.molecule.name for hit in app.session_state["ranking"].hits)
    assert app.session_state["basket-box"] is False  # out of the way of what it did


def test_the_table_shows_names_and_notes_as_they_are(app: AppTest) -> None:
    filled(app, 1, 2, 3, 4, 5)
    key = basket(app).picks[0].molecule.key
    app.session_state["basket"] = basket(app).annotate(key, SCRIPT)
    opened(app, "basket")
    table = app.dataframe[0].value
    assert set(table["name"]) == {SCRIPT, IMAGE, MARKDOWN, "sulfanilamide", "ethanol"}
    assert table["note"][0] == SCRIPT
    assert not any(name in markdown(app) for name in (SCRIPT, IMAGE, MARKDOWN))


def test_all_are_removed_and_come_back(app: AppTest) -> None:
    held = basket(filled(app, 1, 2, 3))
    opened(app, "basket")
    assert basket(press(app, "remove-all")).picks == ()
    assert basket(press(app, "undo")).picks == held.picks


def test_each_question_is_kept_once_with_its_filters_and_asked_again(app: AppTest) -> None:
    searched(app, "an acid")
    searched(searched(app, "a sulfonamide"), "an acid")
    assert [asked.query.text for asked in basket(app).asked] == ["a sulfonamide", "an acid"]
    opened(app, "basket")
    app = settled(press(app, "again-1"))
    assert app.session_state["ranking"].query.text == "a sulfonamide"
    assert app.text_input(key="text").value == "a sulfonamide"


def test_questions_are_forgotten_and_the_molecules_stay(app: AppTest) -> None:
    opened(filled(app, 1), "basket")
    assert (basket(press(app, "forget")).asked, len(basket(app).picks)) == ((), 1)


def test_a_question_about_a_library_that_is_gone_cannot_be_asked(app: AppTest) -> None:
    opened(searched(app), "basket")
    value = json.loads(save(basket(app), "m"))
    value["asked"][0]["library"] = "elsewhere"
    uploaded(press(app, "forget"), json.dumps(value).encode())
    assert app.button(key="again-0").disabled


def test_a_saved_basket_joins_the_one_in_sight(app: AppTest) -> None:
    content = save(basket(filled(app, 1, 2)), "m")
    first = names(app)
    press(press(app, "pick-1"), "pick-5")
    uploaded(opened(app, "basket"), content)
    assert names(app) == [first[1], best(app, 5), first[0]]
    assert "1 molecules joined the basket, 1 were in it already" in app.toast[0].value


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format": "molsearch basket", "version": 9}'])
def test_a_file_that_is_no_basket_is_a_sentence_and_changes_nothing(app: AppTest, content: bytes) -> None:
    held = basket(filled(app, 1))
    uploaded(opened(app, "basket"), content)
    assert len(app.error) == 1 and "Traceback" not in app.error[0].value
    assert basket(app) == held


def test_names_in_a_file_of_unknown_origin_are_not_rendered(app: AppTest) -> None:
    value = json.loads(save(basket(filled(app, 1)), "m"))
    value["picks"][0]["molecule"]["name"] = value["picks"][0]["library"] = IMAGE
    value["asked"][0] |= {"library": MARKDOWN, "query": {"text": SCRIPT, "smarts": "[$(:red[C])]"}}
    opened(app, "basket")
    uploaded(press(press(app, "remove-all"), "forget"), json.dumps(value).encode())
    assert app.dataframe[0].value["name"][0] == IMAGE
    assert not any(name in markdown(app) for name in (SCRIPT, IMAGE, MARKDOWN, ":red["))


def test_diverse_picks_are_shown_then_put_into_the_basket(app: AppTest) -> None:
    searched(app)
    app.session_state["basket-box"] = True
    drawn(app).number_input(key="pick-count").set_value(2)
    settled(press(drawn(app), "pick"))
    assert any("2 diverse of the first 5" in each.value for each in app.text)
    press(app, "add-picked")
    assert names(app)[0] == best(app, 1) and len(names(app)) == 2
    assert not any(each.key == "add-picked" for each in press(app, "drop-picked").button)


def test_clusters_tell_their_sizes(app: AppTest) -> None:
    searched(app)
    app.session_state["basket-box"] = True
    drawn(app).segmented_control(key="pick-kind").set_value("Clusters")
    drawn(app).slider(key="pick-cutoff").set_value(0.95)
    settled(press(drawn(app), "pick"))
    assert any("clusters in the first 5 (distance up to 0.95)" in each.value for each in app.text)
    assert any(each.value.startswith("stands for **") for each in app.caption)


def test_a_new_search_lets_go_of_what_was_picked(app: AppTest) -> None:
    searched(app)
    app.session_state["basket-box"] = True
    settled(press(drawn(app), "pick"))
    assert not any(each.key == "add-picked" for each in searched(app, "an acid").button)


def test_the_map_is_drawn_with_the_hits_on_it(app: AppTest) -> None:
    searched(app)
    app.segmented_control(key="view").set_value("Map")
    settled(drawn(app))
    assert not app.error
    assert any("Drag to draw around" in each.value for each in app.caption)
    assert not any(name in markdown(app) for name in (SCRIPT, IMAGE, MARKDOWN))


def test_two_browsers_have_two_baskets(app: AppTest, home: Path) -> None:
    filled(app, 1)
    other = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert "empty" in opened(other, "basket").info[0].value
