"""What the model reads in a text beside its words: named structures and chemical classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from molsearch.chem.arrays import CLASS_OFFSET, CLASS_SIZE, RELATIONS, GraphStore
from molsearch.chem.classes import class_named, find_classes
from molsearch.chem.graph import featurise
from molsearch.chem.names import Opsin, find_mentions
from molsearch.chem.standardize import standardize
from molsearch.records import Entry, Molecule

MAX_STRUCTURES = 8  # distinct structures kept of one text, in text order
_EMPTY_STRUCTURES = frozenset({"*[H]", "[H+]", "*"})  # "hydrogen" and the like say nothing of the molecule


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with what was found in it.

    Attributes:
        text: The text as given.
        structures: SMILES of distinct named structures, in text order.
        relations: For each structure, its row in RELATIONS.
        classes: Fragment numbers of the chemical classes named.
    """

    text: str
    structures: tuple[str, ...] = ()
    relations: tuple[int, ...] = ()
    classes: tuple[int, ...] = ()


def read_texts(
    texts: Sequence[str], lexicon: Mapping[str, str] | None = None, opsin: Opsin | None = None
) -> list[Reading]:
    """Ground each text: its names through the lexicon and OPSIN, its class names through the class table."""
    readings = []
    for text, mentions in zip(texts, find_mentions(texts, lexicon, opsin), strict=True):
        relations: dict[str, int] = {}
        for mention in mentions:
            if mention.smiles in _EMPTY_STRUCTURES:
                continue
            number = RELATIONS.index(mention.relation)
            # A structure named twice keeps its closest relation ("derives from X ... conjugate base of X").
            relations[mention.smiles] = max(number, relations.get(mention.smiles, 0))
        kept = list(relations.items())[:MAX_STRUCTURES]
        named = {class_named(name).row for name, _, _ in find_classes(text)}
        classes = sorted(CLASS_OFFSET + row for row in named if row < CLASS_SIZE)
        readings.append(
            Reading(text, tuple(smiles for smiles, _ in kept), tuple(number for _, number in kept), tuple(classes))
        )
    return readings


@dataclass(frozen=True, slots=True)
class GroundedText:
    """A text whose named structures are rows of a GraphStore."""

    text: str
    structures: tuple[int, ...]
    relations: tuple[int, ...]
    classes: tuple[int, ...]


def ground(readings: Sequence[Reading]) -> tuple[list[GroundedText], GraphStore]:
    """Featurise the structures named in texts, each once."""
    rows: dict[str, int] = {}
    grounded = [
        GroundedText(
            reading.text,
            tuple(rows.setdefault(smiles, len(rows)) for smiles in reading.structures),
            reading.relations,
            reading.classes,
        )
        for reading in readings
    ]
    store = GraphStore.of([featurise(smiles) for smiles in rows or {"C": 0}])  # a store is never empty
    return grounded, store


@dataclass(frozen=True, slots=True)
class NamedStructure:
    """A name in a text that is a whole structure.

    Attributes:
        name: As it stands in the text.
        start: Where it begins.
        end: Where it ends.
        key: Isomeric SMILES after clean-up.
        bonus: What a library molecule of that key gains.
    """

    name: str
    start: int
    end: int
    key: str
    bonus: float


def exact_names(
    text: str, bonus: float, subject_bonus: float, opsin: Opsin | None = None
) -> tuple[NamedStructure, ...]:
    """Find the whole structures a text names; one that the text begins with is its subject."""
    found = []
    for mention in find_mentions([text], None, opsin)[0]:
        if "*" in mention.smiles:
            continue
        cleaned = standardize(Entry(1, mention.smiles, "smiles"))
        if isinstance(cleaned, Molecule):
            gain = subject_bonus if mention.start == 0 else bonus
            found.append(NamedStructure(mention.name, mention.start, mention.end, cleaned.key, gain))
    return tuple(found)
