"""Whether a query lies within what a model has read: how near its captions are, and how many of its words it knows.

Shapes: Q texts, C captions of the query bank, D width.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from molsearch.chem.ontology.classes import find_classes
from molsearch.query.names import find_mentions
from molsearch.query.roles import find_roles

if TYPE_CHECKING:  # torch loads with this
    from molsearch.model.dual import DualEncoder

Floats = npt.NDArray[np.floating]

NEAREST = 10  # captions whose mean cosine is a text's nearness
_CHUNK = 256  # texts compared with the bank at once: 256 x 10,000 float32 are 10 MB
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """A text is out of scope if intercept + nearness * n + unread * u + chemistry * c lies above ``threshold``.

    n is its nearness, u the share of its words that the model does not know, c is 1 where a chemical name,
    class or role was read in it, else 0.
    """

    intercept: float
    nearness: float
    unread: float
    chemistry: float
    threshold: float

    def value(self, nearness: Floats, unread: Floats, chemistry: Floats) -> Floats:
        """Compute what is compared with the threshold, (Q,)."""
        return np.asarray(self.intercept + self.nearness * nearness + self.unread * unread + self.chemistry * chemistry)

    def outside(self, nearness: Floats, unread: Floats, chemistry: Floats) -> npt.NDArray[np.bool_]:
        """Check which texts are out of scope, (Q,)."""
        return np.asarray(self.value(nearness, unread, chemistry) > self.threshold)


@dataclass(frozen=True, slots=True)
class WordCoverage:
    """What is known of the words of a text.

    Attributes:
        text: The text.
        words: Number of words of two letters or more.
        unread: Those that the model does not know and that are no part of a chemical name, class or role, in order.
        chemistry: Whether a chemical name, class or role was read.
    """

    text: str
    words: int
    unread: tuple[str, ...]
    chemistry: bool

    @property
    def unread_share(self) -> float:
        """Share of the words that the model does not know; 1 where there is no word."""
        return len(self.unread) / self.words if self.words else 1.0


@dataclass(frozen=True, slots=True)
class QueryScope:
    """Whether a text lies within what a model has read, and by what.

    Attributes:
        wording: Its words.
        nearness: Mean cosine with the ten nearest captions that the model was trained on; NaN without any.
        outside: The verdict.
    """

    wording: WordCoverage
    nearness: float
    outside: bool


def nearness(texts: Floats, bank: Floats) -> Floats:
    """Compute the mean cosine of texts (Q, D) with their nearest captions of a bank (C, D), (Q,); NaN without any."""
    if not len(bank):
        return np.full(len(texts), math.nan)
    count = min(NEAREST, len(bank))
    return np.concatenate(
        [
            np.partition(texts[start : start + _CHUNK] @ bank.T, -count, axis=1)[:, -count:].mean(1)
            for start in range(0, max(len(texts), 1), _CHUNK)
        ]
    )


def read_words(
    texts: Sequence[str], vocabulary: Collection[str], lexicon: Mapping[str, str], roles: Sequence[str] = ()
) -> list[WordCoverage]:
    """Count the words of texts and find those that a model does not know.

    Args:
        texts: The texts.
        vocabulary: Whole words that the model knows, in lower case; if empty, no word counts as unread.
        lexicon: Trivial names with their SMILES.
        roles: Names of the roles that the model has learned.
    """
    coverages = []
    for text, mentions in zip(texts, find_mentions(texts, lexicon), strict=True):
        spans = [(start, end) for _, start, end in find_classes(text)]
        spans += [(role.start, role.end) for role in find_roles(text, roles)]
        spans += [(mention.start, mention.end) for mention in mentions]
        words = list(_WORD.finditer(text))
        unread = [
            word.group()
            for word in words
            if vocabulary
            and word.group().lower() not in vocabulary
            and not any(start < word.end() and word.start() < end for start, end in spans)
        ]
        coverages.append(WordCoverage(text, len(words), tuple(unread), bool(spans)))
    return coverages


def columns(wordings: Sequence[WordCoverage]) -> tuple[Floats, Floats]:
    """Return the share of unread words and whether chemistry was read, (Q,) each, as a rule takes them."""
    shares = np.array([coverage.unread_share for coverage in wordings])
    return shares, np.array([float(coverage.chemistry) for coverage in wordings])


def vocabulary_of(model: "DualEncoder") -> frozenset[str]:
    """List the whole words that a model's tokenizer knows; empty where it has none."""
    tokenizer = getattr(getattr(model, "text", None), "tokenizer", None)
    return frozenset(tokenizer.get_vocab()) if tokenizer is not None else frozenset()
