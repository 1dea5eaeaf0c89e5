"""Many threads at one Screener, as the app shares it: no error, no cross-talk, flat memory, and how long it takes.

Every answer is compared with the one the same question got when nobody else was there.
"""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from molsearch.errors import LibraryError
from molsearch.records import Explanation, PropertyRange, Query, Ranking
from molsearch.screener import Screener
from molsearch.workspace.session import SessionScreener
from tests.load.memory import Memory

QUERIES = (
    Query("a carboxylic acid used against pain", k=10),
    Query("an alcohol, without a halogen", k=10),
    Query("an aromatic amine", k=10, smarts="[NX3;H2]c"),
    Query("a lipophilic compound", k=10, ranges=(PropertyRange("mass_da", None, 300.0),)),
    Query("a hydroxy acid like salicylic acid", k=10, reference="OC(=O)c1ccccc1O"),
    Query("a sulfonamide", k=10, smarts="[$(S(=O)(=O)N)]"),
)
EXPLAINED = (("an acid", "CC(=O)O"), ("an aromatic ring", "Cc1ccccc1"), ("an alcohol", "CCO"))
COMMON, GROWING = "common", "growing"
MOST_GROWN = 400  # records of the library that all add to; then whoever comes by deletes it
VARIANTS = 6
RECORDS = 16  # of a small library

T = TypeVar("T")
Answer = tuple[object, ...]


@dataclass
class Outcome:
    """What a run brought.

    Attributes:
        seconds: Of each call, by its name.
        errors: Sentences about what went wrong.
        waits: How often a call met the library that all write being written or deleted, which is a sentence by design.
        memory: Resident memory over time.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    waits: int = 0
    memory: Memory = field(default_factory=Memory)

    def table(self) -> str:
        """Write the latencies of each call as lines of text."""
        lines = [f"{'call':<16} {'calls':>8} {'median ms':>10} {'p95 ms':>10} {'worst ms':>10}"]
        for name, seconds in sorted(self.seconds.items()):
            middle, late, worst = np.percentile(np.array(seconds) * 1000, [50, 95, 100])
            lines.append(f"{name:<16} {len(seconds):>8,} {middle:>10,.1f} {late:>10,.1f} {worst:>10,.1f}")
        return "\n".join(lines)


class Crowd:
    """Threads that search, add, explain and delete.

    Args:
        screener: The one they share.
        molecules: SMILES to make libraries of.
        seed: Of what each thread does.
    """

    def __init__(self, screener: Screener, molecules: Sequence[str], seed: int = 0) -> None:
        self._screener = screener
        self._seed = seed
        self._texts = [
            "\n".join(f"{one} v{variant}-{row}" for row, one in enumerate(molecules[variant::VARIANTS][:RECORDS]))
            for variant in range(VARIANTS)
        ]
        self._outcome = Outcome()
        self._lock = threading.Lock()
        self._end = 0.0
        self._alone = self._ask_alone(molecules)

    def _ask_alone(self, molecules: Sequence[str]) -> Mapping[object, Answer]:
        """Ask everything once while nobody else is there."""
        alone: dict[object, Answer] = {}
        self._screener.libraries()  # embeds the shipped one
        self._store(self._screener, "\n".join(f"{one} c{row}" for row, one in enumerate(molecules)), COMMON)
        for number, query in enumerate(QUERIES):
            alone["common", number] = _hits(self._screener.search(query, COMMON))
        for variant, text in enumerate(self._texts):
            self._store(self._screener, text, "alone")
            for number, query in enumerate(QUERIES):
                alone[variant, number] = _hits(self._screener.search(query, "alone"))
            self._screener.remove("alone")
        for pair in EXPLAINED:
            alone[pair] = _weights(self._screener.explain(*pair))
        return alone

    @staticmethod
    def _store(screener: Screener, text: str, name: str) -> None:
        with screener.read_text(text) as library:
            screener.add(library, name)

    def run(self, threads: int, seconds: float) -> Outcome:
        """Let them work.

        Args:
            threads: How many.
            seconds: How long.
        """
        self._outcome = Outcome()
        self._end = time.monotonic() + seconds
        crowd = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(threads)]
        for one in crowd:
            one.start()
        while any(one.is_alive() for one in crowd) and time.monotonic() < self._end + 120:
            self._outcome.memory.look()
            time.sleep(0.5)
        if stuck := sum(one.is_alive() for one in crowd):
            self._outcome.errors.append(f"{stuck} threads did not end within 120 s after their time.")
        return self._outcome

    def _work(self, number: int) -> None:
        """One thread's life: every second one is a session of the app, whose library has the name that all use."""
        rng = random.Random(self._seed * 1_000 + number)
        session = SessionScreener(self._screener) if number % 2 else None
        screener, own = (session, "mine") if session else (self._screener, f"of thread {number}")
        held: int | None = None
        try:
            while time.monotonic() < self._end:
                held = self._step(screener, own, held, rng)
        except Exception as error:  # whatever it is, the run has failed and says with what
            self._failed(f"thread {number}: {type(error).__name__}: {error}")
        finally:
            if session:
                session.close()

    def _step(self, screener: Screener, own: str, held: int | None, rng: random.Random) -> int | None:
        """Do one thing; returns which variant the thread's own library holds now."""
        deed = rng.choices(("search", "own", "explain", "narrow", "list", "grow"), (8, 6, 1, 2, 1, 1))[0]
        number = rng.randrange(len(QUERIES))
        if deed == "search":
            found = self._timed("search", lambda: screener.search(QUERIES[number], COMMON))
            self._same(("common", number), _hits(found))
        elif deed == "explain":
            pair = rng.choice(EXPLAINED)
            self._same(pair, _weights(self._timed("explain", lambda: screener.explain(*pair))))
        elif deed == "narrow":
            told = self._timed("narrow", lambda: screener.narrow(QUERIES[number], COMMON))
            if told.left < len(self._alone["common", number]):
                self._failed(f"narrowing left {told.left} of {COMMON}, fewer than its hits")
        elif deed == "list":
            names = {info.name for info in self._timed("list", screener.libraries)}
            if (own in names) is (held is None) or COMMON not in names:
                self._failed(f"the list of libraries is wrong: {sorted(names)}, and {own!r} should be {held}")
        elif deed == "grow":
            self._grow(rng)
        elif held is None:
            held = rng.randrange(VARIANTS)
            self._timed("add", lambda: self._store(screener, self._texts[held], own))  # type: ignore[index]
        elif rng.random() < 0.7:
            self._same((held, number), _hits(self._timed("search own", lambda: screener.search(QUERIES[number], own))))
        else:
            self._timed("remove", lambda: screener.remove(own))
            held = None
        return held

    def _grow(self, rng: random.Random) -> None:
        """Add to the library that all add to, and delete it once it is large."""
        text = self._texts[rng.randrange(VARIANTS)]
        try:
            self._timed("grow", lambda: self._store(self._screener, text, GROWING))
            if next(one.records for one in self._screener.libraries() if one.name == GROWING) > MOST_GROWN:
                self._screener.remove(GROWING)
        except (LibraryError, StopIteration):
            with self._lock:
                self._outcome.waits += 1

    def _timed(self, name: str, call: Callable[[], T]) -> T:
        started = time.monotonic()
        try:
            return call()
        finally:
            with self._lock:
                self._outcome.seconds[name].append(time.monotonic() - started)

    def _same(self, question: object, answer: Answer) -> None:
        if answer != self._alone[question]:
            self._failed(f"another answer than alone to {question}: {answer[:2]}, expected {self._alone[question][:2]}")

    def _failed(self, sentence: str) -> None:
        with self._lock:
            self._outcome.errors.append(sentence)


def _hits(ranking: Ranking) -> Answer:
    return tuple((hit.rank, hit.molecule.key, hit.molecule.name, hit.score, hit.percentile) for hit in ranking.hits)


def _weights(found: Explanation) -> Answer:
    return (found.score, *(word.weight for word in found.words), *found.atoms)
