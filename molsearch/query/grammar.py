"""How the words of a short query hang together: numbers, attachment, alternatives and denials between what it names.

"A pyridine bearing two chlorines, but no ester" names three things; the words between them say how many there are,
which is attached to which, and what must be absent. Long texts are not read so: their sentences say too much at once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from molsearch.chem.ontology.classes import find_classes
from molsearch.chem.ontology.groups import find_groups
from molsearch.query.amounts import quantified
from molsearch.query.compounding import find_compounds
from molsearch.query.multiples import find_multiples
from molsearch.query.nomenclature.derivatives import DERIVATIVES, derivative_of
from molsearch.query.occurrences import Target
from molsearch.query.quantities import Quantity
from molsearch.query.satisfaction import Attachment, Condition, Count, Either, Formula

MOST_WORDS = 30  # of a text whose structure is read
_INF = float("inf")
_NOUN = (
    r"(?:[\s-]*(?:(?:functional )?groups?|rings?(?: systems?)?|moiet(?:y|ies)|units?|substituents?|motifs?|atoms?"
    r"|cores?|scaffolds?|skeletons?|systems?|functions?|functionalit(?:y|ies)|compounds?|derivatives?|molecules?"
    r"|side chains?|nucle(?:us|i)|linkers?|linkages?|bonds?|residues?|fragments?|warheads?))?"
)
_ARTICLE = r"(?:(?:an?|the|its|any|another|some|one|either|free|of)\s+)*"
_FIRM_LINK = re.compile(
    rf"^{_NOUN},?\s*(?:(?:that|which) )?(?:is |are )?(?:directly |covalently )?"
    r"(?:attached (?:directly )?(?:to|on|onto|at)|linked (?:directly )?to|bonded (?:directly )?to|bound to|joined to"
    r"|connected (?:directly )?to|appended to|on(?:to)?|bearing|bears|carrying|carries|decorated with|adjacent to"
    rf"|next to|substituted (?:with|by)|-?\s*substituted|-?\s*bearing)\s+{_ARTICLE}(?:both )?{_ARTICLE}$",
    re.IGNORECASE,
)
_WITH = re.compile(
    rf"^{_NOUN},?\s*(?:that |which )?(?:with|having|has|contains|containing|featuring|possessing)\s+{_ARTICLE}"
    rf"(?:both )?{_ARTICLE}$",
    re.IGNORECASE,
)
_AND = re.compile(rf"^{_NOUN}\s*(?:,|,? and|,? as well as|,? plus)\s+{_ARTICLE}$", re.IGNORECASE)
_OR = re.compile(rf"^{_NOUN}\s*,?\s*(?:and/or|or|/)\s*(?:else |alternatively )?{_ARTICLE}$", re.IGNORECASE)
_LISTED = re.compile(rf"^{_NOUN}\s*(?:,|,?\s*or)\s*{_ARTICLE}$", re.IGNORECASE)
_NO = re.compile(
    r"\b(?:no|not|non|without|lacking|lacks|lack|free (?:of|from)|devoid of|excluding|except(?: for)?|other than"
    r"|rather than|neither|nor|absence of|absent|instead of|minus)(?:\s+(?:any|an?|the|other|kind|sort|type|of|being"
    r"|containing|having|bearing))*\s*$",
    re.IGNORECASE,
)
_FREE = re.compile(rf"^{_NOUN}[\s-]free\b", re.IGNORECASE)
_NOR = re.compile(rf"^{_NOUN}\s*(?:,|,? or|,? nor)\s+{_ARTICLE}$", re.IGNORECASE)
_FOR = re.compile(r"\b(?:for|from|against|towards?|into|inhibitors? of|agonists? of|antagonists? of)(?: an?| the)?\s+$")
_OF_ACID = re.compile(
    rf"\b(?:mono|di|bis|tri)?(?:{DERIVATIVES}|anhydrides?|salts?) of (?:an?|the)?\s*$",
    re.IGNORECASE,
)
_OF_CARBONYL = re.compile(
    r"(?:hydrazones?|oximes?|imines?|schiff bases?|semicarbazones?|acetals?|ketals?|enamines?|cyanohydrins?|enol \w+)"
    r" of (?:an?|the)?\s*(?:(?:aldehydes?|ketones?)(?: and| or|,) (?:an? )?)?$",
    re.IGNORECASE,
)
_CARBONYLS = frozenset({"aldehyde", "ketone"})
_WORD = re.compile(r"[^\W_]+")
_FORMULA = re.compile(r"\bC\d+H\d+(?:[A-Z][a-z]?\d*)*\b")
_THINGS = Quantity("things", "", 1, 3, 0.7, count=True)


@dataclass(frozen=True, slots=True)
class NamedThing:
    """Something that is named in ``text[start:end]``, and how many of it are asked for.

    Attributes:
        target: What it is.
        start: Where its words begin, those of a number or a denial included.
        end: Where they end.
        low: Least number.
        high: Largest number; 0 where it must be absent.
        stated: Whether a number or a denial was stated.
        link: What a compound word says of attachment: "difluorophenyl".
        broader: Whether a class only says less of the same words than something else does.
        others: What will do in place of ``target``.
    """

    target: Target
    start: int
    end: int
    low: float = 1.0
    high: float = _INF
    stated: bool = False
    link: Attachment | None = None
    broader: bool = False
    others: tuple[Target, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What must hold: that there are so many, or that they are so attached; that none of several is there."""
        counts = [Count(target, self.low, self.high) for target in (self.target, *self.others)]
        if self.link or len(counts) == 1 or self.denied:
            return (self.link,) if self.link else tuple(counts)
        return (Either(tuple(counts)),)

    @property
    def count(self) -> Count:
        """The condition that there are so many."""
        return Count(self.target, self.low, self.high)

    @property
    def denied(self) -> bool:
        """Whether it must be absent."""
        return self.high == 0


@dataclass(frozen=True, slots=True)
class Sentence:
    """A short text as it was read.

    Attributes:
        classes: (name, start, end, choice) of classes that must hold; those of one choice above 0 are alternatives.
        conditions: (condition, start, end) of what else must hold.
        spans: Where the words stand that were read.
    """

    classes: tuple[tuple[str, int, int, int], ...]
    conditions: tuple[tuple[Condition, int, int], ...]
    spans: tuple[tuple[int, int], ...]


def read_sentence(text: str, parts: Sequence[tuple[str, int, int]], taken: Sequence[tuple[int, int]] = ()) -> Sentence:
    """Read a short text.

    Args:
        text: The text.
        parts: (SMILES, start, end) of the structures that it names.
        taken: Where amounts are stated; what lies inside is none of a structure.
    """
    everything = _denials(text, [_counted(text, one) for one in _named(text, parts, taken)])
    named = [one for one in everything if not one.broader]
    conditions: list[tuple[Condition, int, int]] = [*_links(text, named)]
    choices = _choices(text, named)
    for choice in {number: None for number in choices if number}:
        members = [one for one, number in zip(named, choices, strict=True) if number == choice]
        if any(one.target.kind != "class" or one.stated for one in members):
            either = Either(tuple(one.conditions[0] for one in members))
            conditions.append((either, members[0].start, members[-1].end))
    mixed = {
        number
        for one, number in zip(named, choices, strict=True)
        if number and (one.target.kind != "class" or one.stated)
    }
    classes = []
    for one, number in zip(named, choices, strict=True):
        if number in mixed:
            continue
        if _reacted(text, one):
            continue
        if one.target.kind == "class" and not one.denied and one.low > 0:
            classes.append((one.target.name, one.start, one.end, number))
        if one.target.kind != "class" or one.stated:
            conditions += [(each, one.start, one.end) for each in one.conditions]
    classes += _broader(text, everything, list(zip(named, choices, strict=True)))
    formulas = [(Formula(found.group()), *found.span()) for found in _FORMULA.finditer(text)]
    conditions += formulas
    spans = [(one.start, one.end) for one in everything] + [(start, end) for _, start, end in formulas]
    return Sentence(tuple(classes), tuple({one[0]: one for one in reversed(conditions)}.values())[::-1], tuple(spans))


def _broader(
    text: str, everything: Sequence[NamedThing], choices: Sequence[tuple[NamedThing, int]]
) -> list[tuple[str, int, int, int]]:
    """List the classes that say less of the same words; of alternatives, what all of them say must hold."""
    read = []
    for one in everything:
        if not one.broader or one.denied or _reacted(text, one):
            continue
        number = next((number for other, number in choices if other.start <= one.start < other.end), 0)
        said = [_said(other, everything) for other, choice in choices if number and choice == number]
        if all(one.target in targets for targets in said):
            read.append((one.target.name, one.start, one.end, 0))
        elif all(said):
            read += [
                (target.name, one.start, one.end, number) for targets in said for target in sorted(targets, key=str)
            ]
    return list(dict.fromkeys(read))


def _said(one: NamedThing, everything: Sequence[NamedThing]) -> frozenset[Target]:
    """Classes that the words of one alternative say, itself or what is broader."""
    inside = (other for other in everything if other.broader and one.start <= other.start and other.end <= one.end)
    return frozenset(each.target for each in (one, *inside) if each.target.kind == "class")


def _reacted(text: str, one: NamedThing) -> bool:
    """Tell whether something is named as what another thing was made of: an ester of an acid is no acid."""
    if one.target.name in _CARBONYLS:
        return _OF_CARBONYL.search(text, 0, one.start) is not None
    acid = text[one.start : one.end].lower().rstrip("s").endswith("acid")
    return acid and _OF_ACID.search(text, 0, one.start) is not None


def _named(text: str, parts: Sequence[tuple[str, int, int]], taken: Sequence[tuple[int, int]]) -> list[NamedThing]:
    """Everything that is named, the longest first where two read the same words."""
    exact = set(find_classes(text, exact=True))
    groups = [NamedThing(Target("group", name), start, end) for name, start, end in find_groups(text)]
    classes = [NamedThing(Target("class", name), start, end) for name, start, end in find_classes(text)]
    compounds = [NamedThing(Target("class", name), start, end) for name, start, end in find_compounds(text)]
    structures: list[NamedThing] = []
    derived: list[NamedThing] = []
    for smiles, start, end in parts:
        if made := derivative_of(text, smiles, start, end):
            targets = [Target("part", option) for option in made.options]
            if made.further and derived and derived[-1].start == made.start:
                before = derived.pop()
                targets = [before.target, *before.others, *targets]
            derived.append(NamedThing(targets[0], made.start, end, others=tuple(targets[1:])))
            classes += [NamedThing(Target("class", made.made), made.start, end)] if made.made else []
        # "an inhibitor of …"; and what the tables know word by word is no name: "sulfonyl piperazine"
        elif not _FOR.search(text, 0, start) and not _known(text[start:end]):
            structures.append(NamedThing(Target("part", smiles), start, end))
    multiples = [
        NamedThing(one.counted.target, one.start, one.end, one.counted.low, one.counted.high, True, one.link)
        for one in find_multiples(text)
    ]
    first = [*derived, *(one for one in classes if (one.target.name, one.start, one.end) in exact)]
    order = [*first, *multiples, *groups, *(one for one in classes if one not in first), *structures, *compounds]
    kept: list[NamedThing] = []
    for one in sorted(order, key=lambda one: one.start - one.end):
        if any(_covers(span, one) for span in taken):
            continue
        clash = [other for other in kept if one.start < other.end and other.start < one.end]
        same = [other for other in clash if (other.start, other.end) == (one.start, one.end)]
        # A word may name a class and, more narrowly, a group or a structure; two things a compound word.
        if not clash:
            kept.append(one)
        elif len(same) == len(clash) and (one in classes or one in compounds):
            kept.append(one if all(other in compounds for other in same) else replace(one, broader=True))
    return sorted(kept, key=lambda one: (one.start, one.end))


def _known(words: str) -> bool:
    """Tell whether several words without a locant are each known to the tables."""
    if " " not in words or any(map(str.isdigit, words)):
        return False
    known = [(start, end) for _, start, end in (*find_groups(words), *find_classes(words))]
    return all(
        any(start <= word.start() and word.end() <= end for start, end in known) for word in _WORD.finditer(words)
    )


def _covers(amount: tuple[int, int], one: NamedThing) -> bool:
    """Tell whether words are read as an amount rather than as structure: "bicyclic" stays a class, "cationic" not."""
    start, end = amount
    inside = start <= one.start and one.end <= end
    return inside and ((start, end) != (one.start, one.end) or one.target.kind != "class")


def _counted(text: str, one: NamedThing) -> NamedThing:
    """Take the number that stands before what is named."""
    if one.stated:
        return one
    found = quantified(text[: one.end].lower(), one.start, one.end, _THINGS)  # "carbon 2" is no number of carbons
    if found is None or (found.start == one.start and found.end == one.end):
        return one
    if found.exact:
        low, high = max(found.low, 0.0), found.high
    else:
        low, high = (2.0, _INF) if found.high == _INF else (0.0, 1.0)
    return replace(one, start=min(one.start, found.start), end=max(one.end, found.end), low=low, high=high, stated=True)


def _denials(text: str, named: Sequence[NamedThing]) -> list[NamedThing]:
    """Take what is denied, and the rest of a list of which the first is."""
    read: list[NamedThing] = []
    for one in named:
        before = read[-1] if read else None
        denied = one.denied
        start = one.start
        if not one.stated and (found := _NO.search(text, 0, one.start)):
            denied, start = True, found.start()
        elif not one.stated and (found := _FREE.match(text[one.end :])):
            denied = not text[one.start : one.end].lower().startswith("free")
        elif before is not None and before.denied and _NOR.match(text[before.end : one.start]):
            denied = True
        if denied and not one.denied:
            one = replace(one, start=start, low=0.0, high=0.0, stated=True)
        read.append(one)
    return read


def _links(text: str, named: Sequence[NamedThing]) -> list[tuple[Attachment, int, int]]:
    """Find what is attached to what: (link, start, end)."""
    links = []
    for place, (one, other) in enumerate(pairwise(named)):
        between = text[one.end : other.start]
        firm = between in ("", " ", "-") or _FIRM_LINK.match(between) is not None
        if (not firm and not _WITH.match(between)) or one.denied or other.denied or one.target == other.target:
            continue
        others = [other]
        while place + 1 + len(others) < len(named):
            following = named[place + 1 + len(others)]
            if not _AND.match(text[others[-1].end : following.start]) or following.denied:
                break
            others.append(following)
        link = Attachment(one.target, tuple(each.count for each in others), firm, one.low, one.high)
        links.append((link, one.start, max(others[-1].end, one.end)))
    return links


def _choices(text: str, named: Sequence[NamedThing]) -> list[int]:
    """Number the alternatives: those of one "or" share a number above 0."""
    numbers = [0] * len(named)
    at = len(named) - 1
    while at > 0:
        if _OR.match(text[named[at - 1].end : named[at].start]) and not named[at].denied and not named[at - 1].denied:
            first = at - 1
            while first > 0 and _LISTED.match(text[named[first - 1].end : named[first].start]):
                first -= 1
            numbers[first : at + 1] = [at] * (at + 1 - first)
            at = first
        at -= 1
    return numbers
