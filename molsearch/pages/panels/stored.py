"""The stored libraries: private ones of this session, and those kept on this computer."""

from datetime import datetime

import streamlit as st

from molsearch.pages.panels.sentences import errors_as_sentences, plain
from molsearch.records import IngestionProgress, LibraryInfo
from molsearch.report.import_report import rejections_csv
from molsearch.screener import EXAMPLES
from molsearch.workspace.session import PRIVATE_HOURS
from molsearch.workspace.workbench import Workbench

REFRESH_S = 1.0


def panel(screener: Workbench) -> None:
    """List both kinds, each library with what can be done with it."""
    infos = screener.libraries()
    for name in screener.expired():
        st.info(f"The private library {plain(name)} was removed after {PRIVATE_HOURS:.0f} hours without use.")
    ingestions = {(ingestion.private, ingestion.name): ingestion for ingestion in screener.ingestions()}
    if private := [info for info in infos if info.private]:
        st.subheader("Only in this session", help="No other browser sees these; they go when this session ends.")
        for info in private:
            _card(info, ingestions.get((True, info.name)), screener)
    st.subheader("Kept on this computer", help="Everyone who uses this app on this computer sees these.")
    kept = [info for info in infos if not info.private]
    if not kept:
        st.info("Nothing is kept yet. Add a file on the left.")
    for info in kept:
        _card(info, ingestions.get((False, info.name)), screener)


def _card(info: LibraryInfo, filling: IngestionProgress | None, screener: Workbench) -> None:
    """Show one library."""
    mark = "private" if info.private else "kept"
    with st.container(border=True):
        line = st.container(horizontal=True, vertical_alignment="center")
        line.text(info.name, wrap=False, width="stretch")
        if info.private:
            line.badge("private", icon=":material/lock:", color="gray")
        with line.popover("", icon=":material/more_vert:", key=f"menu-{mark}-{info.name}"):
            _menu(info, screener)
        if filling is not None:
            _progress(filling, screener)
            return
        if not info.molecules:
            st.caption("It holds no molecules yet: another program may be filling it right now. Reload to see.")
            return
        added = datetime.fromisoformat(info.created).strftime("%d %b %Y")
        st.caption(
            f"{info.molecules:,} molecules from {info.records:,} records · {info.rejections:,} rejected · "
            f"added {added} · model {plain(info.model_id[:12])}"
        )
        if info.private:
            _keep(info, screener)


def _progress(filling: IngestionProgress, screener: Workbench) -> None:
    """Follow a library that is being filled, by this session or another, and draw the page anew when that has ended."""

    @st.fragment(run_every=REFRESH_S)
    def bar() -> None:
        place = (filling.private, filling.name)
        now = next(
            (ingestion for ingestion in screener.ingestions() if (ingestion.private, ingestion.name) == place), None
        )
        if now is None:
            st.rerun()
        share = min(1.0, now.done / now.total) if now.total else 0.0
        st.progress(share, text=f"Being filled: {now.done:,} of {now.total:,} molecules")

    bar()


def _keep(info: LibraryInfo, screener: Workbench) -> None:
    """Offer to move a private library to the kept ones; where its name is taken, under another."""
    line = st.container(horizontal=True, vertical_alignment="bottom")
    name = info.name
    if any(other.name == name and not other.private for other in screener.libraries()):
        name = line.text_input("A kept library has this name; keep it as", value=f"{name} 2", key=f"as-{info.name}")
    if line.button("Keep on this computer", icon=":material/save:", key=f"keep-{info.name}"):
        with errors_as_sentences():
            screener.keep(info.name, name.strip())
            if st.session_state.get("library") == info.name:
                st.session_state["library"] = name.strip()
            st.rerun()


def _menu(info: LibraryInfo, screener: Workbench) -> None:
    mark = "private-" if info.private else ""
    if info.rejections:
        st.download_button(
            "Download its rejections",
            lambda: rejections_csv((screener if info.private else screener.kept).rejections(info.name)),
            file_name="rejections.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key=f"rejections-{mark}{info.name}",
        )
    if info.name == EXAMPLES and not info.private:
        st.caption("This library ships with the program and stays.")
        return
    st.caption("Removing deletes the stored copy; the file it came from and your basket stay.")
    if st.button("Remove", icon=":material/delete:", type="primary", key=f"remove-{mark}{info.name}"):
        with errors_as_sentences():
            (screener.remove if info.private else screener.kept.remove)(info.name)
            st.rerun()
