"""How long one query takes on its way from words to a vector, step by step, each query new to the program."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from molsearch.chem.io.pairs import read_pairs
from molsearch.errors import InputError
from molsearch.evaluation.short_queries import queries
from molsearch.model.dual import DualEncoder
from molsearch.model.grounding import ground, read_texts
from molsearch.query.constraints import read_constraints

T = TypeVar("T")

CAPTIONS = 200  # captions timed
OPEN_QUERIES = ("class_queries_open.tsv", "property_queries_open.tsv")
SHORT, LONG = "open short queries", "captions"

WARM = 20  # queries asked before the clock counts: Java, OPSIN's grammar and the class table load with the first


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one step took.

    Attributes:
        queries: Texts timed, each once.
        median_ms: Median milliseconds.
        p95_ms: 95th percentile.
    """

    queries: int
    median_ms: float
    p95_ms: float


def query_latencies(
    model: DualEncoder, evaluation: Path, captions: Path | None = None, text_column: str = "text", seed: int = 0
) -> dict[str, dict[str, Latency]]:
    """Time the open short queries that ship and, where a file is given, CAPTIONS of its captions.

    Args:
        model: The model.
        evaluation: Folder of the query files, data/eval.
        captions: A pair file.
        text_column: Its column of captions.
        seed: Of the draw of captions.

    Raises:
        InputError: If a file cannot be read or holds too few texts.
    """
    short = [query for name in OPEN_QUERIES for query in queries(evaluation / name)]
    steps = {SHORT: latencies(model, short)}
    if captions is not None:
        texts = list(dict.fromkeys(row.text for row in read_pairs(captions, text_column).rows if not row.empty))
        drawn = np.random.default_rng(seed).permutation(len(texts))[: CAPTIONS + WARM]
        steps[LONG] = latencies(model, [texts[number] for number in drawn])
    return steps


def latencies(model: DualEncoder, texts: Sequence[str]) -> dict[str, Latency]:
    """Time the steps of encoding each text alone; the first WARM, or a tenth of a shorter list, only warm up.

    Args:
        model: The model.
        texts: Distinct queries, so that nothing kept from one speeds up another.

    Returns:
        "grounding": names to structures and classes, exact names and what follows from them, and what can be computed;
        "encoding": words and structures through the network; "both": all that a search reads in a text.

    Raises:
        InputError: If there are fewer than two texts.
    """
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < 2:
        raise InputError(f"Timing needs 2 different texts or more, got {len(distinct)}; give more.")
    warm = min(WARM, max(1, len(distinct) // 10))
    laps = [_lap(model, text) for text in distinct][warm:]
    steps = {name: [lap[n] for lap in laps] for n, name in enumerate(("grounding", "encoding"))}
    return {name: _latency(took) for name, took in (*steps.items(), ("both", [sum(lap) for lap in laps]))}


def _lap(model: DualEncoder, text: str) -> tuple[float, float]:
    readings, reading_s = _timed(lambda: read_texts([text], model.lexicon))
    (grounded, store), graphs_s = _timed(lambda: ground(readings))
    _, encoding_s = _timed(lambda: model.vectors_of_texts(grounded, store))
    _, names_s = _timed(lambda: model.named_structures(text))
    _, constraints_s = _timed(lambda: read_constraints([text], model.lexicon, roles=model.role_names))
    return reading_s + graphs_s + names_s + constraints_s, encoding_s


def _latency(took_s: Sequence[float]) -> Latency:
    median, p95 = 1000 * np.quantile(took_s, [0.5, 0.95])
    return Latency(len(took_s), float(median), float(p95))


def _timed(step: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = step()
    return result, time.perf_counter() - start
