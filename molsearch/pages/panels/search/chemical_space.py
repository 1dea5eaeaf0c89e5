"""The map of a library with the hits on it: draw an outline, see the molecules within, put them into the basket."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from molsearch.analysis.chemspace import ChemSpace
from molsearch.chem.drawing import data_uri, draw
from molsearch.errors import InputError
from molsearch.pages.panels.awaited import awaited
from molsearch.pages.panels.search import picks
from molsearch.pages.panels.sentences import errors_as_sentences
from molsearch.records import Hit, Progress, Ranking
from molsearch.report.map_plot import chemspace_map
from molsearch.workspace.basket import MAX_PICKS
from molsearch.workspace.workbench import Workbench

ROW_PX = 84
MOST_SHOWN = 200  # drawings in the table; the basket takes all that are within the outline
TABLE_PX = 420


def panel(ranking: Ranking, screener: Workbench, *, dark: bool) -> None:
    """Draw the map of the ranking's library and what was selected on it."""

    def work(progress: Progress) -> ChemSpace:
        return screener.chemspace(ranking.library, progress)

    with errors_as_sentences():
        state = screener.origin(ranking.library)
        space = awaited("map", (state, id(screener)), f"Mapping {ranking.library}", work)
        if space is not None:
            _map(ranking, space, screener, dark)


@st.fragment
def _map(ranking: Ranking, space: ChemSpace, screener: Workbench, dark: bool) -> None:
    """Draw map and table; a selection draws these two anew and leaves the page as it is."""
    with errors_as_sentences():
        row_of = screener.rows_of(ranking.library, [hit.molecule.key for hit in ranking.hits])
        hits = [hit for hit in ranking.hits if hit.molecule.key in row_of]
        event = st.plotly_chart(
            chemspace_map(space, hits, [row_of[hit.molecule.key] for hit in hits], dark=dark),
            key="chemspace",
            on_select="rerun",
            selection_mode=("box", "lasso"),
            config={"displaylogo": False, "modeBarButtonsToRemove": ["toImage", "autoScale2d"], "scrollZoom": True},
            alt="Map of the library: molecules that stand close have similar vectors; hits are coloured by score",
        )
        rows = selected(space, event["selection"])
        if len(rows):
            _table(_hits_first(rows, hits, row_of), ranking, screener, dark)
            return
        drawn = event["selection"]["box"] or event["selection"]["lasso"]
        st.caption(
            (
                "No molecule stands within the outline. "
                if drawn
                else "Molecules that stand close have similar vectors. "
            )
            + "Drag to draw around some of them: they come up in a table here. Double-click to let go of them."
        )


def _hits_first(
    rows: "np.ndarray[Any, np.dtype[np.int64]]", hits: Sequence[Hit], row_of: Mapping[str, int]
) -> list[int]:
    """Order selected rows: the hits among them by rank, then the others as the library has them."""
    within = set(rows.tolist())
    ranked = [row_of[hit.molecule.key] for hit in hits if row_of[hit.molecule.key] in within]
    return ranked + sorted(within.difference(ranked))


def selected(space: ChemSpace, selection: Mapping[str, Any]) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Return the rows within any box or outline that was drawn, ascending.

    Args:
        space: The map.
        selection: What plotly tells of a selection: its "box" and "lasso" shapes in the map's own places.

    Raises:
        InputError: If a shape is none.
    """
    parts = [np.zeros(0, np.int64)]
    try:
        for box in selection.get("box", ()):
            (x0, x1), (y0, y1) = _numbers(box["x"]), _numbers(box["y"])
            parts.append(space.within_box((x0, y0), (x1, y1)))
        parts += [
            space.within_outline(_numbers(lasso["x"]), _numbers(lasso["y"])) for lasso in selection.get("lasso", ())
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("The shape that was drawn cannot be read: draw it again.") from error
    return np.unique(np.concatenate(parts))


def _numbers(values: Sequence[object]) -> list[float]:
    return [float(value) for value in values]  # type: ignore[arg-type]


def _table(rows: Sequence[int], ranking: Ranking, screener: Workbench, dark: bool) -> None:
    """Show the selected molecules."""
    hit_of = {hit.molecule.key: hit for hit in ranking.hits}
    count = len(rows)
    line = st.container(horizontal=True, vertical_alignment="center")
    line.text(f"{count:,} molecule{'' if count == 1 else 's'} within the outline")
    if line.button(f"Put {count:,} into the basket", icon=":material/bookmark_add:", key="map-to-basket"):
        picks.add_molecules(screener.molecules_at(ranking.library, rows[: MAX_PICKS + 1]), ranking)
        st.rerun()
    shown = screener.molecules_at(ranking.library, rows[:MOST_SHOWN])
    column = st.column_config
    st.dataframe(
        [
            {
                "structure": data_uri(
                    draw(molecule.key, dark=dark, substructure=ranking.query.smarts, size=(180, 110))
                ),
                "name": molecule.name,
                "rank": hit_of[molecule.key].rank if molecule.key in hit_of else None,
                "score": hit_of[molecule.key].score if molecule.key in hit_of else None,
                "SMILES": molecule.key,
            }
            for molecule in shown
        ],
        hide_index=True,
        row_height=ROW_PX,
        height=min(TABLE_PX, 40 + ROW_PX * len(shown)),
        column_config={
            "structure": column.ImageColumn(width=150),
            "name": column.TextColumn(width=170),
            "rank": column.NumberColumn(width=60),
            "score": column.NumberColumn(format="%.3f", width=70),
            "SMILES": column.TextColumn(width=320),
        },
        placeholder="",
        key="map-table",
        alt="Molecules within the outline, hits first",
    )
    if count > MOST_SHOWN:
        st.caption(f"The first {MOST_SHOWN:,} are drawn here; the basket takes all {count:,}.")
