"""The app's pages: each file here is a script that Streamlit runs; ``panels`` holds the pieces they are made of."""

import streamlit as st

from molsearch.screener import Screener
from molsearch.workspace.workbench import Workbench


@st.cache_resource(show_spinner="Starting …")
def _shared() -> Screener:
    """Return the one Screener all sessions share; it holds the model and kept libraries, nothing of a session."""
    return Screener()


def the_screener() -> Workbench:
    """Return this session's view of it, with the libraries that no other session sees; both go with the session."""
    shared = _shared()
    own: tuple[Screener, Workbench] | None = st.session_state.get("screener")
    if own is None or own[0] is not shared:
        own = st.session_state["screener"] = (shared, Workbench(shared))
    return own[1]
