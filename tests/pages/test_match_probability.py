"""Match evidence in the app: beside hits, in the table, on the Model page, and what is said where there is none."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from molsearch.model.config import DualConfig
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import LexicalConfig
from molsearch.screener import Screener
from molsearch.search import calibration as calibrations
from molsearch.search.calibration import (
    BINS,
    Account,
    Calibration,
    Considered,
    EvidenceRule,
    Histogram,
    HubFigures,
    HubRule,
    Reliability,
    Rules,
    space_id,
    write_calibration,
)
from molsearch.search.scope import ScopeRule

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert(1)</script> **b** :red[c]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a tiny model that has a bank, and one library."""
    home = tmp_path_factory.mktemp("home")
    torch.manual_seed(0)
    model = DualEncoder(DualConfig(lexical_share=1.0, lexical=LexicalConfig(grams=512, width=8, hidden=8, out=8)))
    model.bank = torch.nn.functional.normalize(torch.randn(40, model.width))
    model.save(home / "models" / "default")
    return home


def calibration(folder: Path) -> Calibration:
    """Rules by which no text is out of scope and every molecule is a hub."""
    counts, shares = (1,) * BINS, tuple(np.linspace(0.05, 0.95, BINS).tolist())
    return Calibration(
        rules=Rules(
            space_id(DualEncoder.load(folder / "models" / "default")),
            EvidenceRule(0.0, 0.0, 1.0),
            HubRule(-1.0, 0.99),
            ScopeRule(0.0, 0.0, 0.0, 0.0, 1.0),
        ),
        account=Account("m", HOSTILE, "text", 30, 31, "pool.tsv", 100, 0),
        reliability=(Reliability(HOSTILE, 0.0123, 0.04, counts, counts, shares),),
        histogram=Histogram(-4.0, 8.0, (1, 2), (2, 1), (0, 3)),
        considered=(Considered(HOSTILE, 0.06, 0.05),),
        hubs=HubFigures(1, 0.13, 0.11, 2.5, 2.6, 9),
        scope=(),
    )


@pytest.fixture
def app(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app as a new visitor finds it, the model calibrated."""
    monkeypatch.setenv("MOLSEARCH_HOME", str(folder))
    monkeypatch.setenv("MOLSEARCH_MODELS", str(folder / "models"))
    write_calibration(calibration(folder), folder / "models" / "default")
    screener = Screener()
    if "mine" not in [info.name for info in screener.libraries()]:
        screener.add(screener.read_text("CCO ethanol\nc1ccccc1 benzene\nCC(=O)O acid"), "mine")
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def searched(app: AppTest) -> AppTest:
    app.text_input(key="text").set_value("an alcohol")
    app.selectbox(key="library").set_value("mine")
    next(each for each in app.button if each.label == "Search").click().run()
    if "searching" in app.session_state:
        app.session_state["searching"].wait(60)
        app.run()
    assert not app.exception, app.exception
    assert len(app.session_state["ranking"].hits) == 3
    return app


def captions(app: AppTest) -> list[str]:
    return [each.value for each in app.caption]


def test_every_hit_carries_its_evidence_and_a_hub_is_flagged(app: AppTest) -> None:
    lines = [one for one in captions(searched(app)) if one.startswith("match evidence **")]
    assert len(lines) == 4  # three cards and the chosen hit
    assert sum("hub" in one for one in lines[:3]) == 3
    assert any("background captions" in one for one in lines)


def test_the_table_has_a_column_of_evidence(app: AppTest) -> None:
    searched(app).segmented_control(key="view").set_value("Table").run()
    assert not app.exception
    table = next(each.value for each in app.dataframe if "evidence" in each.value.columns)
    assert table["evidence"].between(0, 1).all() and len(table) == 3


def test_a_short_query_is_told_what_the_rule_was_fitted_on(app: AppTest) -> None:
    assert any("Fitted on captions" in one for one in captions(searched(app)))


def test_a_query_out_of_scope_is_warned_of_and_gets_no_number(app: AppTest, folder: Path) -> None:
    narrow = replace(calibration(folder).rules, scope=ScopeRule(2.0, 0.0, 0.0, 0.0, 1.0))
    write_calibration(replace(calibration(folder), rules=narrow), folder / "models" / "default")
    searched(app)
    assert any("outside of what this model has read" in each.value for each in app.warning)
    assert not any(one.startswith("match evidence **") for one in captions(app))


def test_without_calibration_the_search_works_and_says_so(app: AppTest, folder: Path) -> None:
    (folder / "models" / "default" / calibrations.FILE).unlink()
    assert any("has no calibration" in one for one in captions(searched(app)))
    app.switch_page("molsearch/pages/model.py").run()
    assert any("has no calibration" in each.value for each in app.info)


def test_a_damaged_calibration_is_a_sentence_and_hits_are_shown(app: AppTest, folder: Path) -> None:
    (folder / "models" / "default" / calibrations.FILE).write_text("[[[", encoding="utf-8")
    assert any("calibration" in one and "cannot be read" in one for one in captions(searched(app)))


def test_the_model_page_shows_the_reliability_and_its_error(app: AppTest) -> None:
    app.switch_page("molsearch/pages/model.py").run()
    assert not app.exception and not app.error
    figures = next(each.value for each in app.dataframe if "ece" in each.value.columns)
    assert figures["ece"].tolist() == [0.0123] and figures["pairs"].tolist() == [BINS]
    said = "\n".join([*(each.value for each in app.markdown), *captions(app)])
    assert "never a chance of activity" in said
    assert HOSTILE not in said  # a name from the file shows letter by letter
