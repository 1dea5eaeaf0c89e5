"""What is computed of a molecule on show: its properties, and the alerts it matches, by name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem

from molsearch.chem.properties import PROPERTIES, Alert, alerts, properties
from molsearch.chem.sandbox.call import call
from molsearch.chem.sandbox.process import WorkerDied
from molsearch.chem.sandbox.risk import is_simple

SECONDS = 10.0  # of an intricate molecule
#: Properties that tables of hits show.
SHOWN = ("mass_da", "logp", "tpsa_a2", "donors", "acceptors", "rotatable_bonds", "rings", "charge", "qed")


@dataclass(frozen=True, slots=True)
class Details:
    """Properties and alerts of one molecule.

    Attributes:
        properties: Value by row of ``properties.PROPERTIES``; empty where RDKit cannot read it, or not in time.
        alerts: The rules it matches: labels for the reader, never a reason to leave it out.
    """

    properties: Mapping[str, float]
    alerts: tuple[Alert, ...]


@lru_cache(maxsize=4096)
def details(smiles: str) -> Details:
    """Compute what is shown of a molecule, about 3 ms when it is new; of one that takes beyond SECONDS, nothing."""
    if is_simple(smiles):
        values, matched = compute(smiles)
    else:
        try:
            values, matched = call(compute, smiles, seconds=SECONDS)
        except WorkerDied:
            values, matched = {}, []
    return Details(values, tuple(Alert(collection, rule, tuple(atoms)) for collection, rule, atoms in matched))


def compute(smiles: str) -> tuple[dict[str, float], list[tuple[str, str, tuple[int, ...]]]]:
    """Compute properties, and alerts as collection, rule and atoms, however long that takes; see ``details``."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return {}, []
    return properties(mol), [(alert.collection, alert.rule, alert.atoms) for alert in alerts(mol)]


def alert_labels(smiles: str) -> tuple[str, ...]:
    """Name the alerts of a molecule for a label: "PAINS: quinone_A(370)"; each once."""
    matched = details(smiles).alerts
    return tuple(dict.fromkeys(f"{alert.collection}: {alert.rule}" for alert in matched))


def spell_property(name: str) -> str:
    """Write a row of PROPERTIES in words with its unit: "TPSA, Å²" of "tpsa_a2"."""
    words = name.removesuffix("_da").removesuffix("_a2").replace("_", " ")
    unit = PROPERTIES[name].unit
    return f"{_SPELT.get(words, words)}, {unit}" if unit else _SPELT.get(words, words)


def spell_value(name: str, value: float) -> str:
    """Write a property's value: a count as it is, a measure with two decimals, a missing one as a dash."""
    if math.isnan(value):
        return "–"
    return f"{value:.2f}" if name in _MEASURES else f"{value:g}"


_SPELT = {
    "logp": "logP",
    "tpsa": "TPSA",
    "qed": "QED",
    "nh oh": "NH + OH",
    "n o": "N + O",
    "fraction csp3": "fraction sp³",
}
_MEASURES = frozenset(
    {"mass_da", "exact_mass_da", "logp", "tpsa_a2", "fraction_csp3", "molar_refractivity", "qed"}
)  # the others are counts
