"""Run by test_index_faults: additions that die by SIGKILL, at each of their file operations and at random moments.

Each death happens in a fork of its own. Afterwards the library is opened, hashed and compared with what it was, the
addition is run again, and every file must then be byte for byte that of an undisturbed run.
Prints one JSON object: in what state the deaths left the library, and how many operations an addition has.
"""

import json
import random
import shutil
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

from molsearch.index.exact import transaction
from molsearch.index.exact.engine import ExactIndex
from tests.index.samples import WIDTH, batch, batches, rejection
from tests.killing import forked

RANDOM_DEATHS = 12


def addition(folder: Path) -> None:
    """The same addition every time: several segments, joined sources, rejections."""
    transaction.SEGMENT_ROWS = 100
    ExactIndex.open(folder).add([batch(range(300, 400)), batch(range(350, 500))], [rejection(i) for i in range(3)])


def same_files(first: Path, other: Path) -> bool:
    """Whether two folders hold the same names with the same bytes."""
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (first, other)]
    return contents[0] == contents[1]


def main(home: Path) -> None:
    """Kill, look, add again, compare."""
    whole, undisturbed = home / "whole", home / "undisturbed"
    ExactIndex.create(whole, "whole", "m", WIDTH).add(batches(300, 100))
    shutil.copytree(whole, undisturbed)
    started = time.perf_counter()
    operations = forked(partial(addition, undisturbed), undisturbed)
    took_s = time.perf_counter() - started
    known = {ExactIndex.open(whole).info: "old", ExactIndex.open(undisturbed).info: "new"}
    states: Counter[str] = Counter()
    moments = random.Random(0)
    deaths = [(number, None) for number in range(1, operations + 1)]
    deaths += [(0, moments.uniform(0, took_s)) for _ in range(RANDOM_DEATHS)]
    for number, after_s in deaths:
        folder = home / "killed"
        shutil.copytree(whole, folder)
        if forked(partial(addition, folder), folder, number, after_s) != -1 and number:
            raise SystemExit(f"the addition survived operation {number} of {operations}")
        left = ExactIndex.open(folder)
        left.verify()
        states[known[left.info]] += 1
        if known[left.info] == "old":
            addition(folder)
        if not same_files(folder, undisturbed):
            raise SystemExit(f"killed at {number or after_s} and added again, the library differs")
        shutil.rmtree(folder)
    print(json.dumps({"operations": operations, **states}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
