"""Molecules to arrays: atoms, bonds, Morgan environments and counted fragments.

Stereochemistry, charge and isotopes are all visible, because captions speak of them: a stereo-blind graph cannot
put more than 89.4 % of the ChEBI-20 pool at rank 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np

from molsearch.chem.batch.arrays import (
    CLASS_OFFSET,
    CLASS_SIZE,
    MORGAN_SIZE,
    GraphStore,
    MolGraph,
    offsets,
    spans,
)
from molsearch.chem.batch.atoms import atom_types
from molsearch.chem.batch.molbatch import Bools, MolBatch
from molsearch.chem.features.fragments import atom_pairs, morgan
from molsearch.chem.ontology.classes import classes_and_alerts
from molsearch.chem.sandbox.call import call
from molsearch.chem.sandbox.process import Packed, WorkerDied
from molsearch.chem.sandbox.risk import is_simple, simple_and_risky
from molsearch.chem.structures import parse
from molsearch.errors import InputError

AT_ONCE = 256  # molecules described together
SECONDS = 60.0  # for one molecule that is not simple


def featurise(smiles: str) -> MolGraph:
    """Turn a SMILES into the arrays that the molecule encoders read.

    Raises:
        InputError: If the SMILES cannot be read, or takes longer than SECONDS.
    """
    return graph_store([smiles]).graph


def graph_store(smiles: Sequence[str]) -> GraphStore:
    """Turn SMILES, one or more, into graphs in their order, many at once, as that costs a third of one by one.

    Raises:
        InputError: If one cannot be read, or takes longer than SECONDS.
    """
    simple, risky = simple_and_risky(smiles)
    if not risky:
        return _store(smiles)
    stores = [_store([smiles[place] for place in simple])] if simple else []
    stores += [GraphStore.of([_apart(smiles[place])]) for place in risky]
    return GraphStore.joined(stores).take(np.argsort([*simple, *risky]))


def _store(smiles: Sequence[str]) -> GraphStore:
    return GraphStore.joined([graphs_of(molbatch, classes_and_alerts(molbatch)[0]) for molbatch in _batches(smiles)])


def _apart(smiles: str) -> MolGraph:
    """Compute the arrays of an intricate molecule in a process that is ended when it takes too long."""
    try:
        packed = call(packed_graph, smiles, seconds=SECONDS)
    except WorkerDied as death:
        raise InputError(
            f"This structure is too intricate to compute with: got {smiles[:80]!r}, which took longer than "
            f"{SECONDS:g} s or ended the process; choose another one."
        ) from death
    return MolGraph(*packed.arrays)


def packed_graph(smiles: str) -> Packed:
    """Compute the arrays of a molecule, however long that takes; see ``graph_store``."""
    graph = _store([smiles]).graph
    return Packed(None, [getattr(graph, field.name) for field in fields(graph)])


def class_members(smiles: Sequence[str]) -> Bools:
    """Return which chemical classes each of one or more molecules belongs to, (N, CLASS_SIZE).

    Raises:
        InputError: If one cannot be read, or takes longer than SECONDS.
    """
    if all(map(is_simple, smiles)):
        return np.concatenate([classes_and_alerts(molbatch)[0] for molbatch in _batches(smiles)])
    return np.unpackbits(graph_store(smiles).class_bits(), axis=1, count=CLASS_SIZE).astype(np.bool_)


def _batches(smiles: Sequence[str]) -> Iterator[MolBatch]:
    for start in range(0, len(smiles), AT_ONCE):
        part = smiles[start : start + AT_ONCE]
        mols = [parse(text) for text in part]
        yield MolBatch(mols, [atom_types(mol, text) for mol, text in zip(mols, part, strict=True)])


def graphs_of(molbatch: MolBatch, classes: Bools) -> GraphStore:
    """Turn molecules into the arrays that the molecule encoders read.

    Args:
        molbatch: One molecule or more.
        classes: (N, CLASS_SIZE) the chemical classes of each.
    """
    environments, *counted_environments = morgan(molbatch)
    pairs, *counted_pairs = atom_pairs(molbatch)
    owners, numbers = np.nonzero(classes)
    groups = (
        counted_environments,
        (MORGAN_SIZE + pairs, *counted_pairs),
        (CLASS_OFFSET + numbers, np.ones(len(numbers), np.int64), np.bincount(owners, minlength=len(classes))),
    )
    starts = offsets(np.stack([length for _, _, length in groups]).sum(0))
    fragments, counted = np.empty(starts[-1], np.int64), np.empty(starts[-1], np.int64)
    first = starts[:-1].copy()
    for codes, count, length in groups:
        places = spans(first, length)
        fragments[places], counted[places] = codes, count
        first += length
    return GraphStore(
        MolGraph(
            atoms=molbatch.atom_codes,
            environments=environments,
            bonds=molbatch.bond_codes,
            edges=molbatch.local_edges,
            fragments=fragments,
            counts=counted,
        ),
        offsets(molbatch.sizes),
        offsets(2 * molbatch.bonds),
        starts,
    )
