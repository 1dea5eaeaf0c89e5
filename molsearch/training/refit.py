"""What of a trained model follows from captions by counting, measured anew without training."""

from pathlib import Path

import torch

from molsearch.model.dual import DualEncoder
from molsearch.records import Progress
from molsearch.training.odds import measure_odds
from molsearch.training.pairs import read_pairs
from molsearch.training.prepare import held_out, usable


def remeasure(folder: Path, pairs: Path, val: Path, progress: Progress | None = None) -> str:
    """Measure the odds anew and write them into a model's folder.

    Args:
        folder: The model.
        pairs: Training pairs.
        val: Validation pairs; captions of their molecules are left out.
        progress: Told of the captions done.

    Returns:
        The new id of the model: libraries that it filled must be embedded again.

    Raises:
        InputError: If a file cannot be read.
        ModelError: If the model cannot be used.
    """
    model = DualEncoder.load(folder)
    classes, parts = measure_odds(usable(read_pairs(pairs).rows, held_out(read_pairs(val).rows)), progress=progress)
    model.class_odds, model.part_odds = torch.from_numpy(classes), torch.from_numpy(parts)
    model.save(folder)
    return model.model_id
