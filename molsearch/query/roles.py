"""What a molecule is or does to living things, as texts say it: "an antibacterial agent", "a COX-2 inhibitor".

A structure does not decide a role as it decides a class, so a model learns roles from captions (model/role_head.py) and
knows those that enough captions state. Which of them a text names is read here: by name, by the everyday terms of
`chem/ontology/roles.tsv`, where one term may stand for several roles, and by what follows from both.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from molsearch.chem import ontology
from molsearch.chem.ontology.terms import Terms, parted, read_rules
from molsearch.query.wording import DENIES_ROLE

TABLE = Path(ontology.__file__).with_name("roles.tsv")

# "It has a role as an EC 3.1.1.7 (acetylcholinesterase) inhibitor and a hapten. It is ...": to the full stop that ends
# the sentence, not to those inside a number.
_STATED = re.compile(r"\bhas (?:a )?roles? as (.+?)(?=\.(?:\s|$)|$)", re.IGNORECASE)
# Only what an article follows begins a new role: "EC 1.1.1.1 (2,3-dioxygenase) and kinase inhibitor" is one.
_BETWEEN = re.compile(r"(?:,| and|, and) (?=an? )")
# "EC 3.1.1.7 (acetylcholinesterase) inhibitor"
_ENZYME = re.compile(r"EC [\d.*]+ [(\[](.+)[)\]] inhibitor")
_TURNED = re.compile(r"(.+) (inhibitor|agonist|antagonist|blocker|modulator|inducer)")  # "inhibitor of ..."
_KINDS = ("agent", "drug", "compound")  # words for a thing that has the role
# Role words that stand alone where the word for the thing is left out: "antibacterial", "vasodilator".
_ALONE = re.compile(r"anti-?\w+|\w+or")
_AMERICAN = (("ising", "izing"), ("iser", "izer"), ("our", "or"), ("anaesth", "anesth"), ("glycaem", "glycem"))
# The last word of a noun phrase says what it is: an "estrogen receptor" is no estrogen. These may follow, though.
_AFTER = re.compile(
    r"\s*(?:$|[^\w\s-]|(?:agents?|drugs?|compounds?|molecules?|medicines?|activity|activities|properties|effects?|action"
    r"|(?-i:an?)|and|or|but|with|without|that|which|who|as|for|against|in|on|of|from|to|by|at|is|are|was|has|have|having"
    r"|used|such|like|isolated|derived|produced|made|found|targeting|inhibiting|containing|bearing|acting|active)\b)",
    re.IGNORECASE,
)
# An adjective says what the thing after it is: "an antibacterial sulfonamide", but not "an antibiotic-free ...".
_ADJECTIVE = re.compile(
    r"\b(?:anti-?(?!biotic)\w+(?:al|ic|ory|ive)|\w+(?:cidal|static|genic|toxic|lytic)|analgesic|sedative|hypnotic|diuretic)$",
    re.IGNORECASE,
)
# What stands before names something else's role: "resistant to an antibiotic", "soluble in an organic solvent".
_BEFORE = re.compile(
    r"(?:\w[-‐‑–]|\b(?:in(?!\s+vi(?:tro|vo)\b)|by|from|to|than|against)\s+(?:(?:an?|the|any)\s+)?(?:[\w-]+\s+)?)$",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    rf"(?:\b{DENIES_ROLE}|n['’]t)\s+(?:(?:an?|the|any|be|being|have|having|act(?:s|ing)?|as|used|show(?:s|ing)?)\s+)*$",
    re.IGNORECASE,
)
_OR = re.compile(r"\s*,?\s*(?:and/or|or|/)\s*(?:an?\s+)?", re.IGNORECASE)
_NOR = re.compile(r"[\s,]*(?:or|nor|and/or|/|,)\s*(?:an?\s+|any\s+)?", re.IGNORECASE)
_GAP = re.compile(r"\s+")
_WINDOW = 80  # characters before a role in which a denial may stand


@dataclass(frozen=True, slots=True)
class NamedRole:
    """Roles that ``text[start:end]`` names.

    Attributes:
        numbers: One number, or those of several roles of which any will do.
        start: Where the words begin.
        end: Where they end.
    """

    numbers: tuple[int, ...]
    start: int
    end: int


def stated_roles(caption: str) -> tuple[str, ...]:
    """Read the roles that a caption states in ChEBI's words, each with its article, in order and once."""
    roles = (role.strip() for statement in _STATED.findall(caption) for role in _BETWEEN.split(statement))
    return tuple(dict.fromkeys(role for role in roles if re.match(r"an? \S", role)))


def bare(role: str) -> str:
    """Leave a role's article out: "a" and "an" may both be found before one role."""
    return role.partition(" ")[2]


def find_roles(text: str, names: Sequence[str]) -> tuple[NamedRole, ...]:
    """Find roles of the molecule in free text, in any letter case and number; denied ones are left out.

    Args:
        text: Any text.
        names: The roles that are known, without article.

    Returns:
        In text order, without overlap; roles joined by "or" as one.
    """
    # Imported here: a machine that only trains has no RDKit.
    from molsearch.chem.ontology.classes import find_classes

    roles: list[NamedRole] = []
    terms = _terms(tuple(names)).find(text)
    nouns = {start for _, start, _ in find_classes(text)} if terms else set()
    denied_to = -1
    for numbers, start, end in terms:
        window = text[max(0, start - _WINDOW) : start]
        if _DENIAL.search(window) or (denied_to >= 0 and _NOR.fullmatch(text, denied_to, start)):
            denied_to = end
        elif not _BEFORE.search(window) and _says_what_it_is(text, start, end, nouns):
            role = NamedRole(numbers, start, end)
            if roles and _OR.fullmatch(text, roles[-1].end, start):
                before = roles.pop()
                role = NamedRole(tuple(dict.fromkeys(before.numbers + role.numbers)), before.start, end)
            roles.append(role)
    return tuple(roles)


def _says_what_it_is(text: str, start: int, end: int, nouns: set[int]) -> bool:
    """Return whether a role is the molecule's own by what follows: nothing that is another thing."""
    if _AFTER.match(text, end):
        return True
    gap = _GAP.match(text, end)
    return gap is not None and (gap.end() in nouns or _ADJECTIVE.search(text, start, end) is not None)


@lru_cache(maxsize=4)
def _terms(names: tuple[str, ...]) -> Terms[tuple[int, ...]]:
    """Collect every term with the numbers of its roles; names first, so that no other term takes their place."""
    everyday = dict(read_rules(TABLE, "role", lambda line: (line["name"], parted(line["terms"]))))
    meant: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        for term in everyday.get(name, ()):
            meant.setdefault(term, []).append(number)
    numbered = [(name, (number,)) for number, name in enumerate(names)]
    known = [*numbered, *((term, tuple(numbers)) for term, numbers in meant.items())]
    return Terms([*known, *((form, numbers) for term, numbers in known for form in _shortened(term))])


def _shortened(term: str) -> Iterator[str]:
    """Yield what follows from a term: without an enzyme's number, turned round, with another word for the thing."""
    for ending in _AMERICAN:
        if ending[0] in term:
            yield term.replace(*ending)
    if enzyme := _ENZYME.fullmatch(term):
        term = f"{enzyme.group(1)} inhibitor"
        yield term
    if turned := _TURNED.fullmatch(term):
        yield from (f"{turned.group(2)}{plural} of {turned.group(1)}" for plural in ("", "s"))
    stem, _, kind = term.rpartition(" ")
    if kind in _KINDS and stem:
        yield from (f"{stem} {other}" for other in _KINDS)
    else:
        stem = term
    if _ALONE.fullmatch(stem):
        yield stem
        yield from (f"{stem} {other}" for other in _KINDS)
