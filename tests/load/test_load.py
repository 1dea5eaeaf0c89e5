"""The small form of ``python -m tests.load``: a crowd at one Screener, each answer as it is without the crowd."""

from dataclasses import replace
from pathlib import Path

import pytest

from molsearch.screener import Screener
from molsearch.settings import Settings
from tests.load.__main__ import examples
from tests.load.facade import Crowd
from tests.load.memory import Memory

pytestmark = pytest.mark.slow


def test_a_crowd_gets_the_answers_that_each_gets_alone(tmp_path: Path, tiny_models: Path) -> None:
    settings = replace(Settings(home=tmp_path, models=tiny_models, model="default"), data=tmp_path / "no examples")
    outcome = Crowd(Screener(settings), examples()[:60]).run(threads=10, seconds=10)
    assert outcome.errors == []
    assert sum(map(len, outcome.seconds.values())) > 10
    assert outcome.memory.growth_mib() < 300


def test_another_answer_than_alone_is_seen(tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(Settings(home=tmp_path, models=tiny_models, model="default"), data=tmp_path / "no examples")
    crowd = Crowd(Screener(settings), examples()[:20])
    search = Screener.search
    monkeypatch.setattr(
        Screener, "search", lambda self, query, *rest: search(self, replace(query, text="something else"), *rest)
    )
    assert "another answer than alone" in crowd.run(threads=2, seconds=3).errors[0]


def test_memory_that_grows_is_told_by_the_second_half_of_the_samples() -> None:
    memory = Memory()
    memory._times, memory._mib = [0.0, 1, 2, 3, 4, 5], [100.0, 200, 300, 300, 310, 320]
    assert memory.growth_mib() == pytest.approx(20)
    assert memory.peak_mib == 320
