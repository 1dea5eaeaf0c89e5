"""Library: bring in a file, see what became of each record, then add it; look after what is stored."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from molsearch.chem.drawing import draw
from molsearch.index.naming import folder_name
from molsearch.pages import the_screener
from molsearch.pages.panels import stored
from molsearch.pages.panels.job import BackgroundJob, watch
from molsearch.pages.panels.sentences import errors_as_sentences, plain, show_error
from molsearch.records import Library, LibraryInfo, Progress
from molsearch.report.import_report import ImportReport, import_report, rejections_csv
from molsearch.screener import Screener
from molsearch.workspace.workbench import Workbench

FORMATS_HELP = "SDF, SDF.gz, MOL, SMILES, CSV, TSV or Parquet"
STATE = st.session_state


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that was read but not yet added; it belongs to this session alone."""

    library: Library
    report: ImportReport


def page() -> None:
    """Draw the page."""
    screener = the_screener()
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Add a library")
        with errors_as_sentences():
            _import(screener)
    with right, errors_as_sentences():
        stored.panel(screener)


def _import(screener: Workbench) -> None:
    """Walk through choose, read, report, add; the state says where we are."""
    reading: BackgroundJob[Imported] | None = STATE.get("reading")
    adding: BackgroundJob[LibraryInfo] | None = STATE.get("adding")
    for job in (reading, adding):
        if job is not None and job.running:
            watch(job)
            return
    if reading is not None:
        _finish_reading(reading)
    if adding is not None:
        _finish_adding(adding)
    if "imported" in STATE:
        _report(STATE["imported"], screener)
    else:
        _choose(screener)


def _choose(screener: Workbench) -> None:
    """Take a file or a pasted list."""
    source = st.segmented_control(
        "Source", ["File", "Paste"], default="File", required=True, key="source", label_visibility="collapsed"
    )
    if source == "File":
        upload = st.file_uploader(f"{FORMATS_HELP}; gzip is fine", key="upload")
        if st.button("Read the file", type="primary", disabled=upload is None) and upload is not None:
            _start_reading(f"Reading {upload.name}", partial(_read_bytes, screener, upload.getvalue(), upload.name))
    else:
        text = st.text_area(
            "One SMILES a line, a name after a space",
            key="pasted",
            height=200,
            placeholder="CC(=O)Oc1ccccc1C(=O)O aspirin",
        )
        if st.button("Read the list", type="primary"):
            _start_reading("Reading the list", partial(_read_text, screener, text))
    st.caption("Structures are cleaned up only; salts, charges, isotopes and stereo stay as they are in the file.")
    st.caption(":material/lock: What you add is private to this browser session until you keep it on this computer.")


def _start_reading(title: str, work: "partial[Imported]") -> None:
    STATE["reading"] = BackgroundJob(title, work)
    st.rerun()


def _read_bytes(screener: Workbench, content: bytes, filename: str, progress: Progress) -> Imported:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(content)
        library = screener.read(path, filename=filename, progress=progress)
    return Imported(library, import_report(library))


def _read_text(screener: Workbench, text: str, progress: Progress) -> Imported:
    library = screener.read_text(text)
    return Imported(library, import_report(library, progress))


def _finish_reading(job: BackgroundJob[Imported]) -> None:
    STATE.pop("reading")
    if job.error is not None:
        show_error(job.error)
    elif job.result is not None:
        STATE["imported"] = job.result


def _finish_adding(job: BackgroundJob[LibraryInfo]) -> None:
    STATE.pop("adding")
    if job.error is not None:
        show_error(job.error)
    elif job.result is not None:
        _drop_import()
        STATE["library"] = job.result.name  # what the Search page offers next
        st.success(f"{plain(job.result.name)} holds {job.result.molecules:,} molecules now.")
        st.page_link("molsearch/pages/search.py", label="Search it", icon=":material/search:")


def _drop_import() -> None:
    """Drop what was read, and its temporary file."""
    imported = STATE.pop("imported", None)
    close = getattr(imported and imported.library, "close", None)
    if close is not None:
        close()


def _report(imported: Imported, screener: Workbench) -> None:
    """Show what became of the records, offer to add them, then go into detail."""
    report = imported.report
    st.text(f"Read: {report.name}")
    figures = st.container(horizontal=True, gap="large")
    for label, value in (
        ("Records", report.records),
        ("Molecules", report.molecules),
        ("Repeats merged", report.merged),
        ("Rejected", report.rejections),
    ):
        figures.metric(label, f"{value:,}", width="content")
    if not report.molecules:
        st.warning("No record of this file became a molecule, so there is nothing to add. Choose another file.")
    _add_form(imported, screener)
    if report.changes:
        changes = (f"{step} on {n:,} molecule{'' if n == 1 else 's'}" for step, n in report.changes.items())
        st.caption("Clean-up: " + plain("; ".join(changes)))
    if report.first_molecules:
        row = st.container(horizontal=True, gap="small")
        dark = st.context.theme.type == "dark"
        for molecule in report.first_molecules:
            row.image(draw(molecule.key, dark=dark, size=(150, 110)), width=110, alt="One of the molecules")
    if report.rejections:
        _rejected(imported)


def _rejected(imported: Imported) -> None:
    report = imported.report
    counts = ", ".join(f"{n:,} {reason}" for reason, n in report.reasons.items())
    with st.expander(f"{report.rejections:,} rejected: {plain(counts)}", expanded=True):
        st.dataframe(
            [
                {"row": r.entry.row, "name": r.entry.name, "reason": r.reason.value, "detail": r.detail}
                for r in report.first_rejections
            ],
            hide_index=True,
            height=240 if report.rejections > 5 else "content",
            key="rejections",
        )
        if report.rejections > len(report.first_rejections):
            st.caption(f"The first {len(report.first_rejections):,} are shown; the download holds them all.")
        st.download_button(
            "Download the rejections",
            lambda: rejections_csv(imported.library.rejections()),
            file_name="rejections.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )


def _add_form(imported: Imported, screener: Workbench) -> None:
    """Offer to add what was read: for this session alone, or to a kept library where that has the name."""
    name, add, drop = st.columns([4, 1.8, 1.2], vertical_alignment="bottom")
    chosen = name.text_input("Name of the library", value=imported.report.name, key="new-name").strip()
    infos = [info for info in screener.libraries() if info.name == chosen]
    kept = bool(infos) and not infos[-1].private  # a private one of the name comes last, and hides a kept one
    label = "Add to it" if infos else "Add"
    if add.button(label, type="primary", width="stretch", disabled=not imported.report.molecules, key="add"):
        with errors_as_sentences():
            folder_name(chosen)  # a name that cannot be stored is refused before any computing
            work = screener.kept.add if kept else screener.add
            _start_adding(chosen, partial(work, imported.library, chosen))
    drop.button("Discard", width="stretch", on_click=_drop_import)
    _offer_to_go_on(imported, chosen, screener.kept if kept else screener)
    if kept:
        st.caption(
            ":material/group: A library of this name is kept on this computer: these molecules join it, and everyone "
            "who uses this app sees them. For a private one, choose another name."
        )
    else:
        st.caption(
            ":material/lock: Only this browser session sees it, and it goes when the session ends, until you choose "
            "“Keep on this computer”."
        )
        if infos:
            st.caption("A private library of this name is here already: these molecules join it.")


def _offer_to_go_on(imported: Imported, chosen: str, screener: Screener) -> None:
    """Offer to go on with an addition of what was read that was stopped, or broken off by a fault."""
    if (left := screener.interrupted(imported.library, chosen)) is None:
        return
    line = st.container(horizontal=True, vertical_alignment="center")
    line.text(
        f"An addition of this to {chosen} was interrupted: {left.done:,} of {left.total:,} molecules are computed.",
        width="stretch",
    )
    if line.button("Go on", icon=":material/play_arrow:", key="go-on"):
        _start_adding(chosen, partial(screener.add, imported.library, chosen, resume=True))


def _start_adding(chosen: str, work: "partial[LibraryInfo]") -> None:
    STATE["adding"] = BackgroundJob(f"Adding {chosen}", work)
    st.rerun()


page()
