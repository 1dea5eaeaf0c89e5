"""Stereodescriptors that a text states, and whether a molecule has as many of each: "(2S,3R)-", "a Z double bond"."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from molsearch.chem.structures import parse
from molsearch.errors import InputError

LABELS = ("R", "S", "E", "Z")

_LOCANT = r"(?:\d+'*[a-z]?)?"
_GROUP = re.compile(rf"\(({_LOCANT}[RSEZ](?:,{_LOCANT}[RSEZ])*)\)")  # (2S,3R) or (Z)
_SPACED = re.compile(rf",\s+(?={_LOCANT}[RSEZ][,)])")
_LABEL = re.compile(r"[RSEZ]")
_IN_WORDS = re.compile(r"\b([RSEZ])[- ](?:configuration|enantiomer|isomer|stereoisomer|geometry)")
_MIRROR = re.compile(r"enantiomer of (?:an? |the )?$")
_OTHER = re.compile(r"(?:epimer|diastereo\w+|stereoisomer) of (?:an? |the )?$")
_CUE_CHARS = 45
_MIRRORED = {"R": "S", "S": "R"}
_BONDS = {Chem.BondStereo.STEREOE: "E", Chem.BondStereo.STEREOZ: "Z"}


def stated_configuration(text: str) -> Mapping[str, int]:
    """Count the stereodescriptors that a text states of its molecule, by label.

    A word such as "(7S,14S)-dihydroxy-(4Z,8E)-..." gives all of its labels; of several words each label counts as often
    as the word that has most of it. What "is an enantiomer of" a name has the mirrored labels; of a diastereomer of a
    name nothing follows.
    """
    stated: Counter[str] = Counter()
    text = _SPACED.sub(",", text)
    for word in re.finditer(r"\S+", text):
        labels = Counter(label for group in _GROUP.findall(word.group()) for label in _LABEL.findall(group))
        before = text[max(0, word.start() - _CUE_CHARS) : word.start()] if labels else ""
        if _OTHER.search(before):
            continue
        if _MIRROR.search(before):
            labels = Counter({_MIRRORED.get(label, label): count for label, count in labels.items()})
        stated |= labels  # the larger count of each
    stated |= Counter(_IN_WORDS.findall(text))
    return dict(stated)


def agree(stated: Mapping[str, int], keys: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which molecules have at least as many of each stereodescriptor as a text states, (N,).

    Args:
        stated: From ``stated_configuration``.
        keys: N isomeric SMILES after clean-up; one that cannot be read has none.
    """
    wanted = np.array([stated.get(label, 0) for label in LABELS])
    counts = np.array([_labels(key) for key in keys], np.int64).reshape(-1, len(LABELS))  # (N, 4)
    return np.asarray((counts >= wanted).all(axis=1), np.bool_)


@lru_cache(maxsize=20_000)
def _labels(key: str) -> tuple[int, ...]:
    """Count the labels of a molecule in the order of LABELS."""
    try:
        mol = parse(key)
    except InputError:
        return (0,) * len(LABELS)
    labels = Counter(atom.GetProp("_CIPCode") for atom in mol.GetAtoms() if atom.HasProp("_CIPCode"))
    labels.update(_BONDS[bond.GetStereo()] for bond in mol.GetBonds() if bond.GetStereo() in _BONDS)
    return tuple(labels[label] for label in LABELS)
