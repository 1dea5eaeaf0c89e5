"""Concepts: what a molecule is and does in the phrases of the project's list, and libraries looked through by them."""

import streamlit as st

from molsearch.analysis.concept_counts import ConceptCounter
from molsearch.analysis.concepts import shipped_concepts
from molsearch.pages import the_screener
from molsearch.pages.panels.awaited import awaited
from molsearch.pages.panels.concepts.browse import browse
from molsearch.pages.panels.concepts.tags import tagging
from molsearch.pages.panels.sentences import errors_as_sentences

TAG, BROWSE = "Tag a molecule", "Browse a library"


def page() -> None:
    """Draw the page."""
    screener = the_screener()
    dark = st.context.theme.type == "dark"
    head = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    view = head.segmented_control(
        "View",
        [TAG, BROWSE],
        default=TAG,
        required=True,
        key="concepts-view",
        persist_state="session",
    )
    head.caption(
        f"{len(shipped_concepts())} phrases: chemical classes, roles, physical behaviour, origin. Roles were learned "
        "from captions. A tag says how well phrase and molecule match, no fact and no chance of activity.",
        width="stretch",
    )
    with errors_as_sentences():
        with st.spinner("Opening the libraries …"):
            libraries = [info.name for info in screener.libraries() if info.molecules]
            concept_counter = screener.concept_counter
        if not _ready(concept_counter, screener.model.model_id):
            return
        if view == TAG:
            tagging(screener, libraries, dark=dark)
        else:
            browse(concept_counter, libraries, dark=dark)


def _ready(concept_counter: ConceptCounter, model_id: str) -> bool:
    """Embed the list once per model, with a bar where that takes long."""
    return awaited("concept-list", model_id, "Embedding the concept list", concept_counter.space) is not None


page()
