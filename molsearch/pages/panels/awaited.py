"""A long step as a plain call: started once per question, shown while it runs, its answer kept for the session."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

from molsearch.errors import MolsearchError
from molsearch.pages.panels.job import BackgroundJob, watch
from molsearch.pages.panels.sentences import show_error
from molsearch.records import Progress

PATIENCE_S = 1.5  # a short step ends before the page is drawn, so that no bar flickers by
STATE = st.session_state
T = TypeVar("T")


def awaited(name: str, key: Hashable, title: str, work: Callable[[Progress], T]) -> T | None:
    """Return what a step gives.

    Args:
        name: Of the step, unlike all others of the session.
        key: What it hangs on; a new key stops the old step and starts a new one.
        title: What the bar says.
        work: The step; it runs in a thread of its own and must not touch Streamlit.

    Returns:
        The answer; None after showing how far the step is, or why it failed and a button to try again.
    """
    job_at, key_at, answer_at = f"{name}-job", f"{name}-key", f"{name}-answer"
    if STATE.get(key_at) != key:
        old: BackgroundJob[T] | None = STATE.pop(job_at, None)
        if old is not None:
            old.cancel()
        STATE.pop(answer_at, None)
        STATE[key_at], STATE[job_at] = key, BackgroundJob(title, work)
    job: BackgroundJob[T] | None = STATE.get(job_at)
    if job is not None:
        job.wait(PATIENCE_S)
        if job.running:
            watch(job, key=f"{name}-cancel")  # two steps may run on one page
            return None
        del STATE[job_at]
        STATE[answer_at] = job.result if job.error is None else job.error
    answer: T | MolsearchError = STATE[answer_at]
    if isinstance(answer, MolsearchError):
        show_error(answer)
        st.button("Try again", key=f"{name}-again", on_click=lambda: STATE.pop(key_at, None))
        return None
    return answer
