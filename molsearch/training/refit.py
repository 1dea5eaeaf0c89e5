"""What of a trained model follows from captions without training its encoders: odds and roles, made anew."""

from pathlib import Path

import torch

from molsearch.chem.features.graph import graph_store
from molsearch.chem.io.pairs import read_pairs
from molsearch.model.dual import DualEncoder
from molsearch.records import Progress
from molsearch.training.odds import measure_odds
from molsearch.training.prepare import held_out, parted, usable
from molsearch.training.role_head import Flags, Floats, encoded, role_holders, teach

_GRAPHS = 4096  # molecules whose graphs are held at once


def remeasure(folder: Path, pairs: Path, val: Path, roles: int, seed: int = 0, progress: Progress | None = None) -> str:
    """Measure the odds and teach the roles anew, and write both into a model's folder.

    Args:
        folder: The model.
        pairs: Training pairs.
        val: Validation pairs; captions of their molecules are left out.
        roles: Molecules that captions must give a role to for the model to learn it; 0 teaches it none.
        seed: Of the head of the roles.
        progress: Called with the captions done.

    Returns:
        The new id of the model: libraries that it filled must be embedded again.

    Raises:
        InputError: If a file cannot be read.
        ModelError: If the model cannot be used.
    """
    model = DualEncoder.load(folder)
    captions, _ = parted(usable(read_pairs(pairs).rows, held_out(read_pairs(val).rows)))
    classes, parts = measure_odds(captions, progress=progress)
    model.class_odds, model.part_odds = torch.from_numpy(classes), torch.from_numpy(parts)
    model.learn_roles((), None)
    if roles:
        molecules = list(dict.fromkeys(caption.smiles for caption in captions))
        place = {smiles: number for number, smiles in enumerate(molecules)}
        texts = [caption.text for caption in captions]
        holders = role_holders(texts, [place[caption.smiles] for caption in captions])

        def encode(numbers: list[int]) -> tuple[Floats, Flags]:
            parts = (numbers[start : start + _GRAPHS] for start in range(0, len(numbers), _GRAPHS))
            return encoded(model, (graph_store([molecules[number] for number in part]) for part in parts))

        teach(model, holders, encode, roles, seed)
    model.save(folder)
    return model.model_id
