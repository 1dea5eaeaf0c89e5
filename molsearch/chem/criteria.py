"""What a text says that a structure can be tested for: chemical classes and amounts of properties.

"A small, polar primary sulfonamide with no aromatic ring" names a class and three amounts. Each can be computed, so
none of it needs to be learned.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from molsearch.chem.amounts import AmountCriterion, read_amounts
from molsearch.chem.classes import class_named, find_classes
from molsearch.chem.compounding import find_compounds


@dataclass(frozen=True, slots=True)
class ClassCriterion:
    """A chemical class named in ``text[start:end]``; ``row`` is its number in the class table."""

    name: str
    row: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Criteria:
    """Everything testable that was read in a text.

    Attributes:
        classes: Classes named, in text order.
        amounts: Amounts stated, in text order.
        coverage: Share of the text's letters and digits that was read, 0 to 1; filler words do not count.
    """

    classes: tuple[ClassCriterion, ...] = ()
    amounts: tuple[AmountCriterion, ...] = ()
    coverage: float = 0.0


_FILLER = frozenset(
    """
    a an the and or of with that is are has have having which in it its as be to any all some by but also both
    compound compounds molecule molecules substance substances structure structures chemical chemicals
    group groups moiety moieties unit units ring system systems core scaffold fragment size
    containing contains bearing carrying obeys obeying meets meeting passes satisfies satisfying
    """.split()  # noqa: SIM905 a list of quoted words reads worse
)
_WORD = re.compile(r"[^\W_]+")


def read_criteria(text: str, parts: Sequence[tuple[int, int]] = ()) -> Criteria:
    """Read what a text says of chemical classes and of computed properties.

    A denied class ("without a lactone") is no criterion here; exclusions are read elsewhere.

    Args:
        text: The text.
        parts: Where structures are named in it (chem/parts.py); they count as read.
    """
    found = [*find_classes(text), *find_compounds(text)]
    classes = [ClassCriterion(name, class_named(name).row, start, end) for name, start, end in found]
    amounts = [one for one in read_amounts(text) if not _inside(one, classes)]
    classes = [one for one in classes if not _inside(one, amounts)]
    spans = [*parts, *((one.start, one.end) for one in classes), *((one.start, one.end) for one in amounts)]
    return Criteria(tuple(classes), tuple(amounts), _coverage(text, spans))


def _inside(
    one: ClassCriterion | AmountCriterion, others: Sequence[ClassCriterion] | Sequence[AmountCriterion]
) -> bool:
    return any(other.start <= one.start and one.end <= other.end for other in others)


def _coverage(text: str, spans: Sequence[tuple[int, int]]) -> float:
    """Share of the telling characters that lie in a span."""
    read = unread = 0
    for word in _WORD.finditer(text):
        length = len(word.group())
        if any(start <= word.start() and word.end() <= end for start, end in spans):
            read += length
        elif word.group().lower() not in _FILLER:
            unread += length
    return read / (read + unread) if read else 0.0
