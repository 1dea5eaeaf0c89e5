"""Pair files to a feature cache: read, leave out what cannot be used and say so, featurise once."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from molsearch.errors import InputError
from molsearch.records import Progress
from molsearch.training import features as cache
from molsearch.training.features import Caption, TrainingFeatures
from molsearch.training.odds import measure_odds

if TYPE_CHECKING:  # a machine that only trains from a cache has no RDKit, which reading needs
    from molsearch.chem.io.pairs import PairRow

LOG = logging.getLogger(__name__)


def _fingerprint(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256(str(cache.VERSION).encode())
    for path in paths:
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; give a readable file.") from error
    return digest.hexdigest()


def held_out(rows: Sequence["PairRow"]) -> frozenset[str]:
    """Collect the InChIKeys of molecules that must not be learned from."""
    return frozenset(row.inchikey for row in rows if row.inchikey)


def usable(rows: Sequence["PairRow"], excluded: frozenset[str]) -> list[Caption]:
    """Keep the captions to learn from; how many were left out, and why, goes to the log.

    Args:
        rows: Training pairs.
        excluded: InChIKeys of molecules that must not be learned from.
    """
    from molsearch.chem.structures import readable

    captions: list[Caption] = []
    empty = leaked = unreadable = 0
    for row in rows:
        if row.empty:
            empty += 1
        elif row.inchikey and row.inchikey in excluded:
            leaked += 1
        elif not readable(row.smiles):
            unreadable += 1
        else:
            captions.append(Caption(row.text, row.smiles, row.source))
    for count, why in ((empty, "no text"), (leaked, "a validation molecule"), (unreadable, "an unreadable structure")):
        if count:
            LOG.warning("%d of %d training captions left out: %s", count, len(rows), why)
    return captions


def parted(captions: Sequence[Caption]) -> tuple[list[Caption], list[Caption]]:
    """Split captions from synthetic names, which say what no caption says."""
    names = [caption for caption in captions if caption.source == cache.SYNTHETIC_NAME]
    return [caption for caption in captions if caption.source != cache.SYNTHETIC_NAME], names


def prepare(pairs: Path, val: Path, pool: Path, folder: Path, progress: Progress | None = None) -> TrainingFeatures:
    """Read the feature cache of these files, making it first where it is missing or belongs to others.

    Raises:
        InputError: If a file cannot be read.
    """
    fingerprint = _fingerprint((pairs, val, pool))
    mark = folder / "inputs.sha256"
    if mark.is_file() and mark.read_text(encoding="ascii").strip() == fingerprint:
        return cache.load(folder)
    from molsearch.chem.io.pairs import read_pairs, read_pool
    from molsearch.training.lexicon import learn_lexicon

    validation = [row for row in read_pairs(val).rows if not row.empty]
    train, names = parted(usable(read_pairs(pairs).rows, held_out(validation)))
    features = cache.build(
        train,
        [Caption(row.text, row.smiles, "validation") for row in validation],
        [row.smiles for row in read_pool(pool).rows],
        lexicon=learn_lexicon(train),
        synthetic_names=names,
        progress=progress,
    )
    features = replace(features, odds=measure_odds(train, progress=progress))
    cache.save(features, folder)
    mark.write_text(fingerprint, encoding="ascii")
    return features
