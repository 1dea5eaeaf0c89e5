"""Systematic names out of prose: "flavone substituted by hydroxy groups at positions 5 and 7", 5,7-dihydroxyflavone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LOCANT = r"(?:[NOSC]?-?\d+(?:alpha|beta|[a-zA-Z])?'{0,3}|[NOSC]'{0,2}|alpha|beta|gamma)(?![A-Za-z0-9])"
_LOCANTS = rf"{_LOCANT}(?:(?:, and |, | and |,| & ){_LOCANT})*"
_KIND = r"(?:groups?|substituents?|moiet(?:y|ies)|residues?|units?|functions?|atoms?)"
_AT = rf"at (?:the )?(?:[CNO]-)?(?:positions?|C-)? ?(?P<locants>{_LOCANTS})(?:[- ]positions?)?"
_NAME = (
    r"(?:that is|which is|consisting of|of|is) (?:the |an? )?"
    r"(?P<parent>[^\s.;]+(?: (?:acid|oxide|ether|ester|alcohol))?)"
)
_HYDROGEN = r"in which (?:the|a|one of the|two|three|both)?[^.;]{0,25}hydrogens?"
_PARENT = re.compile(
    _NAME + r"(?:,? (?:that is|which is|that has been|and|having|with))? "
    r"(?P<verb>(?:mono|di|tri|tetra)?substituted|carrying|bearing|" + _HYDROGEN + ")"
)
_BY_THEN_AT = re.compile(
    rf"(?:(?:an?|the|additional|single|one|two|three|four|five|six|further|extra) )*"
    rf"(?P<names>[^\s;]+?(?:, [^\s;]+?)*(?:,? and [^\s;]+?)?) {_KIND} (?:located )?{_AT}"
)
_AT_THEN_BY = re.compile(
    rf"{_AT}(?: position)?(?: (?:is|are|has been|have been|being))?(?: (?:replaced|substituted))? (?:by|with) "
    rf"(?:(?:an?|the|two|three|four) )?(?P<names>[^\s;]+?(?:(?:, |,? and )[^\s;]+?)*)(?: {_KIND}|(?=[.,;]|$))"
)
_STEREO = re.compile(
    r"\(the \(?(?P<stereo>[0-9a-z]*[RSEZ](?:,[0-9a-z]*[RSEZ])*)\)?[- ](?:stereo|enantio|diastereo|isomer|geo)"
)
_PLAIN = re.compile(r"[A-Za-z]+")
_MULTIPLIERS = ("", "", "di", "tri", "tetra", "penta", "hexa", "hepta", "octa")
_COMPLEX_MULTIPLIERS = ("", "", "bis", "tris", "tetrakis", "pentakis", "hexakis", "heptakis", "octakis")
_FILLERS = frozenset(("", "a", "an", "additional", "and"))
# "X in which one of the hydrogens is replaced by a phenyl group": no position is stated, OPSIN's default is taken.
_REPLACED = re.compile(
    _NAME + r",? in which (?:one of )?(?:the|an?) ?(?P<which>[^.;,]{0,60}?)hydrogens?(?P<where>[^.;,]{0,60}?) "
    r"(?:is|are|has been|have been|being) (?:formally )?(?:replaced|substituted) by (?:an?|the) (?P<name>[^\s;]+?) "
    + _KIND
)
_REACH = 260  # characters after the parent's name in which its substituents stand


@dataclass(frozen=True, slots=True)
class ComposedName:
    """A systematic name made of a text's words ``text[start:end]``."""

    name: str
    start: int
    end: int


def _prefix(name: str, locants: list[str]) -> str:
    simple = bool(_PLAIN.fullmatch(name))
    count = len(locants)
    if count >= len(_MULTIPLIERS):
        return ""
    written = name if simple else f"({name})"
    return f"{','.join(locants)}-{(_MULTIPLIERS if simple else _COMPLEX_MULTIPLIERS)[count]}{written}"


def _split(locants: str) -> list[str]:
    return re.findall(_LOCANT, locants)


def _prefixes(words: str) -> Iterator[tuple[int, str]]:
    """Yield each substituent as a prefix with its locants, and where it stands."""
    taken: list[tuple[int, int]] = []
    for pattern in (_BY_THEN_AT, _AT_THEN_BY):
        for match in pattern.finditer(words):
            if any(match.start("locants") < end and match.end("locants") > start for start, end in taken):
                continue
            taken.append(match.span("locants"))
            locants = _split(match["locants"])
            names = [name for name in re.split(r", | and ", match["names"]) if name not in _FILLERS]
            if len(names) == len(locants):  # "methyl and galactosyl groups at positions 4 and 3 respectively"
                for name, locant in zip(names, locants, strict=True):
                    yield match.start(), _prefix(name, [locant])
            elif names:
                yield match.start(), _prefix(names[-1], locants)


def _replaced(text: str) -> Iterator[ComposedName]:
    for match in _REPLACED.finditer(text):
        words = match["which"] + match["where"]
        locants = re.findall(rf"(?:at|of)(?: the)? (?:position )?({_LOCANT})", words)
        name = match["name"] if _PLAIN.fullmatch(match["name"]) else f"({match['name']})"
        parent = match["parent"].strip(",")
        joint = "-" if parent[0].isdigit() or parent[0] in "([" else ""
        if "hydroxy" in words or "phenolic" in words:
            places = [f"{locant}-O-" for locant in locants[:1]] or ["O-"]
        else:
            places = [f"{locant}-" for locant in locants[:1]] or (["N-", ""] if "amin" in words else ["", "N-"])
        for place in places:
            yield ComposedName(f"{place}{name}{joint}{parent}", match.start("parent"), match.end())


def composed_names(text: str) -> tuple[ComposedName, ...]:
    """Compose the names that a text spells out as a parent with substituents; with and without the stereo it states."""
    names: list[ComposedName] = list(_replaced(text))
    for match in _PARENT.finditer(text):
        words = text[match.start("verb") : match.end("verb") + _REACH]
        words = re.split(r"\.(?: |$)|;| \(the ", words)[0]
        prefixes = [prefix for _, prefix in sorted(_prefixes(words)) if prefix]
        if not prefixes:
            continue
        parent = match["parent"].strip(",")
        joint = "-" if parent[0].isdigit() or parent[0] in "([" else ""
        name = "-".join(prefixes) + joint + parent
        span = match.start("parent"), match.start("verb") + len(words)
        if stereo := _STEREO.search(text):
            names.append(ComposedName(f"({stereo['stereo']})-{name}", *span))
        names.append(ComposedName(name, *span))
    return tuple(names)
