"""Other forms of a named structure: its protonation states, its mirror image, and its other ways to be written.

Captions define molecules by their neighbours ("the conjugate base of L-histidine", "an enantiomer of D-arabinitol");
with these the neighbour's name leads to the structure itself.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

from rdkit import Chem
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions
from rdkit.Chem.MolStandardize import rdMolStandardize

MAX_SINGLES = 6  # atoms tried alone of each kind; all of a kind together are tried whatever their number
MAX_ATOMS = 150
MAX_CENTRES = 4

# Atom 0 of each match loses a proton, strongest acids first.
_ACIDS = (
    ("carboxylic acid", "[OX2H1]C=O"),
    ("acid of sulfur or phosphorus", "[OX2H1][S,P,As]"),
    ("phenol or enol", "[OX2H1][$(c),$(C=C)]"),
    ("imide or sulfonamide", "[NX3H1,NX3H2]([C,S]=O)[$(C=O),$(S=O),$(c),$(C)]"),
    ("azole", "[nX3H1]"),
    ("thiol", "[SX2H1]"),
)
# Atom 0 of each match gains one.
_BASES = (
    ("amine", "[NX3;+0;!$(N[C,S,P]=[O,S,N]);!$(N-a);!$(N-[!#6]);!$(N=*);!$(N-C=C)]"),
    ("guanidine or amidine", "[NX2;+0]=C[NX3]"),
    ("aromatic nitrogen", "[nX2;+0]"),
    ("aniline", "[NX3;+0;$(N-a);!$(N[C,S,P]=O)]"),
)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[Chem.Mol, ...], tuple[Chem.Mol, ...]]:
    return tuple(Chem.MolFromSmarts(s) for _, s in _ACIDS), tuple(Chem.MolFromSmarts(s) for _, s in _BASES)


def _choices(mol: Chem.Mol, patterns: Sequence[Chem.Mol]) -> list[frozenset[int]]:
    """List the sets of atoms to change together: none, each alone, all of the first kinds."""
    kinds = [[match[0] for match in mol.GetSubstructMatches(pattern)] for pattern in patterns]
    seen: set[int] = set()
    singles: list[int] = []
    together: list[frozenset[int]] = []
    for atoms in kinds:
        fresh = [atom for atom in dict.fromkeys(atoms) if atom not in seen]
        seen.update(fresh)
        singles += fresh
        if fresh:
            together.append(frozenset(seen))
    options = [frozenset(), *(frozenset({atom}) for atom in singles[:MAX_SINGLES]), *together[:3]]
    return list(dict.fromkeys(options))


def _changed(mol: Chem.Mol, losing: frozenset[int], gaining: frozenset[int]) -> Chem.Mol | None:
    copy = Chem.RWMol(mol)
    for number, step in [*((number, -1) for number in losing), *((number, 1) for number in gaining)]:
        atom = copy.GetAtomWithIdx(number)
        hydrogens = atom.GetTotalNumHs() + step
        if hydrogens < 0:
            return None
        atom.SetFormalCharge(atom.GetFormalCharge() + step)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(hydrogens)
    return copy if Chem.SanitizeMol(copy, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE else None


def _states(mol: Chem.Mol) -> Iterator[tuple[str, int]]:
    neutral = rdMolStandardize.Uncharger().uncharge(mol)
    neutral = Chem.MolFromSmiles(Chem.MolToSmiles(neutral))
    if neutral is None:
        return
    acids, bases = _patterns()
    for losing, gaining in product(_choices(neutral, acids), _choices(neutral, bases)):
        if (state := _changed(neutral, losing, gaining - losing)) is not None:
            yield Chem.MolToSmiles(state), Chem.GetFormalCharge(state)


@lru_cache(maxsize=20_000)
def protonation_states(smiles: str, direction: int, charge: int | None = None) -> tuple[str, ...]:
    """List canonical SMILES of other protonation states of a structure.

    Args:
        smiles: The structure, ion or neutral.
        direction: -1 for its conjugate bases (lower charge), +1 for its conjugate acids.
        charge: What counts as its charge, where that is not the charge of ``smiles``.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() > MAX_ATOMS:
        return ()
    own = Chem.GetFormalCharge(mol) if charge is None else charge
    return tuple(dict.fromkeys(state for state, other in _states(mol) if (other - own) * direction > 0))


_CHARGE = re.compile(r"\((\d*)([+-])\)$")


def stated_charge(name: str) -> int | None:
    """Read the charge that a name states: -4 for "acetyl-CoA(4-)", 0 for a zwitterion, None where it states none."""
    if name.endswith("zwitterion"):
        return 0
    match = _CHARGE.search(name)
    return None if match is None else int(match[1] or 1) * (1 if match[2] == "+" else -1)


@lru_cache(maxsize=20_000)
def stated_forms(name: str, smiles: str) -> tuple[str, ...]:
    """List what a name can mean whose structure was resolved without its stated charge, else the structure itself."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return ()
    own, charge = str(Chem.MolToSmiles(mol)), stated_charge(name)
    if charge is None or mol.GetNumAtoms() > MAX_ATOMS:
        return (own,)
    states = dict.fromkeys(state for state, other in _states(mol) if other == charge)
    if name.endswith("zwitterion"):
        return tuple(state for state in states if "+" in state and "-" in state)
    return (own,) if charge == Chem.GetFormalCharge(mol) else tuple(states)


@lru_cache(maxsize=20_000)
def mirror_image(smiles: str) -> str:
    """Write the enantiomer of a structure, canonical; "" where it has no tetrahedral stereocentre."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return ""
    changed = False
    for atom in mol.GetAtoms():
        if atom.GetChiralTag() in (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW):
            atom.InvertChirality()
            changed = True
    if not changed:
        return ""
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return str(Chem.MolToSmiles(mol))


def _labels(mol: Chem.Mol) -> list[str]:
    return sorted(atom.GetProp("_CIPCode") for atom in mol.GetAtoms() if atom.HasProp("_CIPCode"))


@lru_cache(maxsize=20_000)
def with_chirality(smiles: str, chirality: str) -> tuple[str, ...]:
    """List canonical SMILES of the stereoisomers of a structure that have a stated chirality.

    Args:
        smiles: The structure; for "L" and "D" an amino acid or sugar as its L form.
        chirality: "L", "D", or one "R" or "S" for each of its centres, in any order, with or without locants.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() > MAX_ATOMS:
        return ()
    if chirality in ("L", "D"):
        image = mirror_image(smiles)
        return () if not image else (str(Chem.MolToSmiles(mol)),) if chirality == "L" else (image,)
    letters = sorted(re.findall(r"[RS]", chirality))
    Chem.RemoveStereochemistry(mol)
    centres = Chem.FindMolChiralCenters(mol, includeUnassigned=True, useLegacyImplementation=False)
    if not letters or len(centres) != len(letters) or len(centres) > MAX_CENTRES:
        return ()
    isomers = EnumerateStereoisomers(mol, StereoEnumerationOptions(onlyUnassigned=True, unique=True))
    molecules = (Chem.MolFromSmiles(Chem.MolToSmiles(isomer)) for isomer in isomers)
    return tuple(dict.fromkeys(str(Chem.MolToSmiles(isomer)) for isomer in molecules if _labels(isomer) == letters))


# Groups that records write with a hydrogen on either nitrogen: the first of the two atoms gives it to the second.
_SHIFTS = (
    ("guanidine", "[NX3H1;$(N[CX4])]-C(=[NX2H1])[NX3H2]", (0, 2)),
    ("guanidine", "[NX3H2]-C(=[NX2;$(N[CX4])])[NX3H2]", (0, 2)),
    ("imidazole", "[nX3H1]1c[nX2]cc1", (0, 2)),
    ("pyrazole, triazole or tetrazole", "[nX3H1]1[nX2]aaa1", (0, 1)),
)


@lru_cache(maxsize=1)
def _shifts() -> tuple[tuple[Chem.Mol, tuple[int, int]], ...]:
    return tuple((Chem.MolFromSmarts(smarts), ends) for _, smarts, ends in _SHIFTS)


def _shift(mol: Chem.RWMol, match: Sequence[int], giver: int, taker: int) -> None:
    atom, other = mol.GetAtomWithIdx(match[giver]), mol.GetAtomWithIdx(match[taker])
    if atom.GetIsAromatic():
        atom.SetNumExplicitHs(0)
        other.SetNumExplicitHs(1)
        return
    # The double bond moves with it; the hydrogens are counted anew.
    mol.GetBondBetweenAtoms(match[giver], match[1]).SetBondType(Chem.BondType.DOUBLE)
    mol.GetBondBetweenAtoms(match[taker], match[1]).SetBondType(Chem.BondType.SINGLE)


@lru_cache(maxsize=20_000)
def tautomers(smiles: str) -> tuple[str, ...]:
    """List canonical SMILES of a structure with a hydrogen of every guanidine, or of every azole, moved."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() > MAX_ATOMS:
        return ()
    own = Chem.MolToSmiles(mol)
    forms: dict[str, None] = {}
    for pattern, (giver, taker) in _shifts():
        moved, touched = Chem.RWMol(mol), set[int]()
        for match in mol.GetSubstructMatches(pattern):
            if not touched.intersection(match):
                touched.update(match)
                _shift(moved, match, giver, taker)
        if touched and Chem.SanitizeMol(moved, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
            forms[str(Chem.MolToSmiles(moved))] = None
    return tuple(form for form in forms if form != own)


_NO_CHIRALITY = re.compile(
    r"(?<![LDRS]-)(?<![LDRS]\)-)(?<![a-z])(?:alanin|arginin|asparagin|aspart|cystein|glutam|histidin|isoleucin|leucin"
    r"|lysin|methionin|ornithin|phenylalanin|prolin|serin|threonin|tryptophan|tyrosin|valin)"
)


@lru_cache(maxsize=20_000)
def without_chirality(name: str, smiles: str) -> str:
    """Write a structure flat whose name leaves the chirality of an amino acid open, where OPSIN takes L; else ""."""
    mol = Chem.MolFromSmiles(smiles) if _NO_CHIRALITY.search(name) else None
    return "" if mol is None or "@" not in smiles else str(Chem.MolToSmiles(mol, isomericSmiles=False))
