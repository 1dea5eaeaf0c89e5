"""Numbers inside words: "dihalogenated", "trifluoro", "bis-sulfonamide", "dimethoxyphenyl", "polyhydroxylated"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from molsearch.chem.ontology.classes import find_classes
from molsearch.chem.ontology.groups import find_groups
from molsearch.query.occurrences import Target
from molsearch.query.satisfaction import Attachment, Count

_INF = float("inf")
_TIMES = {
    "mono": 1, "di": 2, "bi": 2, "bis": 2, "tri": 3, "tris": 3, "tetra": 4, "tetrakis": 4, "penta": 5, "hexa": 6,
    "hepta": 7, "octa": 8, "poly": 3, "oligo": 3, "multi": 2, "per": 4, "multiply ": 2, "doubly ": 2, "triply ": 3,
    "singly ": 1,
}  # fmt: skip
_OPEN = frozenset({"poly", "oligo", "multi", "per", "multiply "})  # at least so many
# What is counted, as it is written after the number.
_COUNTED = {
    "halogenated": "halogen", "halo": "halogen", "halogen": "halogen", "halide": "halogen", "haloarene": "halogen",
    "fluorinated": "fluorine", "fluoro": "fluorine", "fluoride": "fluorine", "fluor": "fluorine",
    "chlorinated": "chlorine", "chloro": "chlorine", "chloride": "chlorine",
    "brominated": "bromine", "bromo": "bromine", "bromide": "bromine",
    "iodinated": "iodine", "iodo": "iodine", "iodide": "iodine",
    "hydroxylated": "hydroxyl", "hydroxy": "hydroxyl", "hydroxyl": "hydroxyl",
    "methoxylated": "methoxy", "methoxy": "methoxy", "alkoxylated": "alkoxy", "alkoxy": "alkoxy",
    "methylated": "methyl", "methyl": "methyl", "nitrated": "nitro", "nitro": "nitro", "amino": "primary amino",
    "aminated": "primary amino", "cyano": "cyano", "carboxy": "carboxylic acid group",
    "carboxylated": "carboxylic acid group", "acetylated": "acetyl", "oxo": "acyl",
    "trifluoromethyl": "trifluoromethyl", "azido": "azido", "azole": "azole", "phenyl": "phenyl",
    "phenolic": "phenolic hydroxyl", "acidic": "acidic group",
    "basic": "basic amine", "sulfonyl": "sulfonyl", "sulfonamido": "sulfonamide group", "aza": "nitrogen",
}  # fmt: skip

# What bears the substituents, where it is written after them.
_BEARERS = {
    "phenyl": ("group", "phenyl"), "benzene": ("class", "benzenes"), "benzyl": ("group", "phenyl"),
    "benzoyl": ("group", "phenyl"), "benzoic acid": ("class", "benzoic acids"), "benzamide": ("class", "benzamides"),
    "aniline": ("class", "anilines"), "phenol": ("class", "phenols"), "phenoxy": ("group", "phenyl"),
    "pyridine": ("class", "pyridines"), "pyridyl": ("class", "pyridines"), "pyrimidine": ("class", "pyrimidines"),
    "quinoline": ("class", "quinolines"), "indole": ("class", "indoles"), "thiophene": ("class", "thiophenes"),
    "pyrazole": ("class", "pyrazoles"), "imidazole": ("class", "imidazoles"), "pyrrole": ("class", "pyrroles"),
    "isoxazole": ("class", "isoxazoles"), "thiazole": ("class", "1,3-thiazoles"), "furan": ("class", "furans"),
    "naphthalene": ("class", "naphthalenes"), "biphenyl": ("class", "biphenyls"), "arene": ("group", "aromatic ring"),
    "aryl": ("group", "aromatic ring"), "piperidine": ("class", "piperidines"), "alkyl": ("group", "aliphatic carbon"),
}  # fmt: skip
_NUMBER = "|".join(sorted(_TIMES, key=len, reverse=True))
_WHAT = "|".join(sorted(_COUNTED, key=len, reverse=True))
_BEARER = "|".join(sorted(_BEARERS, key=len, reverse=True))
_MULTIPLE = re.compile(rf"(?<![\w,'])(?P<times>{_NUMBER})[- ]?\(?(?P<what>{_WHAT})\)?s?(?![a-z])")
_BORNE = re.compile(
    rf"(?<![\w,'(-])(?P<times>{_NUMBER})?[- ]?\(?(?P<what>{_WHAT})\)?[- ]?"
    rf"(?:substituted )?(?P<bearer>{_BEARER})s?(?![a-z])"
    r"(?:[ -](?:compound|derivative|group|ring|moiety|substituent|unit)s?(?![a-z]))?"
)
_BEARING = re.compile(
    rf"(?<![\w,'(-])\(?(?P<lead>[a-z-]{{4,30}}?)\)?(?P<bearer>{_BEARER})s?(?![a-z])"
    r"(?:[ -](?:compound|derivative|group|ring|moiety|substituent|unit)s?(?![a-z]))?"
)
_COMPOSED = re.compile(r"(?<![\w-])(?P<times>bis|tris|tetrakis|di|tri|tetra|poly)[- ]?\(?(?P<rest>[a-z][a-z -]{3,40})")


@dataclass(frozen=True, slots=True)
class Multiple:
    """A number inside a word: what is counted in ``text[start:end]``, and what it is attached to."""

    counted: Count
    start: int
    end: int
    link: Attachment | None = None


def _substituted(plain: str) -> Iterator[Multiple]:
    """Yield words made of a substituent that the group table knows and what bears it: "ethoxyphenyl"."""
    for match in _BEARING.finditer(plain):
        lead = match["lead"]
        number = next((times for times in _TIMES if lead.startswith(times) and lead != times), "")
        for times in dict.fromkeys(("", number)):
            what = lead.removeprefix(times).strip("()")
            groups = find_groups(what)
            if len(groups) == 1 and groups[0][1:] == (0, len(what)):
                counted = Count(Target("group", groups[0][0]), *_range(times or "mono", not times))
                yield Multiple(counted, *match.span(), Attachment(Target(*_BEARERS[match["bearer"]]), (counted,), True))
                break


def find_multiples(text: str) -> Iterator[Multiple]:
    """Yield what is counted inside the words of a text."""
    plain = text.lower()
    for match in _BORNE.finditer(plain):
        counted = Count(Target("group", _COUNTED[match["what"]]), *_range(match["times"] or "mono", not match["times"]))
        bearer = Target(*_BEARERS[match["bearer"]])
        yield Multiple(counted, *match.span(), Attachment(bearer, (counted,), True))
    yield from _substituted(plain)
    for match in _MULTIPLE.finditer(plain):
        yield Multiple(Count(Target("group", _COUNTED[match["what"]]), *_range(match["times"])), *match.span())
    whole = {(start, end) for _, start, end in (*find_classes(text), *find_groups(text))}
    for match in _COMPOSED.finditer(plain):
        start = match.start("rest")
        if any(before <= match.start() < end for before, end in whole):
            continue
        for kind, names in (("class", find_classes(text[start:])), ("group", find_groups(text[start:]))):
            if names and names[0][1] == 0:
                counted = Count(Target(kind, names[0][0]), *_range(match["times"]))
                yield Multiple(counted, match.start(), start + names[0][2])
                break


def _range(times: str, at_least: bool = False) -> tuple[float, float]:
    least = float(_TIMES[times])
    return least, _INF if at_least or times in _OPEN else least
