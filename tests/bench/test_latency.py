"""Times of one query: what is timed and how it is counted, never how fast."""

from pathlib import Path

import pytest

from molsearch.bench.latency import OPEN_QUERIES, latencies, query_latencies
from molsearch.errors import InputError
from molsearch.model.dual import DualEncoder
from molsearch.settings import Settings


def test_every_step_of_every_text_but_the_first_is_counted(tiny_model: DualEncoder) -> None:
    told = latencies(tiny_model, [f"alcohol number {n}" for n in range(30)])
    assert list(told) == ["grounding", "encoding", "both"]
    assert {one.queries for one in told.values()} == {27}
    assert all(0 < one.median_ms <= one.p95_ms for one in told.values())
    assert told["both"].median_ms >= max(told["grounding"].median_ms, told["encoding"].median_ms)


def test_a_text_asked_twice_is_timed_once(tiny_model: DualEncoder) -> None:
    assert latencies(tiny_model, ["a", "b", "a", "b", "c"])["both"].queries == 2


def test_one_text_is_too_few(tiny_model: DualEncoder) -> None:
    with pytest.raises(InputError, match="2 different texts or more, got 1"):
        latencies(tiny_model, ["a", "a"])


def test_the_open_queries_are_timed_and_captions_where_given(tiny_model: DualEncoder, tmp_path: Path) -> None:
    folder = tmp_path / "eval"
    folder.mkdir()
    for name in ("class", "property"):
        (folder / f"{name}_queries_open.tsv").write_text(f"query\n{name} one\n{name} two\n")
    (tmp_path / "c.tsv").write_text("smiles\ttext\nC\ta gas\nCC\tanother gas\nCCC\t\n")
    told = query_latencies(tiny_model, folder, tmp_path / "c.tsv")
    assert {kind: steps["both"].queries for kind, steps in told.items()} == {"open short queries": 3, "captions": 1}
    assert list(query_latencies(tiny_model, folder)) == ["open short queries"]


def test_the_open_queries_ship() -> None:
    assert {path.name for path in (Settings().data / "eval").glob("*_open.tsv")} == set(OPEN_QUERIES)
