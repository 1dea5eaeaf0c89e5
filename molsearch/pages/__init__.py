"""The app's pages: each file here is a script that Streamlit runs; ``panels`` holds the pieces they are made of."""

import streamlit as st

from molsearch.screener import Screener


@st.cache_resource(show_spinner="Starting …")
def the_screener() -> Screener:
    """Return the one Screener all sessions share; it holds the model and stored libraries, nothing of a session."""
    return Screener()
