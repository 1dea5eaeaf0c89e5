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

from molsearch.chem.standardize import Cleaned, clean
from molsearch.query.names import Mention
from molsearch.query.nomenclature import composition
from molsearch.query.nomenclature.substitution import ComposedName, composed_names
from molsearch.query.nomenclature.variants import (
    MAX_ATOMS,
    mirror_image,
    protonation_states,
    stated_charge,
    stated_forms,
    tautomers,
    with_chirality,
    without_chirality,
)
from molsearch.query.opsin import Opsin
from molsearch.query.respelling import without_charge

MAX_PRODUCTS = 16
MAX_STATES = 8  # protonation states kept of one structure, the likeliest first
MAX_DERIVED = 16  # structures kept of one text


@dataclass(frozen=True, slots=True)
class Derived:
    """A structure that follows from a text: its key after clean-up, its rule, and the words it rests on."""

    smiles: str
    rule: str
    start: int
    end: int


_OF_GROUP = r"(?:[^.;]{0,90}? of)?(?: the| an?)? ?$"
_BASE_OF = re.compile(
    r"conjugate base of(?: the| an?)? ?$|deprotonation of" + _OF_GROUP + r"|loss of .{0,40}protons? from" + _OF_GROUP
)
_ACID_OF = re.compile(r"conjugate acid of(?: the| an?)? ?$|(?<!de)protonation of" + _OF_GROUP)
_MIRROR_OF = re.compile(r"(?<!-)enantiomer of(?: the| an?)? ?$")
# "the (R)-enantiomer of X", "an optically active form of X having L-configuration"
_LETTERS = r"\(?(?P<chirality>[LD]|[0-9a-z']{0,4}[RS](?:,[0-9a-z']{0,4}[RS])*)\)?[- ]"
_CHIRALITY_BEFORE = re.compile(_LETTERS + r"(?:enantiomer|stereoisomer|isomer) of(?: the| an?)? ?$")
_CHIRALITY_AFTER = re.compile(
    rf",? (?:(?:that|which) )?(?:having|has|with|in which)[^.;]{{0,60}}? {_LETTERS}configuration"
)


def _whole(mentions: Iterable[Mention]) -> list[Mention]:
    return [mention for mention in mentions if "*" not in mention.smiles]


def _protonation(text: str, mentions: Sequence[Mention], _: Opsin) -> Iterator[Derived]:
    for mention in _whole(mentions):
        before = text[max(0, mention.start - 120) : mention.start]
        direction = -1 if _BASE_OF.search(before) else 1 if _ACID_OF.search(before) else 0
        if direction:
            for meant in _meanings(mention.name, mention.smiles):
                for smiles in protonation_states(meant, direction, stated_charge(mention.name))[:MAX_STATES]:
                    yield Derived(smiles, "protonation", mention.start, mention.end)


def _mirror(text: str, mentions: Sequence[Mention], _: Opsin) -> Iterator[Derived]:
    for mention in _whole(mentions):
        if _MIRROR_OF.search(text[max(0, mention.start - 40) : mention.start]):
            for form in stated_forms(mention.name, mention.smiles):
                if image := mirror_image(form):
                    yield Derived(image, "mirror image", mention.start, mention.end)


def _chirality(text: str, mentions: Sequence[Mention], _: Opsin) -> Iterator[Derived]:
    for mention in _whole(mentions):
        before = text[max(0, mention.start - 60) : mention.start]
        if match := _CHIRALITY_BEFORE.search(before) or _CHIRALITY_AFTER.match(text, mention.end):
            for form in stated_forms(mention.name, mention.smiles):
                for smiles in with_chirality(form, match["chirality"]):
                    yield Derived(smiles, "hand", mention.start, mention.end)


def _meanings(name: str, smiles: str) -> tuple[str, ...]:
    """List what a name means: its structure, and the flat one where it leaves the chirality of an amino acid open."""
    flat = without_chirality(name, smiles)
    return (smiles, flat) if flat else (smiles,)


def _resolved(names: Sequence[ComposedName], rule: str, opsin: Opsin) -> Iterator[Derived]:
    """Resolve composed names; one may end in the charge of what it means: "...-sn-glycerol 3-phosphate(2-)"."""
    table = opsin.resolve(form for name in names for form in (name.name, without_charge(name.name)) if form)
    for name in names:
        structure = table.get(name.name) or table.get(without_charge(name.name), "")
        if not structure or "*" in structure:
            continue
        for meant in _meanings(name.name, structure):
            for smiles in stated_forms(name.name, meant):
                yield Derived(smiles, rule, name.start, name.end)


def _substitution(text: str, _: Sequence[Mention], opsin: Opsin) -> Iterator[Derived]:
    yield from _resolved(composed_names(text), "substitution", opsin)


def _composition(rule: str) -> Callable[[str, Sequence[Mention], Opsin], Iterator[Derived]]:
    def derive_by_name(text: str, _: Sequence[Mention], opsin: Opsin) -> Iterator[Derived]:
        yield from _resolved(tuple(composition.RULES[rule](text)), rule, opsin)

    return derive_by_name


_CONDENSED = re.compile(r"condensation (?:reaction )?(?:of|between|with) ([^.;]{5,300})")
_SEVERAL = re.compile(r"\b(?:two|both|three|equivalents|diester)\b")
# Whole names that a text has in it and that the words around them hide.
_HIDDEN = re.compile(r"coenzyme A\b|(?:D-)?pantetheine 4'-phosphate")
_REACTIONS = {
    "thiol": "[C:1](=[O:2])[OX2H1].[SX2H1:3][#6:4]>>[C:1](=[O:2])[S:3][#6:4]",
    "amino": "[C:1](=[O:2])[OX2H1].[NX3;H1,H2,H3;!$(N[C,S]=[O,S,N]);!$(N-[N,O]):3]>>[C:1](=[O:2])[N:3]",
    "hydroxy": "[C:1](=[O:2])[OX2H1].[OX2H1:3][#6;!$(C=O):4]>>[C:1](=[O:2])[O:3][#6:4]",
}


@lru_cache(maxsize=3)
def _reaction(kind: str) -> rdChemReactions.ChemicalReaction:
    reaction = rdChemReactions.ReactionFromSmarts(_REACTIONS[kind])
    reaction.Initialize()  # here, as threads that run it for the first time at once would each begin to
    return reaction


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
    products: dict[str, None] = {}
    for pair in (mols, mols[::-1]):
        for (product,) in _reaction(kind).RunReactants(tuple(pair), maxProducts=MAX_PRODUCTS):
            if Chem.SanitizeMol(product, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
                products[Chem.MolToSmiles(product)] = None
    return tuple(products)


def _partners(text: str, start: int, end: int, mentions: Sequence[Mention], opsin: Opsin) -> list[Mention]:
    inside = [mention for mention in _whole(mentions) if start <= mention.start < end]
    hidden = list(_HIDDEN.finditer(text, start, end))
    table = opsin.resolve(match[0] for match in hidden)
    inside += [Mention(match[0], *match.span(), table[match[0]], "other") for match in hidden if match[0] in table]
    return sorted(inside, key=lambda mention: mention.start)


def _condensation(text: str, mentions: Sequence[Mention], opsin: Opsin) -> Iterator[Derived]:
    for sentence in _CONDENSED.finditer(text):
        inside = _partners(text, *sentence.span(), mentions, opsin)
        if len(inside) < 2:
            continue
        words = sentence[0]
        kinds = [kind for kind in _REACTIONS if kind in words or (kind == "hydroxy" and "alcohol" in words)]
        first, second = inside[:2]
        for meaning in _meanings(first.name, first.smiles):
            for partner in _meanings(second.name, second.smiles):
                products = dict.fromkeys(
                    smiles for kind in kinds or _REACTIONS for smiles in condense(meaning, partner, kind)
                )
                if _SEVERAL.search(words):
                    products = _condensed_again(products, (meaning, partner), kinds or tuple(_REACTIONS)) or products
                for smiles in products:
                    yield Derived(smiles, "condensation", first.start, second.end)


def _condensed_again(products: Iterable[str], partners: tuple[str, str], kinds: Sequence[str]) -> dict[str, None]:
    """Let each product meet either partner once more: diesters, and amides of both amino groups."""
    return dict.fromkeys(
        smiles
        for product in products
        for partner in partners
        for kind in kinds
        for smiles in condense(product, partner, kind)
    )


#: Each rule by the words it reads.
RULES: dict[str, Callable[[str, Sequence[Mention], Opsin], Iterator[Derived]]] = {
    "protonation": _protonation,
    "mirror image": _mirror,
    "hand": _chirality,
    "substitution": _substitution,
    "condensation": _condensation,
    **{rule: _composition(rule) for rule in composition.RULES},
}


def derive(text: str, mentions: Sequence[Mention], opsin: Opsin) -> tuple[Derived, ...]:
    """Compute the structures that the rules find in a text, each once, in rule order; at most MAX_DERIVED."""
    structures: dict[str, Derived] = {}
    for rule in RULES.values():
        for derived in rule(text, mentions, opsin):
            for smiles in (derived.smiles, *tautomers(derived.smiles)):
                if (key := _key(smiles)) and key not in structures:
                    structures[key] = replace(derived, smiles=key)
    return tuple(structures.values())[:MAX_DERIVED]


@lru_cache(maxsize=20_000)
def _key(smiles: str) -> str:
    """Write a structure as a library holds it: two ways to place the charges of an ion are one there."""
    cleaned = clean(smiles, "smiles")
    return cleaned.key if isinstance(cleaned, Cleaned) else ""
