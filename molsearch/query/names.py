"""Chemical names that stand in a text, with the structures that the lexicon or OPSIN resolves them to.

Where OPSIN is missing, only names of the lexicon are found; ``opsin.available()`` says what to install.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rdkit import Chem

from molsearch.query.opsin import MAX_NAME_CHARS, Opsin, the_opsin
from molsearch.query.respelling import spellings

# The words that state a relation of arrays.RELATIONS; the other relations need none.
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
            if len(span) >= 3 and _TRIVIAL.search(span) and span.lower() not in _NOISE and len(span) <= MAX_NAME_CHARS:
                yield begin, begin + len(span)
            if word[-1] in _EDGE:
                break


def _subject_span(text: str) -> tuple[int, int] | None:
    """Find what stands before the first " is a": the name of a caption that begins with one."""
    match = _SUBJECT.match(text)
    return None if match is None or match[1].lower() in _STOP else match.span(1)


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
    names = {text[start:end] for text, text_spans in zip(texts, spans, strict=True) for start, end in text_spans}
    forms = {name: _spellings(name) for name in sorted(names)}
    table = opsin.resolve(form for spelt in forms.values() for form in spelt)
    resolved = {
        name: smiles
        for name, spelt in forms.items()
        if (smiles := lexicon.get(name.lower()) or next((table[form] for form in spelt if form in table), ""))
    }
    return [_choose(text, text_spans, resolved) for text, text_spans in zip(texts, spans, strict=True)]


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
