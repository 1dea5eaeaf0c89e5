"""Answers that are kept for a while: the latest by key, at most so many, for many threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class LRUCache(Generic[K, T]):
    """The answers last asked for; many threads may use one cache.

    Args:
        most: How many are kept; beyond it the one asked for longest ago is let go.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._answers: OrderedDict[K, T] = OrderedDict()

    def get(self, key: K) -> T | None:
        """Return an answer, which counts as asked for; None where it is not kept."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def put(self, key: K, answer: T) -> None:
        """Keep an answer, in place of an older one of its key."""
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)

    def made(self, key: K, make: Callable[[], T]) -> T:
        """Return an answer, made where it is missing; of many threads one makes at a time."""
        answer = self.get(key)
        if answer is None:
            with self._making:
                answer = self.get(key)
                if answer is None:
                    answer = make()
                    self.put(key, answer)
        return answer

    def forget(self, outdated: Callable[[K], bool]) -> None:
        """Let go of the answers whose keys are outdated."""
        with self._lock:
            for key in [key for key in self._answers if outdated(key)]:
                del self._answers[key]
