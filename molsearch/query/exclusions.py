"""Negations in a text: "without a lactone" describes nothing an embedding could deny, so it becomes a rule.

A negated class counts only where it stands alone. "Without a lactone" excludes every lactone; "no other ring" and
"lacking a hydroxy group at position 3" deny less than their class, so they are not read and exclude nothing.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from molsearch.chem.ontology.classes import belongs, class_named, find_classes
from molsearch.chem.standardize import standardize
from molsearch.chem.substructure import compile_smarts, perceive
from molsearch.errors import InputError
from molsearch.interpretation import Exclusion
from molsearch.query.names import find_mentions
from molsearch.query.wording import EXCLUDES, EXCLUDES_BEHIND
from molsearch.records import Entry, Molecule

# What chemists leave out that is no class of the table: singular words, and the SMARTS they stand for.
PARTS: dict[str, str] = {
    "halogen": "[F,Cl,Br,I]",
    "halide": "[F,Cl,Br,I]",
    "fluorine": "F",
    "chlorine": "Cl",
    "bromine": "Br",
    "iodine": "I",
    "boron": "[#5]",
    "carbon": "[#6]",
    "nitrogen": "[#7]",
    "oxygen": "[#8]",
    "silicon": "[#14]",
    "phosphorus": "[#15]",
    "sulfur": "[#16]",
    "sulphur": "[#16]",
    "selenium": "[#34]",
    "heteroatom": "[!#6;!#1]",
    "ring": "[R]",
    "double bond": "[C;!$(C#*)]=[C;!$(C#*)]",
    "triple bond": "*#*",
    "carbonyl": "[#6]=[OX1]",
    "sulfonyl": "[#16X4](=[OX1])=[OX1]",
    "methoxy": "[#6][OX2][CH3]",
    "hydroxyl": "[#6;!$([#6]=[O,S,N])][OX2H1]",  # as the class "hydroxy compound"
    "carboxyl": "[CX3](=O)[OX2H1,OX1-]",
}

_TRIGGER = re.compile(rf"\b{EXCLUDES}\s+", re.IGNORECASE)
_BARE = re.compile(r"\bno\s+$", re.IGNORECASE)  # after "no" an article begins something else
_DETERMINER = re.compile(r"(?:(?:any|all|an?|the)\s+)?(?:(?:kind|sort|type)s?\s+of\s+)?(?:an?\s+)?", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:an?|the)\s", re.IGNORECASE)
_NOUN = re.compile(
    r"\s+(?:functional\s+)?(?:group|ring|moiet(?:y|ies)|unit|substituent|motif|atom|core|scaffold|skeleton|system"
    r"|function|functionalit(?:y|ies)|structure)s?(?:\s+system)?s?$",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"\s*(?:$|[;:!?()]|[,.](?=\s|$)|\b(?:and|or|nor|but|that|which|who|whose|used|with|without|as|for|to|no|not"
    r"|having|bearing|containing|lacking|acting|active|isolated|found|is|are|from|anywhere|at\s+all|present"
    r"|in\s+(?:it|its|the))\b)",
    re.IGNORECASE,
)
_NEXT = re.compile(r"\s*(,\s*(?:and|or|nor)\s+|\s(?:and|or|nor)\s+|,\s+)", re.IGNORECASE)
_FREE = re.compile(EXCLUDES_BEHIND, re.IGNORECASE)
_BEFORE_FREE = re.compile(r"[\w'-]+(?: [\w'-]+){0,3}$")
_MOST_ITEMS = 20  # of one list
_MOST_WORDS = 6  # of what could not be read, in a note
_LOOSE_START = re.compile(r"^(?:and|or|but|with)(?: |$)", re.IGNORECASE)
_LOOSE_END = re.compile(r"(?:^| )(?:and|or|but|with|that|which)$", re.IGNORECASE)
_MOST_CLAUSES = 50  # a text with more negations is no description
_LONGEST_NAME = 80  # in letters, of a structure that is left out


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing that is denied: what it was read as, how it is written, and where it ends in the text."""

    meaning: Exclusion
    written: str
    end: int


@dataclass(frozen=True, slots=True)
class _Clause:
    """A negation: ``text[start:end]`` is the trigger and its items."""

    start: int
    end: int
    trigger: str
    items: tuple[_Item, ...]


def read_exclusions(
    text: str, allowed: Collection[str] = (), lexicon: Mapping[str, str] | None = None
) -> tuple[str, tuple[Exclusion, ...]]:
    """Take the exclusions out of a text.

    Args:
        text: Any text.
        allowed: ``read_as`` of exclusions that are none, so that their words stay.
        lexicon: Trivial names in lower case with their SMILES, asked before OPSIN.

    Returns:
        The text without the words of the exclusions, its spaces made single; and what was read, in text order. Negated
        words that could not be read stay in the text and come back with the kind "unread".
    """
    text = " ".join(text.split())
    parts: list[str] = []
    exclusions: list[Exclusion] = []
    at = 0
    for clause in islice(_clauses(text, lexicon or {}), _MOST_CLAUSES):
        meanings = [item.meaning for item in clause.items]
        exclusions += [meaning for meaning in meanings if meaning.kind == "unread" or meaning.read_as not in allowed]
        stays = [
            item.written
            for item, meaning in zip(clause.items, meanings, strict=True)
            if meaning.kind == "unread" or meaning.read_as in allowed
        ]
        parts.append(text[at : clause.start])
        if len(stays) == len(clause.items):
            parts.append(text[clause.start : clause.end])
        elif stays:
            parts.append(clause.trigger + " or ".join(stays))
        at = clause.end
    if not parts:
        return text, ()
    return _tidy("".join([*parts, text[at:]])), tuple(exclusions)


def exclusion_named(words: str, lexicon: Mapping[str, str] | None = None) -> Exclusion:
    """Read what a field asks to leave out: a chemical class, an element, a SMARTS pattern or a name.

    Args:
        words: What the field holds.
        lexicon: Trivial names in lower case with their SMILES, asked before OPSIN.

    Raises:
        InputError: If it is none of them.
    """
    words = " ".join(words.split())
    bare = words[_skip(_DETERMINER, words, 0) :]
    if bare and (exclusion := _class_of(bare)):
        return exclusion
    try:
        compile_smarts("" if " " in words else words)  # RDKit would read no further than the space
        return Exclusion(words, "smarts", words)
    except InputError:
        pass  # a name is tried next; the sentence below covers all of it
    if bare and (exclusion := _structure_of(bare, lexicon)):
        return exclusion
    raise InputError(
        f"This cannot be left out: got {words[:80]!r}, expected a chemical class such as 'lactone', an element, "
        "a SMARTS pattern or the name of a compound; correct it."
    )


def members(keys: Iterable[str], name: str) -> Iterator[bool]:
    """Yield, for each molecule key, whether the molecule belongs to a chemical class.

    Args:
        keys: Isomeric SMILES after clean-up, as in ``Molecule.key``; trusted, so that a molecule costs half a parse.
        name: Name of the class in the table.

    Raises:
        InputError: No class has that name.
    """
    class_named(name)
    return (belongs(perceive(key), name) for key in keys)


def _clauses(text: str, lexicon: Mapping[str, str]) -> Iterator[_Clause]:
    """Find the negations of a text, in order and without overlap."""
    after = 0
    for match in sorted([*_TRIGGER.finditer(text), *_FREE.finditer(text)], key=re.Match.start):
        clause = _clause(text, match, lexicon) if match.re is _TRIGGER else _free(text, match)
        if clause is not None and clause.start >= after:
            yield clause
            after = clause.end


def _clause(text: str, trigger: re.Match[str], lexicon: Mapping[str, str]) -> _Clause | None:
    """Read the list that follows a negation: "a lactone, ester or nitro group"."""
    bare = _BARE.search(trigger.group()) is not None
    at = trigger.end()
    items: list[_Item] = []
    sure = 0  # "X, Y" alone may be the start of something else; "X, Y or Z" is one list
    joint = "or"
    while len(items) < _MOST_ITEMS and not (bare and _ARTICLE.match(text, at)):
        start = _skip(_DETERMINER, text, at)
        end = _end_of(text, start)
        words = text[start:end]
        read = _class_of(words) or _structure_of(words, lexicon)
        if read is None and (joint not in {"or", "nor"} or not any(map(str.isalpha, words))):
            break  # after "and" or a comma, what is no class is a new thought
        items.append(_Item(replace(read or _unread(text[at:end]), from_text=True), text[start:end], end))
        sure = sure if joint == "," else len(items)
        following = _NEXT.match(text, end)
        if following is None:
            break
        at, joint = following.end(), (following.group(1).replace(",", " ").strip() or ",").lower()
    kept = tuple(items[:sure])
    return _Clause(trigger.start(), kept[-1].end, trigger.group(), kept) if kept else None


def _unread(words: str) -> Exclusion:
    return Exclusion(" ".join(words.split()[:_MOST_WORDS]), "unread")


def _free(text: str, ending: re.Match[str]) -> _Clause | None:
    """Read the words before "-free"; with a space ("a free amine") only what is a class counts."""
    before = _BEFORE_FREE.search(text, max(0, ending.start() - _LONGEST_NAME), ending.start())
    if before is None:
        return None
    starts = [before.start() + word.start() for word in re.finditer(r"[\w'-]+", before.group())]
    for start in starts:
        words = text[start : ending.start()]
        if not _ARTICLE.match(words) and (read := _class_of(words)):
            return _Clause(start, ending.end(), "", (_Item(replace(read, from_text=True), words, ending.end()),))
    if ending.group().startswith("-"):
        words = text[starts[-1] : ending.end()]
        unread = _Item(Exclusion(words, "unread", from_text=True), words, ending.end())
        return _Clause(starts[-1], ending.end(), "", (unread,))
    return None


def _end_of(text: str, start: int) -> int:
    """Find where the words that begin at ``start`` end: before punctuation, a conjunction or a new thought."""
    stop = _STOP.search(text, start)
    return stop.start() if stop else len(text)


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _class_of(words: str) -> Exclusion | None:
    """Read words that are a class, an element or a group as a whole, else nothing."""
    name = _NOUN.sub("", words.strip())
    part = PARTS.get(name.lower()) or PARTS.get(name.lower().removesuffix("s"))
    if part:
        return Exclusion(words, "smarts", part)
    for title in dict.fromkeys((words.strip(), name, f"{name} compound")):  # "hydroxy" is no class, the compound is
        classes = find_classes(title, exact=True)
        if classes and classes[0][1:] == (0, len(title)):
            return Exclusion(words, "class", classes[0][0])
    return None


def _structure_of(words: str, lexicon: Mapping[str, str] | None) -> Exclusion | None:
    """Read words that name one whole structure."""
    for mention in find_mentions([words], lexicon)[0] if len(words) <= _LONGEST_NAME else ():
        if (mention.start, mention.end) == (0, len(words)) and "*" not in mention.smiles:
            cleaned = standardize(Entry(1, mention.smiles, "smiles"))
            if isinstance(cleaned, Molecule):
                return Exclusion(words, "structure", cleaned.key)
    return None


def _tidy(text: str) -> str:
    """Close the gaps that words leave: doubled spaces and punctuation, and conjunctions that join nothing."""
    line = re.sub(r" ([,;:.!?)])", r"\1", " ".join(text.split()))
    line = re.sub(r"([,;:]) ?[,;:]", r"\1", line)
    line = re.sub(r"[,;:]\.", ".", line)
    line = re.sub(r"\b(an?|the),", r"\1", line, flags=re.IGNORECASE)
    line = re.sub(r"\b(and|or|but)(?: (?:and|or|but))+\b", r"\1", line, flags=re.IGNORECASE)
    before = ""
    while line != before:
        before = line
        line = _LOOSE_END.sub("", _LOOSE_START.sub("", line.strip(" ,;:")))
    return line if any(map(str.isalnum, line)) else ""
