"""The figures that ship: README and model card state what ``metrics.json`` holds, of the model that ships."""

import json
from pathlib import Path

import pytest

from molsearch.evaluation.figure_tables import marked, read_metrics, rewrite
from molsearch.evaluation.registry import TABLES
from molsearch.model.card import METRICS
from molsearch.model.folder import folder_id
from molsearch.settings import PROJECT, Settings

SHIPPED = Settings().models / "default"
TRAINED = ("learning curve", "ablation")  # of models of their own
DOCUMENTS = (PROJECT / "README.md", SHIPPED / "CARD.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_tables_are_those_of_metrics_json(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert rewrite(text, read_metrics(SHIPPED / METRICS)["tables"]) == text, "run python -m molsearch figures"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_table_that_was_not_measured_is_empty(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for name in set(marked(text)) - set(read_metrics(SHIPPED / METRICS)["tables"]):
        assert f"<!-- figures: {name} -->\n<!-- /figures -->" in text


def test_every_table_that_was_measured_is_shown() -> None:
    shown = {name for document in DOCUMENTS for name in marked(document.read_text(encoding="utf-8"))}
    assert set(read_metrics(SHIPPED / METRICS)["tables"]) <= shown


def test_the_shipped_figures_of_the_card_are_those_of_the_tables() -> None:
    metrics = read_metrics(SHIPPED / METRICS)
    for name, data in metrics["tables"].items():
        assert TABLES[name].flat(data).items() <= metrics["metrics"].items()


def test_the_figures_belong_to_the_model_that_ships() -> None:
    model_ids = {name: data["model_id"] for name, data in read_metrics(SHIPPED / METRICS)["tables"].items()}
    old = [name for name, model_id in model_ids.items() if model_id != folder_id(SHIPPED) and name not in TRAINED]
    assert old == [], "run python -m molsearch figures: these were measured on another model"


def test_the_figures_are_plain_json() -> None:
    json.loads((SHIPPED / METRICS).read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))
