"""What is asked: the words, more weighted phrases, a reference structure, a second query beside the first."""

import importlib
import importlib.util

import streamlit as st

from molsearch.pages.panels.search import filters
from molsearch.pages.permalink import MAX_HITS, Permalink
from molsearch.query.checks import MAX_PHRASES
from molsearch.records import LibraryInfo, Phrase, Query

STATE = st.session_state
LEAST_WEIGHT = 0.01
DRAWING = "streamlit_ketcher"  # an optional extra: where it is installed, a structure can be drawn
PLACEHOLDER = "a sulfonamide with an aromatic amine, without a carboxylic acid"


def form(libraries: dict[str, LibraryInfo]) -> bool:
    """Draw the query form; Enter in a text searches. True when it was sent."""
    if STATE.get("library") not in libraries:  # first visit, or the library was removed meanwhile
        STATE["library"] = next(iter(libraries))
    left, right = st.columns([7.6, 2.4])
    with left, st.form("ask", border=False):
        sent = _first_line()
        for number in STATE.setdefault("phrases", []):
            _phrase(number)
        if STATE.get("compare"):
            _second()
    right.selectbox(
        "Library",
        list(libraries),
        key="library",
        format_func=lambda name: library_label(libraries[name]),
        persist_state="session",
    )
    return sent


def library_label(info: LibraryInfo) -> str:
    """Write a library's name with its size, and whether only this session sees it."""
    return f"{info.name} ({info.molecules:,})" + (" · private" if info.private else "")


def _first_line() -> bool:
    weighed = bool(STATE.get("phrases"))
    words, *share, count, send = st.columns(
        [5.2, 1.8, 1, 1.3] if weighed else [7, 1, 1.3], vertical_alignment="bottom", gap="small"
    )
    words.text_input(
        "Describe the molecules you look for",
        key="text",
        placeholder=PLACEHOLDER,
        help="“Without …” leaves a chemical class, an element or a named compound out of the hits.",
        persist_state="session",
    )
    if share:
        _weight(share[0], "weight", "Its weight")
    STATE.setdefault("k", 20)
    count.number_input("Hits", 1, MAX_HITS, key="k", persist_state="session")
    return send.form_submit_button("Search", type="primary", width="stretch", key="send")


def _weight(place: "st.delta_generator.DeltaGenerator", key: str, label: str) -> None:
    STATE.setdefault(key, 1.0)
    place.slider(label, LEAST_WEIGHT, 1.0, step=0.01, key=key, format="%.2f", persist_state="session")


def _phrase(number: int) -> None:
    words, share, _, drop = st.columns([5.2, 1.8, 1, 1.3], vertical_alignment="bottom", gap="small")
    words.text_input(
        "and, weighted beside it,",
        key=f"phrase-{number}",
        placeholder="used against fungi",
        persist_state="session",
    )
    _weight(share, f"weight-{number}", "Its weight")
    drop.form_submit_button(
        "Drop", icon=":material/close:", key=f"drop-{number}", on_click=_drop, args=(number,), width="stretch"
    )


def _second() -> None:
    words, drop = st.columns([8, 1.3], vertical_alignment="bottom", gap="small")
    words.text_input(
        "Second query, on the same library with the same filters",
        key="second",
        placeholder="a quinolone antibacterial",
        persist_state="session",
    )
    drop.form_submit_button("Drop", icon=":material/close:", key="drop-second", on_click=_compare, width="stretch")


def more() -> None:
    """Offer what most queries do without; stands in a fragment, so each change draws the whole page anew."""
    if st.button(
        "Add a phrase",
        icon=":material/add:",
        type="tertiary",
        key="add-phrase",
        disabled=len(STATE["phrases"]) >= MAX_PHRASES,
        help="One more description with a weight of its own; the query is the weighted mean.",
    ):
        STATE["phrases"] = [*STATE["phrases"], max(STATE["phrases"], default=-1) + 1]
        st.rerun()
    with st.popover(
        "Like a structure", icon=":material/hub:", type="tertiary", key="like-box", on_change="rerun"
    ) as box:
        if box.open:
            _like()
    if STATE.pop("drawing", False):
        _drawing()
    if st.button(
        "Compare two queries" if not STATE.get("compare") else "Back to one query",
        icon=":material/compare_arrows:",
        type="tertiary",
        key="compare-two",
        help="Two rankings of the same library side by side.",
        on_click=_compare,
    ):
        st.rerun()


def _like() -> None:
    """Take a reference structure, typed or drawn."""
    with st.form("like-form", border=False):
        st.text_input(
            "Hits should also resemble this structure (SMILES)",
            key="like-text",
            placeholder="CC(=O)Oc1ccccc1C(=O)O",
            persist_state="session",
        )
        st.form_submit_button("Search with it", type="primary", key="use-like", on_click=_like_typed)
    if importlib.util.find_spec(DRAWING) is not None:
        st.button("Draw it", icon=":material/draw:", key="draw", on_click=_want_drawing)


def _want_drawing() -> None:
    STATE["like-box"] = False  # the popover would lie over the drawing
    STATE["drawing"] = True


@st.dialog("Draw the structure that hits should resemble", width="large")
def _drawing() -> None:
    drawn = importlib.import_module(DRAWING).st_ketcher(STATE.get("like", ""), height=430, key="like-drawing")
    st.caption("Draw, press Apply below the drawing, then search.")
    if st.button("Search with it", type="primary", key="use-drawing", disabled=not drawn):
        like(str(drawn))
        st.rerun()


def _like_typed() -> None:
    like(str(STATE["like-text"]))
    STATE["like-box"] = False  # the popover closes


def like(smiles: str) -> None:
    """Search for molecules that also resemble a structure; "" lets go of it."""
    STATE["like"] = smiles.strip()
    ask_now()


def _drop(number: int) -> None:
    STATE["phrases"] = [each for each in STATE["phrases"] if each != number]
    STATE[f"phrase-{number}"] = ""
    ask_again()


def _compare() -> None:
    STATE["compare"] = not STATE.get("compare")
    STATE["ask-now"] = not STATE["compare"] and "ranking" in STATE


def ask(text: str) -> None:
    """Search for an example."""
    STATE["text"] = text
    ask_now()


def ask_now() -> None:
    """Search with what the page holds when it is drawn next."""
    STATE["ask-now"] = True


def ask_again() -> None:
    """Search anew where there is a ranking already."""
    STATE["ask-now"] = "ranking" in STATE


def query() -> Query:
    """Gather the query from what the page holds."""
    numbers = STATE.get("phrases", [])
    phrases = [Phrase(str(STATE.get(f"phrase-{n}", "")).strip(), float(STATE.get(f"weight-{n}", 1.0))) for n in numbers]
    kept = tuple(phrase for phrase in phrases if phrase.text)
    text = str(STATE.get("text", "")).strip()
    allowed = STATE.get("allowed", ())
    return Query(
        text=text,
        k=int(STATE.get("k", 20)),
        ranges=filters.ranges(),
        smarts=filters.smarts(),
        reference=STATE.get("like", ""),
        exact_names=bool(STATE.get("exact-names", True)),
        criteria=bool(STATE.get("criteria", True)),
        rerank=bool(STATE.get("rerank", False)),
        weight=float(STATE.get("weight", 1.0)) if kept else 1.0,
        phrases=kept,
        without=filters.without(),
        allowed=tuple(allowed) if STATE.get("allowed-in") == (text, kept) else (),
    )


def second() -> str:
    """Return the text to set beside the first, or ""."""
    return str(STATE.get("second", "")).strip() if STATE.get("compare") else ""


def allow(read_as: str) -> None:
    """Take back an exclusion that was read in the text, and search again."""
    before = query()
    STATE["allowed"] = (*before.allowed, read_as)
    STATE["allowed-in"] = (before.text, before.phrases)
    ask_now()


def fill(link: Permalink) -> None:
    """Put a query into the page, as if it had been typed."""
    query = link.query
    STATE["text"], STATE["k"], STATE["like"] = query.text, query.k, query.reference
    STATE["library"] = link.library or STATE.get("library", "")
    STATE["weight"] = max(LEAST_WEIGHT, query.weight)
    STATE["exact-names"], STATE["criteria"], STATE["rerank"] = query.exact_names, query.criteria, query.rerank
    STATE["phrases"] = list(range(len(query.phrases)))
    for number, phrase in enumerate(query.phrases):
        STATE[f"phrase-{number}"], STATE[f"weight-{number}"] = phrase.text, max(LEAST_WEIGHT, phrase.weight)
    STATE["allowed"], STATE["allowed-in"] = query.allowed, (query.text.strip(), query.phrases)
    STATE["second"], STATE["compare"] = link.second, bool(link.second)
    filters.fill(query)
