"""Search: describe molecules in words and see a library ranked by them."""

import tomllib
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from molsearch.errors import Cancelled
from molsearch.pages import the_screener
from molsearch.pages.panels.job import BackgroundJob, watch
from molsearch.pages.panels.search import (
    ask,
    chemical_space,
    filters,
    hits,
    linking,
    match_probability,
    narrow,
    picking,
    picks,
    understood,
)
from molsearch.pages.panels.search.detail import detail
from molsearch.pages.panels.sentences import errors_as_sentences, plain, show_error
from molsearch.pages.permalink import Permalink
from molsearch.records import LibraryInfo, Progress, Ranking, Tested
from molsearch.report.exports import EXPORTS, exported
from molsearch.report.plots import score_histogram
from molsearch.workspace.workbench import Workbench

WAIT_S = 1.0  # most searches are done by then; a longer one shows its progress
OPENING = "Opening the model and the libraries; only the very first start takes longer …"
STATE = st.session_state


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search gave: one ranking, or two of the same library side by side."""

    first: Ranking
    second: Ranking | None


def page() -> None:
    """Draw the page."""
    screener = the_screener()
    libraries: dict[str, LibraryInfo] = {}
    with errors_as_sentences(), st.spinner(OPENING, show_time=True):
        libraries = {info.name: info for info in screener.libraries() if info.molecules}  # one being filled has none
    if not libraries:
        st.info("There is no library to search yet. Add one on the Library page: an SDF, SMILES or CSV file.")
        st.page_link("molsearch/pages/library.py", label="Add a library", icon=":material/science:")
        return
    linking.open_link(libraries)
    if STATE.pop("ask-now", False) | ask.form(libraries):
        _start(screener)
    narrow.panel(screener, libraries[STATE["library"]])
    _collect(screener)
    if "failure" in STATE:
        show_error(STATE["failure"])
    ranking: Ranking | None = STATE.get("ranking")
    if ranking is not None:
        _results(ranking, STATE.get("ranking-beside"), screener, libraries.get(ranking.library))
    elif "searching" not in STATE:
        _first_steps(screener)


def _start(screener: Workbench) -> None:
    """Begin a search beside the page; the last answer stays in sight until it is there."""
    query, beside, library = ask.query(), ask.second(), STATE["library"]
    tested: Tested | None = STATE.get("tested")

    def work(progress: Progress) -> Answer:
        first = screener.search(query, library, tested, progress)
        other = replace(query, text=beside, weight=1.0, phrases=(), allowed=())
        return Answer(first, screener.search(other, library, tested, progress) if beside else None)

    running: BackgroundJob[Answer] | None = STATE.get("searching")
    if running is not None:
        running.cancel()
    STATE.pop("failure", None)
    STATE["searching"] = BackgroundJob("Searching", work)


def _collect(screener: Workbench) -> None:
    """Take the answer of a search that has ended, or show how far it has come."""
    job: BackgroundJob[Answer] | None = STATE.get("searching")
    if job is None:
        return
    if job.running:
        with nullcontext() if STATE.get("ranking") else st.spinner("Searching …"):  # it would push the hits down
            job.wait(WAIT_S)
    if job.running:
        watch(job, key="cancel-search")
        return
    del STATE["searching"]
    if job.error is not None:
        STATE["failure"] = job.error
        if isinstance(job.error, Cancelled):  # the last answer stands
            STATE["failure"] = Cancelled("The search was stopped.")
            return
    answer = job.result
    STATE["ranking"] = answer and answer.first
    STATE["ranking-beside"] = answer and answer.second
    for ranking in (answer and answer.second, answer and answer.first):
        if ranking:
            picks.remember(ranking, screener)
    STATE.pop("explanations", None)
    STATE["hits-page"] = 1
    hits.choose(1)


def _first_steps(screener: Workbench) -> None:
    """Say what to do before the first search."""
    st.markdown("##### Describe structure, class, origin or use in plain words and press Enter, or try one of these")
    cells = st.grid("auto", min_column_width=300, gap="small", border=True)
    for place, (text, note) in enumerate(_examples(screener)):
        with cells.cell():
            st.button(plain(text), key=f"example-{place}", on_click=ask.ask, args=(text,), type="tertiary", wrap=True)
            st.caption(plain(note))
    st.caption(
        "Every molecule of the library gets a score for your text, best first. "
        "Your own file goes in on the Library page; nothing leaves this computer."
    )


def _examples(screener: Workbench) -> list[tuple[str, str]]:
    """Read the shipped example queries, each with a line on what it shows."""
    path = screener.settings.data / "queries.toml"
    if not path.exists():
        return []
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["query"]
    return [(str(row["text"]), str(row.get("note", ""))) for row in rows]


def _results(ranking: Ranking, beside: Ranking | None, screener: Workbench, library: LibraryInfo | None) -> None:
    dark = st.context.theme.type == "dark"
    link = Permalink(ranking.query, ranking.library, beside.query.text if beside else "")
    linkable = library is not None and not library.private
    linking.carry(link if linkable else None)
    if beside is None:
        understood.panel(ranking, "first", dark=dark)
    view, turned = _summary(ranking, beside, screener, link if linkable else None)
    if not ranking.hits:
        _nothing_left()
        return
    for answer in filter(None, (ranking, beside)):
        match_probability.remarks(answer, screener)
    picking.panel(ranking, screener, dark=dark)
    draw = hits.table if view == "Table" else hits.grid
    if beside is None or view == "Map":
        left, right = st.columns([13, 8], gap="medium")
        with left:
            if view == "Map":
                chemical_space.panel(ranking, screener, dark=dark)
            else:
                judged = match_probability.judged(ranking, hits.on_page(ranking.hits, turned), screener)
                draw(hits.on_page(ranking.hits, turned), ranking.query, hits.Side(dark=dark, probabilities=judged))
    else:
        *lists, right = st.columns([5, 5, 4], gap="medium")
        sides = ((ranking, beside, "first"), (beside, ranking, "second"))
        for place, (answer, other, name) in zip(lists, sides, strict=True):
            ranks = {hit.molecule.key: hit.rank for hit in other.hits}
            with place:
                understood.panel(answer, name, dark=dark)
                judged = match_probability.judged(answer, hits.on_page(answer.hits, turned), screener)
                draw(hits.on_page(answer.hits, turned), answer.query, hits.Side(name, dark, ranks, judged))
    with right, st.container(key="beside", gap="small"):
        shown = beside if beside is not None and STATE.get("chosen-side") == "second" else ranking
        _chosen(shown, screener, dark)


def _nothing_left() -> None:
    st.info("No molecule passed the filters. Widen a range or clear the substructure, then search again.")
    st.button("Clear all filters and search", icon=":material/filter_alt_off:", on_click=_without_filters)


def _without_filters() -> None:
    filters.clear()
    ask.ask_now()


def _chosen(ranking: Ranking, screener: Workbench, dark: bool) -> None:
    """Show the scores of the whole library and the chosen hit among them."""
    hit = ranking.hits[min(int(STATE.get("chosen", 1)), len(ranking.hits)) - 1]
    st.plotly_chart(
        score_histogram(ranking, dark=dark, chosen=hit.rank),
        key="scores",
        config={"displayModeBar": False},
        alt="Scores of the whole library, hits marked",
    )
    with st.container(border=True, gap="xsmall"):
        detail(hit, ranking, screener, dark=dark)
        st.button(
            "More like this",
            icon=":material/hub:",
            on_click=ask.like,
            args=(hit.molecule.key,),
            help="Search again with the same words; hits should resemble this structure too.",
        )


def _summary(ranking: Ranking, beside: Ranking | None, screener: Workbench, link: Permalink | None) -> tuple[str, int]:
    """Draw one line: how to look, what was found, pages, link, exports.

    Returns:
        "Grid", "Table" or "Map", and the page that is turned to.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="summary"):
        view = st.segmented_control(
            "Show as", ["Grid", "Table", "Map"], default="Grid", required=True, key="view", label_visibility="collapsed"
        )
        st.text(_shown_of(ranking, beside), wrap=False, width="stretch")
        turned = hits.page_of(max(len(ranking.hits), len(beside.hits) if beside else 0))
        with st.container(width="content"):
            picking.box(ranking)
        with st.popover("Copy link", icon=":material/link:", key="link"):
            linking.offer(link)
        _exports(ranking, screener)
    return str(view), turned


def _shown_of(ranking: Ranking, beside: Ranking | None) -> str:
    """Say in one line what was found."""
    if beside is None:
        return (
            f"{len(ranking.hits):,} best of {ranking.searched:,} molecules in “{ranking.library}” "
            f"for “{ranking.query.text or 'a structure'}”"
        )
    shared = {hit.molecule.key for hit in ranking.hits} & {hit.molecule.key for hit in beside.hits}
    most = max(len(ranking.hits), len(beside.hits))
    return f"{len(shared):,} of {most:,} molecules are in both lists · “{ranking.library}”"


def _exports(ranking: Ranking, screener: Workbench) -> None:
    """Offer the hits as files of every kind; a file is written only when asked for."""
    with st.popover("Export", icon=":material/download:", key="exports"):
        for suffix, export in EXPORTS.items():
            st.download_button(
                export.label,
                partial(exported, ranking, screener, suffix),
                file_name=f"hits{suffix}",
                mime=export.mime,
                help=export.hint,
                on_click="ignore",
                icon=":material/download:",
                key=f"export{suffix}",
                width="stretch",
            )


page()
