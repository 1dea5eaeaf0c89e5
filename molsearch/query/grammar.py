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
from molsearch.query.multiples import Multiple, find_multiples
from molsearch.query.nomenclature.derivatives import DERIVATIVES, derivative_of
from molsearch.query.occurrences import Target
from molsearch.query.quantities import Quantity
from molsearch.query.satisfaction import Attachment, Condition, Count, Either, Formula
from molsearch.query.wording import DENIES_STRUCTURE

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
    rf"\b{DENIES_STRUCTURE}(?:\s+(?:any|an?|the|other|kind|sort|type|of|being|containing|having|bearing))*\s*$",
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
        """List what must hold: that there are so many, or that they are so attached; that none of several is there."""
        counts = [Count(target, self.low, self.high) for target in (self.target, *self.others)]
        if self.link or len(counts) == 1 or self.denied:
            return (self.link,) if self.link else tuple(counts)
        return (Either(tuple(counts)),)

    @property
    def count(self) -> Count:
        """Make the condition that there are so many."""
        return Count(self.target, self.low, self.high)

    @property
    def denied(self) -> bool:
        """Return whether it must be absent."""
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
    things = _denials(text, [_counted(text, thing) for thing in _named(text, parts, taken)])
    named = [thing for thing in things if not thing.broader]
    conditions: list[tuple[Condition, int, int]] = [*_links(text, named)]
    choices = _choices(text, named)
    for choice in {number: None for number in choices if number}:
        options = [thing for thing, number in zip(named, choices, strict=True) if number == choice]
        if any(thing.target.kind != "class" or thing.stated for thing in options):
            either = Either(tuple(thing.conditions[0] for thing in options))
            conditions.append((either, options[0].start, options[-1].end))
    mixed = {
        number
        for thing, number in zip(named, choices, strict=True)
        if number and (thing.target.kind != "class" or thing.stated)
    }
    classes = []
    for thing, number in zip(named, choices, strict=True):
        if number in mixed:
            continue
        if _reacted(text, thing):
            continue
        if thing.target.kind == "class" and not thing.denied and thing.low > 0:
            classes.append((thing.target.name, thing.start, thing.end, number))
        if thing.target.kind != "class" or thing.stated:
            conditions += [(condition, thing.start, thing.end) for condition in thing.conditions]
    classes += _broader(text, things, list(zip(named, choices, strict=True)))
    formulas = [(Formula(match.group()), *match.span()) for match in _FORMULA.finditer(text)]
    conditions += formulas
    spans = [(thing.start, thing.end) for thing in things] + [(start, end) for _, start, end in formulas]
    distinct = {placed[0]: placed for placed in reversed(conditions)}.values()  # of equal ones the first
    return Sentence(tuple(classes), tuple(distinct)[::-1], tuple(spans))


def _broader(
    text: str, things: Sequence[NamedThing], choices: Sequence[tuple[NamedThing, int]]
) -> list[tuple[str, int, int, int]]:
    """List the classes that say less of the same words; of alternatives, what all of them say must hold."""
    classes = []
    for thing in things:
        if not thing.broader or thing.denied or _reacted(text, thing):
            continue
        number = next((number for other, number in choices if other.start <= thing.start < other.end), 0)
        alternatives = [_stated_classes(other, things) for other, choice in choices if number and choice == number]
        if all(thing.target in targets for targets in alternatives):
            classes.append((thing.target.name, thing.start, thing.end, 0))
        elif all(alternatives):
            classes += [
                (target.name, thing.start, thing.end, number)
                for targets in alternatives
                for target in sorted(targets, key=str)
            ]
    return list(dict.fromkeys(classes))


def _stated_classes(thing: NamedThing, things: Sequence[NamedThing]) -> frozenset[Target]:
    """Collect the classes that the words of one alternative state, itself or what is broader."""
    inside = (other for other in things if other.broader and thing.start <= other.start and other.end <= thing.end)
    return frozenset(alike.target for alike in (thing, *inside) if alike.target.kind == "class")


def _reacted(text: str, thing: NamedThing) -> bool:
    """Return whether something is named as what another thing was made of: an ester of an acid is no acid."""
    if thing.target.name in _CARBONYLS:
        return _OF_CARBONYL.search(text, 0, thing.start) is not None
    acid = text[thing.start : thing.end].lower().rstrip("s").endswith("acid")
    return acid and _OF_ACID.search(text, 0, thing.start) is not None


def _named(text: str, parts: Sequence[tuple[str, int, int]], taken: Sequence[tuple[int, int]]) -> list[NamedThing]:
    """Find everything that is named; of two that read the same words the longer counts."""
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
    multiples = [_of_multiple(multiple) for multiple in find_multiples(text)]
    first = [*derived, *(thing for thing in classes if (thing.target.name, thing.start, thing.end) in exact)]
    order = [*first, *multiples, *groups, *(thing for thing in classes if thing not in first), *structures, *compounds]
    kept: list[NamedThing] = []
    for thing in sorted(order, key=lambda thing: thing.start - thing.end):
        if any(_covers(span, thing) for span in taken):
            continue
        clash = [other for other in kept if thing.start < other.end and other.start < thing.end]
        same = [other for other in clash if (other.start, other.end) == (thing.start, thing.end)]
        # A word may name a class and, more narrowly, a group or a structure; two things a compound word.
        if not clash:
            kept.append(thing)
        elif len(same) == len(clash) and (thing in classes or thing in compounds):
            kept.append(thing if all(other in compounds for other in same) else replace(thing, broader=True))
    return sorted(kept, key=lambda thing: (thing.start, thing.end))


def _of_multiple(multiple: Multiple) -> NamedThing:
    counted = multiple.counted
    return NamedThing(
        counted.target, multiple.start, multiple.end, counted.low, counted.high, stated=True, link=multiple.link
    )


def _known(words: str) -> bool:
    """Return whether several words without a locant are each known to the tables."""
    if " " not in words or any(map(str.isdigit, words)):
        return False
    spans = [(start, end) for _, start, end in (*find_groups(words), *find_classes(words))]
    return all(
        any(start <= word.start() and word.end() <= end for start, end in spans) for word in _WORD.finditer(words)
    )


def _covers(amount: tuple[int, int], thing: NamedThing) -> bool:
    """Return whether words are read as an amount rather than as structure: "bicyclic" stays a class, "cationic" not."""
    start, end = amount
    inside = start <= thing.start and thing.end <= end
    return inside and ((start, end) != (thing.start, thing.end) or thing.target.kind != "class")


def _counted(text: str, thing: NamedThing) -> NamedThing:
    """Take the number that stands before what is named."""
    if thing.stated:
        return thing
    before = text[: thing.end].lower()  # only so far: "carbon 2" is no number of carbons
    amount = quantified(before, thing.start, thing.end, _THINGS)
    if amount is None or (amount.start == thing.start and amount.end == thing.end):
        return thing
    if amount.exact:
        low, high = max(amount.low, 0.0), amount.high
    else:
        low, high = (2.0, _INF) if amount.high == _INF else (0.0, 1.0)
    return replace(
        thing, start=min(thing.start, amount.start), end=max(thing.end, amount.end), low=low, high=high, stated=True
    )


def _denials(text: str, named: Sequence[NamedThing]) -> list[NamedThing]:
    """Take what is denied, and the rest of a list of which the first is."""
    things: list[NamedThing] = []
    for thing in named:
        before = things[-1] if things else None
        denied = thing.denied
        start = thing.start
        if not thing.stated and (match := _NO.search(text, 0, thing.start)):
            denied, start = True, match.start()
        elif not thing.stated and (match := _FREE.match(text[thing.end :])):
            denied = not text[thing.start : thing.end].lower().startswith("free")
        elif before is not None and before.denied and _NOR.match(text[before.end : thing.start]):
            denied = True
        if denied and not thing.denied:
            thing = replace(thing, start=start, low=0.0, high=0.0, stated=True)
        things.append(thing)
    return things


def _links(text: str, named: Sequence[NamedThing]) -> list[tuple[Attachment, int, int]]:
    """Find what is attached to what: (link, start, end)."""
    links = []
    for place, (bearer, borne) in enumerate(pairwise(named)):
        between = text[bearer.end : borne.start]
        firm = between in ("", " ", "-") or _FIRM_LINK.match(between) is not None
        if (not firm and not _WITH.match(between)) or bearer.denied or borne.denied or bearer.target == borne.target:
            continue
        others = [borne]
        while place + 1 + len(others) < len(named):
            following = named[place + 1 + len(others)]
            if not _AND.match(text[others[-1].end : following.start]) or following.denied:
                break
            others.append(following)
        link = Attachment(bearer.target, tuple(thing.count for thing in others), firm, bearer.low, bearer.high)
        links.append((link, bearer.start, max(others[-1].end, bearer.end)))
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
