"""Computed truths about many molecules at once: what a SMARTS or a descriptor says of each."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import Descriptors

from molsearch.chem.features.graph import parse
from molsearch.errors import InputError

_DESCRIPTORS = dict(Descriptors.descList)


def _pattern(smarts: str) -> Chem.Mol:
    pattern = Chem.MolFromSmarts(smarts)
    if pattern is None:
        raise InputError(f"The SMARTS {smarts!r} cannot be read; correct it.")
    return pattern


def matches_smarts(smiles: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[npt.NDArray[np.bool_]]:
    """Tell for each (smarts, without) which molecules hold the first and not the second, (N,) each.

    Raises:
        InputError: If a pattern or a structure cannot be read.
    """
    patterns = [(_pattern(smarts), _pattern(without) if without else None) for smarts, without in pairs]
    mols = [parse(one) for one in smiles]
    return [
        np.array([m.HasSubstructMatch(yes) and not (no is not None and m.HasSubstructMatch(no)) for m in mols], bool)
        for yes, no in patterns
    ]


def descriptor_table(smiles: Sequence[str], names: Iterable[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Compute RDKit descriptors by name, (N,) each.

    Raises:
        InputError: If a name is no descriptor, or a structure cannot be read.
    """
    wanted = sorted(set(names))
    if unknown := [name for name in wanted if name not in _DESCRIPTORS]:
        raise InputError(f"{unknown[0]!r} is no descriptor of rdkit.Chem.Descriptors; name one that is.")
    mols = [parse(one) for one in smiles]
    return {name: np.array([_DESCRIPTORS[name](mol) for mol in mols], float) for name in wanted}
