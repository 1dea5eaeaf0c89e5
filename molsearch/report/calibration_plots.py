"""Figures of a calibration: evidence against truth, and how far right pairs lie from wrong ones."""

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from molsearch.chem.drawing import palette
from molsearch.report.plots import inert, tidy
from molsearch.search.calibration import Histogram, Reliability

Z95 = 1.96  # of a 95 % interval
Floats = npt.NDArray[np.float64]


def wilson_interval(right: Floats, pairs: Floats) -> tuple[Floats, Floats]:
    """Bound the share of right pairs (Wilson, 1927, 95 %), for counts of each bin."""
    count = np.maximum(pairs, 1)
    share = right / count
    centre = (share + Z95**2 / (2 * count)) / (1 + Z95**2 / count)
    half = Z95 * np.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2)) / (1 + Z95**2 / count)
    return centre - half, centre + half


def reliability_curves(curves: tuple[Reliability, ...], *, dark: bool = False) -> go.Figure:
    """Draw the share of right pairs over the evidence, each bin with its 95 % interval, beside the diagonal.

    Args:
        curves: One or more; the first is drawn strongest.
        dark: Whether the page is dark.
    """
    colours = palette(dark)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": colours.faint, "dash": "dash"}, hoverinfo="skip", name="ideal"
    )
    styles = [(colours.hit, "solid"), (colours.against, "solid"), (colours.bulk, "dot")]
    for place, curve in enumerate(curves):
        colour, dash = styles[min(place, len(styles) - 1)]
        pairs, right = np.array(curve.pairs, np.float64), np.array(curve.right, np.float64)
        low, high = wilson_interval(right, pairs)
        share = right / np.maximum(pairs, 1)
        kept = pairs > 0
        figure.add_scatter(
            x=np.array(curve.evidence)[kept],
            y=share[kept],
            error_y={
                "array": (high - share)[kept],
                "arrayminus": (share - low)[kept],
                "thickness": 1,
                "width": 3,
            },
            customdata=np.column_stack([right, pairs])[kept],
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2 if place == 0 else 1.5},
            name=inert(curve.name),
            hovertemplate="evidence %{x:.2f}<br>%{customdata[0]:,.0f} of %{customdata[1]:,.0f} pairs right: "
            "%{y:.2f}<extra></extra>",
        )
    figure.update_layout(showlegend=True)
    figure.update_xaxes(range=[-0.02, 1.02])
    figure.update_yaxes(range=[-0.02, 1.02])
    return tidy(figure, "match evidence", "share of right pairs", height=360)


def pair_histogram(histogram: Histogram, *, dark: bool = False) -> go.Figure:
    """Draw how far the matches of right and wrong pairs lie above the background, each as a share of its own count."""
    colours = palette(dark)
    edges = np.linspace(histogram.low, histogram.high, len(histogram.right) + 1)
    figure = go.Figure()
    for counts, name, colour in (
        (histogram.random, "random molecules", colours.bulk),
        (histogram.near, "near misses", colours.against),
        (histogram.right, "the right molecules", colours.hit),
    ):
        total = sum(counts)
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=[100 * count / max(total, 1) for count in counts],
            customdata=counts,
            name=f"{name} ({total:,})",
            marker_color=colour,
            opacity=0.65,
            hovertemplate=f"{name}<br>z %{{x:.1f}}<br>%{{customdata:,}}: %{{y:.1f}} %<extra></extra>",
        )
    figure.update_layout(barmode="overlay", showlegend=True)
    return tidy(figure, "z: standard deviations above the background captions", "% of pairs", height=360)
