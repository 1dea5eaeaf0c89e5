"""Load the program with many users at once: ``python -m tests.load --threads 20 --seconds 600``.

With ``--browsers`` it is the real server with that many real browser sessions instead.
"""

import argparse
import csv
import sys
import tempfile
from pathlib import Path

from molsearch.settings import PROJECT, Settings
from tests.load.facade import Crowd


def main() -> int:
    """Run the command; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--threads", type=int, default=20, help="Threads at one Screener.")
    parser.add_argument("--browsers", type=int, default=0, help="Browser sessions at one server instead.")
    parser.add_argument("--seconds", type=float, default=60, help="How long.")
    parser.add_argument("--model", default="default", help="Folder in models/.")
    parser.add_argument("--growth", type=float, default=100, help="MiB the second half of the run may grow by.")
    parser.add_argument("--seed", type=int, default=0, help="Of what each does.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="molsearch-load-") as home:
        if given.browsers:
            from tests.load.browsers import visit

            outcome = visit(Path(home), given.browsers, given.seconds)
        else:
            from molsearch.screener import Screener

            screener = Screener(Settings(home=Path(home), model=given.model))
            outcome = Crowd(screener, examples(), given.seed).run(given.threads, given.seconds)
    growth = outcome.memory.growth_mib()
    print(outcome.table())
    print(f"Memory: {outcome.memory.peak_mib:,.0f} MiB at most, {growth:+,.1f} MiB in the second half.")
    print(
        f"Calls that met the library all write just being written: {outcome.waits:,}. Errors: {len(outcome.errors):,}."
    )
    for sentence in outcome.errors[:20]:
        print(sentence, file=sys.stderr)
    return int(bool(outcome.errors) or growth > given.growth)


def examples() -> list[str]:
    """SMILES of the shipped library."""
    with (PROJECT / "data" / "examples.csv").open(encoding="utf-8", newline="") as file:
        return [row["smiles"] for row in csv.DictReader(file)]


if __name__ == "__main__":
    raise SystemExit(main())
