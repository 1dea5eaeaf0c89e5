"""What the model reads in a text beside its words: named structures and chemical classes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from molsearch.chem.batch.arrays import CLASS_OFFSET, CLASS_SIZE, RELATIONS, GraphStore
from molsearch.chem.features.graph import graph_store
from molsearch.chem.ontology.classes import class_named, find_classes
from molsearch.chem.standardize import standardize
from molsearch.query.names import find_mentions
from molsearch.query.nomenclature.derive import derive
from molsearch.query.nomenclature.variants import stated_forms
from molsearch.query.opsin import Opsin, the_opsin
from molsearch.records import Entry, Molecule

MAX_STRUCTURES = 8  # distinct structures kept of one text, in text order
# What may follow a name that is the whole subject of a text, not the first word of a longer name.
_SUBJECT_END = re.compile(r"\s*(?:$|[.,;:(]|(?:is|are|was|has|belongs|which|that)\b)")
_EMPTY_STRUCTURES = frozenset({"*[H]", "[H+]", "*"})  # "hydrogen" and the like say nothing of the molecule


@dataclass(frozen=True, slots=True)
class TextStructures:
    """A text with the structures and classes that it names.

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
) -> list[TextStructures]:
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
            TextStructures(
                text, tuple(smiles for smiles, _ in kept), tuple(number for _, number in kept), tuple(classes)
            )
        )
    return readings


@dataclass(frozen=True, slots=True)
class GroundedText:
    """A text whose named structures are rows of a GraphStore."""

    text: str
    structures: tuple[int, ...]
    relations: tuple[int, ...]
    classes: tuple[int, ...]


def ground(readings: Sequence[TextStructures]) -> tuple[list[GroundedText], GraphStore]:
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
    store = graph_store(list(rows) or ["C"])  # a store is never empty
    return grounded, store


@dataclass(frozen=True, slots=True)
class NamedStructure:
    """A whole structure that a text names, or that follows from what it names.

    Attributes:
        name: The words it rests on.
        start: Where they begin.
        end: Where they end.
        key: Isomeric SMILES after clean-up.
        bonus: What a library molecule of that key gains.
        rule: "named", or the row of derive.RULES that gave it.
    """

    name: str
    start: int
    end: int
    key: str
    bonus: float
    rule: str = "named"


@dataclass(frozen=True, slots=True)
class Bonuses:
    """What a library molecule gains that a text names, begins by naming, or defines by its chemistry."""

    name: float
    subject: float
    derived: float


def exact_names(text: str, bonuses: Bonuses, opsin: Opsin | None = None) -> tuple[NamedStructure, ...]:
    """Find the whole structures a text names or defines; one that the text begins with is its subject.

    A structure named only as a neighbour ("the conjugate base of X") is not what the text describes: what follows
    from it is found instead.
    """
    opsin = opsin or the_opsin()
    mentions = find_mentions([text], None, opsin)[0]
    named = []
    for mention in mentions:
        if "*" in mention.smiles or mention.relation == "near":
            continue
        subject = mention.start == 0 and _SUBJECT_END.match(text, mention.end) is not None
        gain = bonuses.subject if subject else bonuses.name
        for smiles in stated_forms(mention.name, mention.smiles):
            cleaned = standardize(Entry(1, smiles, "smiles"))
            if isinstance(cleaned, Molecule):
                named.append(NamedStructure(mention.name, mention.start, mention.end, cleaned.key, gain))
    for derived in derive(text, mentions, opsin):
        words = text[derived.start : derived.end]
        named.append(NamedStructure(words, derived.start, derived.end, derived.smiles, bonuses.derived, derived.rule))
    return tuple(named)
