"""Why a text and a molecule score as they do: each word and each atom, by what the score loses without it."""

import re
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from molsearch.chem.masking import without_each_atom
from molsearch.chem.sandbox.risk import is_simple
from molsearch.errors import InputError
from molsearch.records import Explanation, Progress, WordWeight

Floats = npt.NDArray[np.float32]

MOST_SECONDS = 300.0  # for an intricate molecule, once for each of its atoms
MAX_UNITS = 96  # a longer text is weighed in groups of neighbouring words, so that the wait stays short
METHOD = (
    "Leave-one-out: a word's weight is the fall of the cosine when the word is left out of the text, "
    "an atom's weight the fall when the atom is made a wildcard."
)
_WORD = re.compile(r"\S+")
_EDGE = ".,;:!?\"'"


class PairEncoder(Protocol):
    """What an explanation asks of a model; ``model.dual.DualEncoder`` is one."""

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """Return (Q, D) unit vectors."""

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> Floats:
        """Return (N, D) unit vectors."""


def explain(model: PairEncoder, text: str, smiles: str) -> Explanation:
    """Weigh the words of a text and the atoms of a molecule by what their cosine loses without them.

    Args:
        model: The encoder of both sides.
        text: The query text.
        smiles: The molecule; the atom weights follow its atom order.

    Raises:
        InputError: If the text holds no word, or the SMILES cannot be read or is too intricate.
    """
    units = word_spans(text)
    if not units:
        raise InputError("The text holds no word: got only spaces or punctuation, expected a description; write one.")
    masked = without_each_atom(smiles)
    _check_effort(model, smiles, len(masked))
    molecules = model.encode_molecules([smiles, *masked])  # (1 + A, D)
    query, rests = _encode_without(model, text, units)  # (D,), (L, D)
    score = float(query @ molecules[0])
    losses = score - rests @ molecules[0]
    return Explanation(
        text=text,
        smiles=smiles,
        score=score,
        words=tuple(
            WordWeight(start, end, text[start:end], float(loss))
            for (start, end), loss in zip(units, losses, strict=True)
        ),
        atoms=tuple(float(loss) for loss in score - molecules[1:] @ query),
        method=METHOD,
    )


def _check_effort(model: PairEncoder, smiles: str, atoms: int) -> None:
    """Refuse an intricate molecule whose encoding takes so long that nobody waits for it once for each atom."""
    if is_simple(smiles):
        return
    started = time.monotonic()
    model.encode_molecules([smiles])
    seconds = (time.monotonic() - started) * atoms
    if seconds > MOST_SECONDS:
        raise InputError(
            f"This molecule is too intricate to be explained: leaving out each of its {atoms} atoms would take about "
            f"{seconds:,.0f} s, expected at most {MOST_SECONDS:g}; choose a smaller one."
        )


def _encode_without(model: PairEncoder, text: str, units: Sequence[tuple[int, int]]) -> tuple[Floats, Floats]:
    """Encode the text, and the text without each unit; what is left of a one-word text is the zero vector."""
    rests = [without_span(text, start, end) for start, end in units]
    written = [row for row, rest in enumerate(rests) if rest]
    encoded = model.encode_texts([text, *(rests[row] for row in written)])
    vectors = np.zeros((len(rests), encoded.shape[1]), np.float32)
    vectors[written] = encoded[1:]
    return encoded[0], vectors


def word_spans(text: str, most: int = MAX_UNITS) -> list[tuple[int, int]]:
    """Cut a text into words without their edge punctuation, or into at most ``most`` groups of neighbours."""
    spans = []
    for match in _WORD.finditer(text):
        word = match.group()
        start = match.start() + len(word) - len(word.lstrip(_EDGE))
        end = match.end() - (len(word) - len(word.rstrip(_EDGE)))
        if start < end:
            spans.append((start, end))
    size = -(-len(spans) // most)
    if size <= 1:
        return spans
    return [(group[0][0], group[-1][1]) for group in (spans[n : n + size] for n in range(0, len(spans), size))]


def without_span(text: str, start: int, end: int) -> str:
    """Leave ``text[start:end]`` out, closing the gap; a text of one word becomes ""."""
    return without_spans(text, [(start, end)])


def without_spans(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Leave several stretches out, closing the gaps; what is left may be ""."""
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    return " ".join(text.split())
