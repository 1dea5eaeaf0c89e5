"""A model folder's account of itself: ``CARD.md`` for people, ``metrics.json`` for programs."""

import json
from pathlib import Path

from molsearch.errors import ModelError
from molsearch.records import ModelCard

CARD, METRICS = "CARD.md", "metrics.json"


def read_card(folder: Path, model_id: str) -> ModelCard:
    """Read the card of a model folder; one without is a card that says so.

    Raises:
        ModelError: If ``metrics.json`` is there but damaged.
    """
    text = (folder / CARD).read_text(encoding="utf-8") if (folder / CARD).is_file() else "This model has no card."
    table = {}
    if (folder / METRICS).is_file():
        try:
            table = json.loads((folder / METRICS).read_text(encoding="utf-8"))
            metrics = {str(name): float(value) for name, value in table.get("metrics", {}).items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError(f"{folder / METRICS} cannot be read: {error}; copy the model folder again.") from error
    else:
        metrics = {}
    return ModelCard(
        name=folder.name,
        model_id=model_id,
        trained_on=str(table.get("trained_on", "not stated")),
        licence=str(table.get("licence", "not stated")),
        metrics=metrics,
        text=text,
    )
