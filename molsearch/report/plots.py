"""Records to figures: score and similarity distributions, maps, curves, weighted words (molecules: chem/drawing).

Names, tags and texts come from files and are not to be trusted: every one that reaches a figure or a piece of HTML
is escaped here first.
"""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from molsearch.chem.drawing import FAINTEST, palette, rgb
from molsearch.records import Explanation, Ranking

BINS = 60
LABEL_CHARS = 60  # a longer name is cut in a figure


def inert(text: str, limit: int = LABEL_CHARS) -> str:
    """Cut a text from a file and escape it, so that plotly and browsers show it and do nothing else."""
    return html.escape(text if len(text) <= limit else text[: limit - 1] + "…")


def weighted_words(explanation: Explanation, *, dark: bool = False) -> str:
    """Write the query as HTML with each word shaded by its weight; the text itself is escaped."""
    colours = palette(dark)
    largest = max((abs(word.weight) for word in explanation.words), default=0.0) or 1.0
    parts: list[str] = []
    at = 0
    for word in sorted(explanation.words, key=lambda word: word.start):
        share = word.weight / largest
        parts.append(html.escape(explanation.text[at : word.start]))
        shown = html.escape(explanation.text[word.start : word.end])
        at = word.end
        if abs(share) < FAINTEST:
            parts.append(shown)
            continue
        red, green, blue = (round(255 * c) for c in rgb(colours.hit if share > 0 else colours.against))
        parts.append(
            f'<span title="{word.weight:+.3f}" style="border-radius:3px;padding:1px 3px;'
            f'background:rgba({red},{green},{blue},{0.1 + 0.45 * abs(share):.2f})">{shown}</span>'
        )
    parts.append(html.escape(explanation.text[at:]))
    return f'<p style="line-height:1.9;margin:0">{"".join(parts)}</p>'


def score_histogram(ranking: Ranking, *, dark: bool = False, chosen: int | None = None) -> go.Figure:
    """Show how all scored molecules spread, with each hit marked on the axis.

    Args:
        ranking: The answer.
        dark: Whether the page is dark.
        chosen: Rank of the hit to point at.
    """
    colours = palette(dark)
    scores = np.asarray(ranking.scores, dtype=np.float64)
    counts, edges = np.histogram(scores, bins=min(BINS, max(5, len(scores) // 3)))
    figure = go.Figure()
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        marker_color=colours.bulk,
        name="library",
        hovertemplate="score %{x:.3f}<br>%{y} molecules<extra></extra>",
    )
    hits = ranking.hits
    figure.add_scatter(
        x=[hit.score for hit in hits],
        y=[0] * len(hits),
        mode="markers",
        marker={"symbol": "line-ns", "size": 16, "line": {"width": 2, "color": colours.hit}},
        text=[f"{hit.rank}. {inert(hit.molecule.name or hit.molecule.key)}" for hit in hits],
        hovertemplate="%{text}<br>score %{x:.3f}<extra></extra>",
        name="hits",
    )
    for hit in hits:
        if hit.rank == chosen:
            figure.add_vline(x=hit.score, line={"color": colours.against, "width": 2, "dash": "dot"})
    return tidy(figure, "", "molecules", height=104)


def background_histogram(scores: np.ndarray, bound: float, *, dark: bool = False) -> go.Figure:
    """Show how a whole library stands against a background, what stands above the bound in colour.

    Args:
        scores: (N,) standard deviations above typical molecules, or log odds of a learned role.
        bound: From where on a molecule stands above.
        dark: Whether the page is dark.
    """
    colours = palette(dark)
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 1.0)
    # An edge lies on the bound, so that no bar holds both kinds.
    width = max(high - low, 1e-6) / BINS
    edges = bound + width * np.arange(np.floor((low - bound) / width), np.floor((high - bound) / width) + 2)
    counts, _ = np.histogram(scores, edges)
    figure = go.Figure()
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        marker_color=[colours.hit if edge >= bound - width / 2 else colours.bulk for edge in edges[:-1]],
        hovertemplate="%{x:.1f} above<br>%{y} molecules<extra></extra>",
    )
    figure.add_vline(x=bound, line={"color": colours.against, "width": 2, "dash": "dot"})
    return tidy(figure, "", "molecules", height=140)


def shared_space(
    texts: np.ndarray, molecules: np.ndarray, names: Sequence[str], chosen: int, *, dark: bool = False
) -> go.Figure:
    """Map N texts and their N molecules in one plane, the chosen pair joined by a line.

    Args:
        texts: (N, 2) place of each text.
        molecules: (N, 2) place of each molecule, in the same order.
        names: (N,) what each pair is called.
        chosen: The pair to mark.
        dark: Whether the page is dark.
    """
    colours = palette(dark)
    labels = [f"{i + 1}. {inert(name)}" for i, name in enumerate(names)]
    figure = go.Figure()
    for part, name, colour, symbol in (
        (texts, "texts", colours.against, "circle"),
        (molecules, "molecules", colours.hit, "diamond"),
    ):
        figure.add_scatter(
            x=part[:, 0],
            y=part[:, 1],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 7, "opacity": 0.6},
            text=labels,
            customdata=list(range(len(names))),
            hovertemplate=f"{name}<br>%{{text}}<extra></extra>",
        )
    ends = np.stack([texts[chosen], molecules[chosen]])
    figure.add_scatter(
        x=ends[:, 0],
        y=ends[:, 1],
        mode="lines+markers",
        name="chosen pair",
        hoverinfo="skip",
        line={"color": colours.against, "width": 2},
        marker={"size": 13, "symbol": ["circle-open", "diamond-open"], "line": {"width": 2}},
    )
    figure.update_layout(showlegend=True)
    return tidy(figure, "", "", height=340)


def training_curves(steps: Sequence[float], curves: Mapping[str, Sequence[float]], *, unit: str = "step") -> go.Figure:
    """Draw each logged figure over the training, one small panel each (missing values are NaN)."""
    columns = 3
    lines = max(1, -(-len(curves) // columns))
    figure = make_subplots(rows=lines, cols=columns, subplot_titles=[inert(name) for name in curves])
    for place, (name, values) in enumerate(curves.items()):
        kept = [(s, v) for s, v in zip(steps, values, strict=True) if v == v]
        figure.add_scatter(
            row=place // columns + 1,
            col=place % columns + 1,
            x=[s for s, _ in kept],
            y=[v for _, v in kept],
            mode="lines+markers" if len(kept) < 40 else "lines",
            hovertemplate=f"{unit} %{{x}}<br>{inert(name)} %{{y:.4g}}<extra></extra>",
        )
    return tidy(figure, "", "", height=60 + 190 * lines)


def tidy(figure: go.Figure, across: str, up: str, *, height: int) -> go.Figure:
    """Set the project's margins, titles and quiet tools on a figure."""
    if across:
        figure.update_xaxes(title_text=across)
    if up:
        figure.update_yaxes(title_text=up)
    shown, title = bool(figure.layout.showlegend), bool(figure.layout.annotations)
    figure.update_layout(
        height=height,
        bargap=0.06,
        showlegend=shown,
        margin={"l": 8, "r": 8, "t": 28 if shown or title else 8, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        uirevision="same",
    )
    return figure
