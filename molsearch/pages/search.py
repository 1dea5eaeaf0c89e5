"""Search: describe molecules in words and see a library ranked by them."""

import tomllib
from collections.abc import Sequence
from io import BytesIO

import streamlit as st

from molsearch.errors import MolsearchError
from molsearch.pages import the_screener
from molsearch.pages.panels import hits
from molsearch.pages.panels.detail import detail
from molsearch.pages.panels.filters import filters
from molsearch.pages.panels.sentences import errors_as_sentences, plain
from molsearch.plots import score_histogram
from molsearch.records import Hit, LibraryInfo, Query, Ranking
from molsearch.report import ranking_page
from molsearch.screener import Screener

MOST_HITS = 1000
STATE = st.session_state


def page() -> None:
    """Draw the page."""
    screener = the_screener()
    libraries: list[LibraryInfo] = []
    with errors_as_sentences(), st.spinner("Opening the libraries …"):
        libraries = [info for info in screener.libraries() if info.molecules]  # one being filled has none yet
    if not libraries:
        st.info("There is no library to search yet. Add one on the Library page: an SDF, SMILES or CSV file.")
        st.page_link("molsearch/pages/library.py", label="Add a library", icon=":material/science:")
        return
    asked = _form({info.name: info for info in libraries})
    if asked or STATE.pop("ask-now", False):
        _search(screener)
    if "failure" in STATE:
        st.error(plain(STATE["failure"]), icon=":material/error:")
    ranking: Ranking | None = STATE.get("ranking")
    if ranking is not None:
        _results(ranking, screener)
    elif "failure" not in STATE:
        _first_steps(screener)


def _form(libraries: dict[str, LibraryInfo]) -> bool:
    """Draw the query form; Enter in the text searches. True when it was sent."""
    if STATE.get("library") not in libraries:  # first visit, or the library was removed meanwhile
        STATE["library"] = next(iter(libraries))
    with st.form("ask", border=False):
        words, library, count, send = st.columns([6.2, 2.2, 1, 1], vertical_alignment="bottom")
        words.text_input(
            "Describe the molecules you look for",
            key="text",
            placeholder="a sulfonamide with an aromatic amine, used as an antibacterial",
            persist_state="session",
        )
        library.selectbox(
            "Library",
            list(libraries),
            key="library",
            format_func=lambda name: f"{name} ({libraries[name].molecules:,})",
            persist_state="session",
        )
        count.number_input("Hits", 1, MOST_HITS, 20, key="k", persist_state="session")
        sent = send.form_submit_button("Search", type="primary", width="stretch")
        with st.expander("Filters: properties and substructure", key="filters", icon=":material/filter_alt:"):
            STATE["ranges"], STATE["pattern"] = filters()
    if STATE.get("like"):
        chip = st.container(horizontal=True, vertical_alignment="center", gap="small")
        chip.text(f"Hits should also resemble {STATE['like']}", wrap=False, width=600)
        chip.button("Drop this", icon=":material/close:", type="tertiary", on_click=_like, args=("",))
    return sent


def _search(screener: Screener) -> None:
    """Ask, and keep the answer or the reason why there is none."""
    query = Query(
        text=STATE["text"].strip(),
        k=int(STATE["k"]),
        ranges=STATE["ranges"],
        smarts=STATE["pattern"],
        reference=STATE.get("like", ""),
    )
    STATE.pop("failure", None)
    STATE.pop("explanations", None)
    STATE["ranking"] = None
    STATE["chosen"] = 1
    STATE["hits-page"] = 1
    try:
        with st.spinner("Searching …"):
            STATE["ranking"] = screener.search(query, STATE["library"])
    except MolsearchError as error:
        STATE["failure"] = str(error)


def _like(smiles: str) -> None:
    """Search again for molecules that also resemble this one."""
    STATE["like"] = smiles
    STATE["ask-now"] = True


def _ask(text: str) -> None:
    """Search for an example."""
    STATE["text"] = text
    STATE["ask-now"] = True


def _examples(screener: Screener) -> list[tuple[str, str]]:
    """Read the shipped example queries, each with a line on what it shows."""
    path = screener.settings.data / "queries.toml"
    if not path.exists():
        return []
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["query"]
    return [(str(row["text"]), str(row.get("note", ""))) for row in rows]


def _first_steps(screener: Screener) -> None:
    """Say what to do before the first search."""
    st.markdown("##### Describe structure, class, origin or use in plain words and press Enter, or try one of these")
    cells = st.grid("auto", min_column_width=300, gap="small", border=True)
    for place, (text, note) in enumerate(_examples(screener)):
        with cells.cell():
            st.button(plain(text), key=f"example-{place}", on_click=_ask, args=(text,), type="tertiary", wrap=True)
            st.caption(plain(note))
    st.caption(
        "Every molecule of the library gets a score for your text, best first. "
        "Your own file goes in on the Library page; nothing leaves this computer."
    )


def _results(ranking: Ranking, screener: Screener) -> None:
    dark = st.context.theme.type == "dark"
    shown, view = _summary(ranking, screener)
    if not ranking.hits:
        st.info("No molecule passed the filters. Widen a range or clear the substructure, then search again.")
        return
    left, right = st.columns([13, 8], gap="medium")
    with left:
        (hits.table if view == "Table" else hits.grid)(shown, ranking.query, dark=dark)
    with right, st.container(key="beside", gap="small"):
        chosen = ranking.hits[min(int(STATE.get("chosen", 1)), len(ranking.hits)) - 1]
        st.plotly_chart(
            score_histogram(ranking, dark=dark, chosen=chosen.rank),
            key="scores",
            config={"displayModeBar": False},
            alt="Scores of the whole library, hits marked",
        )
        with st.container(border=True):
            detail(chosen, ranking, screener, dark=dark)
            st.button(
                "More like this",
                icon=":material/hub:",
                on_click=_like,
                args=(chosen.molecule.key,),
                help="Search again with the same words; hits should resemble this structure too.",
            )


def _summary(ranking: Ranking, screener: Screener) -> tuple[Sequence[Hit], str]:
    """One line: how to look, what was found, pages, exports; below it what the model made of the query.

    Returns:
        The hits of the page that is turned to, and "Grid" or "Table".
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="summary"):
        view = st.segmented_control(
            "Show as", ["Grid", "Table"], default="Grid", required=True, key="view", label_visibility="collapsed"
        )
        st.text(
            f"{len(ranking.hits):,} best of {ranking.searched:,} molecules in “{ranking.library}” "
            f"for “{ranking.query.text}”",
            wrap=False,
            width="stretch",
        )
        shown = hits.page_of(ranking.hits)
        _exports(ranking, screener)
    if ranking.notes:
        with st.container(key="notes", gap="xxsmall"):
            for note in ranking.notes:
                st.caption(f":material/lightbulb: {plain(note)}")
    return shown, str(view)


def _exports(ranking: Ranking, screener: Screener) -> None:
    """Offer the hits as files; a file is written only when asked for."""

    def sdf() -> bytes:
        screener.export_sdf(ranking, stream := BytesIO())
        return stream.getvalue()

    def table() -> bytes:
        screener.export_csv(ranking, stream := BytesIO())
        return stream.getvalue()

    def report() -> bytes:
        return ranking_page(ranking, screener.card()).encode()

    for label, suffix, mime, data, hint in (
        ("SDF", "sdf", "chemical/x-mdl-sdfile", sdf, "Hits with original records, tags, rank, score, percentile"),
        ("CSV", "csv", "text/csv", table, "The same as a table"),
        ("Report", "html", "text/html", report, "One page with drawings that opens offline"),
    ):
        st.download_button(
            label,
            data,
            file_name=f"hits.{suffix}",
            mime=mime,
            help=hint,
            on_click="ignore",
            icon=":material/download:",
            key=f"export-{suffix}",
        )


page()
