"""Hits as a grid of drawings and as a table; both choose the same hit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st

from molsearch.chem.drawing import data_uri, draw
from molsearch.pages.panels.search import ask, computed, match_probability, picks
from molsearch.records import Hit, Query
from molsearch.search.calibration import MatchProbability

PER_PAGE = 50
CARD_PX = 168  # narrowest card; four fit beside the detail column of a laptop
ROW_PX = 84
PERCENTILE = "Share of the library that scores less"
TAG_COLUMNS = 12  # more of a file's own columns make the table unreadable; the export holds all
STATE = st.session_state


@dataclass(frozen=True, slots=True)
class Side:
    """One list of hits on the page.

    Attributes:
        name: "first", or "second" for the list beside it.
        dark: Whether the page is dark.
        elsewhere: Molecule key -> its rank in the other list; None where there is no other list.
        probabilities: Rank -> match probability, of the hits that could be judged.
    """

    name: str = "first"
    dark: bool = False
    elsewhere: Mapping[str, int] | None = None
    probabilities: Mapping[int, MatchProbability] = field(default_factory=dict)

    @property
    def chosen(self) -> int:
        """Rank of the hit of this list that is shown in detail, or 0."""
        return int(STATE.get("chosen", 1)) if STATE.get("chosen-side", "first") == self.name else 0


def choose(rank: int, side: str = "first") -> None:
    """Make a hit the one whose details are shown."""
    STATE["chosen"], STATE["chosen-side"] = rank, side


def page_of(most: int) -> int:
    """Let the user turn pages, with the arrow keys too; return the page that is turned to, from 1.

    Args:
        most: Hits in the longest list.
    """
    pages = max(1, -(-most // PER_PAGE))
    page = STATE["hits-page"] = min(int(STATE.get("hits-page", 1)), pages)
    if pages == 1:
        return 1
    for label, key, icon, step in (
        ("Previous page", "Left", ":material/chevron_left:", -1),
        ("Next page", "Right", ":material/chevron_right:", 1),
    ):
        if step > 0:
            st.text(f"page {page} of {pages}", width="content")
        st.button(
            "",
            icon=icon,
            key=f"page-{key.lower()}",
            help=f"{label} (arrow key)",
            shortcut=key,
            disabled=not 1 <= page + step <= pages,
            on_click=_turn,
            args=(page + step,),
        )
    return page


def _turn(page: int) -> None:
    STATE["hits-page"] = page


def on_page(hits: Sequence[Hit], page: int) -> Sequence[Hit]:
    """Cut out the hits of a page."""
    return hits[(page - 1) * PER_PAGE : page * PER_PAGE]


def grid(hits: Sequence[Hit], query: Query, side: Side) -> None:
    """Draw one card a hit: rank, drawing, name, score, percentile."""
    cells = st.grid("auto", min_column_width=CARD_PX, border=True, gap="xsmall", key=f"hits-grid-{side.name}")
    chosen = side.chosen
    for hit in hits:
        with cells.cell():
            st.image(
                draw(hit.molecule.key, dark=side.dark, substructure=query.smarts),
                width="stretch",
                alt=f"Hit {hit.rank}",
            )
            st.text(f"{hit.rank}. {hit.molecule.title}", wrap=False, width="stretch")
            match_probability.line(side.probabilities.get(hit.rank))
            computed.line(hit.molecule.key)
            if side.elsewhere is not None:
                other = side.elsewhere.get(hit.molecule.key)
                st.caption(f":material/link: **{other}** in the other list" if other else "only here")
            foot = st.container(
                horizontal=True, vertical_alignment="center", gap=None, key=f"foot-{side.name}-{hit.rank}"
            )
            foot.caption(f"**{hit.score:.3f}** · {hit.percentile:.1f} %")
            foot.space("stretch")
            _actions(foot, hit, side, chosen=hit.rank == chosen)


def _actions(foot: "st.delta_generator.DeltaGenerator", hit: Hit, side: Side, *, chosen: bool) -> None:
    """Draw the buttons of one card."""
    suffix = hit.rank if side.name == "first" else f"{side.name}-{hit.rank}"
    picks.button(foot, hit, f"pick-{suffix}", side.name)
    foot.button(
        "",
        icon=":material/hub:",
        key=f"like-{suffix}",
        help="More like this: the same words, and hits should resemble this structure too",
        type="tertiary",
        on_click=ask.like,
        args=(hit.molecule.key,),
    )
    foot.button(
        "",
        icon=":material/visibility:",
        key=f"open-{suffix}",
        help="Show this hit in detail",
        type="primary" if chosen else "tertiary",
        on_click=choose,
        args=(hit.rank, side.name),
    )


def table(hits: Sequence[Hit], query: Query, side: Side) -> None:
    """Show the same hits as rows, with the source file's own columns behind ours.

    The row that was ticked last is shown in detail; all ticked ones can go to the basket.
    """
    bar = st.container(horizontal=True, vertical_alignment="center")
    rows = [_row(hit, query, side) for hit in hits]
    column = st.column_config
    state = st.dataframe(
        rows,
        hide_index=True,
        row_height=ROW_PX,
        height=min(620, 37 + ROW_PX * len(rows)),
        column_config={
            "rank": column.NumberColumn(width=50),
            "structure": column.ImageColumn(width=150 if side.elsewhere is None else 110),
            "name": column.TextColumn(width=140 if side.elsewhere is None else 130),
            "score": column.NumberColumn(format="%.3f", width=62),
            "evidence": column.NumberColumn("evidence", format="%.2f", width=78, help=match_probability.MEANING),
            "hub": column.TextColumn(width=50, help=match_probability.HUB),
            "there": column.NumberColumn(width=60, help="Rank in the other list"),
            "percentile": column.NumberColumn("above, %", format="%.1f", width=76, help=PERCENTILE),
            "cosine": column.NumberColumn(format="%.3f", width=70),
            "SMILES": column.TextColumn(width=200),
            **computed.columns(),
            "similar": column.ButtonColumn(
                width=110,
                type="tertiary",
                help="Search again with the same words; hits should resemble this structure too.",
                key=f"like-row-{side.name}",
                on_click=_like_row,
                args=(f"like-row-{side.name}", tuple(hit.molecule.key for hit in hits)),
            ),
        },
        on_select="rerun",
        selection_mode="multi-row",
        key=f"hits-table-{side.name}",
        alt="Hits in the order of their score",
    )
    ticked = [hits[row] for row in state["selection"]["rows"] if row < len(hits)]
    with bar:
        picks.ticked_button(ticked, side.name)
    before: Sequence[int] = STATE.get(f"ticked-{side.name}", ())
    STATE[f"ticked-{side.name}"] = [hit.rank for hit in ticked]
    fresh = [hit.rank for hit in ticked if hit.rank not in before]
    if fresh and fresh[-1] != side.chosen:
        choose(fresh[-1], side.name)
        st.rerun()


def _like_row(place: str, keys: Sequence[str]) -> None:
    ask.like(keys[STATE[place].row])


def _row(hit: Hit, query: Query, side: Side) -> dict[str, object]:
    row: dict[str, object] = {"rank": hit.rank}
    if side.elsewhere is not None:
        row["there"] = side.elsewhere.get(hit.molecule.key)
    row |= {
        "structure": data_uri(draw(hit.molecule.key, dark=side.dark, substructure=query.smarts, size=(180, 110))),
        "name": hit.molecule.name,
        **match_probability.cells(side.probabilities.get(hit.rank)),
        "score": hit.score,
        "percentile": hit.percentile,
        **computed.cells(hit.molecule.key),
        "similar": "More like this",
        "cosine": hit.cosine,
        "SMILES": hit.molecule.key,
        "records": len(hit.molecule.sources),
    }
    tags = list(hit.molecule.sources[0].properties.items())[:TAG_COLUMNS]
    return row | {f"{name} (file)" if name in row else name: value for name, value in tags}
