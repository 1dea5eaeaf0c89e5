"""Basket: the molecules that were picked, with notes, and the questions that led to them; save, reopen, export."""

from functools import partial
from io import BytesIO

import streamlit as st

from molsearch.chem.drawing import data_uri, draw
from molsearch.pages import the_screener
from molsearch.pages.panels.job import BackgroundJob, watch
from molsearch.pages.panels.search import history, picks
from molsearch.pages.panels.sentences import errors_as_sentences, show_error
from molsearch.records import Progress
from molsearch.workspace.basket import MAX_FILE_BYTES, MAX_NOTE_CHARS, SUFFIX, Basket, Pick
from molsearch.workspace.workbench import Workbench

ROW_PX = 84
PER_PAGE = 100  # drawings a page; the exports hold all
TABLE_PX = 560
MEGABYTE = 1_000_000
STATE = st.session_state

#: Kinds of file the basket is exported to: suffix -> label, MIME type, and what it is good for.
EXPORTS = {
    ".sdf": ("SDF", "chemical/x-mdl-sdfile", "Original records with coordinates and tags, then rank, score and note"),
    ".csv": ("CSV", "text/csv", "A table for any program"),
    ".xlsx": ("Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "A workbook"),
    ".parquet": ("Parquet", "application/vnd.apache.parquet", "A table that keeps numbers as numbers"),
}


def page() -> None:
    """Draw the page."""
    if STATE.pop("go-to-search", False):  # a question is asked again
        st.switch_page("molsearch/pages/search.py")
    screener = the_screener()
    _opening()
    held = picks.basket()
    st.space("xxsmall")
    left, right = st.columns([13, 6], gap="large")
    with left:
        if held.picks:
            _head(held, screener)
            _table(held)
        else:
            _empty(held)
    with right, errors_as_sentences():
        _file(held, screener)
        history.panel(held, screener)


def _empty(held: Basket) -> None:
    """Say what to do, and offer the last removal back."""
    st.info("The basket is empty. On the Search page, press the bookmark on a hit to put it here.")
    line = st.container(horizontal=True, vertical_alignment="center")
    with line:
        st.page_link("molsearch/pages/search.py", label="Search", icon=":material/search:")
        _undo(held)
    st.caption("It lives through new searches and keeps its molecules even when their library is removed.")


def _head(held: Basket, screener: Workbench) -> None:
    """Draw one line: how many there are, removal and undo; below it the exports."""
    marked = _marked(held)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        count = len(held.picks)
        st.subheader(f"{count:,} molecule{'' if count == 1 else 's'}", width="content", anchor=False)
        st.button(
            f"Remove {len(marked):,} marked" if marked else "Remove marked",
            icon=":material/delete:",
            disabled=not marked,
            on_click=_remove,
            args=(marked,),
            key="remove-marked",
        )
        st.button("Remove all", on_click=_remove, args=(held.keys,), key="remove-all", type="tertiary")
        _undo(held)
        st.space("stretch")
        for suffix, (label, mime, meaning) in EXPORTS.items():
            st.download_button(
                label,
                partial(_exported, held, suffix, screener),
                file_name=f"basket{suffix}",
                mime=mime,
                help=meaning,
                on_click="ignore",
                icon=":material/download:",
                key=f"export{suffix}",
            )


def _undo(held: Basket) -> None:
    if held.removed:
        count = len(held.removed)
        st.button(
            f"Undo: bring {count:,} back",
            icon=":material/undo:",
            on_click=lambda: picks.keep(picks.basket().restore()),
            key="undo",
        )


def _exported(held: Basket, suffix: str, screener: Workbench) -> bytes:
    screener.export_basket(held, suffix, stream := BytesIO())
    return stream.getvalue()


def _remove(keys: frozenset[str]) -> None:
    picks.keep(picks.basket().remove(keys))


def _table(held: Basket) -> None:
    """Show the molecules of a page; the note is edited in place, and a mark chooses what to remove."""
    pages = -(-len(held.picks) // PER_PAGE)
    page = st.pagination(pages, key="basket-page") if pages > 1 else 1
    shown = held.picks[(page - 1) * PER_PAGE : page * PER_PAGE]
    dark = st.context.theme.type == "dark"
    state = int(STATE.get("basket-state", 0))
    # The rows stay as they were when the basket last changed, so that a note being written does not redraw the table;
    # the edits themselves live in the widget, and each goes to the basket at once.
    column = st.column_config
    place, key = (state, page, dark), _editor_key()
    if STATE.get("basket-rows-of") != place or key not in STATE:  # without a widget there are no edits to lose
        STATE["basket-rows-of"], STATE["basket-rows"] = place, [_row(pick, dark) for pick in shown]
    st.data_editor(
        STATE["basket-rows"],
        hide_index=True,
        row_height=ROW_PX,
        height=min(TABLE_PX, 37 + ROW_PX * len(shown)),
        disabled=["structure", "name", "library", "query", "rank", "score", "percentile", "SMILES", "added"],
        column_config={
            "mark": column.CheckboxColumn("", width=34, help="Mark molecules to remove them"),
            "structure": column.ImageColumn(width=150),
            "name": column.TextColumn(width=130),
            "note": column.TextColumn(width=190, max_chars=MAX_NOTE_CHARS, help="Click twice to write"),
            "library": column.TextColumn(width=90),
            "query": column.TextColumn(width=160),
            "rank": column.NumberColumn(width=50),
            "score": column.NumberColumn(format="%.3f", width=65),
            "percentile": column.NumberColumn("percentile, %", format="%.1f", width=90),
            "SMILES": column.TextColumn(width=180),
            "added": column.DatetimeColumn(format="D MMM YYYY, HH:mm", width=140),
        },
        placeholder="",
        key=key,
        on_change=_edited,
        args=(key, tuple(pick.molecule.key for pick in shown)),
        alt="Molecules in the basket",
    )


def _editor_key() -> str:
    return f"basket-table-{STATE.get('basket-state', 0)}-{STATE.get('basket-page', 1)}"


def _row(pick: Pick, dark: bool) -> dict[str, object]:
    place = pick.found
    return {
        "mark": False,
        "structure": data_uri(draw(pick.molecule.key, dark=dark, size=(180, 110))),
        "name": pick.molecule.name,
        "note": pick.note,
        "library": pick.library,
        "query": place.text if place else "picked on the map",
        "rank": place.rank if place else None,
        "score": place.score if place else None,
        "percentile": place.percentile if place else None,
        "SMILES": pick.molecule.key,
        "added": history.local(pick.added),
    }


def _edited(key: str, keys: tuple[str, ...]) -> None:
    """Take the notes that were written in the table; the table itself stays as it is."""
    changed = picks.basket()
    for row, cells in STATE[key]["edited_rows"].items():
        if "note" in cells:
            changed = changed.annotate(keys[int(row)], str(cells["note"] or ""))
    STATE["basket"] = changed


def _marked(held: Basket) -> frozenset[str]:
    """Return the keys of the molecules that are marked on the page in sight."""
    edited = STATE.get(_editor_key(), {}).get("edited_rows", {})
    first = (int(STATE.get("basket-page", 1)) - 1) * PER_PAGE
    rows = [first + int(row) for row, cells in edited.items() if cells.get("mark")]
    return frozenset(held.picks[row].molecule.key for row in rows if row < len(held.picks))


def _file(held: Basket, screener: Workbench) -> None:
    """Save the basket and the questions, or open a file of them."""
    st.subheader("One file for all of it")
    st.download_button(
        "Save basket and questions",
        partial(screener.save_basket, held),  # runs when it is pressed, outside of this session's reach
        file_name=f"basket{SUFFIX}",
        mime="application/json",
        on_click="ignore",
        icon=":material/save:",
        type="primary" if held.picks else "secondary",
        disabled=not (held.picks or held.asked),
        key="save-basket",
        help="Molecules with their source records, notes and origins, and every question with its filters",
    )
    job: BackgroundJob[Basket] | None = STATE.get("opening")
    if job is not None and job.running:
        watch(job, key="cancel-opening")
        return
    upload = st.file_uploader(
        f"Open a saved basket ({SUFFIX}); it joins this one",
        type="json",
        key=f"basket-file-{STATE.get('basket-files', 0)}",
        max_upload_size=MAX_FILE_BYTES // MEGABYTE,
    )
    if st.button("Open", disabled=upload is None, key="open-basket") and upload is not None:
        content = upload.getvalue()

        def work(progress: Progress) -> Basket:
            return screener.open_basket(content, progress)

        STATE["opening"] = BackgroundJob(f"Opening {upload.name}", work)
        st.rerun()


def _opening() -> None:
    """Take in a basket that was opened, or say why it was not."""
    job: BackgroundJob[Basket] | None = STATE.get("opening")
    if job is None or job.running:
        return
    del STATE["opening"]
    if job.error is not None:
        show_error(job.error)
    elif job.result is not None:
        before = picks.basket()
        with errors_as_sentences():
            picks.keep(before.merge(job.result))
            STATE["basket-files"] = int(STATE.get("basket-files", 0)) + 1  # a new key empties the uploader
            here = len(picks.basket().picks) - len(before.picks)
            already = len(job.result.picks) - here
            st.toast(
                f"Opened: {here:,} molecules joined the basket"
                + (f", {already:,} were in it already" if already else "")
                + f"; {len(job.result.asked):,} questions came along.",
                icon=":material/shopping_basket:",
            )


page()
