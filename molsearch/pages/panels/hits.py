"""Hits as a grid of drawings and as a table; both choose the same hit."""

from collections.abc import Sequence

import streamlit as st

from molsearch.chem.drawing import data_uri, draw
from molsearch.records import Hit, Query

PER_PAGE = 24
CARD_PX = 168  # narrowest card; four fit beside the detail column of a laptop
ROW_PX = 84
TAG_COLUMNS = 12  # more of a file's own columns make the table unreadable; the export holds all


def choose(rank: int) -> None:
    """Make a hit the one whose details are shown."""
    st.session_state["chosen"] = rank


def title(hit: Hit) -> str:
    """Name a hit: by its name, else its record, as files without names are common."""
    return hit.molecule.name or f"record {hit.molecule.sources[0].row}"


def page_of(hits: Sequence[Hit]) -> Sequence[Hit]:
    """Let the user turn pages where the hits do not fit on one."""
    pages = -(-len(hits) // PER_PAGE)
    if pages <= 1:
        return hits
    page = st.pagination(pages, key="hits-page")
    return hits[(page - 1) * PER_PAGE : page * PER_PAGE]


def grid(hits: Sequence[Hit], query: Query, *, dark: bool) -> None:
    """Draw one card a hit: rank, drawing, name, score, percentile."""
    chosen = st.session_state.get("chosen")
    cells = st.grid("auto", min_column_width=CARD_PX, border=True, gap="xsmall", key="hits-grid")
    for hit in hits:
        with cells.cell():
            st.image(
                draw(hit.molecule.key, dark=dark, substructure=query.smarts), width="stretch", alt=f"Hit {hit.rank}"
            )
            st.text(f"{hit.rank}. {title(hit)}", wrap=False, width="stretch")
            foot = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
            foot.caption(f"**{hit.score:.3f}** · {hit.percentile:.1f} %")
            foot.space("stretch")
            foot.button(
                "",
                icon=":material/visibility:",
                key=f"open-{hit.rank}",
                help="Show this hit in detail",
                type="primary" if hit.rank == chosen else "tertiary",
                on_click=choose,
                args=(hit.rank,),
            )


def table(hits: Sequence[Hit], query: Query, *, dark: bool) -> None:
    """Show the same hits as rows, with the source file's own columns behind ours; a click on a row chooses it."""
    rows = [
        {
            "rank": hit.rank,
            "structure": data_uri(draw(hit.molecule.key, dark=dark, substructure=query.smarts, size=(180, 110))),
            "name": hit.molecule.name,
            "score": hit.score,
            "percentile": hit.percentile,
            "cosine": hit.cosine,
            "SMILES": hit.molecule.key,
            "records": len(hit.molecule.sources),
        }
        for hit in hits
    ]
    for row, hit in zip(rows, hits, strict=True):
        tags = list(hit.molecule.sources[0].properties.items())[:TAG_COLUMNS]
        row.update({f"{name} (file)" if name in row else name: value for name, value in tags})
    column = st.column_config
    state = st.dataframe(
        rows,
        hide_index=True,
        row_height=ROW_PX,
        height=min(620, 40 + ROW_PX * len(rows)),
        column_config={
            "rank": column.NumberColumn(width=50),
            "structure": column.ImageColumn(width=150),
            "name": column.TextColumn(width=170),
            "score": column.NumberColumn(format="%.3f", width=70),
            "percentile": column.NumberColumn("percentile, %", format="%.1f", width=90),
            "cosine": column.NumberColumn(format="%.3f", width=70),
            "SMILES": column.TextColumn(width=200),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="hits-table",
        alt="Hits in the order of their score",
    )
    picked = state["selection"]["rows"]
    if picked and hits[picked[0]].rank != st.session_state.get("chosen"):
        choose(hits[picked[0]].rank)
        st.rerun()
