"""What is read in a text, and how texts and molecules rank, is what it was: the gate of each change that moves code."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from molsearch.screener import Screener
from molsearch.settings import Settings
from tests.golden.readings import (
    CAPTIONS,
    QUERIES,
    RANKS,
    captions,
    digest,
    encoded_together,
    rank_lines,
    reading,
    shipped_queries,
    written,
)

LOTS = 8  # tests among which the texts are dealt, so that several processes share them


@pytest.fixture(scope="module")
def screener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screener]:
    """The shipped model over the shipped examples."""
    yield Screener(Settings(home=tmp_path_factory.mktemp("golden")))


def test_every_shipped_query_has_its_line() -> None:
    texts = [json.loads(line)["text"] for line in QUERIES.read_text(encoding="utf-8").splitlines()]
    assert texts == shipped_queries()


@pytest.mark.slow
@pytest.mark.parametrize("lot", range(LOTS))
def test_shipped_queries_are_read_as_before(screener: Screener, lot: int) -> None:
    lines = QUERIES.read_text(encoding="utf-8").splitlines()[lot::LOTS]
    texts = shipped_queries()[lot::LOTS]
    with encoded_together(screener, texts):
        now = [written(text, reading(screener, text)) for text in texts]
    assert [line for line in now if line not in lines] == []


@pytest.mark.slow
@pytest.mark.parametrize("lot", range(LOTS))
def test_captions_are_read_as_before(screener: Screener, shared: Path, lot: int) -> None:
    lines = CAPTIONS.read_text(encoding="utf-8").splitlines()[lot::LOTS]
    some = dict(list(captions(shared).items())[lot::LOTS])
    with encoded_together(screener, list(some.values())):
        now = [f"{key}\t{digest(reading(screener, text))}" for key, text in some.items()]
    assert now == lines


@pytest.mark.slow
def test_captions_and_molecules_rank_as_before(screener: Screener, shared: Path) -> None:
    """Every rank is the same. Scores may differ in their last bits on another processor, and with them a tie or two."""
    before = [line.split("\t") for line in RANKS.read_text(encoding="utf-8").splitlines()]
    now = [line.split("\t") for line in rank_lines(screener, shared)]
    assert [line[0] for line in now] == [line[0] for line in before]
    moved = [(old, new) for old, new in zip(before, now, strict=True) if old[1:4] != new[1:4]]
    same_bits = all(old[4] == new[4] for old, new in zip(before, now, strict=True))
    assert len(moved) <= (0 if same_bits else len(before) // 50)
    for old, new in zip(before, now, strict=True):
        assert float.fromhex(new[4]) == pytest.approx(float.fromhex(old[4]), abs=1e-4)
