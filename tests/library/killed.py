"""Run by test_addition: additions of a library that die by SIGKILL, at their file operations and at random moments.

Each death happens in a fork of its own; then the addition is gone on with, in another fork that may be killed as well.
In the end every file must be byte for byte that of an undisturbed addition, but for the time of making in the manifest.
Prints one JSON object: how many deaths there were, and how many batches they left to go on from.
"""

import json
import random
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from molsearch.bench.enumeration import enumerated
from molsearch.bench.faults import contents
from molsearch.screener import Screener
from molsearch.settings import Settings
from tests.killing import forked

MOLECULES, BATCH = 60, 4
OPERATIONS, MOMENTS = 12, 8  # deaths of either kind
EARLY = 20  # what is gone on with dies again before so many operations


def text() -> str:
    """SMILES with repeats that are merged and lines that are rejected."""
    lines = [f"{smiles} m{number}" for number, smiles in enumerate(enumerated(MOLECULES, seed=5))]
    return "\n".join([*lines, "C1CC broken", *lines[::7], "not a molecule"])


def addition(screener: Screener, name: str, resume: bool) -> None:
    """Add the same records every time."""
    with screener.read_text(TEXT) as library:
        screener.add(library, name, resume=resume)


def main(home: Path, models: Path) -> None:
    """Add undisturbed, then kill, go on, kill again, go on, compare."""
    torch.set_num_threads(1)  # a fork has none of its parent's other threads
    (home / "data").mkdir()
    settings = Settings(home=home, models=models, model="default", data=home / "data", batch_molecules=BATCH)
    screener = Screener(replace(settings, record_timeout_s=0))
    with screener.read_text("CCO") as library:
        screener.add(library, "warm")  # so that no fork has to compile the tables of classes

    def added(name: str, resume: bool, die_at: int = 0, die_after_s: float | None = None) -> int:
        return forked(partial(addition, screener, name, resume), settings.libraries, die_at, die_after_s)

    started = time.perf_counter()
    operations = added("whole", resume=False)
    took_s = time.perf_counter() - started
    whole = contents(settings.libraries / "whole")
    chance = random.Random(0)
    deaths = [(operation, None) for operation in chance.sample(range(1, operations + 1), OPERATIONS - 2)]
    deaths += [(operations - 1, None), (operations, None)]  # the library is stored by then, the journal still tells no
    deaths += [(0, chance.uniform(0, took_s)) for _ in range(MOMENTS)]
    found = {"operations": operations, "deaths": 0, "gone on": 0}
    for number, (operation, after_s) in enumerate(deaths):
        name = f"killed {number}"
        found["deaths"] += added(name, False, operation, after_s) == -1
        with screener.read_text(TEXT) as library:
            found["gone on"] += screener.interrupted(library, name) is not None
        found["deaths"] += added(name, True, chance.randrange(1, EARLY)) == -1
        added(name, True)
        if number % 4 == 0:
            added(name, True)  # once more than needed: it is stored already
        if contents(settings.libraries / name.replace(" ", "%20")) != whole:
            raise SystemExit(f"killed at {operation or after_s} and gone on with, the library differs")
    print(json.dumps(found))


if __name__ == "__main__":
    TEXT = text()
    main(Path(sys.argv[1]), Path(sys.argv[2]))
