"""Ways that captions spell chemical names, rewritten into forms that OPSIN reads.

RULES is a table: each row names a habit of the literature and gives the respelling, or "" where it does not apply.
"""

import re
from collections.abc import Callable

_CHARGE = re.compile(r"\(\d*[+-]\)$|(?: zwitterion| free base| cation| anion| residue)$")
_LOCANTS = re.compile(
    r"\((?P<stereo>\d+[EZ](?:,\d+[EZ])*)\)-(?P<rest>[\w-]*?)"
    r"(?P<chain>(?:\w*?(?:hex|hept|oct|non|dec|undec|dodec|cos|eicos))a?)(?P<count>di|tri|tetra|penta|hexa)?"
    r"en(?P<end>o(?:ic acid|ate|yl\b.*)|e|al|ol)$"
)
_ALL_CIS = re.compile(r"all-(?P<kind>cis|trans)-(?P<chain>\w+)-(?P<locants>\d+(?:,\d+)*)-(?P<rest>.+)$")
_NUCLEOTIDE = re.compile(r"^(d)?([ACGUI])([MDT])P$")
_BASES = {"A": "adenosine", "C": "cytidine", "G": "guanosine", "U": "uridine", "I": "inosine"}
_PHOSPHATES = {"M": "monophosphate", "D": "diphosphate", "T": "triphosphate"}

# Three-letter codes of amino acids: as an acyl group, and as the acid that ends a chain.
_RESIDUES = {
    "Ala": ("alanyl", "alanine"), "Arg": ("arginyl", "arginine"), "Asn": ("asparaginyl", "asparagine"),
    "Asp": ("aspartyl", "aspartic acid"), "Cys": ("cysteinyl", "cysteine"), "Gln": ("glutaminyl", "glutamine"),
    "Glu": ("glutamyl", "glutamic acid"), "Gly": ("glycyl", "glycine"), "His": ("histidyl", "histidine"),
    "Ile": ("isoleucyl", "isoleucine"), "Leu": ("leucyl", "leucine"), "Lys": ("lysyl", "lysine"),
    "Met": ("methionyl", "methionine"), "Phe": ("phenylalanyl", "phenylalanine"), "Pro": ("prolyl", "proline"),
    "Ser": ("seryl", "serine"), "Thr": ("threonyl", "threonine"), "Trp": ("tryptophyl", "tryptophan"),
    "Tyr": ("tyrosyl", "tyrosine"), "Val": ("valyl", "valine"), "Orn": ("ornithyl", "ornithine"),
}  # fmt: skip
_CODE = "|".join(_RESIDUES)
_PEPTIDE = re.compile(rf"^(?:(?:(?:alpha|beta|gamma)-)?(?:[LD]-)?(?:{_CODE})-)+(?:[LD]-)?(?:{_CODE})$")
_RESIDUE = re.compile(rf"(?P<link>alpha-|beta-|gamma-)?(?P<chirality>[LD]-)?(?P<code>{_CODE})")


def without_charge(name: str) -> str:
    """Leave out what says only the form: "histamine(1+)", "valine zwitterion"."""
    return _CHARGE.sub("", name) if _CHARGE.search(name) else ""


def singular(name: str) -> str:
    """Leave out the plural s: "indoles"."""
    return name[:-1] if name.endswith("s") and not name.endswith(("ss", "us", "is")) else ""


def peptide(name: str) -> str:
    """Write three-letter codes out: "Gly-Leu" as "glycyl-L-leucine"."""
    if not _PEPTIDE.match(name):
        return ""
    residues = list(_RESIDUE.finditer(name))
    written = []
    for number, residue in enumerate(residues):
        code = residue["code"]
        chirality = "" if code == "Gly" else residue["chirality"] or "L-"
        written.append((residue["link"] or "") + chirality + _RESIDUES[code][number == len(residues) - 1])
    return "-".join(written)


def chain_locants(name: str) -> str:
    """Repeat the locants of a chain's double bonds: "(17Z)-hexacosenoic acid" as "(17Z)-hexacos-17-enoic acid"."""
    match = _LOCANTS.search(name)
    if not match or re.search(r"\d-(?:di|tri|tetra|penta|hexa)?en", name):
        return ""
    locants = re.findall(r"\d+", match["stereo"])
    chain = match["chain"] if match["count"] else match["chain"].removesuffix("a")
    bonds = f"-{','.join(locants)}-{match['count'] or ''}en{match['end']}"
    return name[: match.start()] + f"({match['stereo']})-{match['rest']}{chain}{bonds}"


def all_same(name: str) -> str:
    """Write out "all-cis-icosa-8,11,14-trienoic acid" as "(8Z,11Z,14Z)-icosa-8,11,14-trienoic acid"."""
    match = _ALL_CIS.search(name)
    if not match:
        return ""
    letter = "Z" if match["kind"] == "cis" else "E"
    stereo = ",".join(locant + letter for locant in match["locants"].split(","))
    return f"{name[: match.start()]}({stereo})-{match['chain']}-{match['locants']}-{match['rest']}"


def nucleotide(name: str) -> str:
    """Write nucleotide codes out: "ATP" as "adenosine 5'-triphosphate"."""
    match = _NUCLEOTIDE.match(name)
    return f"{'deoxy' if match[1] else ''}{_BASES[match[2]]} 5'-{_PHOSPHATES[match[3]]}" if match else ""


def decapitalised(name: str) -> str:
    """Undo a sentence's capital: "Cis-4,5-dihydroxy..."."""
    return name[0].lower() + name[1:] if len(name) > 1 and name[0].isupper() and name[1].islower() else ""


RULES: tuple[Callable[[str], str], ...] = (
    peptide,
    chain_locants,
    all_same,
    nucleotide,
    without_charge,
    singular,
    decapitalised,
)


def spellings(name: str) -> tuple[str, ...]:
    """List the name as written, then respelt by one rule, or by one after its charge is left out."""
    forms = [name, *(rule(name) for rule in RULES)]
    if bare := without_charge(name):
        forms += [rule(bare) for rule in RULES]
    return tuple(dict.fromkeys(form for form in forms if form))
