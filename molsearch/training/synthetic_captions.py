"""Captions written from structure alone: what a chemist says of size, polarity, rigidity, charge or groups.

Each is true of its molecule by computation (chem/properties.py, chem/ontology/classes.py); wording is drawn from
tables.
"""

import random
from dataclasses import dataclass

from rdkit import Chem

from molsearch.chem.ontology.classes import class_named, classes_of
from molsearch.chem.properties import properties
from molsearch.chem.structures import parse, strict


@dataclass(frozen=True, slots=True)
class CaptionWording:
    """Words for a range of a property: ``low <= value < high``; ``kind`` is how they stand in a sentence."""

    name: str
    low: float
    high: float
    kind: str  # "adjective" before the noun, "feature" after "with", "clause" after "that"
    words: tuple[str, ...]


_INF = float("inf")
WORDINGS = (
    CaptionWording("mass_da", 0, 150, "adjective", ("very small", "tiny", "low-molecular-weight")),
    CaptionWording("mass_da", 150, 260, "adjective", ("small", "light", "low-molecular-weight", "fragment-sized")),
    CaptionWording("mass_da", 260, 420, "adjective", ("medium-sized", "drug-sized")),
    CaptionWording("mass_da", 420, 650, "adjective", ("large", "heavy", "bulky", "high-molecular-weight")),
    CaptionWording("mass_da", 650, _INF, "adjective", ("very large", "very heavy", "high-molecular-weight")),
    CaptionWording("mass_da", 0, 200, "feature", ("a molecular weight below 200", "a low molecular mass")),
    CaptionWording("mass_da", 400, _INF, "feature", ("a molecular weight above 400 Da", "a high molecular mass")),
    CaptionWording("logp", -_INF, -1, "adjective", ("very polar", "very hydrophilic", "highly water-soluble")),
    CaptionWording("logp", -1, 1, "adjective", ("polar", "hydrophilic", "water-soluble")),
    CaptionWording("logp", 1, 3, "adjective", ("moderately lipophilic", "of balanced polarity")),
    CaptionWording("logp", 3, 5, "adjective", ("lipophilic", "hydrophobic", "poorly water-soluble", "greasy")),
    CaptionWording(
        "logp", 5, _INF, "adjective", ("very lipophilic", "very hydrophobic", "water-insoluble", "fat-soluble")
    ),
    CaptionWording(
        "logp", -_INF, 0.5, "clause", ("dissolves well in water", "is freely soluble in water", "has a low logP")
    ),
    CaptionWording(
        "logp", 4, _INF, "clause", ("hardly dissolves in water", "has a high logP", "is almost insoluble in water")
    ),
    CaptionWording("tpsa_a2", 0, 20, "feature", ("almost no polar surface", "a very low polar surface area")),
    CaptionWording("tpsa_a2", 20, 60, "feature", ("a low polar surface area", "a small polar surface")),
    CaptionWording("tpsa_a2", 110, _INF, "feature", ("a large polar surface area", "a high TPSA")),
    CaptionWording("tpsa_a2", 0, 70, "clause", ("is likely to cross the blood-brain barrier", "is membrane-permeable")),
    CaptionWording("rotatable_bonds", 0, 2, "adjective", ("rigid", "stiff", "conformationally restricted")),
    CaptionWording("rotatable_bonds", 8, _INF, "adjective", ("flexible", "floppy", "conformationally flexible")),
    CaptionWording("rotatable_bonds", 0, 1, "feature", ("no rotatable bonds", "no freely rotating bond")),
    CaptionWording("rotatable_bonds", 8, _INF, "feature", ("many rotatable bonds", "a long flexible chain")),
    CaptionWording("donors", 0, 1, "feature", ("no hydrogen-bond donors", "no OH or NH group")),
    CaptionWording("donors", 1, 2, "feature", ("one hydrogen-bond donor", "a single hydrogen-bond donor")),
    CaptionWording("donors", 4, _INF, "feature", ("many hydrogen-bond donors", "several OH or NH groups")),
    CaptionWording("acceptors", 0, 2, "feature", ("few hydrogen-bond acceptors",)),
    CaptionWording("acceptors", 7, _INF, "feature", ("many hydrogen-bond acceptors",)),
    CaptionWording("rings", 0, 1, "adjective", ("acyclic", "open-chain", "ring-free")),
    CaptionWording("rings", 1, 2, "adjective", ("monocyclic", "single-ring")),
    CaptionWording("rings", 2, 3, "adjective", ("bicyclic", "two-ring")),
    CaptionWording("rings", 3, 4, "adjective", ("tricyclic", "three-ring")),
    CaptionWording("rings", 4, _INF, "adjective", ("polycyclic", "multi-ring")),
    CaptionWording("aromatic_rings", 0, 1, "adjective", ("non-aromatic", "aliphatic")),
    CaptionWording("aromatic_rings", 0, 1, "feature", ("no aromatic ring",)),
    CaptionWording("aromatic_rings", 1, 2, "feature", ("one aromatic ring", "a single aromatic ring")),
    CaptionWording("aromatic_rings", 2, 3, "feature", ("two aromatic rings",)),
    CaptionWording("aromatic_rings", 3, _INF, "feature", ("three or more aromatic rings", "several aromatic rings")),
    CaptionWording("aromatic_rings", 1, _INF, "adjective", ("aromatic",)),
    CaptionWording("fraction_csp3", 0, 0.15, "adjective", ("flat", "unsaturated", "planar")),
    CaptionWording("fraction_csp3", 0.75, 1.01, "adjective", ("saturated", "sp3-rich")),
    CaptionWording("charge", 1, _INF, "adjective", ("positively charged", "cationic")),
    CaptionWording("charge", -_INF, 0, "adjective", ("negatively charged", "anionic")),
    CaptionWording("charge", 0, 1, "adjective", ("neutral", "uncharged")),
    CaptionWording("stereocentres", 0, 1, "adjective", ("achiral",)),
    CaptionWording("stereocentres", 1, 2, "feature", ("one stereocentre", "a single chiral centre")),
    CaptionWording("stereocentres", 4, _INF, "feature", ("many stereocentres", "several chiral centres")),
    CaptionWording(
        "fragments", 2, _INF, "clause", ("is a salt or a mixture of ions", "consists of several ions or molecules")
    ),
    CaptionWording("qed", 0.7, 1.01, "adjective", ("drug-like",)),
    CaptionWording("heteroatoms", 0, 1, "feature", ("only carbon and hydrogen", "no heteroatoms")),
)
_ELEMENTS = {
    "F": "fluorine", "Cl": "chlorine", "Br": "bromine", "I": "iodine", "S": "sulfur", "P": "phosphorus",
    "N": "nitrogen", "O": "oxygen", "Si": "silicon", "B": "boron", "Se": "selenium",
}  # fmt: skip
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
_NOUNS = ("compound", "molecule", "substance")


def _element_features(mol: Chem.Mol) -> list[str]:
    counts: dict[str, int] = {}
    for atom in mol.GetAtoms():
        counts[atom.GetSymbol()] = counts.get(atom.GetSymbol(), 0) + 1
    features = []
    for symbol, element in _ELEMENTS.items():
        count = counts.get(symbol, 0)
        if symbol not in "NO" and count:
            features.append(element)
        if 0 < count < len(_NUMBERS):
            features.append(f"{_NUMBERS[count]} {element} atom{'s' if count > 1 else ''}")
    return features


def _article(words: str) -> str:
    return ("an " if words[:1].lower() in "aeiou" else "a ") + words


def _pick(rng: random.Random, options: list[str], most: int) -> list[str]:
    return rng.sample(options, min(len(options), rng.randint(0, most)))


def captions_of(smiles: str, count: int, seed: int) -> list[str]:
    """Write ``count`` captions of a molecule, the same for the same seed; none of a complex that RDKit cannot check.

    Raises:
        InputError: If the SMILES cannot be read.
    """
    mol = parse(smiles)
    if not strict(smiles):
        return []  # descriptors are not defined for valences that RDKit does not know
    rng = random.Random(f"{seed} {smiles}")
    values = properties(mol)
    fitting = [wording for wording in WORDINGS if wording.low <= values[wording.name] < wording.high]
    names = [rng.choice((name, *class_named(name).synonyms)) for name in classes_of(mol)]
    return [_caption(rng, fitting, names, _element_features(mol)) for _ in range(count)]


def _caption(rng: random.Random, fitting: list[CaptionWording], names: list[str], elements: list[str]) -> str:
    wordings = {
        kind: [rng.choice(w.words) for w in fitting if w.kind == kind] for kind in ("adjective", "feature", "clause")
    }
    classes = rng.sample(names, min(len(names), rng.choice((0, 1, 1, 2, 3))))
    adjectives = _pick(rng, wordings["adjective"], 3)
    features = _pick(rng, wordings["feature"] + elements, 2)
    clauses = _pick(rng, wordings["clause"], 1)
    if not (classes or adjectives or features or clauses):
        adjectives = wordings["adjective"][:1]
    noun = classes[0] if classes else rng.choice(_NOUNS)
    sentence = _article(" ".join([", ".join(adjectives), noun]).strip())
    held = features + [f"{_article(name)} group" if rng.random() < 0.2 else name for name in classes[1:]]
    if held:
        sentence += " with " + " and ".join(held)
    if clauses:
        sentence += " that " + clauses[0]
    return sentence
