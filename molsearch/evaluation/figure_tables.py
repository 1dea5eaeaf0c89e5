"""Measured figures as text: ``metrics.json`` of a model folder, and the tables that README and model card show of it.

A document holds a table between ``<!-- figures: NAME -->`` and ``<!-- /figures -->``; what stands between is written
from ``metrics.json`` and from nothing else, so that the two cannot disagree.
"""

import json
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molsearch.errors import InputError

Data = Mapping[str, Any]

_BLOCK = re.compile(r"(<!-- figures: (?P<name>[a-z ]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
_WAYS = {"text_to_molecule": "text → molecule", "molecule_to_text": "molecule → text"}
_HITS = ("hits@1", "hits@10", "hits@20", "mrr", "mean_rank")
_HEAD = ("Hits@1 (95 %)", "Hits@10", "Hits@20", "MRR", "mean rank")


@dataclass(frozen=True, slots=True)
class FigureTable:
    """How the figures of one protocol are shown.

    Attributes:
        title: What it shows, in half a sentence.
        render: Writes the rows in Markdown.
        flat: Names each figure for the model card; {} where the table alone shows them.
    """

    title: str
    render: Callable[[Data], str]
    flat: Callable[[Data], dict[str, float]] = lambda data: {}


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; a bar inside a cell stays a bar."""
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (columns, *rows)]
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, "|" + "---|" * len(columns), *body])


def _span(interval: Sequence[float], digits: int = 1) -> str:
    low, high = interval
    return f"({low:.{digits}f}–{high:.{digits}f})"


def _direction(found: Data) -> list[str]:
    """Write a dictionary of ``evaluate.direction`` as cells."""
    best = f"**{found['hits@1']:.1f}** {_span(found['hits@1_interval'])}"
    rank = f"{found['mean_rank']:.1f}" if found["mean_rank"] < 10 else f"{found['mean_rank']:,.0f}"
    return [best, *(f"{found[name]:.1f}" for name in _HITS[1:-1]), rank]


# --- retrieval and its slices ---------------------------------------------------------------------------------------


def _pools(data: Data, one: Data, way: str) -> str:
    return f"{data['pool'] if way == 'text_to_molecule' else one['n']:,}"


def _retrieval(data: Data) -> str:
    rows = [
        [text if name == "all" else f"{text}, {name}", _WAYS[way], _pools(data, one, way), *_direction(one[way])]
        for name in ("all", "exact names off")
        for text, slices in data["texts"].items()
        for one in (slices[name],)
        for way in _WAYS
    ]
    return markdown(["validation text", "direction", "pool", *_HEAD], rows)


def _retrieval_flat(data: Data) -> dict[str, float]:
    return {
        f"ChEBI-20 val, {text}{'' if name == 'all' else ', ' + name}, {way} {metric}": slices[name][way][metric]
        for name in ("all", "exact names off")
        for text, slices in data["texts"].items()
        for way in _WAYS
        for metric in _HITS
    }


def _slices(data: Data) -> str:
    rows = []
    for text, slices in data["texts"].items():
        for name, one in slices.items():
            cells = _direction(one["text_to_molecule"]) if one["n"] else ["–"] * len(_HEAD)
            rows.append([text, name, f"{one['n']:,}", *cells])
    return markdown(["validation text", "rows", "n", *_HEAD], rows)


def _baselines(data: Data) -> str:
    rows = []
    for text, systems in data["texts"].items():
        for name, one in systems.items():
            gap = one.get("behind")
            behind = f"{gap['difference']:+.1f} {_span(gap['interval'])}" if gap else "–"
            rows.append([text, name, *_direction(one["text_to_molecule"]), behind])
    return markdown(["validation text", "system", *_HEAD, "Hits@1 against the model (95 %)"], rows)


# --- queries, roles, PCdes ------------------------------------------------------------------------------------------


def _queries(data: Data) -> str:
    rows = [
        [name, str(one["queries"]), f"{one['precision@20']:.1f} %", f"{one['auroc']:.3f}"]
        for name, one in data["files"].items()
    ]
    return markdown(["queries", "counted", "mean precision@20", "mean AUROC"], rows)


def _queries_flat(data: Data) -> dict[str, float]:
    return {
        f"queries, {name}, {shown}": one[key]
        for name, one in data["files"].items()
        for key, shown in (("precision@20", "precision@20"), ("auroc", "AUROC"))
    }


def _roles(data: Data) -> str:
    cells = [f"{data['queries']}", f"{data['pool']:,}", f"{data['auroc']:.3f} {_span(data['auroc_interval'], 3)}"]
    gain = f"{data['enrichment@1%']:.1f}× {_span(data['enrichment@1%_interval'])}"
    head = ["roles", "molecules", "mean AUROC (95 %)", "mean enrichment at 1 % (95 %)", "best possible"]
    return markdown(head, [[*cells, gain, f"{data['enrichment@1%_best']:.0f}×"]])


def _roles_flat(data: Data) -> dict[str, float]:
    return {"roles, AUROC": data["auroc"], "roles, enrichment at 1 %": data["enrichment@1%"]}


def _pcdes(data: Data) -> str:
    rows = [
        [name, _WAYS[way], f"{one['pool']:,}", f"{one[way]['accuracy']:.1f} %", f"{one[way]['recall@20']:.1f} %"]
        for name, one in data["models"].items()
        for way in _WAYS
    ]
    return markdown(["trained on", "direction", "pool", "accuracy in batches of 64", "Recall@20"], rows)


def _pcdes_flat(data: Data) -> dict[str, float]:
    shipped = next(iter(data["models"].values()))
    return {f"PCdes val, {way} {name}": shipped[way][name] for way in _WAYS for name in ("accuracy", "recall@20")}


# --- misses, explanations, times, learning curve ---------------------------------------------------------------------


def _misses(data: Data) -> str:
    rows = []
    for kind, one in data["kinds"].items():
        pairs = "; ".join(f"`{truth}` → `{first}`" for truth, first in one["examples"])
        rows.append([kind, str(one["count"]), f"{one['share']:.0f} %", f"{one['median_rank']:g}", pairs])
    head = ["what stands first", "misses", "share", "median true rank", "examples (truth → first)"]
    return markdown(head, rows)


def _explanations(data: Data) -> str:
    rows = []
    for unit in ("atoms", "words"):
        one = data[unit]
        falls = [f"{one[name]['mean']:.3f}" for name in ("top", "random", "least")]
        gap = one["top_minus_random"]
        more = f"**{gap['mean']:+.3f}** {_span(gap['interval'], 3)}"
        often = f"{one['top_beats_random']:.0f} %"
        rows.append([unit, str(one["pairs"]), f"{one['deleted']:.1f}", *falls, more, often])
    head = ["deleted", "pairs", "how many", "the top ones", "random ones", "the least ones"]
    return markdown([*head, "top against random (95 %)", "top falls further"], rows)


def _explanations_flat(data: Data) -> dict[str, float]:
    return {
        f"explanations, {unit}, fall of the cosine, top against random": data[unit]["top_minus_random"]["mean"]
        for unit in ("atoms", "words")
    }


def _times(data: Data) -> str:
    rows = [
        [kind, str(steps["both"]["queries"]), *(_time(steps[step]) for step in ("grounding", "encoding", "both"))]
        for kind, steps in data["kinds"].items()
    ]
    return markdown(["queries", "timed", "grounding", "encoding", "both"], rows)


def _time(one: Data) -> str:
    return f"{one['median_ms']:.0f} ms ({one['p95_ms']:.0f} ms)"


def _curve(data: Data) -> str:
    rows = [
        [f"{p['share']:g}", f"{p['captions']:,}", f"{p['molecules']:,}", *_curve_cells(p, data["columns"])]
        for p in data["points"]
    ]
    guess = [f"{one['predicted']:.1f} {_span(one['interval'])}" for one in data["fits"].values()]
    rows.append(["extrapolated", "–", f"{data['whole']:,}", *guess])
    return markdown(["share", "captions", "ChEBI-20 molecules", *(f"Hits@1, {name}" for name in data["columns"])], rows)


def _curve_cells(point: Data, columns: Sequence[str]) -> list[str]:
    return [f"{point['hits'][name]:.1f} {_span(point['interval'][name])}" for name in columns]


def _ablation(data: Data) -> str:
    rows = []
    for name, trials in data["rows"].items():
        told = [_mean([trial[metric] for trial in trials]) for metric in ("hits@1", "hits@10", "mrr", "mean_rank")]
        rows.append([name, str(len(trials)), *told])
    return markdown(["losses and projector", "seeds", "Hits@1", "Hits@10", "MRR", "mean rank"], rows)


def _mean(values: Sequence[float]) -> str:
    """Write the mean over seeds, and the standard deviation where there are several."""
    mean = f"{statistics.mean(values):,.1f}"
    return f"{mean} ± {statistics.stdev(values):,.1f}" if len(values) > 1 else mean


#: What can be shown, in the order in which it is measured.
TABLES: Mapping[str, FigureTable] = {
    "retrieval": FigureTable("retrieval on the ChEBI-20 validation split", _retrieval, _retrieval_flat),
    "slices": FigureTable("text → molecule on the harder parts of it", _slices),
    "baselines": FigureTable("baselines on the same pool and rows", _baselines),
    "misses": FigureTable("a random sample of misses by what stands first", _misses),
    "roles": FigureTable('role queries such as "an antibacterial agent"', _roles, _roles_flat),
    "pcdes": FigureTable("PCdes validation split", _pcdes, _pcdes_flat),
    "queries": FigureTable("short queries with a computed truth", _queries, _queries_flat),
    "explanations": FigureTable("explanations put to the test by deletion", _explanations, _explanations_flat),
    "times": FigureTable("times of one query, median (95th percentile)", _times),
    "learning curve": FigureTable("what more training captions would give", _curve),
    "ablation": FigureTable("what each loss and the memory bank are worth", _ablation),
}


def render(name: str, data: Data) -> str:
    """Write a table in Markdown, with the day and the machine it was measured on below."""
    below = ", ".join(part for part in (data["date"], data["machine"], data.get("note", "")) if part)
    more = f" {data['below']}" if data.get("below") else ""
    return f"\n{TABLES[name].render(data)}\n\nMeasured {below}.{more}\n\n"


def rewrite(text: str, tables: Mapping[str, Data]) -> str:
    """Write every marked table of a document anew; one that was never measured stays as it is.

    Raises:
        InputError: If a marker names no table.
    """

    def block(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in TABLES:
            raise InputError(f"A marker names the table {name!r}; expected one of {', '.join(TABLES)}. Correct it.")
        return f"{found[1]}{render(name, tables[name])}{found[3]}" if name in tables else found[0]

    return _BLOCK.sub(block, text)


def marked(text: str) -> tuple[str, ...]:
    """List the tables that a document holds, in order."""
    return tuple(found["name"] for found in _BLOCK.finditer(text))


def read_metrics(path: Path) -> dict[str, Any]:
    """Read a ``metrics.json``; {} where there is none yet.

    Raises:
        InputError: If it is damaged.
    """
    if not path.is_file():
        return {}
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} cannot be read: {error}; restore or remove it.") from error
    if not isinstance(table, dict):
        raise InputError(f"{path} holds a {type(table).__name__}, expected an object; restore or remove it.")
    return table


def with_table(metrics: Data, name: str, data: Data) -> dict[str, Any]:
    """Put the figures of one table in, in the form that a model folder keeps; other tables stay.

    ``metrics`` holds a name and a number for each figure, as the model card reads it; ``tables`` what the tables show.
    """
    tables = {**metrics.get("tables", {}), name: data}
    tables = {known: tables[known] for known in TABLES if known in tables}
    flat = {figure: round(value, 4) for figure, value in TABLES[name].flat(data).items()}
    return {**metrics, "metrics": {**metrics.get("metrics", {}), **flat}, "tables": tables}
