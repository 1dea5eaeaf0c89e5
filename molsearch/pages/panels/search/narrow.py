"""The filters of a search with the live count of what they leave, and the one button that applies them."""

import streamlit as st

from molsearch.interpretation import Narrowing
from molsearch.pages.panels.job import BackgroundJob, watch
from molsearch.pages.panels.search import ask, filters, tested
from molsearch.pages.panels.sentences import plain, show_error
from molsearch.query.account import tested_sentence
from molsearch.records import LibraryInfo
from molsearch.screener import Screener

STATE = st.session_state
WAIT_S = 0.5  # most counts are there by then; a longer one shows its progress


@st.fragment
def panel(screener: Screener, library: LibraryInfo) -> None:
    """Draw the filters and the count. A change here draws this panel anew and nothing else, until it is applied."""
    if STATE.get("ask-now"):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="ask-more"):
        ask.more()
        if screener.reranks:
            st.toggle(
                "Second look",
                key="rerank",
                persist_state="session",
                on_change=ask.ask_again,
                help="Compares the first 200 once more, each word with each atom; takes a second or two.",
            )
        shown = st.toggle(
            "Filters", key="filters", persist_state="session", help="Properties, substructure, exclusions"
        )
        st.space("stretch")
        narrowing = _count(screener, library)
        st.button("Apply", key="apply", help="Search with these filters.", disabled=not _asked(), on_click=ask.ask_now)
    if shown:
        with st.container(border=True, key="filter-panel", gap="small"):
            filters.draw()
            with st.expander(
                "Leave out tested compounds",
                key="tested-list",
                expanded=any(name in STATE for name in ("tested", "reading-tested")),
            ):
                tested.draw(screener)
            if narrowing is not None and narrowing.steps:
                account = " → ".join(f"{step.what}: {step.left:,}" for step in narrowing.steps)
                st.caption(f"Molecules left after each filter: {plain(account)}")


def _asked() -> bool:
    """Return whether there is anything to search for."""
    query = ask.query()
    return bool(query.text or query.phrases or query.reference)


def _count(screener: Screener, library: LibraryInfo) -> Narrowing | None:
    """Show how many molecules the filters leave; a long count can be stopped."""
    query, list_ = ask.query(), STATE.get("tested")
    question = (query, library, list_)
    known: tuple[object, BackgroundJob[Narrowing]] | None = STATE.get("counting")
    if known is None or known[0] != question:
        if known is not None:
            known[1].cancel()
        job = BackgroundJob("Counting", lambda progress: screener.narrow(query, library.name, list_, progress))
        STATE["counting"] = (question, job)
        job.wait(WAIT_S)
    else:
        job = known[1]
    if job.running:
        watch(job, key="cancel-count")
        return None
    if job.error is not None:
        show_error(job.error)
    if job.result is None:
        return None
    _say(job.result)
    return job.result


def _say(narrowing: Narrowing) -> None:
    total, left = narrowing.molecules, narrowing.left
    if not narrowing.steps:
        words = f"all {total:,} molecules are searched"
    elif left:
        words = f"**{left:,}** of {total:,} molecules are left"
    else:
        words = f"**none** of {total:,} molecules is left: widen a range or drop an exclusion"
    account = tested_sentence(STATE["tested"], narrowing) if "tested" in STATE else None
    st.markdown(words, width="content", help=account and plain(account))
