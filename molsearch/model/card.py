"""A model folder's account of itself: ``CARD.md`` for people, ``metrics.json`` for programs."""

import json
from pathlib import Path

from molsearch.errors import ModelError
from molsearch.records import ModelCard

CARD, METRICS = "CARD.md", "metrics.json"


def read_card(folder: Path, model_id: str) -> ModelCard:
    """Read the card of a model folder; one without is a card that says so.

    Raises:
        ModelError: If one of both is there but damaged.
    """
    text, table, metrics = "This model has no card.", {}, {}
    reading = CARD
    try:
        if (folder / CARD).is_file():
            text = (folder / CARD).read_text(encoding="utf-8")
        reading = METRICS
        if (folder / METRICS).is_file():
            table = json.loads((folder / METRICS).read_text(encoding="utf-8"))
            metrics = {str(name): float(value) for name, value in table.get("metrics", {}).items()}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{folder / reading} cannot be read: {error}; copy the model folder again.") from error
    return ModelCard(
        name=folder.name,
        model_id=model_id,
        trained_on=str(table.get("trained_on", "not stated")),
        licence=str(table.get("licence", "not stated")),
        metrics=metrics,
        text=text,
    )
