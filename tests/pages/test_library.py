"""The Library page with two browsers at once: what one uploads, the other sees only once it is kept."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from molsearch.errors import Cancelled, LibraryError
from molsearch.records import Query
from molsearch.screener import Screener
from molsearch.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PASTED = "CCO ethanol\nCC(=O)O acid\nC1CC broken\n"
Visit = Callable[[], AppTest]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Path:
    """A home with one kept library beside the examples."""
    home = tmp_path_factory.mktemp("home")
    screener = Screener(Settings(home=home, models=tiny_models, model="default"))
    screener.add(screener.read_text("CCN ethylamine"), "kept")
    assert len(screener.libraries()) == 2
    return home


@pytest.fixture
def visit(kept: Path, tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Opens the Library page as one more visitor of the same running app."""
    shutil.copytree(kept, tmp_path / "home")
    monkeypatch.setenv("MOLSEARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(tiny_models))
    st.cache_resource.clear()
    st.cache_data.clear()

    def visit() -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        return drawn(app.switch_page("molsearch/pages/library.py"))

    yield visit
    st.cache_resource.clear()


def drawn(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return drawn(app)


def settled(app: AppTest, job: str) -> AppTest:
    if job in app.session_state:
        app.session_state[job].wait(60)
    return drawn(app)


def uploaded(app: AppTest, name: str = "secret", text: str = PASTED) -> AppTest:
    """Add a pasted list under a name."""
    app.segmented_control(key="source").set_value("Paste")
    drawn(app).text_area(key="pasted").set_value(text)
    next(each for each in drawn(app).button if each.label == "Read the list").click()
    settled(drawn(app), "reading").text_input(key="new-name").set_value(name)
    return settled(press(drawn(app), "add"), "adding")


def listed(app: AppTest) -> dict[str, list[str]]:
    """The sections of the page, each with the names of libraries in it."""
    sections: dict[str, list[str]] = {}
    for element in app.main:  # every element of the page, in its order
        if element.type == "subheader":
            sections[element.value] = []
        elif element.type == "text" and element.value in {"secret", "kept", "public", "examples"}:
            sections[list(sections)[-1]].append(element.value)
    return sections


MINE, EVERYONES = "Only in this session", "Kept on this computer"


def test_an_upload_is_private_and_marked_so(visit: Visit) -> None:
    assert listed(uploaded(visit())) == {"Add a library": [], MINE: ["secret"], EVERYONES: ["examples", "kept"]}


def test_another_browser_does_not_see_it_on_any_page(visit: Visit) -> None:
    uploaded(visit())
    other = visit()
    assert MINE not in listed(other)
    drawn(other.switch_page("molsearch/pages/search.py"))
    assert not any("secret" in option for option in other.selectbox(key="library").options)
    with pytest.raises(LibraryError):
        other.session_state["screener"][1].search(Query("x"), "secret")


def test_no_command_sees_it(visit: Visit) -> None:
    app = uploaded(visit())
    assert "secret" not in [info.name for info in Screener().libraries()]
    assert "secret" in [info.name for info in app.session_state["screener"][1].libraries()]


def test_it_is_offered_to_search_at_once(visit: Visit) -> None:
    app = uploaded(visit())
    drawn(app.switch_page("molsearch/pages/search.py"))
    assert app.selectbox(key="library").value == "secret"
    assert "secret (2) · private" in app.selectbox(key="library").options
    assert "kept (1)" in app.selectbox(key="library").options


def test_its_name_never_gets_into_the_address(visit: Visit) -> None:
    app = uploaded(visit())
    drawn(app.switch_page("molsearch/pages/search.py")).text_input(key="text").set_value("an alcohol")
    next(each for each in app.button if each.label == "Search").click()
    settled(drawn(app), "searching")
    assert app.session_state["ranking"].library == "secret"
    assert "secret" not in str(dict(app.query_params))


def test_once_kept_every_browser_sees_it(visit: Visit) -> None:
    app, other = uploaded(visit()), visit()
    assert listed(press(app, "keep-secret")) == {"Add a library": [], EVERYONES: ["examples", "kept", "secret"]}
    assert "secret" in listed(drawn(other))[EVERYONES]


def test_a_taken_name_asks_for_another(visit: Visit) -> None:
    app, other = uploaded(visit()), uploaded(visit())
    press(other, "keep-secret")
    app.run()
    app.text_input(key="as-secret").set_value("public")
    assert set(listed(press(drawn(app), "keep-secret"))[EVERYONES]) == {"examples", "kept", "public", "secret"}


def test_removing_a_private_library_leaves_the_kept_one_of_its_name(visit: Visit) -> None:
    app, other = uploaded(visit()), uploaded(visit())
    press(other, "keep-secret")
    assert listed(press(drawn(app), "remove-private-secret")) == {
        "Add a library": [],
        EVERYONES: ["examples", "kept", "secret"],
    }


def test_molecules_for_a_kept_library_join_it_and_the_page_says_who_sees_them(visit: Visit) -> None:
    app = visit()
    app.segmented_control(key="source").set_value("Paste")
    drawn(app).text_area(key="pasted").set_value("CCO ethanol")
    next(each for each in drawn(app).button if each.label == "Read the list").click()
    settled(drawn(app), "reading").text_input(key="new-name").set_value("kept")
    assert any("everyone who uses this app sees them" in each.value for each in drawn(app).caption)
    settled(press(app, "add"), "adding")
    assert {info.name: info.molecules for info in Screener().libraries()}["kept"] == 2


def test_an_addition_that_was_stopped_is_offered_to_go_on(visit: Visit) -> None:
    app = visit()
    app.segmented_control(key="source").set_value("Paste")
    drawn(app).text_area(key="pasted").set_value("CCO\nCCN\nCCC\nCCS\nCCF")
    next(each for each in drawn(app).button if each.label == "Read the list").click()
    settled(drawn(app), "reading").text_input(key="new-name").set_value("secret")
    bench = app.session_state["screener"][1]
    bench.settings = replace(bench.settings, batch_molecules=2)

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        bench.add(app.session_state["imported"].library, "secret", stop)
    assert any("2 of 5 molecules are computed" in each.value for each in drawn(app).text)
    assert listed(settled(press(app, "go-on"), "adding"))[MINE] == ["secret"]
    assert {info.name: info.molecules for info in bench.libraries()}["secret"] == 5
