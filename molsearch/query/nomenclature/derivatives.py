"""Derivatives of acids that a short text asks for: "amides of nicotinic acid" names an acid and wants no acid."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from rdkit import Chem

from molsearch.chem.structures import parse

DERIVATIVES = r"esters?|amides?|anilides?|hydrazides?"
_OF = re.compile(
    rf"\b(?P<times>mono|half[- ]|di|bis[- ]?|tri)?(?P<made>{DERIVATIVES})"
    rf"(?:(?:,? and/or|,? and|,? or|/|,)\s*(?:an? )?(?P<other>{DERIVATIVES}))?"
    r" of (?:an? |the )?(?P<before>[\w-]+(?: acid)?,? (?:and|or) )?$",
    re.IGNORECASE,
)
_ACID = Chem.MolFromSmarts("[OX2H1,OX1-;$(O[CX3]=O),$(O[SX4](=O)=O)]")
_SULFONIC = Chem.MolFromSmarts("[SX4](=O)(=O)[OX2H1,OX1-]")
_CHOSEN = Chem.MolFromSmarts("[17O]")
#: Of each derivative what stands in place of the acid's hydroxy group, attached by its first atom, and its class.
_GROUPS = {
    "ester": ("O*", "carboxylic ester"),
    "amide": ("N", "amide"),
    "anilide": ("Nc1ccccc1", "anilide"),
    "hydrazide": ("NN", "carbohydrazide"),
}


@dataclass(frozen=True, slots=True)
class Derivative:
    """What is asked for in ``text[start:end]``.

    Attributes:
        options: SMILES of the structures of which any will do.
        made: The class that all of them belong to, or "".
        start: Where the words begin.
        end: Where they end.
        further: Whether this is one more acid of the same derivative: "amides of nicotinic and isonicotinic acid".
    """

    options: tuple[str, ...]
    made: str
    start: int
    end: int
    further: bool = False


def derivative_of(text: str, smiles: str, start: int, end: int) -> Derivative | None:
    """Read what a text wants of the acid that it names in ``text[start:end]``; None where that is the acid itself.

    Args:
        text: The text.
        smiles: The acid's structure.
        start: Where its name begins.
        end: Where it ends.
    """
    match = _OF.search(text, 0, start)
    if match is None:
        return None
    wanted = [word.lower().rstrip("s") for word in (match["made"], match["other"]) if word]
    times = (match["times"] or "").strip("- ").lower()
    options = tuple(dict.fromkeys(chain(*(_derived(smiles, _GROUPS[made][0], times) for made in wanted))))
    if not options:
        return None
    carboxylic = len(wanted) == 1 and not parse(smiles).HasSubstructMatch(_SULFONIC)
    made = _GROUPS[wanted[0]][1] if carboxylic else ""
    return Derivative(options, made, match.start(), end, further=match["before"] is not None)


def _derived(smiles: str, group: str, times: str) -> Iterator[str]:
    """Yield an acid with one, or all, of its acid groups turned into the derivative."""
    mol = parse(smiles)
    acids = [oxygen for (oxygen,) in mol.GetSubstructMatches(_ACID)]
    choices = [] if times in ("di", "bis", "tri") else [[oxygen] for oxygen in acids]
    if len(acids) > 1 and times not in ("mono", "half"):
        choices.append(acids)
    for chosen in choices:
        marked = Chem.Mol(mol)
        for oxygen in chosen:
            marked.GetAtomWithIdx(oxygen).SetIsotope(17)
        (derived,) = Chem.ReplaceSubstructs(marked, _CHOSEN, Chem.MolFromSmiles(group), replaceAll=True)
        yield str(Chem.MolToSmiles(derived))
