"""Tables from figures: what is written is what was measured, and a document is changed between its markers alone."""

import json
from pathlib import Path

import pytest

from molsearch.errors import InputError
from molsearch.evaluation.figure_tables import markdown, marked, read_metrics, render, rewrite, with_table
from molsearch.evaluation.registry import TABLES

WAY = {"hits@1": 50.04, "hits@10": 80, "hits@20": 90, "mrr": 60.26, "mean_rank": 1234.5, "hits@1_interval": [49, 51.06]}
ONE = {"n": 10, "text_to_molecule": WAY, "molecule_to_text": {**WAY, "mean_rank": 4.94}}
WHEN = {"date": "2026-11-24", "machine": "a machine", "note": ""}
RETRIEVAL = {**WHEN, "pool": 33010, "texts": {"masked": {"all": ONE, "exact names off": ONE}}}


def test_a_bar_in_a_cell_opens_no_column() -> None:
    assert markdown(["a", "b"], [["1|2", "3"]]) == "| a | b |\n|---|---|\n| 1\\|2 | 3 |"


def test_retrieval_states_direction_pool_and_interval() -> None:
    lines = TABLES["retrieval"].table(RETRIEVAL).splitlines()
    assert lines[2] == "| masked | text → molecule | 33,010 | **50.0** (49.0–51.1) | 80.0 | 90.0 | 60.3 | 1,234 |"
    assert lines[3] == "| masked | molecule → text | 10 | **50.0** (49.0–51.1) | 80.0 | 90.0 | 60.3 | 4.9 |"
    assert lines[4].startswith("| masked, exact names off | text → molecule |")
    assert len(lines) == 6


def test_figures_keep_the_names_that_the_model_card_has_for_them() -> None:
    flat = TABLES["retrieval"].flat(RETRIEVAL)
    assert flat["ChEBI-20 val, masked, text_to_molecule hits@1"] == 50.04
    assert flat["ChEBI-20 val, masked, exact names off, molecule_to_text mean_rank"] == 4.94
    assert len(flat) == 20


def test_an_empty_slice_has_dashes() -> None:
    data = {**WHEN, "texts": {"named": {"all": ONE, "own name not in the text": {"n": 0}}}}
    assert TABLES["slices"].table(data).splitlines()[-1] == (
        "| named | own name not in the text | 0 | – | – | – | – | – |"
    )


def test_baselines_state_their_distance() -> None:
    behind = {"difference": -48.3, "interval": [-50, -46.5]}
    systems = {"this model": {"text_to_molecule": WAY}, "names": {"text_to_molecule": WAY, "behind": behind}}
    *_, own, other = TABLES["baselines"].table({**WHEN, "texts": {"masked": systems}}).splitlines()
    assert own.endswith("| – |") and other.endswith("| -48.3 (-50.0–-46.5) |")


TIME = {"queries": 200, "median_ms": 12.4, "p95_ms": 31}
SAMPLES = {
    "roles": {
        "queries": 65,
        "pool": 3301,
        "auroc": 0.7061,
        "auroc_interval": [0.671, 0.7385],
        "enrichment@1%": 10.55,
        "enrichment@1%_interval": [6.9, 14.6],
        "enrichment@1%_best": 88.9,
    },
    "pcdes": {
        "models": {
            "all": {
                "pool": 1500,
                "text_to_molecule": {"accuracy": 90.69, "recall@20": 93.5},
                "molecule_to_text": {"accuracy": 91, "recall@20": 92},
            }
        }
    },
    "queries": {"files": {"class, 70 open": {"queries": 70, "precision@20": 63.21, "auroc": 0.9106}}},
    "misses": {"kinds": {"stereo twin": {"count": 30, "share": 15, "median_rank": 2, "examples": [["C", "CC"]]}}},
    "times": {"kinds": {"captions": {"grounding": TIME, "encoding": TIME, "both": TIME}}},
    "learning curve": {
        "columns": ["names on"],
        "points": [
            {
                "share": 0.5,
                "captions": 100,
                "molecules": 50,
                "hits": {"names on": 30},
                "interval": {"names on": [28, 32]},
            }
        ],
        "whole": 26407,
        "fits": {"names on": {"predicted": 40, "interval": [35, 45]}},
    },
}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("roles", "| 65 | 3,301 | 0.706 (0.671–0.739) | 10.6× (6.9–14.6) | 89× |"),
        ("pcdes", "| all | text → molecule | 1,500 | 90.7 % | 93.5 % |"),
        ("queries", "| class, 70 open | 70 | 63.2 % | 0.911 |"),
        ("misses", "| stereo twin | 30 | 15 % | 2 | `C` → `CC` |"),
        ("times", "| captions | 200 | 12 ms (31 ms) | 12 ms (31 ms) | 12 ms (31 ms) |"),
        ("learning curve", "| extrapolated | – | 26,407 | 40.0 (35.0–45.0) |"),
    ],
)
def test_every_protocol_has_its_rows(name: str, row: str) -> None:
    assert row in TABLES[name].table({**WHEN, **SAMPLES[name]}).splitlines()


DOCUMENT = (
    "before\n\n<!-- figures: retrieval -->\nold\n<!-- /figures -->\n\nafter <!-- figures: roles -->\n<!-- /figures -->"
)


def test_a_document_changes_between_its_markers_alone() -> None:
    after = rewrite(DOCUMENT, {"retrieval": RETRIEVAL})
    assert after.startswith("before\n\n<!-- figures: retrieval -->\n\n| validation text |")
    assert after.endswith("<!-- /figures -->\n\nafter <!-- figures: roles -->\n<!-- /figures -->")
    assert "old" not in after and "Measured 2026-11-24, a machine." in after
    assert marked(after) == ("retrieval", "roles")


def test_writing_twice_changes_nothing() -> None:
    once = rewrite(DOCUMENT, {"retrieval": RETRIEVAL})
    assert rewrite(once, {"retrieval": RETRIEVAL}) == once


def test_a_marker_of_no_table_is_refused() -> None:
    with pytest.raises(InputError, match="'tables'; expected one of retrieval"):
        rewrite("<!-- figures: tables -->\n<!-- /figures -->", {})


def test_a_note_and_a_remark_stand_below_the_table() -> None:
    rendered = render("retrieval", {**RETRIEVAL, "note": "busy", "below": "Ties count half."})
    assert rendered.endswith("\n\nMeasured 2026-11-24, a machine, busy. Ties count half.\n\n")


def test_a_table_joins_the_others_in_the_form_that_the_card_reads() -> None:
    before = {"trained_on": "captions", "metrics": {"old figure": 1.0}, "tables": {"roles": {"auroc": 0.5}}}
    after = with_table(before, "retrieval", RETRIEVAL)
    assert after["trained_on"] == "captions"
    assert after["metrics"]["old figure"] == 1.0
    assert after["metrics"]["ChEBI-20 val, masked, text_to_molecule hits@1"] == 50.04
    assert list(after["tables"]) == ["retrieval", "roles"]
    assert "retrieval" not in before["tables"]  # type: ignore[operator]


def test_a_damaged_file_of_figures_is_a_sentence(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "none.json") == {}
    for content in ("{", json.dumps([1])):
        (tmp_path / "metrics.json").write_text(content)
        with pytest.raises(InputError, match=r"restore or remove it"):
            read_metrics(tmp_path / "metrics.json")
