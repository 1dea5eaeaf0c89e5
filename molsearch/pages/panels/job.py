"""A long step that runs beside the page, with progress and cancel."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import streamlit as st

from molsearch.errors import Cancelled, MolsearchError
from molsearch.pages.panels.sentences import plain
from molsearch.records import Progress

LOG = logging.getLogger(__name__)
REFRESH_S = 0.4
T = TypeVar("T")


class BackgroundJob(Generic[T]):
    """Runs ``work`` in a thread of its own, so that other pages stay usable meanwhile.

    The thread never touches Streamlit; the page looks at ``done`` and ``total`` from time to time.
    """

    def __init__(self, title: str, work: Callable[[Progress], T]) -> None:
        self.title = title
        self.done = 0
        self.total = 0
        self.result: T | None = None
        self.error: MolsearchError | None = None
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the step still works."""
        return self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether the user asked it to stop."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Ask the step to stop at its next report of progress."""
        self._stop.set()

    def wait(self, timeout_s: float) -> None:
        """Wait until the step has ended, at most ``timeout_s`` seconds."""
        self._thread.join(timeout_s)

    def _progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if self._stop.is_set():
            raise Cancelled("Stopped; nothing was stored.")

    def _run(self) -> None:
        try:
            self.result = self._work(self._progress)
        except MolsearchError as error:
            self.error = error
        except Exception:
            LOG.exception("%s failed", self.title)
            self.error = MolsearchError(
                f"{self.title} failed in a way the program did not foresee. Nothing was stored; the terminal that "
                "runs the app shows the details."
            )


def watch(job: BackgroundJob[Any], key: str = "cancel-job") -> None:
    """Show a running job with its progress and a Cancel button of that key; rerun the page when it ends."""

    @st.fragment(run_every=REFRESH_S)
    def bar() -> None:
        if not job.running:
            st.rerun()
        line, button = st.columns([6, 1], vertical_alignment="center")
        share = min(1.0, job.done / job.total) if job.total else 0.0
        if job.stopping:
            state = "stopping …"
        elif job.total:
            state = f"{share:.0%}" if share < 1 else "finishing …"  # what comes after the counted part
        else:
            state = f"{job.done:,} so far" if job.done else ""
        line.progress(share, text=f"{plain(job.title)} … {state}")
        button.button("Cancel", on_click=job.cancel, disabled=job.stopping, width="stretch", key=key)

    bar()
