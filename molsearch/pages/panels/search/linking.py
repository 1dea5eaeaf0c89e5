"""The query in the address of the page: opened once a session, kept up to date, offered for copying."""

from collections.abc import Mapping

import streamlit as st

from molsearch.errors import InputError, MolsearchError
from molsearch.pages.panels.search import ask
from molsearch.pages.panels.sentences import plain
from molsearch.pages.permalink import Permalink, address, fields_of, read_link
from molsearch.records import LibraryInfo

STATE = st.session_state


def open_link(libraries: Mapping[str, LibraryInfo]) -> None:
    """Ask what the address asks, once a session; an address that cannot be used says why."""
    if STATE.setdefault("link-opened", False):
        return
    STATE["link-opened"] = True
    fields = _fields()
    if not fields:
        return
    try:
        link = read_link(fields)
    except MolsearchError as error:
        st.query_params.clear()
        STATE["failure"] = error
        return
    known = link.library in libraries or not link.library
    ask.fill(link if known else Permalink(link.query, "", link.second))
    if known:
        ask.ask_now()
    else:
        st.query_params.clear()
        STATE["failure"] = InputError(
            f"The link asks for the library “{link.library}”, which is not on this computer: choose another one, or "
            "add it on the Library page; the query is filled in."
        )


def carry(link: Permalink | None) -> None:
    """Let the address of the page carry the query, so that a bookmark or a reload asks it again.

    Args:
        link: What it asks, or None where the library is no other session's business.
    """
    try:
        fields = fields_of(link) if link else {}
    except MolsearchError:
        fields = {}
    if fields != _fields():
        st.query_params.from_dict(fields)


def _fields() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def offer(link: Permalink | None) -> None:
    """Show the address that asks the query again; its copy button is part of the box.

    Args:
        link: What it asks, or None where the library is no other session's business.
    """
    if link is None:
        st.info("This library belongs to this session alone. Keep it on this computer on the Library page, then link.")
        return
    try:
        st.code(address(str(st.context.url or ""), link), language=None, wrap_lines=True)
    except MolsearchError as error:
        st.info(plain(str(error)))
        return
    st.caption(
        "It carries the words, the filters and the library's name. Files and tested compounds stay out of it, so it "
        "asks the same only where a library of that name is stored."
    )
