"""The app as a person uses it, on a tiny untrained model and a small library; larger pages have files of their own."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import LexicalConfig
from molsearch.screener import Screener

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.stem for path in (ROOT / "molsearch" / "pages").glob("*.py") if "def page(" in path.read_text("utf-8")
)
PASTED = "CC(=O)Oc1ccccc1C(=O)O aspirin\nNS(=O)(=O)c1ccc(N)cc1 sulfanilamide\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny model and one library, and the environment that points at it."""
    folder = tmp_path_factory.mktemp("home")
    torch.manual_seed(0)
    small = LexicalConfig(grams=512, width=8, hidden=8, out=8)
    DualEncoder(DualConfig(lexical_share=1.0, lexical=small)).save(folder / "models" / "default")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLSEARCH_HOME", str(folder))
        patch.setenv("MOLSEARCH_MODELS", str(folder / "models"))
        screener = Screener()
        screener.add(screener.read_text(PASTED), "drugs")
        yield folder


@pytest.fixture
def app(home: Path) -> Iterator[AppTest]:
    """The app as a new visitor finds it."""
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def opened(app: AppTest, page: str) -> AppTest:
    app.switch_page(f"molsearch/pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def button(app: AppTest, label: str) -> "object":
    return next(each for each in app.button if each.label == label)


def settled(app: AppTest, job: str) -> AppTest:
    """Let a job of this session end, then draw the page again.

    A job that ended before the page was drawn has left the session already, and the page shows what came of it.
    """
    if job not in app.session_state:
        return app
    app.session_state[job].wait(60)
    return app.run()


def shown(app: AppTest) -> str:
    """All that the page says in plain text elements."""
    return "\n".join(element.value for element in app.text)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(app: AppTest, page: str) -> None:
    assert not opened(app, page).error


def test_a_pasted_list_is_reported_then_added_then_removed(app: AppTest) -> None:
    opened(app, "library")
    app.segmented_control(key="source").set_value("Paste").run()
    app.text_area(key="pasted").set_value("CCO ethanol\nOCC again\nC1CC broken").run()
    button(app, "Read the list").click().run()
    settled(app, "reading")
    figures = {each.label: each.value for each in app.metric}
    assert figures == {"Records": "3", "Molecules": "1", "Repeats merged": "1", "Rejected": "1"}
    app.text_input(key="new-name").set_value("mine").run()
    app.button(key="add").click().run()
    settled(app, "adding")
    assert "mine" in app.success[0].value
    app.button(key="remove-private-mine").click().run()
    assert "mine" not in shown(app)


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("empty.sdf", b""),
        ("no_structures.csv", b"a,b\n1,2\n3,4\n"),
        ("binary.sdf", bytes(range(256)) * 40),
        ("what.xyz1", b"hello"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(app: AppTest, filename: str, content: bytes) -> None:
    opened(app, "library")
    app.file_uploader(key="upload").set_value((filename, content, "application/octet-stream")).run()
    button(app, "Read the file").click().run()
    settled(app, "reading")
    assert not app.exception
    assert app.error or app.warning


def test_a_running_job_can_be_cancelled(app: AppTest) -> None:
    from molsearch.pages.panels.job import BackgroundJob
    from molsearch.records import Progress

    def endless(progress: Progress) -> None:
        while True:
            progress(1, 2)
            time.sleep(0.01)

    job = BackgroundJob("Adding", endless)
    app.session_state["adding"] = job
    opened(app, "library")
    app.button(key="cancel-job").click().run()
    job.wait(10)
    if not app.info:  # the page may have been drawn before the job saw the wish
        app.run()
    assert "Stopped" in app.info[0].value


def test_an_unforeseen_fault_is_a_sentence_too() -> None:
    from molsearch.pages.panels.job import BackgroundJob

    job = BackgroundJob("Reading", lambda progress: 1 // 0)
    job.wait(10)
    assert "did not foresee" in str(job.error)


def test_without_a_model_every_page_says_so(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLSEARCH_MODELS", str(tmp_path))
    st.cache_resource.clear()
    st.cache_data.clear()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    for page in PAGES:
        opened(app, page)
        assert app.error or app.info, page


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b*c", "a\\_b\\*c"),
        ("<b>", "\\<b\\>"),
        (":red[x]", ":\u2060red\\[x\\]"),
        ("one\n# two", "one \\# two"),
        ("50 % of 3, plainly: so.", "50 % of 3, plainly: so."),
    ],
)
def test_plain_text_survives_markdown(text: str, written: str) -> None:
    from molsearch.pages.panels.sentences import plain

    assert plain(text) == written


def test_the_3d_page_holds_its_script_and_asks_no_one() -> None:
    from molsearch.chem.conformer import conformer
    from molsearch.pages.panels.search.model3d import viewer_page

    page = viewer_page(conformer("CCO"))
    assert "data:text/javascript;base64," in page
    assert "cdn" not in page.replace("base64,", "\n").split("\n")[0] and "https://" not in page
