"""What a text says that a structure can be tested for: chemical classes and amounts of properties.

"A small, polar primary sulfonamide with no aromatic ring" names a class and three amounts. Each can be computed, so
none of it needs to be learned.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from molsearch.chem.ontology.classes import class_named, find_classes
from molsearch.query.amounts import AmountCriterion, read_amounts
from molsearch.query.compounding import find_compounds
from molsearch.query.grammar import MOST_WORDS, read_sentence
from molsearch.query.satisfaction import Condition


class Placed(Protocol):
    """What was read in ``text[start:end]``."""

    @property
    def start(self) -> int:
        """Return where its words begin."""

    @property
    def end(self) -> int:
        """Return where its words end."""


@dataclass(frozen=True, slots=True)
class ClassCriterion:
    """A chemical class named in ``text[start:end]``.

    Attributes:
        name: Its name.
        row: Its number in the class table.
        start: Where its words begin.
        end: Where they end.
        choice: 0, or a number that it shares with the alternatives of one "or".
    """

    name: str
    row: int
    start: int
    end: int
    choice: int = 0


@dataclass(frozen=True, slots=True)
class StructureCriterion:
    """A condition on the structure that ``text[start:end]`` states."""

    condition: Condition
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Criteria:
    """Everything testable that was read in a text.

    Attributes:
        classes: Classes named, in text order.
        amounts: Amounts stated, in text order.
        conditions: What else a short text asks of a structure.
        coverage: Share of the text's letters and digits that was read, 0 to 1; filler words do not count.
    """

    classes: tuple[ClassCriterion, ...] = ()
    amounts: tuple[AmountCriterion, ...] = ()
    conditions: tuple[StructureCriterion, ...] = ()
    coverage: float = 0.0


_FILLER = frozenset(
    """
    a an the and or of with that is are has have having which in it its as be to any all some by but also both
    compound compounds molecule molecules substance substances structure structures chemical chemicals
    group groups moiety moieties unit units ring rings system systems core scaffold fragment size
    containing contains contain bearing bears carrying carries obeys obeying meets meeting passes satisfies satisfying
    attached linked bonded bound connected joined directly on onto at one any another other same such like type based
    featuring features possessing possesses including includes include substituent substituents substituted function
    functional functionality chain side linker motif motifs skeleton nucleus position positions score count number
    rather quite likely least most only just present derivative derivatives residue from by than into so i want find
    me show give please looking search for molecules' entity species something anything kind sort class member
    compound's there those these this it they even though although calculated computed predicted fragments
    """.split()  # noqa: SIM905 a list of quoted words reads worse
)
_WORD = re.compile(r"[^\W_]+")


def read_criteria(
    text: str,
    parts: Sequence[tuple[int, int]] = (),
    structures: Sequence[str] = (),
    roles: Sequence[tuple[int, int]] = (),
) -> Criteria:
    """Read what a text says of chemical classes, of other structure and of computed properties.

    In a long text a denied class ("without a lactone") is no criterion; exclusions are read elsewhere.

    Args:
        text: The text.
        parts: Where structures are named in it (query/parts.py); they count as read.
        structures: SMILES of the parts, where they are to be looked for in a short text.
        roles: Where roles are named (query/roles.py); they count as read, and of the words inside nothing else is read,
            unless all of them together name a class.
    """
    whole = {(start, end) for _, start, end in find_classes(text)} if roles else set()
    closed = [span for span in roles if span not in whole]
    amounts = [amount for amount in read_amounts(text) if not inside(amount, roles)]
    if len(text.split()) > MOST_WORDS:
        named_classes = [(*named, 0) for named in (*find_classes(text), *find_compounds(text))]
        conditions: tuple[StructureCriterion, ...] = ()
        read: tuple[tuple[int, int], ...] = ()
    else:
        named_parts = [(smiles, *span) for smiles, span in zip(structures, parts, strict=False)]
        sentence = read_sentence(text, named_parts, [*_spans(amounts), *closed])
        named_classes = list(sentence.classes)
        conditions = tuple(StructureCriterion(*condition) for condition in sentence.conditions)
        read = sentence.spans
    classes = [
        ClassCriterion(name, class_named(name).row, start, end, choice) for name, start, end, choice in named_classes
    ]
    amounts = [amount for amount in amounts if not inside(amount, [*read, *_spans(classes)])]
    classes = [criterion for criterion in classes if not inside(criterion, [*_spans(amounts), *closed])]
    spans = [*parts, *roles, *read, *_spans(classes), *_spans(amounts)]
    return Criteria(tuple(classes), tuple(amounts), conditions, _coverage(text, spans))


def inside(placed: Placed, spans: Sequence[tuple[int, int]]) -> bool:
    """Return whether something read in a text lies within any of the spans."""
    return any(start <= placed.start and placed.end <= end for start, end in spans)


def _spans(criteria: Iterable[Placed]) -> list[tuple[int, int]]:
    return [(criterion.start, criterion.end) for criterion in criteria]


def _coverage(text: str, spans: Sequence[tuple[int, int]]) -> float:
    """Compute the share of the letters and digits, filler words left out, that lie in a span."""
    read = unread = 0
    for word in _WORD.finditer(text):
        length = len(word.group())
        if any(start <= word.start() and word.end() <= end for start, end in spans):
            read += length
        elif word.group().lower() not in _FILLER:
            unread += length
    return read / (read + unread) if read else 0.0
