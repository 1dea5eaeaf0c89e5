"""Measured figures as text: ``metrics.json`` of a model folder, and the tables that README and model card show of it.

A document holds a table between ``<!-- figures: NAME -->`` and ``<!-- /figures -->``; what stands between is written
from ``metrics.json`` and from nothing else, so that the two cannot disagree.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from molsearch.errors import InputError
from molsearch.evaluation.registry import TABLES

Data = Mapping[str, Any]

#: Directions as tables write them.
WAYS = {"text_to_molecule": "text → molecule", "molecule_to_text": "molecule → text"}
#: Heads of the columns that ``rank_cells`` fills.
RANK_COLUMNS = ("Hits@1 (95 %)", "Hits@10", "Hits@20", "MRR", "mean rank")

_BLOCK = re.compile(r"(<!-- figures: (?P<name>[a-z ]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; a bar inside a cell stays a bar."""
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (columns, *rows)]
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, "|" + "---|" * len(columns), *body])


def span(interval: Sequence[float], digits: int = 1) -> str:
    """Write an interval in brackets."""
    low, high = interval
    return f"({low:.{digits}f}–{high:.{digits}f})"


def rank_cells(figures: Data) -> list[str]:
    """Write the figures of ``metrics.direction`` as the cells of RANK_COLUMNS."""
    best = f"**{figures['hits@1']:.1f}** {span(figures['hits@1_interval'])}"
    rank = f"{figures['mean_rank']:.1f}" if figures["mean_rank"] < 10 else f"{figures['mean_rank']:,.0f}"
    return [best, *(f"{figures[name]:.1f}" for name in ("hits@10", "hits@20", "mrr")), rank]


def render(name: str, data: Data) -> str:
    """Write a table in Markdown, with the day and the machine it was measured on below."""
    below = ", ".join(part for part in (data["date"], data["machine"], data.get("note", "")) if part)
    more = f" {data['below']}" if data.get("below") else ""
    return f"\n{TABLES[name].table(data)}\n\nMeasured {below}.{more}\n\n"


def rewrite(text: str, tables: Mapping[str, Data]) -> str:
    """Write every marked table of a document anew; one that was never measured stays as it is.

    Raises:
        InputError: If a marker names no table.
    """

    def block(marker: re.Match[str]) -> str:
        name = marker["name"]
        if name not in TABLES:
            raise InputError(f"A marker names the table {name!r}; expected one of {', '.join(TABLES)}. Correct it.")
        return f"{marker[1]}{render(name, tables[name])}{marker[3]}" if name in tables else marker[0]

    return _BLOCK.sub(block, text)


def marked(text: str) -> tuple[str, ...]:
    """List the tables that a document holds, in order."""
    return tuple(marker["name"] for marker in _BLOCK.finditer(text))


def read_metrics(path: Path) -> dict[str, Any]:
    """Read a ``metrics.json``; {} where there is none yet.

    Raises:
        InputError: If it is damaged.
    """
    if not path.is_file():
        return {}
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} cannot be read: {error}; restore or remove it.") from error
    if not isinstance(metrics, dict):
        raise InputError(f"{path} holds a {type(metrics).__name__}, expected an object; restore or remove it.")
    return metrics


def with_table(metrics: Data, name: str, data: Data) -> dict[str, Any]:
    """Put the figures of one table in, in the form that a model folder keeps; other tables stay.

    ``metrics`` holds a name and a number for each figure, as the model card reads it; ``tables`` what the tables show.
    """
    tables = {**metrics.get("tables", {}), name: data}
    tables = {known: tables[known] for known in TABLES if known in tables}
    flat = {figure: round(value, 4) for figure, value in TABLES[name].flat(data).items()}
    return {**metrics, "metrics": {**metrics.get("metrics", {}), **flat}, "tables": tables}
