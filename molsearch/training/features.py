"""The cached feature file: everything training reads, made once where RDKit and OPSIN are, used anywhere.

A cache is a folder: ``graphs.safetensors`` holds every structure as flat arrays, ``texts.json`` the captions with what
was read in them, as row numbers into those structures.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from molsearch.chem.batch.arrays import GraphStore, MolGraph
from molsearch.errors import InputError
from molsearch.records import Progress

if TYPE_CHECKING:
    from molsearch.model.grounding import TextStructures

Floats = npt.NDArray[np.float32]
A = TypeVar("A")
B = TypeVar("B")

VERSION = 6
_CHUNK = 500
_WRITTEN = 3  # captions written from each structure
SYNTHETIC_NAME = "made name"  # source of pairs that are a name and its structure (training/synthetic_names.py)


@dataclass(frozen=True, slots=True)
class Example:
    """A caption as training sees it.

    Attributes:
        text: The caption.
        molecule: Row of its molecule in the store.
        structures: Rows of the structures named in it.
        relations: For each of those, its row in arrays.RELATIONS.
        classes: Fragment numbers of the classes named in it.
        source: Where the caption comes from.
    """

    text: str
    molecule: int
    structures: tuple[int, ...]
    relations: tuple[int, ...]
    classes: tuple[int, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class TrainingFeatures:
    """A cache in memory.

    Attributes:
        store: Every structure.
        train: Captions to learn from.
        val: Captions to choose the best epoch by.
        pool: Rows of the molecules that validation ranks against.
        lexicon: Trivial names that the training captions tie to a structure.
        synthetic_captions: Captions written from the structure of training molecules (training/synthetic_captions.py).
        synthetic_names: Names read as such: what OPSIN finds in them is left out (training/synthetic_names.py).
        odds: What named classes and parts tell, (2, CLASS_SIZE) and (PART_KINDS, PART_OUTCOMES); None unmeasured.
    """

    store: GraphStore
    train: tuple[Example, ...]
    val: tuple[Example, ...]
    pool: tuple[int, ...]
    lexicon: Mapping[str, str]
    synthetic_captions: tuple[Example, ...]
    synthetic_names: tuple[Example, ...] = ()
    odds: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption, its molecule and its source, before features are made."""

    text: str
    smiles: str
    source: str = ""


def _featurise_chunk(smiles: Sequence[str]) -> GraphStore:
    # Imported here, as below: a machine that only trains from a cache has no RDKit.
    from molsearch.chem.features.graph import graph_store

    return graph_store(smiles)


def _write_chunk(captions: Sequence[Caption]) -> list[Caption]:
    from molsearch.training.synthetic_captions import captions_of

    distinct = dict.fromkeys(caption.smiles for caption in captions)
    return [Caption(text, smiles, "written") for smiles in distinct for text in captions_of(smiles, _WRITTEN, seed=0)]


def _spread(function: Callable[[A], B], chunks: Sequence[A], processes: int) -> Iterator[B]:
    """Apply a function to every chunk, in order; a single chunk is not worth starting processes."""
    if min(processes, len(chunks)) < 2:
        yield from map(function, chunks)
        return
    with ProcessPoolExecutor(processes) as workers:
        yield from workers.map(function, chunks)


def build(
    train: Sequence[Caption],
    val: Sequence[Caption],
    pool: Sequence[str],
    *,
    lexicon: Mapping[str, str] | None = None,
    synthetic_names: Sequence[Caption] = (),
    processes: int = 2,
    progress: Progress | None = None,
) -> TrainingFeatures:
    """Make every feature that training and validation need.

    Raises:
        InputError: If a structure cannot be read.
    """
    from molsearch.model.grounding import read_texts

    learners = [train[i : i + _CHUNK] for i in range(0, len(train), _CHUNK)]
    written = [caption for part in _spread(_write_chunk, learners, processes) for caption in part]
    captions = [*train, *val, *synthetic_names, *written]
    readings = read_texts([caption.text for caption in captions], lexicon)
    learned = frozenset((lexicon or {}).values())
    readings = [_without_own(reading, caption, learned) for reading, caption in zip(readings, captions, strict=True)]
    rows: dict[str, int] = {}
    named = (smiles for reading in readings for smiles in reading.structures)
    for smiles in (*(caption.smiles for caption in captions), *pool, *named):
        rows.setdefault(smiles, len(rows))
    chunks = [list(rows)[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK)]
    stores = []
    for done, store in enumerate(_spread(_featurise_chunk, chunks, processes), 1):
        stores.append(store)
        if progress:
            progress(min(done * _CHUNK, len(rows)), len(rows))
    examples = [_example(caption, reading, rows) for caption, reading in zip(captions, readings, strict=True)]
    parts = iter(examples)
    train_part, val_part, names_part = (tuple(islice(parts, len(part))) for part in (train, val, synthetic_names))
    return TrainingFeatures(
        GraphStore.joined(stores),
        train_part,
        val_part,
        tuple(rows[smiles] for smiles in pool),
        dict(lexicon or {}),
        synthetic_captions=tuple(parts),
        synthetic_names=names_part,
    )


def _without_own(reading: "TextStructures", caption: Caption, learned: Set[str]) -> "TextStructures":
    """Drop structures that would give the answer away: the caption's own molecule, from the lexicon or its name."""
    from molsearch.chem.structures import canonical

    if not reading.structures:
        return reading
    own = canonical(caption.smiles)
    kept = [
        number
        for number, smiles in enumerate(reading.structures)
        if not ((caption.source == SYNTHETIC_NAME or smiles in learned) and canonical(smiles) == own)
    ]
    return replace(
        reading,
        structures=tuple(reading.structures[number] for number in kept),
        relations=tuple(reading.relations[number] for number in kept),
    )


def _example(caption: Caption, reading: "TextStructures", rows: dict[str, int]) -> Example:
    return Example(
        caption.text,
        rows[caption.smiles],
        tuple(rows[smiles] for smiles in reading.structures),
        reading.relations,
        reading.classes,
        caption.source,
    )


_ODDS = ("class_odds", "part_odds")
_SMALL = {"atoms": np.uint8, "environments": np.int16, "bonds": np.uint8, "edges": np.int16, "counts": np.uint16}


def save(features: TrainingFeatures, folder: Path) -> None:
    """Write a cache; an older one in the same folder is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    store = features.store
    arrays = {
        field.name: np.ascontiguousarray(getattr(store.graph, field.name).astype(_SMALL.get(field.name, np.int32)))
        for field in fields(MolGraph)
    }
    arrays |= {name: getattr(store, name) for name in ("atom_offsets", "edge_offsets", "fragment_offsets")}
    if features.odds is not None:
        arrays |= dict(zip(_ODDS, features.odds, strict=True))
    save_file(arrays, folder / "graphs.safetensors")
    table = {
        "version": VERSION,
        "train": [_row(example) for example in features.train],
        "written": [_row(example) for example in features.synthetic_captions],
        "made": [_row(example) for example in features.synthetic_names],
        "val": [_row(example) for example in features.val],
        "pool": list(features.pool),
        "lexicon": dict(features.lexicon),
    }
    (folder / "texts.json").write_text(json.dumps(table), encoding="utf-8")


def _row(example: Example) -> list[object]:
    return [getattr(example, field.name) for field in fields(Example)]


def _examples(rows: Iterable[list[object]]) -> tuple[Example, ...]:
    return tuple(Example(*(tuple(cell) if isinstance(cell, list) else cell for cell in row)) for row in rows)  # type: ignore[arg-type]


def load(folder: Path) -> TrainingFeatures:
    """Read a cache.

    Raises:
        InputError: If the folder holds none, or one of another version.
    """
    try:
        table = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
        arrays = load_file(folder / "graphs.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"No feature cache in {folder}: {error}; remove the folder to make it again.") from error
    if table.get("version") != VERSION:
        raise InputError(
            f"The feature cache in {folder} has version {table.get('version')}, expected {VERSION}; remove the folder."
        )
    graph = MolGraph(**{field.name: arrays[field.name].astype(np.int64) for field in fields(MolGraph)})
    store = GraphStore(graph, arrays["atom_offsets"], arrays["edge_offsets"], arrays["fragment_offsets"])
    return TrainingFeatures(
        store,
        _examples(table["train"]),
        _examples(table["val"]),
        tuple(table["pool"]),
        table["lexicon"],
        _examples(table["written"]),
        _examples(table["made"]),
        (arrays[_ODDS[0]], arrays[_ODDS[1]]) if _ODDS[0] in arrays else None,
    )
