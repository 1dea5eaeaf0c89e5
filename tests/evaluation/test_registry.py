"""The registry: every row leads to a file that holds what the row promises, and the command lists them in order."""

from importlib import import_module
from pathlib import Path

import pytest

from molsearch.errors import InputError
from molsearch.evaluation.registry import CHOICES, PROTOCOLS, TABLES, Protocol, Request, users_of

NAMES = [protocol.name for protocol in PROTOCOLS]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=NAMES)
def test_a_file_holds_what_its_row_promises(protocol: Protocol) -> None:
    module = import_module(f"molsearch.evaluation.{protocol.file}")
    assert hasattr(module, "measure") == bool(protocol.choice)
    assert hasattr(module, "figures") == hasattr(module, "table") == bool(protocol.title)
    assert protocol.title or protocol.choice


def test_names_are_given_once() -> None:
    assert len(set(NAMES)) == len({protocol.file for protocol in PROTOCOLS}) == len(PROTOCOLS)
    assert list(CHOICES) == [
        *("pool", "pcdes", "queries", "roles", "baselines", "misses"),
        *("concepts", "calibration", "explanations", "reranker"),
    ]
    assert list(TABLES) == [
        *("retrieval", "slices", "baselines", "misses", "roles", "pcdes", "queries"),
        *("explanations", "times", "learning curve", "ablation"),
    ]


def test_an_option_is_told_with_those_who_use_it() -> None:
    assert users_of("--sample") == ["explanations", "reranker"]
    assert users_of("--training-pairs") == ["baselines", "pool"]


def test_a_request_gives_one_pool_or_says_why_not() -> None:
    with pytest.raises(InputError, match="no pool to rank"):
        Request(Path("x")).pool()
    with pytest.raises(InputError, match="ranks one pool, got 2"):
        Request(Path("x"), pools=(Path("a"), Path("b"))).pool()
    assert Request(Path("x"), pools=(Path("a"),)).pool() == Path("a")
