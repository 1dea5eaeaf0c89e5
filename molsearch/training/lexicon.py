"""Trivial names and the structures that training captions tie them to."""

import re
from collections.abc import Iterable

from molsearch.training.features import Caption

# "It is a conjugate base of a 3-oxohexanoyl-CoA": the name's structure is the caption's molecule but for a proton.
_NEAR = re.compile(
    r"(?:conjugate (?:acid|base)|enantiomer|tautomer) of (?:the |an? )?(.+?)"
    r"(?=, obtained|, arising|, formed|, resulting|; major|\. |\.$| and (?:a|an|the) |, an? | which | that |$)"
)
# "Buserelin acetate is an organic molecular entity": captions of this source begin with their molecule's name.
_SUBJECT = re.compile(r"^(.{3,120}?) is (?:a|an|the) ")
_SUBJECT_SOURCES = ("momu_phy",)
_PRONOUNS = ("it", "the molecule", "this", "this compound", "this substance")


def learn_lexicon(captions: Iterable[Caption]) -> dict[str, str]:
    """Collect names in lower case with a structure; where captions disagree the first stands.

    A name that begins a caption is worth more than one beside "conjugate base of", so those come first.
    """
    subjects: dict[str, str] = {}
    neighbours: dict[str, str] = {}
    for caption in captions:
        if caption.source in _SUBJECT_SOURCES and (match := _SUBJECT.match(caption.text)):
            subjects.setdefault(match[1].lower(), caption.smiles)
        for match in _NEAR.finditer(caption.text):
            if len(match[1]) <= 120:
                neighbours.setdefault(match[1].lower(), caption.smiles)
    return {name: smiles for name, smiles in (neighbours | subjects).items() if name not in _PRONOUNS}
