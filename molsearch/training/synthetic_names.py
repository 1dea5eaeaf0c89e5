"""Synthetic names: put together from pieces that captions use, each with the structure that OPSIN reads in it.

Every name that OPSIN resolves is a pair for nothing: a text and its molecule. Parents, substituents, locants and
stereodescriptors seen in training captions are recombined, and what OPSIN parses is kept, so that a text encoder can
learn to read systematic names as such.
"""

import random
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from molsearch.chem.io.pairs import PairRow
from molsearch.chem.relatedness import inchikey
from molsearch.chem.structures import canonical, heavy_atoms_written
from molsearch.query.names import Mention, find_mentions
from molsearch.query.opsin import the_opsin
from molsearch.records import Progress
from molsearch.training.features import SYNTHETIC_NAME

_BATCH = 5_000
_MOST_TRIES = 12  # names composed for each that is wanted, before giving up
_LEAST_ATOMS, _MOST_ATOMS = 4, 60

_LEADING = re.compile(r"^(?:\([^()]*\)-|[\dN,']+-|[RSEZDL]-|rel-|rac-)+")
_STEREO = re.compile(r"\((?:\d*[RSEZ](?:,\d*[RSEZ])*)\)")
_LOCANTS = re.compile(r"\d+(?:,\d+)*(?=-)")
_SIMPLE = re.compile(r"[a-z]+(?:yl|oxy|amino|fluoro|chloro|bromo|iodo|oxo|cyano|nitro|thio|hydroxy|azido|formyl)")
_MULTIPLIERS = {1: "", 2: "di", 3: "tri", 4: "tetra"}


@dataclass(frozen=True, slots=True)
class Pieces:
    """What names are put together from, each piece as often as the captions use it.

    Attributes:
        parents: Names of whole molecules without their leading locants, substituents and stereodescriptors.
        radicals: Names of substituents.
        locants: Locants such as "3" or "2,4".
        stereo: Stereodescriptors such as "(2R)".
    """

    parents: tuple[str, ...]
    radicals: tuple[str, ...]
    locants: tuple[str, ...]
    stereo: tuple[str, ...]


def pieces_of(mentions: Sequence[Mention]) -> Pieces:
    """Cut the names that captions hold into pieces."""
    parents: list[str] = []
    radicals: list[str] = []
    locants: list[str] = []
    stereo: list[str] = []
    for mention in mentions:
        name = mention.name
        stereo += _STEREO.findall(name)
        locants += _LOCANTS.findall(name)
        if "*" in mention.smiles:
            radicals += _SIMPLE.findall(name.lower()) if " " in name else [name.lower()]
            continue
        bare = _LEADING.sub("", name)
        radicals += _SIMPLE.findall(bare)
        if 4 <= len(bare) <= 60 and bare[0].isalpha() and bare.islower():
            parents.append(bare)
    return Pieces(tuple(parents), tuple(radicals), tuple(locants), tuple(stereo))


def compose(pieces: Pieces, rng: random.Random) -> str:
    """Put one name together; whether it means anything only OPSIN can tell."""
    prefixes = []
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
        locant = rng.choice(pieces.locants)
        count = locant.count(",") + 1
        radical = rng.choice(pieces.radicals)
        if count in _MULTIPLIERS:
            inner = f"({radical})" if radical[0].isdigit() and count > 1 else radical
            prefixes.append(f"{locant}-{_MULTIPLIERS[count]}{inner}")
    stereo = f"{rng.choice(pieces.stereo)}-" if pieces.stereo and rng.random() < 0.3 else ""
    return stereo + "-".join(prefixes) + rng.choice(pieces.parents)


def make_names(
    rows: Sequence[PairRow],
    count: int,
    excluded: AbstractSet[str],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[PairRow]:
    """Make names with their structures, no name and no structure twice.

    Args:
        rows: Training pairs whose captions give the pieces.
        count: How many to make; fewer come back where the pieces do not give as many.
        excluded: InChIKeys of molecules that must not be learned from: those of validation and test.
        seed: Of every draw.
        progress: Called with the names made.

    Returns:
        Pairs of the source SYNTHETIC_NAME; none where OPSIN is missing.
    """
    mentioned = find_mentions([row.text for row in rows])
    pieces = pieces_of([mention for mentions in mentioned for mention in mentions])
    pairs: list[PairRow] = []
    if not (pieces.parents and pieces.radicals and pieces.locants):
        return pairs
    rng = random.Random(seed)
    keys: set[str] = set(excluded)
    names: set[str] = set()
    for _ in range(0, count * _MOST_TRIES, _BATCH):
        fresh = [name for name in (compose(pieces, rng) for _ in range(_BATCH)) if name not in names]
        names.update(fresh)
        for name, smiles in the_opsin().resolve(fresh).items():
            row = _pair(name, smiles)
            if row is not None and row.inchikey not in keys:
                keys.add(row.inchikey)
                pairs.append(row)
        if progress:
            progress(min(len(pairs), count), count)
        if len(pairs) >= count:
            break
    return pairs[:count]


def inchikeys(rows: Sequence[PairRow]) -> frozenset[str]:
    """Collect the standard InChIKeys of molecules; one that cannot be read has none."""
    return frozenset(row.inchikey or inchikey(row.smiles) for row in rows) - {""}


def _pair(name: str, smiles: str) -> PairRow | None:
    """Pair a name with its structure; None for a radical, or a structure too small or too large to learn from."""
    if "*" in smiles or not _LEAST_ATOMS <= heavy_atoms_written(smiles, "smiles") <= _MOST_ATOMS:
        return None
    key = inchikey(smiles)
    return PairRow(name, canonical(smiles), inchikey=key, source=SYNTHETIC_NAME) if key else None
