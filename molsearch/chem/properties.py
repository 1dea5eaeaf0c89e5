"""Computed properties with their units, and structural alerts by name.

Values are RDKit's. ``properties`` is fast enough to run on a whole library; alerts are for the molecules on show.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem
from rdkit.Chem import QED, rdMolDescriptors
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from molsearch.errors import InputError
from molsearch.records import PropertyRange


@dataclass(frozen=True, slots=True)
class Property:
    """One property.

    Attributes:
        unit: Its unit, or "" for a count or a pure number.
        meaning: What it is, in one line.
        source: Who defined it.
        descriptor: Its name in rdMolDescriptors.Properties, or "" where ``compute`` is used.
        compute: How it is computed where RDKit's fast table lacks it.
    """

    unit: str
    meaning: str
    source: str
    descriptor: str = ""
    compute: Callable[[Chem.Mol], float] | None = None


def _charge(mol: Chem.Mol) -> float:
    return float(Chem.GetFormalCharge(mol))


def _stereocentres(mol: Chem.Mol) -> float:
    marks = Chem.FindPotentialStereo(mol)
    return float(sum(mark.type == Chem.StereoType.Atom_Tetrahedral for mark in marks))


def _fragments(mol: Chem.Mol) -> float:
    return float(len(Chem.GetMolFrags(mol)))


_RDKIT = "RDKit"
PROPERTIES: dict[str, Property] = {
    "mass_da": Property("Da", "average molecular mass", "IUPAC atomic weights", "amw"),
    "exact_mass_da": Property("Da", "mass of the most abundant isotopes, or of the isotopes given", _RDKIT, "exactmw"),
    "logp": Property("", "octanol-water partition coefficient, logarithm", "Wildman & Crippen 1999", "CrippenClogP"),
    "tpsa_a2": Property("Å²", "topological polar surface area", "Ertl 2000", "tpsa"),
    "donors": Property("", "hydrogen-bond donors", "RDKit SMARTS", "NumHBD"),
    "acceptors": Property("", "hydrogen-bond acceptors", "RDKit SMARTS", "NumHBA"),
    "nh_oh": Property("", "N–H and O–H bonds, the donors of Lipinski's rule", "Lipinski 1997", "lipinskiHBD"),
    "n_o": Property("", "N and O atoms, the acceptors of Lipinski's rule", "Lipinski 1997", "lipinskiHBA"),
    "rotatable_bonds": Property("", "rotatable bonds, amides left out", "RDKit strict", "NumRotatableBonds"),
    "rings": Property("", "rings of the smallest set", _RDKIT, "NumRings"),
    "aromatic_rings": Property("", "aromatic rings", _RDKIT, "NumAromaticRings"),
    "heavy_atoms": Property("", "atoms other than hydrogen", _RDKIT, "NumHeavyAtoms"),
    "heteroatoms": Property("", "atoms other than carbon and hydrogen", _RDKIT, "NumHeteroatoms"),
    "fraction_csp3": Property("", "share of the carbons that are sp3", "Lovering 2009", "FractionCSP3"),
    "molar_refractivity": Property("cm³/mol", "molar refractivity", "Wildman & Crippen 1999", "CrippenMR"),
    "charge": Property("e", "sum of the formal charges", _RDKIT, compute=_charge),
    "stereocentres": Property("", "tetrahedral stereocentres, marked or not", _RDKIT, compute=_stereocentres),
    "fragments": Property("", "unconnected parts, such as the ions of a salt", _RDKIT, compute=_fragments),
    "qed": Property("", "drug-likeness from 0 to 1", "Bickerton 2012", compute=QED.qed),
}

# Lipinski et al., Adv. Drug Deliv. Rev. 1997, 23, 3; a drug may break one of the four.
LIPINSKI = (
    PropertyRange("mass_da", high=500.0),
    PropertyRange("logp", high=5.0),
    PropertyRange("nh_oh", high=5.0),
    PropertyRange("n_o", high=10.0),
)
# Veber et al., J. Med. Chem. 2002, 45, 2615.
VEBER = (PropertyRange("rotatable_bonds", high=10.0), PropertyRange("tpsa_a2", high=140.0))
# Congreve et al., Drug Discov. Today 2003, 8, 876: what makes a fragment.
RULE_OF_THREE = tuple(
    PropertyRange(name, high=most)
    for name, most in (("mass_da", 300.0), ("logp", 3.0), ("donors", 3.0), ("acceptors", 3.0), ("rotatable_bonds", 3.0))
)
PRESETS: dict[str, tuple[PropertyRange, ...]] = {
    "Lipinski": LIPINSKI, "Veber": VEBER, "Rule of three": RULE_OF_THREE
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AlertSet:
    """One collection of structural alerts.

    Attributes:
        meaning: What a match says.
        source: The paper.
        catalogs: RDKit's names of its parts.
    """

    meaning: str
    source: str
    catalogs: tuple[str, ...]


ALERTS: dict[str, AlertSet] = {
    "PAINS": AlertSet(
        "may interfere with assays of many kinds",
        "Baell & Holloway, J. Med. Chem. 2010, 53, 2719",
        ("PAINS_A", "PAINS_B", "PAINS_C"),
    ),
    "BRENK": AlertSet(
        "holds a group that is reactive, toxic or unstable",
        "Brenk et al., ChemMedChem 2008, 3, 435",
        ("BRENK",),
    ),
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule that a molecule matches: a label, never a reason to drop it.

    Attributes:
        collection: Row of ALERTS.
        rule: The rule's own name.
        atoms: The matched atoms.
    """

    collection: str
    rule: str
    atoms: tuple[int, ...]


def properties(mol: Chem.Mol, names: Iterable[str] | None = None) -> dict[str, float]:
    """Compute properties of one molecule; ``features.descriptors.profiles`` does so for many.

    Args:
        mol: A sanitised molecule.
        names: Rows of PROPERTIES; all of them by default.

    Returns:
        The values by name, in the order asked for.

    Raises:
        InputError: A name is no row of PROPERTIES.
    """
    wanted = tuple(PROPERTIES) if names is None else tuple(names)
    if unknown := [name for name in wanted if name not in PROPERTIES]:
        raise InputError(f"Unknown property {unknown[0]!r}: choose among {', '.join(PROPERTIES)}.")
    fast = tuple(name for name in wanted if PROPERTIES[name].descriptor)
    values = dict(zip(fast, table(fast).ComputeProperties(mol), strict=True)) if fast else {}
    for name in wanted:
        if compute := PROPERTIES[name].compute:
            values[name] = compute(mol)
    return {name: float(values[name]) for name in wanted}


def alerts(mol: Chem.Mol, collections: Iterable[str] = tuple(ALERTS)) -> tuple[Alert, ...]:
    """Name the alerts a molecule matches, about 2 ms a molecule.

    Raises:
        InputError: A collection is no row of ALERTS.
    """
    matched: list[Alert] = []
    for collection in collections:
        if collection not in ALERTS:
            raise InputError(f"Unknown alert collection {collection!r}: choose among {', '.join(ALERTS)}.")
        for entry in _catalog(collection).GetMatches(mol):
            matches = entry.GetFilterMatches(mol)
            atoms = sorted({atom for match in matches for _, atom in match.atomPairs})
            matched.append(Alert(collection, entry.GetDescription(), tuple(atoms)))
    return tuple(matched)


@lru_cache(maxsize=32)
def table(names: tuple[str, ...]) -> rdMolDescriptors.Properties:
    """Make RDKit's calculator of some properties that have a descriptor."""
    return rdMolDescriptors.Properties([PROPERTIES[name].descriptor for name in names])


@lru_cache(maxsize=len(ALERTS))
def _catalog(collection: str) -> FilterCatalog:
    parameters = FilterCatalogParams()
    for name in ALERTS[collection].catalogs:
        parameters.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog(parameters)
