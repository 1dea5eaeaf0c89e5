"""A library's chemical space as a figure: all of it behind, the hits of a ranking in front, coloured by score."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from molsearch.analysis.chemspace import ChemSpace
from molsearch.chem.drawing import palette
from molsearch.records import Hit
from molsearch.report.plots import inert

MOST_POINTS = 20_000  # a larger library is drawn as a density, which a browser draws at once
CELLS = (140, 90)  # of the density, across and up
HEIGHT_PX = 400


def chemspace_map(space: ChemSpace, hits: Sequence[Hit], rows: Sequence[int], *, dark: bool = False) -> go.Figure:
    """Draw the map; dragging draws an outline around molecules.

    Args:
        space: Where each molecule of the library stands.
        hits: The hits of a ranking of it.
        rows: (K,) the row of each hit.
        dark: Whether the page is dark.
    """
    figure = go.Figure(_density(space, dark) if len(space.points) > MOST_POINTS else _points(space, dark))
    figure.add_trace(_marked(space, hits, rows, dark))
    for axis, name, share in (("xaxis", "first", space.shares[0]), ("yaxis", "second", space.shares[1])):
        figure.layout[axis].update(
            title={"text": f"{name} direction, {share:.0f} % of the variance"},
            showticklabels=False,
            showgrid=False,
            zeroline=False,
        )
    figure.update_layout(
        height=HEIGHT_PX,
        dragmode="lasso",
        showlegend=False,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        uirevision="same",
    )
    return figure


def _points(space: ChemSpace, dark: bool) -> go.Scattergl:
    """Draw one faint point a molecule."""
    return go.Scattergl(
        x=space.points[:, 0],
        y=space.points[:, 1],
        mode="markers",
        marker={"color": palette(dark).bulk, "size": 4, "opacity": 0.7},
        unselected={"marker": {"opacity": 0.25}},
        hoverinfo="skip",
        name="library",
    )


def _density(space: ChemSpace, dark: bool) -> go.Heatmap:
    """Draw how many molecules stand in each cell, on a logarithmic scale; empty cells stay empty."""
    counts, across, up = np.histogram2d(space.points[:, 0], space.points[:, 1], bins=CELLS)
    counts = counts.T  # (up, across)
    colours = palette(dark)
    return go.Heatmap(
        x=(across[:-1] + across[1:]) / 2,
        y=(up[:-1] + up[1:]) / 2,
        z=np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan),
        customdata=counts,
        colorscale=[[0, colours.faint], [1, colours.bulk]],
        showscale=False,
        hoverongaps=False,
        hovertemplate="%{customdata} molecules here<extra></extra>",
        name="library",
    )


def _marked(space: ChemSpace, hits: Sequence[Hit], rows: Sequence[int], dark: bool) -> go.Scatter:
    """Draw the hits, the best on top."""
    worst_first = [(hits[place], rows[place]) for place in reversed(range(len(hits)))]
    places = space.points[[row for _, row in worst_first]] if worst_first else np.zeros((0, 2), np.float32)
    low, high = ("#134e4a", "#5eead4") if dark else ("#a7ded8", "#0b4f4a")
    return go.Scatter(
        x=places[:, 0],
        y=places[:, 1],
        mode="markers",
        marker={
            "color": [hit.score for hit, _ in worst_first],
            "colorscale": [[0, low], [1, high]],
            "colorbar": {"title": {"text": "score"}, "thickness": 10, "len": 0.5},
            "size": 9,
            "line": {"width": 1, "color": palette(dark).against},
        },
        unselected={"marker": {"opacity": 0.6}},
        text=[f"{hit.rank}. {inert(hit.molecule.name or hit.molecule.key)}" for hit, _ in worst_first],
        hovertemplate="%{text}<br>score %{marker.color:.3f}<extra></extra>",
        name="hits",
    )
