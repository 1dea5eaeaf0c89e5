"""Text of one structure to an RDKit molecule: size known before parsing, and a sentence where it cannot be read."""

import re
import threading

from rdkit import Chem, rdBase

from molsearch.errors import InputError
from molsearch.records import Kind

_EXCERPT = 60

# RDKit writes to one log for all threads and says nothing there that a user needs: what it says of a structure that
# cannot be read is captured below. So the log is shut once this is loaded, as every command, page and worker does, and
# nothing else opens or shuts it: two threads that do (`rdBase.BlockLogs` while another captures) lose what was to be
# captured and leave the log open.
rdBase.DisableLog("rdApp.*")
# Captures that end in another order than they began leave the log to write where memory was freed.
_CAPTURE = threading.Lock()


def read_structure(text: str, kind: Kind) -> Chem.Mol | None:
    """Parse a SMILES, InChI or molblock with RDKit; None where RDKit cannot."""
    if "\0" in text:
        return None
    try:
        read = Chem.MolFromInchi if text.lstrip().startswith("InChI=") else Chem.MolFromSmiles
        mol: Chem.Mol | None = Chem.MolFromMolBlock(text) if kind == "molblock" else read(text.strip())
    except (ValueError, RuntimeError):
        return None
    return mol


def parse(smiles: str) -> Chem.Mol:
    """Parse a SMILES.

    Raises:
        InputError: If RDKit cannot read it or it holds no atom.
    """
    mol = Chem.MolFromSmiles(smiles) or _without_valence_check(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        raise InputError(f"This SMILES cannot be read: got {smiles[:80]!r}, expected a valid structure; correct it.")
    return mol


def _without_valence_check(smiles: str) -> Chem.Mol | None:
    """Read complexes and boranes whose valences RDKit does not know."""
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None:
        return None
    mol.UpdatePropertyCache(strict=False)
    checks = Chem.SanitizeFlags.SANITIZE_ALL ^ Chem.SanitizeFlags.SANITIZE_PROPERTIES
    if Chem.SanitizeMol(mol, checks, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol


def strict(smiles: str) -> bool:
    """Return whether RDKit reads a SMILES with all its checks."""
    return Chem.MolFromSmiles(smiles) is not None


def readable(smiles: str) -> bool:
    """Return whether ``parse`` can read a SMILES."""
    try:
        return bool(parse(smiles))
    except InputError:
        return False


def canonical(smiles: str) -> str:
    """Write the isomeric canonical SMILES of a structure, without any clean-up."""
    return str(Chem.MolToSmiles(parse(smiles)))


# Each of these is linear in the text, whatever the text.
_BRACKET = re.compile(r"\[[^\[\]]*\]")
_HYDROGEN = re.compile(r"\[\d*H[+-]?(?::\d+)?\]")
_ORGANIC = re.compile(r"Cl|Br|[BCNOPSFIbcnops*]")
_FORMULA = re.compile(r"([A-Z][a-z]?)(\d{0,9})")
_V3000 = re.compile(r"^M  V30 COUNTS +(\d{1,9})", re.MULTILINE)
_HEAVY = re.compile(r"^ *-?\d+\.\d{4} *-?\d+\.\d{4} *-?\d+\.\d{4} (?!H )", re.MULTILINE)


def heavy_atoms_written(text: str, kind: Kind) -> int:
    """Count heavy atoms from the text alone, so that RDKit never meets a monster. V3000 counts hydrogens too."""
    if kind == "molblock":
        counts = _V3000.search(text)
        return _v3000_heavy(text, int(counts.group(1))) if counts else len(_HEAVY.findall(text))
    text = text.strip()
    if text.startswith("InChI="):
        formula = text.partition("/")[2].partition("/")[0]
        atoms = ((int(n or 1) * times, e) for part, times in _parts(formula) for e, n in _FORMULA.findall(part))
        return sum(count for count, element in atoms if element != "H")
    smiles = text.split(None, 1)[0]
    plain, brackets = _BRACKET.subn("", smiles)
    return brackets - len(_HYDROGEN.findall(smiles)) + len(_ORGANIC.findall(plain))


def _parts(formula: str) -> list[tuple[str, int]]:
    """Split ``2C2H6O.ClH`` into [("C2H6O", 2), ("ClH", 1)]."""
    matches = (re.match(r"(\d{0,9})(.*)", part) for part in formula.split("."))
    return [(match.group(2), int(match.group(1) or 1)) for match in matches if match]


def _v3000_heavy(text: str, stated: int) -> int:
    return max(0, stated - len(re.findall(r"^M  V30 +\d+ H ", text, re.MULTILINE)))


def diagnosis(text: str, kind: Kind) -> str:
    """Explain in one sentence why a structure could not be read."""
    if "\0" in text:
        return "The structure holds a null character: the file is damaged here."
    if kind == "molblock" and "M  END" not in text:
        return "The record breaks off before its 'M  END' line: the file is cut off or no SD file."
    what = "molblock" if kind == "molblock" else "InChI" if text.lstrip().startswith("InChI=") else "SMILES"
    got = "" if kind == "molblock" else f" {excerpt(text)}"
    why = first_line(_logged(text, kind)) or "it breaks the rules of the format"
    return f"RDKit cannot read the {what}{got}: {why}."


def _logged(text: str, kind: Kind) -> str:
    """Read a structure that cannot be read once more, and return what RDKit logs."""
    with _CAPTURE, rdBase.CaptureErrorLog() as log:
        read_structure(text, kind)
        try:
            return str(log.messages)
        except UnicodeDecodeError as cut:  # RDKit quotes a part of the text and may cut a letter in two
            return bytes(cut.object).decode("utf-8", "replace")


def first_line(messages: str) -> str:
    """Return the line of RDKit's log that names the fault."""
    for raw in messages.splitlines():
        line = re.sub(r"^\[[\d:]+\]\s*|SMILES Parse Error: ", "", raw).strip()
        line = re.sub(r" while parsing: .*| for input: .*", "", line)
        if line and not line.startswith(("****", "Post-condition", "Pre-condition", "Invariant")):
            return line[:200].rstrip(".")
    return ""


def excerpt(text: str) -> str:
    """Quote the beginning of a text."""
    shown = text.strip()
    return repr(shown if len(shown) <= _EXCERPT else shown[:_EXCERPT] + "…")
