"""The Alignment page as a person uses it: their own table, one pair, the memory bank; on a tiny model."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
NASTY = "<script>alert(1)</script> [a](http://x) :red[c]"
TABLE = (
    f"smiles\ttext\nCCO\tan alcohol\nCC(=O)O\t{NASTY}\nc1ccccc1\tan aromatic ring\n"
    "C1CC\tbroken\nCC\t\nCCN\t=HYPERLINK(1)\n"
)


@pytest.fixture
def home(tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home beside the tiny model, with four examples instead of 232, so that a test waits for none."""
    (tmp_path / "data").mkdir()
    lines = (ROOT / "data" / "examples.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "data" / "examples.csv").write_text("".join(lines[:5]), encoding="utf-8")
    monkeypatch.setenv("MOLSEARCH_HOME", str(tmp_path))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(tiny_models))
    monkeypatch.setattr("molsearch.analysis.study.AlignmentStudy.examples", tmp_path / "data" / "examples.csv")
    return tmp_path


@pytest.fixture
def app(home: Path) -> Iterator[AppTest]:
    """The page as a new visitor finds it, its examples encoded."""
    st.cache_resource.clear()
    page = AppTest.from_file(str(ROOT / "molsearch" / "pages" / "alignment.py"), default_timeout=60)
    yield settled(page.run(), "pairs-job")


def settled(app: AppTest, job: str) -> AppTest:
    """Let a job of this session end, then draw the page again."""
    assert not app.exception, app.exception
    if job in app.session_state:
        app.session_state[job].wait(60)
        app.run()
    assert not app.exception, app.exception
    return app


def own(app: AppTest, content: bytes = TABLE.encode(), name: str = "pairs.tsv") -> AppTest:
    app.segmented_control(key="pairs-from").set_value("Own file").run()
    app.file_uploader(key="pairs-file").set_value((name, content, "text/plain")).run()
    return settled(app, "pairs-job")


def view(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key="alignment-view").set_value(name).run()
    return settled(app, "twin-job")


def told(app: AppTest) -> str:
    parts = [*app.caption, *app.markdown, *app.warning, *app.info, *app.error, *app.text]
    return "\n".join(part.value for part in parts)


def test_the_examples_are_compared_at_once(app: AppTest) -> None:
    assert not app.error and "4 pairs of the shipped examples" in told(app)
    assert [each.label for each in app.metric][:3] == ["Text: Hits@1", "Hits@10", "Mean rank"]
    assert app.metric[1].value == "100%"  # among four, every rank is ten or better


def test_before_a_file_the_page_says_which_is_wanted(app: AppTest) -> None:
    app.segmented_control(key="pairs-from").set_value("Own file").run()
    assert "one column of descriptions, one of SMILES" in app.info[0].value and not app.metric


def test_a_file_is_compared_and_what_was_left_out_is_said(app: AppTest) -> None:
    own(app)
    assert "4 of 6 pairs" in told(app)
    assert "1 rows without a text" in app.warning[0].value
    assert "1 rows whose structure cannot be used" in app.warning[0].value and "Row 4" in app.warning[0].value


def test_columns_can_be_chosen_where_names_say_nothing(app: AppTest) -> None:
    own(app, b"a,b,c\nCCO,an alcohol,x\nCC,an alkane,y\n", "t.csv")
    assert "Choose the column" in app.info[0].value
    text, structure = app.selectbox
    text.set_value("b")
    structure.set_value("a").run()
    settled(app, "pairs-job")
    assert "2 pairs of t.csv" in told(app)


def test_all_pairs_come_as_a_table_that_a_spreadsheet_leaves_alone(app: AppTest) -> None:
    from molsearch.pages import alignment

    own(app)
    rows = list(csv.DictReader(io.StringIO(alignment.ranks_csv(app.session_state["pairs-answer"]))))
    assert [row["row"] for row in rows] == ["1", "2", "3", "6"]
    assert rows[3]["text"] == "'=HYPERLINK(1)" and rows[1]["text"] == NASTY
    assert all(1 <= float(row["rank_text_to_molecule"]) <= 4 for row in rows)


def test_one_pair_stands_before_and_after_training(app: AppTest) -> None:
    view(own(app), "One pair")
    assert "freshly initialised with a fixed seed" in told(app)
    table = app.dataframe[0].value
    assert list(table["divergence"]) == ["KL(M2M‖T2T)", "KL(T2T‖M2M)", "KL(M2M‖T2M)", "KL(T2T‖M2T)"]
    assert (table.drop(columns="divergence") >= -1e-6).all(axis=None)
    # The tiny model was drawn from the seed that "before" is drawn from, and never trained; its folder keeps bfloat16.
    assert list(table["sample, before"]) == pytest.approx(list(table["sample, after"]), abs=0.02)


def test_the_other_form_gives_other_divergences(app: AppTest) -> None:
    view(own(app), "One pair")
    cosines = list(app.dataframe[0].value["sample, after"])
    app.segmented_control(key="pairs-form").set_value("Distances").run()
    assert not app.exception and list(app.dataframe[0].value["sample, after"]) != cosines


def test_a_text_from_a_file_is_shown_letter_by_letter(app: AppTest) -> None:
    view(own(app), "One pair")
    app.selectbox(key="pair").set_value(1).run()
    assert NASTY in [each.value for each in app.text]
    view(app, "Memory bank")
    pages = [each.proto.body for each in app.get("html")]
    assert any("&lt;" in page for page in pages) and not any("<script" in page for page in pages)


def test_the_whole_sample_can_be_drawn(app: AppTest) -> None:
    view(app, "One pair")
    app.segmented_control(key="pairs-show").set_value("The whole sample").run()
    assert not app.exception and "the chosen one pointed at" in told(app)


def test_the_bank_shows_every_slot_and_one_at_a_time(app: AppTest) -> None:
    view(app, "Memory bank")
    assert len(app.dataframe[0].value) == 4  # slots of the tiny model
    first = int(app.dataframe[0].value["slot"][0]) - 1
    app.selectbox(key="slot").set_value(first).run()
    assert not app.exception and "This slot spreads over" in told(app)


def test_structures_named_in_the_text_are_shown_as_tokens(app: AppTest) -> None:
    view(app, "Memory bank")  # "The acetate ester of salicylic acid"
    assert {"acetate", "salicylic acid"} <= {each.value for each in app.text}


def test_the_chosen_pair_stays_from_view_to_view(app: AppTest) -> None:
    view(app, "One pair")
    app.selectbox(key="pair").set_value(2).run()
    view(app, "Whole file")
    view(app, "Memory bank")
    assert app.selectbox(key="pair").value == 2


@pytest.mark.parametrize(
    "content", [b"smiles,text\nC,one\n", b"nothing\nC\n", b"\xff\xfe\x00", b"PK\x03\x04" + bytes(40)]
)
def test_a_file_that_cannot_be_used_is_one_sentence(app: AppTest, content: bytes) -> None:
    own(app, content, "pairs.csv")
    assert len(app.error) == 1 and not app.metric


def test_stopping_is_no_fault(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    from molsearch.analysis.study import AlignmentStudy
    from molsearch.errors import Cancelled

    def stopped(*_: object) -> None:
        raise Cancelled("Stopped; nothing was stored.")

    monkeypatch.setattr(AlignmentStudy, "encode", stopped)
    own(app)
    assert not app.error and "Stopped" in app.info[0].value
    assert app.button(key="pairs-again").label == "Try again"


def test_sessions_share_one_study_of_the_examples(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    from molsearch.analysis.study import AlignmentStudy

    monkeypatch.setattr(AlignmentStudy, "encode", None)  # nothing may be encoded again
    other = AppTest.from_file(str(ROOT / "molsearch" / "pages" / "alignment.py"), default_timeout=60).run()
    assert not other.exception and not other.error and "4 pairs of the shipped examples" in told(other)
