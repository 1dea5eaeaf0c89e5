"""Systematic names out of prose that lists the parts of a molecule.

Residues of a peptide, acyl groups of a lipid, the sugar of a glycoside, the alkyl group of an ester, the counterion of
a salt: each rule of RULES turns such a list into names that OPSIN may read.
"""

import re
from collections.abc import Callable, Iterator

from molsearch.query.nomenclature.substitution import ComposedName
from molsearch.query.respelling import chain_locants

_AND = re.compile(r",? and |, ")
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5}
_UNIT = re.compile(r"^(?:an? |the )?(?P<count>two |three |four |five )?(?P<name>.+?)(?: residues?| units?)?$")

_PEPTIDE = re.compile(
    r"(?<!cyclic )(?:di|tri|tetra|penta|hexa|oligo)peptide (?:(?:that|which) is )?(?:composed of|formed from|"
    r"made up of|consisting of|comprising) (?P<parts>[^.;]+?)(?:,? (?:joined|linked|connected|in sequence)\b|[.;]|$)"
)
# Amino acids whose acyl group is not their name with -yl for -ine.
_ACYL = {
    "tryptophan": "tryptophyl", "asparagine": "asparaginyl", "glutamine": "glutaminyl", "cysteine": "cysteinyl",
    "aspartic acid": "alpha-aspartyl", "glutamic acid": "alpha-glutamyl",
}  # fmt: skip


def _acyl(acid: str) -> str:
    """Name the acyl group of an amino acid: "L-alanyl" of "L-alanine"."""
    for ending, acyl in _ACYL.items():
        if acid.endswith(ending):
            return acid.removesuffix(ending) + acyl
    return acid.removesuffix("ine") + "yl" if acid.endswith("ine") else acid


def _units(parts: str) -> list[str]:
    """Split a list into its names, one that is counted as often as it is counted."""
    names: list[str] = []
    for part in _AND.split(parts):
        if match := _UNIT.match(part.strip()):
            names += [match["name"]] * _COUNTS.get((match["count"] or "").strip(), 1)
    return names


def _peptides(text: str) -> Iterator[ComposedName]:
    for match in _PEPTIDE.finditer(text):
        units = _units(match["parts"])
        if 2 <= len(units) <= 8:
            yield ComposedName("-".join([*map(_acyl, units[:-1]), units[-1]]), *match.span("parts"))


# What a class of lipids is called, and how a name of one of its members ends; "" where OPSIN has no name for it.
_BACKBONES = (
    (r"phospho-\(1'|CDP|osyl-(?:sn-)?glycerol|phosphatidylglycerol|phosphatidylinositol", ""),
    (r"sn-glycero-3-phosphocholine|phosphatidylcholine", "-sn-glycero-3-phosphocholine"),
    (r"sn-glycero-3-phosphoethanolamine|phosphatidylethanolamine", "-sn-glycero-3-phosphoethanolamine"),
    (r"sn-glycero-3-phospho-?(?:L-)?serine|phosphatidyl-?(?:L-)?serine", "-sn-glycero-3-phospho-L-serine"),
    (r"sn-glycero-3-phosphate|sn-glycerol[- ]3-phosphate|phosphatidic acid", "-sn-glycerol 3-phosphate"),
    (r"sn-glycerol", "-sn-glycerol"),
    (r"[1-3]-(?:mono|di)glyceride|(?:di|tri)acylglycerol|triglyceride", "glycerol"),
    (r"acyl-?CoA|coenzyme A", "-CoA"),
)
_SPECIFIED = re.compile(
    r"(?P<head>[^.;]{0,160}\bspecified\b[^.;]{0,40}?|[^.;]{0,160}(?:acyl|alkyl) groups? (?:at [^.;]{0,40}?)?)"
    r"\b(?:as|is|are) (?:both )?(?P<groups>(?:\S+yl)\b[^.;]*?)(?: respectively|,? and (?:is )?located|[.;]|$)"
)
# Where the groups stand, the plainest words first.
_POSITIONS = (
    re.compile(r"positions? (?P<at>(?:\d+(?:, and |, | and )?)+)"),
    re.compile(r"\b(?P<at>\d+(?:-(?:, | and |, and )\d+)*)-acyl (?:group|substituent|chain)"),
)
_ONE_OPEN = re.compile(r"(?<!\S)\d-(?:acyl-\d-\w+(?:yl)|\w+yl-\d-acyl)-sn-glycero\S+")
_ACYLATED = re.compile(
    r"(?<![-)])\b(?:(?P<sugar>\S+?osyl)-(?:\(1<?->1'\)-)?)?(?P<atom>[NOS])-acyl-?"
    r"(?P<rest>[\w,'-]+(?: (?:1-phosphate|acid))?)(?P<charge>\(\d*[+-]\))?"
)
_SHORT = re.compile(r" \([^()]*\)$")  # the trivial name after the systematic one: "hexadecanoyl (palmitoyl)"


def group_name(words: str) -> str:
    """Write one acyl or alkyl group as OPSIN reads it: "(9Z)-octadec-9-enoyl" of "9Z-octadecenoyl (oleoyl)"."""
    words = _SHORT.sub("", words.strip()).removeprefix("a ").removeprefix("an ")
    words = re.sub(r" (?:groups?|residues?)$", "", words)
    words = re.sub(r"^(\d+[EZRS](?:,\d+[EZRS])*)-", r"(\1)-", words)
    words = words.replace("eicos", "icos")
    return chain_locants(words) or words


def _bracketed(group: str) -> str:
    return group if group.isalpha() else f"[{group}]"


def _acyl_name(head: str, group: str) -> Iterator[str]:
    """Put one group where a class name leaves it open: "N-acylsphingosine 1-phosphate(2-)"."""
    match = _ACYLATED.search(head)
    if not match:
        return
    rest = match["rest"]
    joint = "-" if rest[0].isupper() or rest[0].isdigit() else ""
    sugar = f"1-O-[{match['sugar']}]-" if match["sugar"] else ""
    for infix in ("-L-", "") if rest == "carnitine" else (joint,):
        yield f"{sugar}{match['atom']}-{_bracketed(group)}{infix}{rest}{match['charge'] or ''}"


def _acylated(text: str) -> Iterator[ComposedName]:
    for match in _SPECIFIED.finditer(text):
        head, span = match["head"], match.span("groups")
        groups = [group_name(part) for part in _AND.split(match["groups"])]
        if not all(group.endswith("yl") for group in groups) or len(groups) > 4:
            continue
        ending = next((end for words, end in _BACKBONES if re.search(words, head)), None)
        charge = re.search(r"\(\d[+-]\)", head)
        written = "" if charge is None else charge[0]
        if len(groups) == 1 and (token := _ONE_OPEN.search(head)):
            name = (
                token[0].replace("acyl", _bracketed(groups[0])).replace("glycero-3-phosphate", "glycerol 3-phosphate")
            )
            yield ComposedName(name, *span)
        elif ending == "-CoA":
            yield ComposedName(f"{groups[0]}-CoA{written}", *span)
        elif ending:
            if len(groups) == 1 and "both" in text[slice(*match.span())]:
                groups *= 2
            yield ComposedName(_placed(groups, head + match["groups"]) + ending + written, *span)
        elif len(groups) == 1:
            yield from (ComposedName(name, *span) for name in _acyl_name(head, groups[0]))


def _placed(groups: list[str], words: str) -> str:
    """Write groups at the positions that are stated, else at 1, 2 and 3."""
    positions = next((match["at"] for pattern in _POSITIONS if (match := pattern.search(words))), "")
    locants = re.findall(r"\d+", positions)
    if len(groups) == 1 and len(locants) > 1:
        groups = groups * len(locants)
    locants = locants if len(locants) == len(groups) else [str(n + 1) for n in range(len(groups))]
    return "-".join(f"{at}-{_bracketed(group)}" for at, group in sorted(zip(locants, groups, strict=True)))


_SUGAR = r"(?P<sugar>[^\s;]*osyl[^\s;]*)(?: (?:residue|group|moiety|unit|substituent))"
_PARENT = r"(?P<parent>[^\s.;]+)"
_ATOM = r"(?:the )?(?:C-|O-)?(?P<at>\d+'*)"
_GLYCOSIDES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_PARENT},? (?:(?:which|that) (?:is|has been) )?(?:glycosidically )?(?:attached|linked|substituted|having|"
        rf"carrying|bearing|with)(?: to| by)? an? {_SUGAR} (?:attached |linked )?at (?:position )?{_ATOM}",
        rf"an? {_SUGAR} (?:is |has been )?(?:attached|linked) (?:at|to) (?:position )?{_ATOM} of (?:the )?{_PARENT}",
        rf"{_PARENT},? in which the (?:phenolic )?(?:hydroxy (?:group|hydrogen) at )?(?:position )?{_ATOM}[^.;]{{0,30}}"
        rf"(?:glycosylated|replaced|substituted) (?:by|with) an? {_SUGAR}",
        rf"an? {_SUGAR} at (?:position )?{_ATOM} (?:of|on) (?:the )?{_PARENT}",
    )
)
_CONFIGURED = re.compile(r"[LD]-|alpha-|beta-")


def _glycosides(text: str) -> Iterator[ComposedName]:
    for pattern in _GLYCOSIDES:
        for match in pattern.finditer(text):
            parent, sugar = match["parent"].strip(","), match["sugar"].strip(",")
            after = text[match.end("sugar") : match.end() + 50]
            if "C-glycosidic" in after or parent in ("end", "acid"):
                continue
            if not _CONFIGURED.search(sugar) and (link := re.search(r"(alpha|beta)-(?:glycosidic )?linkage", after)):
                sugar = f"{link[1]}-{'L' if sugar.startswith(('rhamn', 'fuc', 'arabin')) else 'D'}-{sugar}"
            bracketed = sugar if sugar[0] in "([" and sugar[-1] in ")]" else f"[{sugar}]"
            joint = "-" if parent[0].isdigit() or parent[0] in "([" else ""
            yield ComposedName(f"{match['at']}-O-{bracketed}{joint}{parent}", *match.span())


_END = r"(?:with|and|in|used|by|to|which|that|is|has|containing|for|It|A|An|The)\b"
_NAMED = (
    rf"(?:the |an? |anhydrous )?(?P<name>[^\s;]+?(?: (?!{_END})[^\s;(]+?){{0,3}})"
    rf"(?=[.,;]? (?:\(|{_END})|[.,;]?$|\. )"
)
_ESTER = re.compile(rf"(?P<alkyl>[^\s;]*yl) (?:di|tri)?ester of {_NAMED}")
_SALT = re.compile(rf"(?P<salt>(?:mono|di|tri|tetra)?[a-z]+) salt (?:form )?of {_NAMED}")
_HYDRATE = re.compile(rf"(?P<salt>[a-z]*hydrate) (?:form )?of {_NAMED}")
_REACTED = re.compile(
    r"(?:equimolar (?:amounts|quantities)|one equivalent) of (?P<name>[^\s;]+(?: [^\s;]+){0,2}) "
    r"and hydrogen (?P<acid>\w+)"
)


def _esters(text: str) -> Iterator[ComposedName]:
    for match in _ESTER.finditer(text):
        yield ComposedName(f"{match['name'].strip('.,')} {match['alkyl']} ester", *match.span())


def _salts(text: str) -> Iterator[ComposedName]:
    for match in _SALT.finditer(text):
        name, salt = match["name"].strip(".,"), match["salt"]
        yield ComposedName(f"{name} {salt if salt.endswith('ide') else f'{salt} salt'}", *match.span())
    for match in _HYDRATE.finditer(text):
        if match["salt"] != "hydrate":  # how many waters is said elsewhere, if at all
            yield ComposedName(f"{match['name'].strip('.,')} {match['salt']}", *match.span())
    for match in _REACTED.finditer(text):
        yield ComposedName(f"{match['name'].strip('.,')} hydro{match['acid']}", *match.span())


#: Each rule by what it composes.
RULES: dict[str, Callable[[str], Iterator[ComposedName]]] = {
    "peptide": _peptides,
    "acyl groups": _acylated,
    "glycoside": _glycosides,
    "ester": _esters,
    "salt": _salts,
}
