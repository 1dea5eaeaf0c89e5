"""What was read in a query and what its filters left: the records behind the panel above the hits.

Standard library only, like ``records``.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reading:
    """Words of a phrase that stand for chemistry.

    Attributes:
        words: As written.
        start: Where they begin in ``ReadPhrase.kept``.
        end: Where they end.
        kind: What they were read as.
        read_as: Name of the class or role, what the structure must show, SMILES key of the structure, or range of the
            property.
        rule: "named", or the rule by which the structure follows from the words; "" for anything else.
        in_library: Whether the structure is a molecule of the library.
    """

    words: str
    start: int
    end: int
    kind: Literal["class", "feature", "structure", "amount", "role"]
    read_as: str
    rule: str = ""
    in_library: bool = False


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What a hit must not be.

    Attributes:
        words: As written in the text or the field.
        kind: How it is decided: by the class table, by SMARTS, by one structure, or not at all.
        read_as: Class name, SMARTS or SMILES key; "" where the words could not be read.
        from_text: Whether it was read in the text rather than asked for in a field.
    """

    words: str
    kind: Literal["class", "smarts", "structure", "unread"]
    read_as: str = ""
    from_text: bool = False


@dataclass(frozen=True, slots=True)
class ReadPhrase:
    """One phrase of a query as the model read it.

    Attributes:
        text: As asked.
        weight: Its share beside the other phrases, above 0 and at most 1.
        kept: What was embedded: the text without the exclusions that were read in it.
        readings: Names and classes in ``kept``, in text order.
        unread_words: Words at the end of ``kept`` that only the bag of words reads, as the text is long.
    """

    text: str
    weight: float
    kept: str
    readings: tuple[Reading, ...] = ()
    unread_words: int = 0


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What was read in a query.

    Attributes:
        phrases: The phrases, the query's own text first.
        reference: SMILES key of the reference structure, or "".
        exclusions: What hits must not be, those of the text first; those that could not be read are among them.
    """

    phrases: tuple[ReadPhrase, ...] = ()
    reference: str = ""
    exclusions: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class FilterStep:
    """One filter: what it asks, and how many molecules passed it and every filter before it."""

    what: str
    left: int


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the filters of a query leave of a library.

    Attributes:
        molecules: How many the library holds.
        steps: The filters in the order in which they were counted.
        tested_here: How many compounds of the tested list the library holds.
    """

    molecules: int = 0
    steps: tuple[FilterStep, ...] = ()
    tested_here: int = 0

    @property
    def left(self) -> int:
        """Molecules that passed every filter."""
        return self.steps[-1].left if self.steps else self.molecules
