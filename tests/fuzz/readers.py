"""Fuzz the readers for as long as wanted: ``python -m tests.fuzz.readers --seconds 60 --format sdf``.

With atheris (``pip install atheris==3.0.0``, Python 3.11) the search follows coverage of the project's code and what is
learned is kept in ``--corpus``; without it, or with ``--plain``, real files are damaged at random. The first case that
breaks a rule ends the run, and its bytes are written beside the message.
"""

import argparse
import contextlib
import hashlib
import importlib
import importlib.util
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tests.fuzz.targets as plain_targets
from tests.fuzz.mutations import KINDS, Damage, damaged

FOLLOWED = (
    "molsearch.chem.io.streams",
    "molsearch.chem.io.formats",
    "molsearch.chem.io.delimited",
    "molsearch.chem.io.columns",
    "molsearch.chem.io.cells",
    "molsearch.chem.io.tables",
    "molsearch.chem.io.sdf",
    "molsearch.chem.io.chunks",
    "molsearch.chem.io.pairs",
    "molsearch.chem.structures",
    "molsearch.serialization",
    "molsearch.workspace.basket",
    "molsearch.report.run_file",
    "molsearch.search.calibration",
    "molsearch.index.exact.manifest",
    "molsearch.index.naming",
    "molsearch.index.exact.record_table",
    "molsearch.pages.permalink",
    "molsearch.training.recipe",
    "molsearch.model.config",
    "molsearch.model.folder",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where a case broke a rule."""
    given = _parser().parse_args(arguments)
    names = given.format or sorted(plain_targets.TARGETS)
    if not given.plain and importlib.util.find_spec("atheris") is not None:
        if len(names) > 1:
            print("Coverage is followed for one format at a time: give --format. Damaging files at random instead.")
        else:
            return _followed(names[0], given.seconds, given.corpus)
    return _at_random(names, given.seconds, given.seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.readers", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="How long.")
    parser.add_argument("--format", action="append", choices=sorted(plain_targets.TARGETS), help="May be repeated.")
    parser.add_argument("--seed", type=int, default=0, help="Of the random damage.")
    parser.add_argument("--plain", action="store_true", help="Damage at random although atheris is installed.")
    parser.add_argument("--corpus", type=Path, default=None, help="Folder where atheris keeps what it learned.")
    return parser


def _at_random(names: Sequence[str], seconds: float, seed: int) -> int:
    rng = random.Random(seed)
    wholes = {name: plain_targets.TARGETS[name].seeds() for name in names}
    counts = dict.fromkeys(names, 0)
    slowest = (0.0, "")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name = rng.choice(names)
        kinds = sorted(KINDS)
        damages = [
            Damage(rng.choice(kinds), rng.random(), rng.random(), rng.randrange(256)) for _ in range(rng.randint(1, 6))
        ]
        data = damaged(rng.choice(wholes[name]), damages)
        started = time.process_time()
        try:
            plain_targets.TARGETS[name].check(data)
        except Exception as error:
            return _told(name, data, error)
        slowest = max(slowest, (time.process_time() - started, name))
        counts[name] += 1
    print(f"{sum(counts.values()):,} cases in {seconds:g} s; slowest {slowest[0]:.2f} s ({slowest[1]}); each held:")
    print(", ".join(f"{name} {count:,}" for name, count in counts.items()))
    return 0


def _told(name: str, data: bytes, error: Exception) -> int:
    path = Path(f"fuzz-{name.replace(' ', '-')}-{hashlib.sha256(data).hexdigest()[:12]}")
    path.write_bytes(data)
    print(f"{name}: {type(error).__name__}: {error}\nThe bytes are in {path}.", file=sys.stderr)
    return 1


def _followed(name: str, seconds: int, corpus: Path | None) -> int:
    """Hand over to libFuzzer, which ends the process itself."""
    atheris: Any = importlib.import_module("atheris")
    with contextlib.suppress(KeyError):
        for module in [one for one in sys.modules if one.startswith("molsearch") or one == "tests.fuzz.targets"]:
            del sys.modules[module]  # imported again below, with their branches counted
    with atheris.instrument_imports(include=list(FOLLOWED)):
        targets = importlib.import_module("tests.fuzz.targets")
    target = targets.TARGETS[name]
    folder = corpus or Path(tempfile.gettempdir()) / f"molsearch-corpus-{name.replace(' ', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    for number, whole in enumerate(target.seeds()):
        (folder / f"seed-{number}").write_bytes(whole)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        kind = rng.choice([one for one in sorted(KINDS) if one != "pack"])
        return damaged(data, [Damage(kind, rng.random(), rng.random(), rng.randrange(256))])[:most]

    words = [sys.argv[0], str(folder), f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096"]
    atheris.Setup([*words, "-max_len=60000", "-print_final_stats=1"], target.check, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
