"""A large addition killed again and again and gone on with: `python -m molsearch bench --faults N`.

Every addition is a process of its own, as a person starts it, and ends by SIGKILL at a random moment: while it starts,
reads, embeds or stores. In the end each file must be byte for byte that of an addition that nobody disturbed.
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from molsearch.bench.enumeration import write_enumerated
from molsearch.bench.footprint import Footprint, folder_bytes
from molsearch.bench.report import machine
from molsearch.errors import InputError, MolsearchError
from molsearch.index.exact.manifest import LOCK, MANIFEST
from molsearch.index.naming import library_folder
from molsearch.library.addition import JOURNALS, journal_of
from molsearch.library.embedding import workers_for
from molsearch.records import Progress
from molsearch.screener import Screener
from molsearch.settings import PROJECT, Settings

_CHILD = (
    "import sys; sys.path.insert(0, sys.argv[1]); from molsearch.bench.faults import add_as_ordered; add_as_ordered()"
)
_AGE = ("name", "created", "checksum")  # fields of a manifest with its name and age
_LEAST_BATCH, _BATCHES = 256, 40  # a small trial has as many moments to die between as a large one
_STRETCH = 4  # random moments reach over this many times an addition's share of the embedding


@dataclass(frozen=True, slots=True)
class FaultReport:
    """What came of one addition that was disturbed, beside one that was not.

    Attributes:
        date: UTC day of the run, ISO 8601.
        machine: Processor, cores, memory and system.
        molecules: Molecules in the library.
        batch: Molecules that are encoded, and then kept in case of a kill, together.
        deaths: How often the process was killed.
        gone_on: Deaths that left batches to go on from.
        identical: Whether every file is that of the undisturbed addition, byte by byte.
        read_s: Seconds of reading, undisturbed.
        add_s: Seconds of embedding and storing, undisturbed.
        undisturbed_s: Seconds of the undisturbed process, its start included.
        disturbed_s: The same of all disturbed ones together.
        peak_mib: Largest resident memory of the undisturbed process and its children together.
        workers: Most worker processes at once.
        file_mib: Size of the file.
        library_mib: Size of the stored library.
    """

    date: str
    machine: str
    molecules: int
    batch: int
    deaths: int
    gone_on: int
    identical: bool
    read_s: float
    add_s: float
    undisturbed_s: float
    disturbed_s: float
    peak_mib: float
    workers: int
    file_mib: float
    library_mib: float


def measure_faults(
    settings: Settings, molecules: int, deaths: int, seed: int = 0, progress: Progress | None = None
) -> FaultReport:
    """Add enumerated molecules undisturbed and disturbed, in a temporary folder.

    Args:
        settings: Which model; its library folder is left alone.
        molecules: How many.
        deaths: How often to kill; 0 measures the undisturbed addition alone.
        seed: Of the molecules and the moments.
        progress: Called after each death.

    Raises:
        InputError: If there are not so many molecules, or a number is too small.
        MolsearchError: If an addition fails by itself.
    """
    if deaths < 0:
        raise InputError(f"The number of deaths is {deaths}, expected 0 or more.")
    with tempfile.TemporaryDirectory(prefix="molsearch-faults-") as home:
        file = Path(home) / "enumerated.smi"
        write_enumerated(file, molecules, seed)
        batch = min(settings.batch_molecules, max(_LEAST_BATCH, molecules // _BATCHES))
        run = _Runs(replace(settings, home=Path(home) / "home", data=Path(home), batch_molecules=batch), file)
        answer, undisturbed_s = run.undisturbed("whole")
        undisturbed = json.loads(answer)
        disturbed = _Disturbed(run, random.Random(seed), undisturbed_s - undisturbed["add_s"], undisturbed["add_s"])
        disturbed.die(deaths, progress)
        whole_files = contents(run.folder("whole"))
        return FaultReport(
            date=datetime.now(UTC).date().isoformat(),
            machine=machine(),
            molecules=undisturbed["molecules"],
            batch=batch,
            deaths=disturbed.deaths,
            gone_on=disturbed.gone_on,
            identical=all(contents(run.folder(name)) == whole_files for name in disturbed.names),
            read_s=undisturbed["read_s"],
            add_s=undisturbed["add_s"],
            undisturbed_s=undisturbed_s,
            disturbed_s=disturbed.took_s,
            peak_mib=undisturbed["peak_mib"],
            workers=workers_for(undisturbed["molecules"]),
            file_mib=file.stat().st_size / 2**20,
            library_mib=folder_bytes(run.folder("whole")) / 2**20,
        )


class _Runs:
    """Additions of one file, each in a process of its own."""

    def __init__(self, settings: Settings, file: Path) -> None:
        self.settings = settings
        self.file = file

    def folder(self, name: str) -> Path:
        return library_folder(self.settings.libraries, name)

    def start(self, name: str) -> "subprocess.Popen[str]":
        settings = self.settings
        words = [settings.home, settings.data, settings.models, settings.model, settings.batch_molecules, self.file]
        command = [sys.executable, "-c", _CHILD, str(PROJECT), *map(str, words), name]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def undisturbed(self, name: str) -> tuple[str, float]:
        """Run to the end; return what the process answered and the seconds it took."""
        started = time.perf_counter()
        out, err = (process := self.start(name)).communicate()
        if process.returncode:
            raise MolsearchError(f"An addition ended by itself: {(err.strip().splitlines() or ['no reason'])[-1]}")
        return out, time.perf_counter() - started


class _Disturbed:
    """One addition after the other, killed until enough have died."""

    def __init__(self, runs: _Runs, chance: random.Random, before_s: float, add_s: float) -> None:
        self._runs, self._chance = runs, chance
        self._before_s, self._add_s = before_s, add_s
        self.names: list[str] = []
        self.deaths = self.gone_on = 0
        self.took_s = 0.0

    def die(self, deaths: int, progress: Progress | None) -> None:
        """Kill that often, then let the last addition end."""
        started = time.perf_counter()
        latest = self._before_s + self._add_s * min(1.0, _STRETCH / max(deaths, 1))
        while self.deaths < deaths:
            if not self.names or self._killed(self.names[-1], self._chance.uniform(0, latest)):
                self.names.append(f"killed {len(self.names)}")  # the first, or one more as the last has ended
            elif progress:
                progress(self.deaths, deaths)
        for name in self.names[-1:]:
            self._runs.undisturbed(name)
        self.took_s = time.perf_counter() - started

    def _killed(self, name: str, after_s: float) -> bool:
        """Kill an addition after some time; return whether it had ended before."""
        process = self._runs.start(name)
        try:
            process.communicate(timeout=after_s)
            ended = True
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.deaths += 1
            journals = self._runs.settings.libraries / JOURNALS
            self.gone_on += journal_of(journals, name).done() > 0
            ended = False
        return ended


def contents(folder: Path) -> Mapping[str, str]:
    """Hash every file of a library; of the manifest, all but its name and age."""
    hashes = {}
    for path in folder.iterdir():
        if path.name == MANIFEST:
            body = json.loads(path.read_bytes())
            data = json.dumps({name: value for name, value in body.items() if name not in _AGE}).encode()
            hashes[path.name] = hashlib.sha256(data).hexdigest()
        elif path.name != LOCK:
            with path.open("rb") as stream:
                hashes[path.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return hashes


def add_as_ordered() -> None:
    """Go on with an addition, or begin it; the whole life of a process that may be killed."""
    home, data, models, model, batch, file, name = sys.argv[2:]
    settings = Settings(Path(home), Path(models), model, Path(data), batch_molecules=int(batch))
    screener = Screener(settings)
    started = time.perf_counter()
    with Footprint() as footprint, screener.read(Path(file)) as library:
        read_s = time.perf_counter() - started
        info = screener.add(library, name, resume=True)
    answer = {"molecules": info.molecules, "read_s": read_s, "add_s": time.perf_counter() - started - read_s}
    print(json.dumps(answer | {"peak_mib": footprint.peak_mib}))
