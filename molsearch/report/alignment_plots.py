"""Figures of the alignment: a file's scores, one pair's distributions, divergences before and after, attention."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from molsearch.chem.drawing import palette
from molsearch.report.plots import inert, tidy

if TYPE_CHECKING:  # torch loads with it
    from molsearch.analysis.pair_ranks import PairRanks

MOST_PLACES = 40  # bars of one distribution; more cannot be told apart
MOST_ROWS = 120  # rows of a matrix; more are thinner than a pixel
Matrix = npt.NDArray[np.float32]


def agreement_histogram(pair_ranks: "PairRanks", *, dark: bool = False) -> go.Figure:
    """Compare the cosines of matched pairs with those of mismatched ones, each as a share of its own count."""
    colours = palette(dark)
    both = pair_ranks.matched_counts + pair_ranks.mismatched_counts
    used = np.flatnonzero(both)  # the part of -1 to 1 that holds anything
    shown = slice(used[0], used[-1] + 1) if len(used) else slice(0)
    figure = go.Figure()
    for counts, name, colour in (
        (pair_ranks.mismatched_counts, "mismatched", colours.bulk),
        (pair_ranks.matched_counts, "matched", colours.hit),
    ):
        figure.add_bar(
            x=((pair_ranks.edges[:-1] + pair_ranks.edges[1:]) / 2)[shown],
            y=(100 * counts / max(1, counts.sum()))[shown],
            customdata=counts[shown],
            name=f"{name} ({counts.sum():,})",
            marker_color=colour,
            opacity=0.75,
            hovertemplate=f"{name}<br>cosine %{{x:.2f}}<br>%{{customdata:,}}: %{{y:.1f}} %<extra></extra>",
        )
    figure.update_layout(barmode="overlay", showlegend=True)
    return tidy(figure, "cosine", "% of its own count", height=300)


def pair_rows(
    rows: Mapping[str, Sequence[float]],
    before: Mapping[str, Sequence[float]],
    names: Sequence[str],
    chosen: int,
    *,
    dark: bool = False,
) -> go.Figure:
    """Draw one pair's row of each similarity distribution, its own partner marked, with what it was before training.

    Args:
        rows: Title of a distribution -> the pair's row of it, (N,), summing to one.
        before: The same of the untrained model, or empty.
        names: What stands behind each of the N places.
        chosen: The pair's own place among the N.
        dark: Whether the page is dark.
    """
    colours = palette(dark)
    table = np.asarray([list(row) for row in rows.values()], dtype=np.float64)
    order = np.argsort(-table.max(axis=0), kind="stable")[:MOST_PLACES]
    shown = np.unique(np.append(order, chosen))
    figure = make_subplots(rows=2, cols=2, subplot_titles=list(rows), vertical_spacing=0.16, horizontal_spacing=0.08)
    places = [str(place + 1) for place in shown]
    for number, (title, row) in enumerate(zip(rows, table, strict=True)):
        cell = {"row": number // 2 + 1, "col": number % 2 + 1}
        figure.add_bar(
            x=places,
            y=row[shown],
            marker_color=[colours.hit if place == chosen else colours.bulk for place in shown],
            text=[inert(names[place]) for place in shown],
            textposition="none",
            hovertemplate="%{x}. %{text}<br>%{y:.4f}<extra></extra>",
            showlegend=False,
            **cell,
        )
        if title in before:
            figure.add_scatter(
                x=places,
                y=np.asarray(before[title], dtype=np.float64)[shown],
                mode="lines",
                line={"color": colours.against, "width": 1.5, "shape": "hvh"},
                name="before training",
                hovertemplate="before training: %{y:.4f}<extra></extra>",
                showlegend=number == 0,
                **cell,
            )
    figure.update_xaxes(type="category", showticklabels=False)
    figure.update_yaxes(rangemode="tozero", nticks=4)
    return _titled(figure, 400)


def matrices(tables: Mapping[str, Matrix], chosen: int, *, dark: bool = False) -> go.Figure:
    """Draw four distributions of a sample as (N, N) pictures, one row a pair, an arrow at the chosen one.

    The colour is the probability against an even one, N p, from 0 to its 99th percentile. Of a large sample the
    MOST_ROWS around the chosen pair are drawn.
    """
    colours = palette(dark)
    figure = make_subplots(rows=2, cols=2, subplot_titles=list(tables), vertical_spacing=0.15, horizontal_spacing=0.08)
    for number, table in enumerate(tables.values()):
        row, column = number // 2 + 1, number % 2 + 1
        first = max(0, min(chosen - MOST_ROWS // 2, len(table) - MOST_ROWS))
        near = slice(first, first + MOST_ROWS)
        lift = table[near, near] * len(table)
        places = np.arange(first + 1, first + 1 + len(lift))
        figure.add_heatmap(
            z=np.round(lift, 2),
            x=places,
            y=places,
            zmin=0,
            zmax=max(2.0, float(np.percentile(lift, 99))),
            colorscale=[[0, "rgba(0,0,0,0)"], [1, colours.hit]],
            showscale=False,
            hovertemplate="row %{y}, place %{x}<br>%{z:.1f} times an even share<extra></extra>",
            row=row,
            col=column,
        )
        figure.add_scatter(
            x=[places[0] - 0.02 * len(places)],
            y=[chosen + 1],
            mode="markers",
            marker={"symbol": "triangle-right", "size": 10, "color": colours.against},
            hoverinfo="skip",
            showlegend=False,
            row=row,
            col=column,
        )
    figure.update_yaxes(autorange="reversed", showgrid=False, nticks=3)
    figure.update_xaxes(showgrid=False, nticks=3)
    return _titled(figure, 520)


def divergence_bars(before: Mapping[str, float], after: Mapping[str, float], *, dark: bool = False) -> go.Figure:
    """Set each divergence before training beside the same after it, in nats."""
    colours = palette(dark)
    figure = go.Figure()
    for values, name, colour in ((before, "before training", colours.against), (after, "after training", colours.hit)):
        figure.add_bar(
            x=list(values),
            y=list(values.values()),
            name=name,
            marker_color=colour,
            hovertemplate=f"%{{x}} {name}<br>%{{y:.4f}} nats<extra></extra>",
        )
    figure.update_layout(barmode="group", showlegend=True)
    return tidy(figure, "", "nats", height=260)


def attention_map(weights: Matrix, tokens: Sequence[str], slots: Sequence[int], *, dark: bool = False) -> go.Figure:
    """Draw the attention of every slot on every token, (K, L).

    Args:
        weights: (K, L), rows summing to one.
        tokens: (L,) what each token is called.
        slots: Slot numbers in the order in which they are shown, top first.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    figure.add_heatmap(
        z=np.round(100 * weights[list(slots)], 1),
        x=np.arange(weights.shape[1]),
        y=[f"slot {slot + 1}" for slot in slots],
        text=[[inert(token) for token in tokens]] * len(slots),
        colorscale=[[0, "rgba(0,0,0,0)"], [1, palette(dark).hit]],
        showscale=False,
        hovertemplate="%{y} on %{text}<br>%{z:.1f} %<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category", nticks=len(slots), tickfont={"size": 10})
    figure.update_xaxes(
        tickvals=list(range(len(tokens))),
        ticktext=[inert(token, 16) for token in tokens],
        tickangle=-60 if max(map(len, tokens), default=0) > 3 else 0,
        tickfont={"size": 10},
        showgrid=False,
    )
    return tidy(figure, "", "", height=120 + 14 * len(slots))


def _titled(figure: go.Figure, height: int) -> go.Figure:
    """Tidy a figure of panels, their titles small; a legend stands below."""
    tidied = tidy(figure, "", "", height=height)
    tidied.update_annotations(font={"size": 13})
    tidied.update_layout(legend={"y": -0.02, "yanchor": "top"}, showlegend=True)
    return tidied
