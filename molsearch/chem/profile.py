"""All properties of many molecules at once, equal to those that ``properties`` computes one molecule at a time."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from molsearch.chem.cohort import Bools, Cohort
from molsearch.chem.crippen import Crippen
from molsearch.chem.druglikeness import qed, qed_acceptors, qed_aromatic_rings, rotatable_bonds
from molsearch.chem.properties import PROPERTIES, properties, table

Doubles = npt.NDArray[np.float64]

# Computed here for all molecules together; RDKit's own table answers the others one by one.
_TOGETHER = ("logp", "molar_refractivity", "rotatable_bonds", "fragments", "qed")
_EACH = tuple(name for name in PROPERTIES if name not in _TOGETHER)
_FAST = tuple(name for name in _EACH if PROPERTIES[name].descriptor)
_OWN = tuple(compute for name in _EACH if (compute := PROPERTIES[name].compute))
_PLACE = {name: place for place, name in enumerate(PROPERTIES)}
_crippen = Crippen()


def profiles(cohort: Cohort, alerts: Bools) -> Doubles:
    """Compute (N, P) properties in the order of PROPERTIES; a row of NaN where RDKit fails.

    Args:
        cohort: Sanitised molecules.
        alerts: (N, alerts of QED) which of them each molecule shows.
    """
    values = np.full((len(cohort.mols), len(PROPERTIES)), np.nan)
    each = [_PLACE[name] for name in (*_FAST, *(name for name in _EACH if name not in _FAST))]
    fast, places = table(_FAST), range(len(_FAST))
    for row, (mol, plain) in enumerate(zip(cohort.mols, cohort.plain.tolist(), strict=True)):
        with suppress(ValueError, RuntimeError):
            if plain:
                found = fast.ComputeProperties(mol)
                values[row, each] = [*[found[place] for place in places], *[compute(mol) for compute in _OWN]]
            else:
                values[row] = list(properties(mol).values())
    rows = np.flatnonzero(cohort.plain & np.isfinite(values[:, each]).all(1))
    if len(rows):
        chosen = np.isin(np.arange(len(cohort.mols)), rows)
        values[np.ix_(rows, np.array([_PLACE[name] for name in _TOGETHER]))] = _together(
            cohort if chosen.all() else cohort.some(chosen), values[rows], alerts[rows]
        )
    return values


def _together(cohort: Cohort, values: Doubles, alerts: Bools) -> Doubles:
    """Compute the columns of _TOGETHER, (N, 5)."""
    logp, refractivity = _crippen.of(cohort).T
    turning = rotatable_bonds(cohort).astype(np.float64)
    mass, donors, area = (values[:, _PLACE[name]] for name in ("mass_da", "donors", "tpsa_a2"))
    acceptors, aromatic = qed_acceptors(cohort), qed_aromatic_rings(cohort)
    inputs = (mass, logp, acceptors, donors, area, turning, aromatic, alerts.sum(1))
    fragments: Sequence[int] = [read.fragments for read in cohort.reads]
    return np.stack([logp, refractivity, turning, fragments, qed(np.stack(inputs, 1))], 1)
