"""Drawings of molecules as SVG text, for light and dark pages.

A drawing holds atoms and bonds only, never a name, and its ground is transparent.
"""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D

from molsearch.chem.sandbox.call import call
from molsearch.chem.sandbox.process import WorkerDied
from molsearch.chem.sandbox.risk import is_simple, is_simple_pattern

MOST_SECONDS = 10.0  # for an intricate molecule, then it stays undrawn
FAINTEST = 0.15  # weights below this share of the largest stay unmarked


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme, as #rrggbb.

    Attributes:
        bulk: The many: the whole library, mismatched pairs.
        hit: The few that matter: hits, matched pairs, weights that raise the score.
        against: The opposite: weights that lower the score.
        faint: Lines that only help the eye.
    """

    bulk: str
    hit: str
    against: str
    faint: str


LIGHT = Palette(bulk="#94a3b8", hit="#0f766e", against="#d9622b", faint="#cbd5e1")
DARK = Palette(bulk="#64748b", hit="#2dd4bf", against="#f59a6b", faint="#475569")


def palette(dark: bool) -> Palette:
    """Return the colours for a dark or a light page."""
    return DARK if dark else LIGHT


@lru_cache(maxsize=4096)
def draw(
    smiles: str,
    *,
    dark: bool = False,
    weights: tuple[float, ...] = (),
    substructure: str = "",
    warned: tuple[int, ...] = (),
    size: tuple[int, int] = (260, 180),
) -> str:
    """Draw a molecule.

    Args:
        smiles: The molecule.
        dark: Whether the page is dark.
        weights: One weight per atom in the order of ``smiles``; coloured by sign, stronger where larger.
        substructure: SMARTS whose matches are marked, where no weights are given.
        warned: Atoms of an alert to mark instead, in the order of ``smiles``.
        size: Width and height in pixels; the drawing scales with its frame.

    Returns:
        SVG text, empty of any name; a text that says so where RDKit cannot read the SMILES or does not finish.
    """
    if is_simple(smiles) and is_simple_pattern(substructure):
        return drawn(smiles, dark, weights, substructure, warned, size)
    try:
        return call(drawn, smiles, dark, weights, substructure, warned, size, seconds=MOST_SECONDS)
    except WorkerDied:
        return _words_only("too intricate to draw", size, dark)


def drawn(
    smiles: str, dark: bool, weights: Sequence[float], substructure: str, warned: Sequence[int], size: Sequence[int]
) -> str:
    """Draw a molecule, however long that takes; see ``draw``."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return _words_only("no drawing", size, dark)
    if warned:
        colours = {atom: (*rgb(palette(dark).against), 0.45) for atom in warned if atom < mol.GetNumAtoms()}
    else:
        colours = _atom_colours(mol, weights, substructure, dark)
    width, height = size
    canvas: Any = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = canvas.drawOptions()
    if dark:
        rdMolDraw2D.SetDarkMode(options)
    options.clearBackground = False
    options.fixedBondLength = 28  # small molecules stay small beside large ones
    options.padding = 0.04
    options.bondLineWidth = 1.5
    bonds = [b.GetIdx() for b in mol.GetBonds() if b.GetBeginAtomIdx() in colours and b.GetEndAtomIdx() in colours]
    bond_colours = {b: colours[mol.GetBondWithIdx(b).GetBeginAtomIdx()] for b in bonds}
    rdMolDraw2D.PrepareAndDrawMolecule(
        canvas,
        mol,
        highlightAtoms=list(colours),
        highlightAtomColors=colours,
        highlightBonds=[] if weights else bonds,
        highlightBondColors={} if weights else bond_colours,
    )
    canvas.FinishDrawing()
    svg = str(canvas.GetDrawingText())
    return svg[svg.index("<svg") :]  # without the XML head, so that it can stand inside HTML


def _atom_colours(
    mol: Chem.Mol, weights: Sequence[float], substructure: str, dark: bool
) -> dict[int, tuple[float, float, float, float]]:
    """Colour each marked atom, opaque in proportion to its weight."""
    colours = palette(dark)
    largest = max((abs(w) for w in weights), default=0.0)
    if largest > 0 and len(weights) == mol.GetNumAtoms():
        shares = {atom: weight / largest for atom, weight in enumerate(weights)}
        return {
            atom: (*rgb(colours.hit if share > 0 else colours.against), 0.15 + 0.6 * abs(share))
            for atom, share in shares.items()
            if abs(share) >= FAINTEST
        }
    pattern = Chem.MolFromSmarts(substructure) if substructure and not weights else None
    matches = mol.GetSubstructMatches(pattern) if pattern is not None else ()
    return {atom: (*rgb(colours.hit), 0.45) for match in matches for atom in match}


def rgb(colour: str) -> tuple[float, float, float]:
    """Turn #rrggbb into three numbers from 0 to 1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _words_only(words: str, size: Sequence[int], dark: bool) -> str:
    width, height = size
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}px' height='{height}px' viewBox='0 0 {width} {height}'>"
        f"<text x='50%' y='50%' text-anchor='middle' font-family='sans-serif' font-size='13' "
        f"fill='{palette(dark).bulk}'>{html.escape(words)}</text></svg>"
    )


def data_uri(svg: str) -> str:
    """Pack SVG text into an address that an image column shows (scripts never run there)."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
