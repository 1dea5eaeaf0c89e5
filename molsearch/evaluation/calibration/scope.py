"""Fit when a query counts as out of scope on one half of some texts, and measure it on the other.

Shapes: Q texts, C captions of the query bank, D width.
"""

import csv
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from molsearch.analysis.concepts import shipped_concepts
from molsearch.errors import InputError
from molsearch.model.dual import DualEncoder
from molsearch.search.calibration import ScopeFigure
from molsearch.search.scope import ScopeRule, columns, nearness, read_words, vocabulary_of

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]

OFF_TOPIC = "off-topic texts"
#: Files of ``data/eval`` by the kind of their texts, with the column that holds them.
FILES: Mapping[str, tuple[str, str]] = {
    "class queries": ("class_queries_open.tsv", "query"),
    "property queries": ("property_queries_open.tsv", "query"),
    OFF_TOPIC: ("off_topic.tsv", "text"),
}
MOST_CAPTIONS = 1000  # reading words costs more than their number adds
FALSE_ALARMS = 0.05  # share of the short texts in scope, of the half that is fitted on, that may be warned of
DIGITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class QueryGroup:
    """Texts of one kind: what a rule sees of each, (Q, 3), and which are fitted on, (Q,)."""

    name: str
    off_topic: bool
    seen: Floats
    fitted: Bools


def read_texts(path: Path, column: str) -> list[str]:
    """Read a column of a tab-separated file without quoting, each text once.

    Raises:
        InputError: If the file cannot be read or lacks the column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, dialect=csv.excel_tab, quoting=csv.QUOTE_NONE))
            return list(dict.fromkeys(row[column] for row in rows))
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read for its column {column!r}: {error}; give the data folder.") from error


def fit(
    model: DualEncoder, bank: Floats, captions: Sequence[str], fitted: Bools, queries: Path
) -> tuple[ScopeRule, tuple[ScopeFigure, ...]]:
    """Fit the rule and count what it warns of in the half that it was not fitted on.

    Args:
        model: The model.
        bank: Its query bank, (C, D).
        captions: Captions that it was not trained on, (Q,).
        fitted: Which of them belong to the half that is fitted on, (Q,).
        queries: Folder of the short and off-topic texts.

    Raises:
        InputError: If a file cannot be read.
    """
    groups = [QueryGroup("captions", False, _seen(model, bank, captions[:MOST_CAPTIONS]), fitted[:MOST_CAPTIONS])]
    for name, texts in texts_of(queries).items():
        groups.append(QueryGroup(name, name == OFF_TOPIC, _seen(model, bank, texts), _half(texts)))
    groups = [group for group in groups if group.fitted.any()]
    rule = fit_rule(groups)
    return rule, tuple(_figure(rule, group) for group in groups)


def texts_of(queries: Path) -> dict[str, list[str]]:
    """Return the short texts by their kind: those of FILES, and the phrases of the concept list."""
    texts = {"concept phrases": [concept.sentence for concept in shipped_concepts()]}
    return texts | {kind: read_texts(queries / file, column) for kind, (file, column) in FILES.items()}


def _half(texts: Sequence[str]) -> Bools:
    """Choose a half of the texts by their hash, so that a new text moves no other."""
    return np.array([zlib.crc32(text.encode()) % 2 == 0 for text in texts])


def _seen(model: DualEncoder, bank: Floats, texts: Sequence[str]) -> Floats:
    near = nearness(model.encode_texts(texts), bank)
    wordings = read_words(texts, vocabulary_of(model), model.lexicon, model.role_names)
    return np.column_stack([near, *columns(wordings)])


def fit_rule(groups: Sequence[QueryGroup]) -> ScopeRule:
    """Fit a logistic rule in which off-topic texts and all others weigh the same, and so do the groups among those.

    The threshold then lets FALSE_ALARMS of the short texts in scope through, captions being far from it.
    """
    inside = sum(not group.off_topic for group in groups)
    seen = np.concatenate([group.seen[group.fitted] for group in groups])
    weights = [(1.0 if group.off_topic else 1.0 / inside) / group.fitted.sum() for group in groups]
    weight = np.concatenate([np.full(group.fitted.sum(), each) for group, each in zip(groups, weights, strict=True)])
    off_topic = np.concatenate([np.full(group.fitted.sum(), group.off_topic) for group in groups])
    spread = np.maximum(seen.std(0), 1e-6)
    model = LogisticRegression(C=1.0).fit(seen / spread, off_topic, weight * len(weight) / weight.sum())
    near, unread, chemistry = (round(float(value), DIGITS) for value in model.coef_[0] / spread)
    open_rule = ScopeRule(round(float(model.intercept_[0]), DIGITS), near, unread, chemistry, 0.0)
    short = [group.seen[group.fitted] for group in groups if not group.off_topic and group.name != "captions"]
    values = open_rule.value(*np.concatenate(short).T)
    return replace(open_rule, threshold=round(float(np.quantile(values, 1 - FALSE_ALARMS)), DIGITS))


def _figure(rule: ScopeRule, group: QueryGroup) -> ScopeFigure:
    held = group.seen[~group.fitted]
    return ScopeFigure(group.name, group.off_topic, len(held), int(rule.outside(*held.T).sum()))
