"""The latest answers by key: what is asked for stays, what is not goes, and none is made twice at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from molsearch.cache import LRUCache


def test_the_answer_asked_for_longest_ago_is_let_go() -> None:
    cache: LRUCache[str, int] = LRUCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_an_answer_is_kept_anew_in_place_of_an_older_one() -> None:
    cache: LRUCache[str, int] = LRUCache(2)
    for key, answer in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        cache.put(key, answer)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (3, None, 4)


def test_many_threads_make_a_missing_answer_once() -> None:
    cache: LRUCache[str, int] = LRUCache(2)
    together = threading.Barrier(8)
    makes: list[str] = []

    def make() -> int:
        makes.append("a")
        return len(makes)

    def ask() -> int:
        together.wait(30)
        return cache.made("a", make)

    with ThreadPoolExecutor(8) as threads:
        answers = [thread.result() for thread in [threads.submit(ask) for _ in range(8)]]
    assert (answers, makes) == ([1] * 8, ["a"])


def test_an_answer_whose_making_failed_is_made_at_the_next_asking() -> None:
    cache: LRUCache[str, int] = LRUCache(2)
    with pytest.raises(ZeroDivisionError):
        cache.made("a", lambda: 1 // 0)
    assert cache.made("a", lambda: 1) == 1


def test_outdated_answers_are_let_go() -> None:
    cache: LRUCache[str, int] = LRUCache(3)
    for key in ("aa", "ab", "b"):
        cache.put(key, len(key))
    cache.forget(lambda key: key.startswith("a"))
    assert (cache.get("aa"), cache.get("ab"), cache.get("b")) == (None, None, 1)
