"""Everything that is stored of a molecule before the model sees it: its graph and its properties, from one parse."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from molsearch.chem.batch.arrays import GraphStore, MolGraph
from molsearch.chem.batch.atoms import AtomTypes, atom_types
from molsearch.chem.batch.molbatch import MolBatch
from molsearch.chem.features.descriptors import profiles
from molsearch.chem.features.graph import graphs_of
from molsearch.chem.ontology.classes import classes_and_alerts
from molsearch.chem.properties import PROPERTIES
from molsearch.chem.sandbox.process import Packed
from molsearch.chem.structures import parse
from molsearch.errors import InputError

Floats = npt.NDArray[np.float32]

_ARRAYS = tuple(field.name for field in fields(MolGraph))
_OFFSETS = ("atom_offsets", "edge_offsets", "fragment_offsets")


@dataclass(frozen=True, slots=True)
class Features:
    """Graphs and properties of some molecules, and why others have none.

    Attributes:
        kept: Which of them could be read, N ascending places in the list that was given.
        refused: Why the others could not, by place.
        store: Graphs of those kept; None where there is none.
        properties: (N, P) in the order of PROPERTIES, NaN where RDKit fails.
    """

    kept: tuple[int, ...]
    refused: dict[int, str]
    store: GraphStore | None
    properties: Floats


def features_of(smiles: Sequence[str]) -> Features:
    """Compute graphs and properties, in order; what cannot be read is refused."""
    kept: list[int] = []
    refused: dict[int, str] = {}
    mols: list[Chem.Mol] = []
    reads: list[AtomTypes] = []
    for place, text in enumerate(smiles):
        try:
            mol = parse(text)
            reads.append(atom_types(mol, text))
        except (InputError, ValueError, RuntimeError) as error:
            refused[place] = str(error)
            continue
        mols.append(mol)
        kept.append(place)
    if not mols:
        return Features((), refused, None, np.empty((0, len(PROPERTIES)), np.float32))
    try:
        return _described(MolBatch(mols, reads), kept, refused)
    except (ValueError, RuntimeError) as error:
        if len(smiles) == 1:
            return Features((), {0: str(error)}, None, np.empty((0, len(PROPERTIES)), np.float32))
    return joined([features_of([text]) for text in smiles], [1] * len(smiles))  # one of them is to blame


def _described(molbatch: MolBatch, kept: Sequence[int], refused: dict[int, str]) -> Features:
    classes, alerts = classes_and_alerts(molbatch)
    store = graphs_of(molbatch, classes)
    return Features(tuple(kept), refused, store, profiles(molbatch, alerts).astype(np.float32))


def joined(parts: Sequence[Features], lengths: Sequence[int]) -> Features:
    """Put the features of consecutive lists together as those of one list.

    Args:
        parts: One or more.
        lengths: How many molecules each was made of.
    """
    starts = np.cumsum([0, *lengths])[:-1].tolist()
    kept = [start + place for start, part in zip(starts, parts, strict=True) for place in part.kept]
    refused = {
        start + place: reason
        for start, part in zip(starts, parts, strict=True)
        for place, reason in part.refused.items()
    }
    stores = [part.store for part in parts if part.store is not None]
    values = np.concatenate([part.properties for part in parts])
    return Features(tuple(kept), refused, GraphStore.joined(stores) if stores else None, values)


def placed(parts: Sequence[tuple[Sequence[int], Features]]) -> Features:
    """Put the features of scattered molecules of one list in the order of that list.

    Args:
        parts: The places of some molecules and their features; all together hold each place once.
    """
    places = [place for some, _ in parts for place in some]
    scattered = joined([part for _, part in parts], [len(some) for some, _ in parts])
    kept = [places[place] for place in scattered.kept]
    order = sorted(range(len(kept)), key=kept.__getitem__)
    refused = {places[place]: reason for place, reason in scattered.refused.items()}
    store = None if scattered.store is None else scattered.store.take(order)
    return Features(tuple(sorted(kept)), dict(sorted(refused.items())), store, scattered.properties[order])


def packed_features(smiles: Sequence[str]) -> Packed:
    """Compute features and pack them for the way from another process, which takes no pickle."""
    features = features_of(smiles)
    arrays: list[npt.NDArray[Any]] = [features.properties]
    if (store := features.store) is not None:
        arrays += [getattr(store.graph, name) for name in _ARRAYS] + [getattr(store, name) for name in _OFFSETS]
    return Packed({"kept": features.kept, "refused": features.refused}, arrays)


def unpacked(packed: Packed) -> Features:
    """Return the features that ``packed_features`` packed."""
    values, *arrays = packed.arrays
    store = None
    if arrays:
        graph = MolGraph(**dict(zip(_ARRAYS, arrays, strict=False)))
        store = GraphStore(graph, **dict(zip(_OFFSETS, arrays[len(_ARRAYS) :], strict=True)))
    refused = {int(place): reason for place, reason in packed.value["refused"].items()}
    return Features(tuple(packed.value["kept"]), refused, store, values)
