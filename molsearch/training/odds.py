"""Measures on captions what a named class or part tells of the molecule: weights of evidence for ``model.odds``.

A class is measured on every caption that names it: how often the caption's molecule belongs to it, against how often
any molecule does. A part is measured against the caption's hardest rivals, the molecules most like its own, since parts
are looked for only among molecules that lead already.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from molsearch.chem.batch.arrays import CLASS_SIZE, CONFIGURATION, PART_OUTCOMES
from molsearch.records import Progress
from molsearch.training.features import Caption

Floats = npt.NDArray[np.float32]

DOUBT = 10.0  # captions' worth of the common reliability that every class starts with
SAMPLE = 3_000  # captions whose parts are looked for
RIVALS = 40
_LEAST, _MOST = 0.02, 0.98  # no share is believed beyond these
_BLOCK = 256


def measure_odds(captions: Sequence[Caption], seed: int = 0, progress: Progress | None = None) -> tuple[Floats, Floats]:
    """Measure the log odds of classes, (2, CLASS_SIZE), and of parts, (PART_KINDS + 1, PART_OUTCOMES).

    Args:
        captions: Captions with structures that can be read.
        seed: Of the sample of captions whose parts are looked for.
        progress: Called with the captions done.
    """
    molecules = list(dict.fromkeys(caption.smiles for caption in captions))
    place = {smiles: number for number, smiles in enumerate(molecules)}
    owners = np.array([place[caption.smiles] for caption in captions], np.int64)
    texts = [caption.text for caption in captions]
    return _class_odds(texts, owners, molecules), _part_odds(texts, owners, molecules, seed, progress)


def _class_odds(texts: Sequence[str], owners: npt.NDArray[np.int64], molecules: Sequence[str]) -> Floats:
    from molsearch.chem.features.graph import class_members
    from molsearch.query.criteria import read_criteria

    member = class_members(molecules)
    namings, right = np.zeros(CLASS_SIZE), np.zeros(CLASS_SIZE)
    for text, owner in zip(texts, owners, strict=True):
        named = [row for row in {thing.row for thing in read_criteria(text).classes} if row < CLASS_SIZE]
        namings[named] += 1
        right[named] += member[owner, named]
    common = right.sum() / max(namings.sum(), 1)
    held = (member.sum(0) + 1) / (len(molecules) + 2)
    reliable = (right + DOUBT * common) / (namings + DOUBT)
    # A class that is named oftener for others than for its members tells nothing, rather than the opposite.
    reliable = np.clip(np.maximum(reliable, held), _LEAST, _MOST)
    odds = np.stack([np.maximum(np.log(reliable / held), 0), np.minimum(np.log((1 - reliable) / (1 - held)), 0)])
    return odds.astype(np.float32)


def _part_odds(
    texts: Sequence[str],
    owners: npt.NDArray[np.int64],
    molecules: Sequence[str],
    seed: int,
    progress: Progress | None,
) -> Floats:
    from molsearch.chem.fingerprints import morgan_bits, tanimoto
    from molsearch.query.names import find_mentions
    from molsearch.query.parts import outcomes, parts_of
    from molsearch.query.stereo import agree, stated_configuration

    chosen = np.random.default_rng(seed).permutation(len(texts))[:SAMPLE]
    # Without the lexicon: it holds the molecules' own names.
    stated_parts = [parts_of(mentions) for mentions in find_mentions([texts[row] for row in chosen])]
    bits = morgan_bits(molecules)
    configurations = [stated_configuration(texts[row]) for row in chosen]
    own = np.zeros((CONFIGURATION + 1, PART_OUTCOMES))
    rivals = np.zeros((CONFIGURATION + 1, PART_OUTCOMES))
    for start in range(0, len(chosen), _BLOCK):
        rows = chosen[start : start + _BLOCK]
        likeness = tanimoto(bits[owners[rows]], bits)  # (B, M)
        likeness[np.arange(len(rows)), owners[rows]] = -1
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, : min(RIVALS, len(molecules) - 1)]
        here = slice(start, start + _BLOCK)
        for parts, stated, owner, near in zip(
            stated_parts[here], configurations[here], owners[rows], nearest, strict=True
        ):
            keys = [molecules[number] for number in (owner, *near)]
            held = [(part.kind, line) for part, line in zip(parts, outcomes(parts, keys), strict=True)]
            if stated:
                held.append((CONFIGURATION, agree(stated, keys).astype(np.int8)))
            for kind, line in held:  # (1 + RIVALS,)
                own[kind, line[0]] += 1
                rivals[kind] += np.bincount(line[1:], minlength=PART_OUTCOMES) / max(len(near), 1)
        if progress:
            progress(min(start + _BLOCK, len(chosen)), len(chosen))
    share = (own + 0.5) / (own.sum(1, keepdims=True) + 0.5 * PART_OUTCOMES)
    other = (rivals + 0.5) / (rivals.sum(1, keepdims=True) + 0.5 * PART_OUTCOMES)
    return np.asarray(np.log(share / other), np.float32)
