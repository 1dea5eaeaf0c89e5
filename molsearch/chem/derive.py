"""From a named neighbour to the structure itself: what a caption defines by chemistry is computed.

"the conjugate base of X", "an enantiomer of X", "X substituted by a methoxy group at position 3", "formal condensation
of the carboxy group of X with the amino group of Y": each rule of RULES turns such words and the structures named
in them into candidate structures. Nothing here is learned.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rdkit import Chem
from rdkit.Chem import rdChemReactions

from molsearch.chem.forms import MAX_ATOMS, mirror_image, protonation_states, stated_charge
from molsearch.chem.names import Mention, Opsin
from molsearch.chem.standardize import Cleaned, clean
from molsearch.chem.substitution import composed_names

MAX_PRODUCTS = 16


@dataclass(frozen=True, slots=True)
class Derived:
    """A structure that follows from a text: its key after clean-up, its rule, and the words it rests on."""

    smiles: str
    rule: str
    start: int
    end: int


_SITE = r"(?:[^.;]{0,90}? of)?(?: the| an?)? ?$"
_BASE_OF = re.compile(
    r"conjugate base of(?: the| an?)? ?$|deprotonation of" + _SITE + r"|loss of .{0,40}protons? from" + _SITE
)
_ACID_OF = re.compile(r"conjugate acid of(?: the| an?)? ?$|(?<!de)protonation of" + _SITE)
_MIRROR_OF = re.compile(r"enantiomer of(?: the| an?)? ?$")


def _whole(mentions: Iterable[Mention]) -> list[Mention]:
    return [mention for mention in mentions if "*" not in mention.smiles]


def _protonation(text: str, mentions: Sequence[Mention], _: Opsin) -> Iterator[Derived]:
    for mention in _whole(mentions):
        before = text[max(0, mention.start - 120) : mention.start]
        direction = -1 if _BASE_OF.search(before) else 1 if _ACID_OF.search(before) else 0
        if direction:
            for smiles in protonation_states(mention.smiles, direction, stated_charge(mention.name)):
                yield Derived(smiles, "protonation", mention.start, mention.end)


def _mirror(text: str, mentions: Sequence[Mention], _: Opsin) -> Iterator[Derived]:
    for mention in _whole(mentions):
        if _MIRROR_OF.search(text[max(0, mention.start - 40) : mention.start]):
            image = mirror_image(mention.smiles)
            if image:
                yield Derived(image, "mirror image", mention.start, mention.end)


def _substitution(text: str, mentions: Sequence[Mention], opsin: Opsin) -> Iterator[Derived]:
    names = composed_names(text)
    table = opsin.resolve(name.name for name in names)
    for name in names:
        mol = Chem.MolFromSmiles(table[name.name]) if name.name in table and "*" not in table[name.name] else None
        if mol is not None:
            yield Derived(Chem.MolToSmiles(mol), "substitution", name.start, name.end)


_CONDENSED = re.compile(r"condensation of ([^.;]{5,300})")
_REACTIONS = {
    "thiol": "[C:1](=[O:2])[OX2H1].[SX2H1:3][#6:4]>>[C:1](=[O:2])[S:3][#6:4]",
    "amino": "[C:1](=[O:2])[OX2H1].[NX3;H1,H2;!$(N[C,S]=[O,S,N]);!$(N-[N,O]):3][#6:4]>>[C:1](=[O:2])[N:3][#6:4]",
    "hydroxy": "[C:1](=[O:2])[OX2H1].[OX2H1:3][#6;!$(C=O):4]>>[C:1](=[O:2])[O:3][#6:4]",
}


@lru_cache(maxsize=3)
def _reaction(kind: str) -> rdChemReactions.ChemicalReaction:
    return rdChemReactions.ReactionFromSmarts(_REACTIONS[kind])


@lru_cache(maxsize=10_000)
def condense(first: str, second: str, kind: str) -> tuple[str, ...]:
    """List canonical SMILES of the esters, amides or thioesters that two structures give, water lost.

    Args:
        first: SMILES.
        second: SMILES.
        kind: "hydroxy", "amino" or "thiol": what the carboxy group of either meets.
    """
    mols = [Chem.MolFromSmiles(smiles) for smiles in (first, second)]
    if any(mol is None or mol.GetNumAtoms() > MAX_ATOMS for mol in mols):
        return ()
    found: dict[str, None] = {}
    for pair in (mols, mols[::-1]):
        for (product,) in _reaction(kind).RunReactants(tuple(pair), maxProducts=MAX_PRODUCTS):
            if Chem.SanitizeMol(product, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
                found[Chem.MolToSmiles(product)] = None
    return tuple(found)


def _condensation(text: str, mentions: Sequence[Mention], _: Opsin) -> Iterator[Derived]:
    for sentence in _CONDENSED.finditer(text):
        start, end = sentence.span()
        inside = [mention for mention in _whole(mentions) if start <= mention.start < end]
        if len(inside) < 2:
            continue
        first, second = inside[:2]
        words = sentence[0]
        said = [kind for kind in _REACTIONS if kind in words or (kind == "hydroxy" and "alcohol" in words)]
        for kind in said or _REACTIONS:
            for smiles in condense(first.smiles, second.smiles, kind):
                yield Derived(smiles, "condensation", first.start, second.end)


#: Each rule by the words it reads.
RULES: dict[str, Callable[[str, Sequence[Mention], Opsin], Iterator[Derived]]] = {
    "protonation": _protonation,
    "mirror image": _mirror,
    "substitution": _substitution,
    "condensation": _condensation,
}


def derive(text: str, mentions: Sequence[Mention], opsin: Opsin) -> tuple[Derived, ...]:
    """Compute every structure that the rules find in a text, each once, in rule order."""
    found: dict[str, Derived] = {}
    for rule in RULES.values():
        for derived in rule(text, mentions, opsin):
            if (key := _key(derived.smiles)) and key not in found:
                found[key] = replace(derived, smiles=key)
    return tuple(found.values())


@lru_cache(maxsize=20_000)
def _key(smiles: str) -> str:
    """Write a structure as a library holds it: two ways to place the charges of an ion are one there."""
    cleaned = clean(smiles, "smiles")
    return cleaned.key if isinstance(cleaned, Cleaned) else ""
