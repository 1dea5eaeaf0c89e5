"""The list of compounds that were tested already: read here, kept in this session alone, left out of the hits."""

import tempfile
from functools import partial
from pathlib import Path

import streamlit as st

from molsearch.errors import InputError
from molsearch.pages.panels.job import BackgroundJob, watch
from molsearch.pages.panels.sentences import plain, show_error
from molsearch.records import Progress, Tested
from molsearch.screener import Screener

STATE = st.session_state
WAIT_S = 0.6  # a short list is read before a progress bar would be drawn


def draw(screener: Screener) -> None:
    """Take a list, or show the one that is left out."""
    job: BackgroundJob[Tested] | None = STATE.get("reading-tested")
    if job is not None:
        job.wait(WAIT_S)
        if job.running:
            watch(job, key="cancel-tested")
            return
        del STATE["reading-tested"]
        if job.error is not None:
            show_error(job.error)
        elif job.result is not None:
            STATE["tested"] = job.result
    known: Tested | None = STATE.get("tested")
    if known is None:
        _choose(screener)
        return
    line = st.container(horizontal=True, vertical_alignment="center", gap="small")
    line.text(f"Tested compounds of “{known.name}” are left out.", width="content")
    line.button("Forget the list", icon=":material/close:", type="tertiary", key="forget-tested", on_click=forget)


def forget() -> None:
    """Let the tested compounds back in."""
    STATE.pop("tested", None)


def _choose(screener: Screener) -> None:
    upload, paste, go = st.columns([3, 3, 1.4], gap="medium", vertical_alignment="bottom")
    file = upload.file_uploader(
        "Tested compounds to leave out: a file of any format", key="tested-file", help="It stays in this session."
    )
    text = paste.text_area(
        "or a pasted list", key="tested-text", height=80, placeholder="CC(=O)Oc1ccccc1C(=O)O aspirin"
    )
    if go.button("Leave these out", key="use-tested", width="stretch", disabled=file is None and not text.strip()):
        work = partial(_of_file, screener, file.name, file.getvalue()) if file else partial(_of_text, screener, text)
        STATE["reading-tested"] = BackgroundJob("Reading the tested compounds", work)
        st.rerun()


def _of_file(screener: Screener, filename: str, content: bytes, progress: Progress) -> Tested:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tested"
        path.write_bytes(content)
        with screener.read(path, filename=filename, progress=progress) as library:
            return _some(screener.tested(library))


def _of_text(screener: Screener, text: str, progress: Progress) -> Tested:
    progress(0, 0)
    with screener.read_text(text) as library:
        return _some(screener.tested(library))


def _some(tested: Tested) -> Tested:
    """Refuse a list of which nothing can be left out.

    Raises:
        InputError: If no record of it could be read.
    """
    if not tested.keys:
        raise InputError(
            f"None of the {tested.unread:,} records of “{plain(tested.name)}” could be read as a compound, so nothing "
            "is left out; choose another list."
        )
    return tested
