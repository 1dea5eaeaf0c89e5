"""Text on a page: errors as sentences, and strings from files that must show as they are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from molsearch.errors import Cancelled, MolsearchError

_MARKS = re.compile(r"([\\`*_\[\]<>$~#|&])")
# Streamlit reads :name: as an emoji or icon and :red[ ] as a colour even behind a backslash, so the colon is parted
# from the word by a character of no width.
_COLON = re.compile(r":(?=\w)")
_WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """Write a string so that Streamlit's markdown shows it letter by letter, on one line.

    ``st.text`` needs none of this; it is for labels, captions and messages, which are always markdown.
    """
    line = " ".join(text.split())
    return _COLON.sub(f":{_WORD_JOINER}", _MARKS.sub(r"\\\1", line))


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show an error the user can act on as one sentence, and go on with the rest of the page."""
    try:
        yield
    except MolsearchError as error:
        show_error(error)


def show_error(error: MolsearchError) -> None:
    """Show an error's own sentence; a step that the user stopped is no fault."""
    if isinstance(error, Cancelled):
        st.info(plain(str(error)))
        return
    st.error(plain(str(error)), icon=":material/error:")
