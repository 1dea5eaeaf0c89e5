"""The questions that were asked, each of which one click asks again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from molsearch.pages.panels.search import ask, picks
from molsearch.pages.panels.sentences import plain
from molsearch.pages.permalink import MAX_HITS, Permalink
from molsearch.query.account import spell_range
from molsearch.records import LibraryInfo
from molsearch.workspace.basket import Basket, Question
from molsearch.workspace.workbench import Workbench

SHOWN = 30
HEIGHT_PX = 360
STATE = st.session_state


def panel(held: Basket, screener: Workbench) -> None:
    """List the questions, the latest first."""
    st.subheader("Questions asked")
    if not held.asked:
        st.caption("Each search is kept here with its filters, and saved with the basket.")
        return
    libraries = {info.name: info for info in screener.libraries() if info.molecules}
    latest = held.asked[::-1]
    with st.container(height=HEIGHT_PX if len(latest) > 3 else "content", border=False):
        for place, question in enumerate(latest[:SHOWN]):
            _question(place, question, libraries)
        if len(latest) > SHOWN:
            st.caption(f"{len(latest) - SHOWN:,} older ones are in the saved file.")
    st.button(
        "Forget the questions",
        type="tertiary",
        icon=":material/delete_sweep:",
        key="forget",
        on_click=lambda: picks.keep(picks.basket().forget()),
    )


def _question(place: int, question: Question, libraries: dict[str, LibraryInfo]) -> None:
    with st.container(border=True, gap="xsmall"):
        text, button = st.columns([7, 1], gap="small")
        text.text(words(question))
        known = question.library in libraries
        button.button(
            "",
            icon=":material/replay:",
            key=f"again-{place}",
            help="Ask it again" if known else "Its library is not here any more",
            disabled=not known,
            type="tertiary",
            on_click=_again,
            args=(question,),
        )
        where = f"“{question.library}”, {question.searched:,} scored"
        text.caption(plain(" · ".join([*filters(question), where, f"{local(question.time):%d %b %Y %H:%M}"])))


def local(time: str) -> datetime:
    """Read a time of the basket as the clock of the reader's browser shows it."""
    try:
        zone = ZoneInfo(st.context.timezone) if st.context.timezone else None
    except (ZoneInfoNotFoundError, ValueError):
        zone = None
    return datetime.fromisoformat(time).astimezone(zone)


def words(question: Question) -> str:
    """Write a question on one line."""
    query = question.query
    texts = [query.text, *(phrase.text for phrase in query.phrases)]
    return " + ".join(text for text in texts if text) or "like a structure"


def filters(question: Question) -> Iterator[str]:
    """Yield the filters of a question in words."""
    query = question.query
    yield from map(spell_range, query.ranges)
    if query.smarts:
        yield f"substructure {query.smarts}"
    yield from (f"without {name}" for name in query.without)
    if query.reference:
        yield f"like {query.reference}"


def _again(question: Question) -> None:
    """Fill the Search page with a question and ask it there."""
    query = replace(question.query, k=min(question.query.k, MAX_HITS))
    ask.fill(Permalink(query, question.library))
    ask.ask_now()
    STATE["go-to-search"] = True
