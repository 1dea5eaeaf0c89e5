"""Drug-sized molecules made of building blocks by a few reactions: as many different ones as a measurement needs.

The building blocks stand beside this file as `blocks.tsv`, written by the project: common acids, amines and the
like, as any catalogue has them. A route joins three or four of them, so a few hundred give millions of products.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdChemReactions

from molsearch.errors import InputError

TABLE = Path(__file__).with_name("blocks.tsv")
HEAVY_ATOMS = (16, 32)  # of a product: what a screening library holds

_AMINE = "[NX3;H1,H2;!$(N-[C,S]=[O,S,N]);!$(N-c);$(N-[CX4]):9]"
# What joins two parts; the first reactant is the part that carries the electrophile.
REACTIONS: dict[str, str] = {
    "amide": f"[C:1](=[O:2])[OX2H1].{_AMINE}>>[C:1](=[O:2])[N:9]",
    "sulfonamide": f"[S:1](=[O:2])(=[O:3])[Cl].{_AMINE}>>[S:1](=[O:2])(=[O:3])[N:9]",
    "reductive amination": f"[CX3H1:1](=O)[#6:2].{_AMINE}>>[CH2:1]([#6:2])[N:9]",
    "urea": f"[N:1]=[C:2]=[O:3].{_AMINE}>>[N:1][C:2](=[O:3])[N:9]",
    "Suzuki coupling": "[c:1][Br].[c:2][B]([OH])[OH]>>[c:1]-[c:2]",
}


@dataclass(frozen=True, slots=True)
class Route:
    """How a product is made.

    Attributes:
        blocks: Kinds of its building blocks.
        steps: Reaction, then the places of both parts: a block, or the product of step s as ``len(blocks) + s``.
    """

    blocks: tuple[str, ...]
    steps: tuple[tuple[str, int, int], ...]


ROUTES = (
    Route(("amino acid", "amine", "acid"), (("amide", 0, 1), ("amide", 2, 3))),
    Route(("amino acid", "amine", "sulfonyl chloride"), (("amide", 0, 1), ("sulfonamide", 2, 3))),
    Route(("amino acid", "amine", "aldehyde"), (("amide", 0, 1), ("reductive amination", 2, 3))),
    Route(("amino acid", "amine", "isocyanate"), (("amide", 0, 1), ("urea", 2, 3))),
    Route(("bromo acid", "boronic acid", "amine"), (("Suzuki coupling", 0, 1), ("amide", 3, 2))),
    Route(
        ("amino acid", "amine", "bromo acid", "boronic acid"),
        (("amide", 0, 1), ("Suzuki coupling", 2, 3), ("amide", 5, 4)),
    ),
)


def enumerated(count: int, seed: int = 0) -> Iterator[str]:
    """Yield ``count`` different molecules as canonical SMILES, the same ones for the same seed.

    Raises:
        InputError: If ``count`` is below 1, or the building blocks do not give so many.
    """
    if count < 1:
        raise InputError(f"The number of molecules is {count}, expected 1 or more.")
    sizes = [int(np.prod([len(_blocks()[kind]) for kind in route.blocks])) for route in ROUTES]
    ends = np.cumsum(sizes)
    seen: set[str] = set()
    for number in np.random.default_rng(seed).permutation(int(ends[-1])):
        route = int(np.searchsorted(ends, number, side="right"))
        product = _product(ROUTES[route], int(number - ends[route] + sizes[route]))
        if product and product not in seen:
            seen.add(product)
            yield product
            if len(seen) == count:
                return
    raise InputError(
        f"The building blocks give {len(seen):,} molecules, fewer than the {count:,} asked for: ask for less."
    )


def write_enumerated(path: Path, count: int, seed: int = 0) -> None:
    """Write molecules as a SMILES file, each with a name.

    Raises:
        InputError: If there are not so many, or the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8") as stream:
            for number, smiles in enumerate(enumerated(count, seed), start=1):
                stream.write(f"{smiles} enumerated-{number}\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another file.") from error


def _product(route: Route, number: int) -> str:
    """Make the product that has a number within its route; "" where a reaction does not work or the size is wrong."""
    parts = []
    for kind in route.blocks:
        number, row = divmod(number, len(_blocks()[kind]))
        parts.append(_blocks()[kind][row])
    for reaction, first, second in route.steps[:-1]:
        parts.append(_joined(reaction, parts[first], parts[second]))
    reaction, first, second = route.steps[-1]
    mol = _react(reaction, parts[first], parts[second])
    if mol is None or not HEAVY_ATOMS[0] <= mol.GetNumAtoms() <= HEAVY_ATOMS[1]:
        return ""
    return str(Chem.MolToSmiles(mol))


@lru_cache(maxsize=20_000)
def _joined(reaction: str, first: str, second: str) -> str:
    """Make an intermediate once for all of its products."""
    mol = _react(reaction, first, second)
    return "" if mol is None else str(Chem.MolToSmiles(mol))


def _react(reaction: str, first: str, second: str) -> Chem.Mol | None:
    if not (first and second):
        return None
    for (mol,) in _reaction(reaction).RunReactants((_mol(first), _mol(second)), 1):
        if Chem.SanitizeMol(mol, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
            product: Chem.Mol = mol
            return product
    return None


@cache
def _reaction(name: str) -> rdChemReactions.ChemicalReaction:
    return rdChemReactions.ReactionFromSmarts(REACTIONS[name])


@lru_cache(maxsize=20_000)
def _mol(smiles: str) -> Chem.Mol:
    mol: Chem.Mol = Chem.MolFromSmiles(smiles)
    return mol


@cache
def _blocks() -> dict[str, tuple[str, ...]]:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream, delimiter="\t"))
    kinds = dict.fromkeys(line["kind"] for line in lines)
    return {kind: tuple(line["smiles"] for line in lines if line["kind"] == kind) for kind in kinds}
