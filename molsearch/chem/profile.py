"""All properties of many molecules at once, equal to those that ``properties`` computes one molecule at a time."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from molsearch.chem.cohort import Bools, Cohort
from molsearch.chem.crippen import Crippen
from molsearch.chem.druglikeness import (
    acceptors,
    donors,
    may_have_stereocentres,
    qed,
    qed_acceptors,
    qed_aromatic_rings,
    rotatable_bonds,
)
from molsearch.chem.properties import PROPERTIES, properties, table

Doubles = npt.NDArray[np.float64]

# Computed here for all molecules together; RDKit's own table answers the others one by one.
_COUNTED = ("rotatable_bonds", "fragments", "acceptors", "donors", "heteroatoms", "charge")
_TOGETHER = ("logp", "molar_refractivity", *_COUNTED, "qed")
_STEREOCENTRES = "stereocentres"  # asked of RDKit where there can be one
_FAST = tuple(name for name in PROPERTIES if name not in _TOGETHER and PROPERTIES[name].descriptor)
_PLACE = {name: place for place, name in enumerate(PROPERTIES)}
_crippen = Crippen()


def profiles(cohort: Cohort, alerts: Bools) -> Doubles:
    """Compute (N, P) properties in the order of PROPERTIES; a row of NaN where RDKit fails.

    Args:
        cohort: Sanitised molecules.
        alerts: (N, alerts of QED) which of them each molecule shows.
    """
    values = np.full((len(cohort.mols), len(PROPERTIES)), np.nan)
    each = [*map(_PLACE.__getitem__, _FAST), _PLACE[_STEREOCENTRES]]
    fast, places = table(_FAST), range(len(_FAST))
    stereocentres = PROPERTIES[_STEREOCENTRES].compute
    assert stereocentres
    asked = zip(cohort.mols, cohort.plain.tolist(), may_have_stereocentres(cohort).tolist(), strict=True)
    for row, (mol, plain, stereo) in enumerate(asked):
        with suppress(ValueError, RuntimeError):
            if plain:
                found = fast.ComputeProperties(mol)
                values[row, each] = [*[found[place] for place in places], stereocentres(mol) if stereo else 0.0]
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
    """Compute the columns of _TOGETHER, (N, 9)."""
    count = len(cohort.mols)
    logp, refractivity = _crippen.of(cohort).T
    mass, area = (values[:, _PLACE[name]] for name in ("mass_da", "tpsa_a2"))
    turning, giving = rotatable_bonds(cohort), donors(cohort)
    hetero = np.bincount(cohort.owners[(cohort.elements != 6) & (cohort.elements != 1)], minlength=count)
    charge = np.bincount(cohort.owners, weights=cohort.atom_codes[:, 2] - 4, minlength=count)
    fragments: Sequence[int] = [read.fragments for read in cohort.reads]
    inputs = (mass, logp, qed_acceptors(cohort), giving, area, turning, qed_aromatic_rings(cohort), alerts.sum(1))
    counts = (turning, fragments, acceptors(cohort), giving, hetero, charge)
    return np.stack([logp, refractivity, *counts, qed(np.stack(inputs, 1).astype(np.float64))], 1)
