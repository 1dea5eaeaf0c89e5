"""What the model read in a query, above the hits: words, classes, structures, and exclusions that can be taken back."""

import html

import streamlit as st

from molsearch.chem.drawing import draw, palette
from molsearch.interpretation import Exclusion, Reading, ReadPhrase
from molsearch.pages.panels.search import ask, filters, tested
from molsearch.pages.panels.sentences import plain
from molsearch.query.account import tested_sentence
from molsearch.records import Ranking

STATE = st.session_state
SMALL = (120, 76)  # of a drawing, in pixels
MOST_DRAWN = 6


def panel(ranking: Ranking, key: str, *, dark: bool) -> None:
    """Show how a query was read.

    Args:
        ranking: The answer to it.
        key: "first", or "second" for the query beside it, which shares all but its text with the first.
        dark: Whether the page is dark.
    """
    with st.container(key=f"understood-{key}", gap="xsmall"):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if phrases := ranking.read.phrases:
                st.html("".join(marked(phrase, len(phrases) > 1, dark) for phrase in phrases))
            if key == "first":
                _chips(ranking)
            else:
                _badges(ranking)
        _structures(ranking, key, dark)
        for note in ranking.notes:
            st.caption(f":material/warning: {plain(note)}")


def _structures(ranking: Ranking, key: str, dark: bool) -> None:
    """Draw the structures that words named, and the reference structure."""
    read = ranking.read
    named = {
        reading.read_as: reading
        for phrase in read.phrases
        for reading in phrase.readings
        if reading.kind == "structure"
    }
    if not (named or (read.reference and key == "first")):
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for reading in list(named.values())[:MOST_DRAWN]:
            _structure(reading.read_as, f"“{reading.words}”, {_account(reading)}", dark)
        if len(named) > MOST_DRAWN:
            st.caption(f"and {len(named) - MOST_DRAWN} more structures", width="content")
        if read.reference and key == "first":
            _structure(read.reference, "hits should resemble this structure", dark)
            st.button("Drop this", icon=":material/close:", key="drop-like", on_click=ask.like, args=("",))


def _structure(smiles: str, words: str, dark: bool) -> None:
    st.image(draw(smiles, dark=dark, size=SMALL), width=SMALL[0], alt=f"Structure read in the query: {words}")
    st.caption(plain(words), width="content")


def _account(reading: Reading) -> str:
    rule = "" if reading.rule == "named" else f" by “{reading.rule}”,"
    return f"read as this structure,{rule} {'in' if reading.in_library else 'not in'} this library"


def _badges(ranking: Ranking) -> None:
    """Show what the text of the second query leaves out."""
    for exclusion in ranking.read.exclusions:
        if exclusion.from_text and exclusion.kind != "unread":
            st.badge(
                f"without {plain(exclusion.words)}",
                color="gray",
                help=f"Read as the {exclusion.kind} {plain(exclusion.read_as)}.",
            )


def _chips(ranking: Ranking) -> None:
    """Show what is left out; a click on a chip takes it back and searches again."""
    meant = [exclusion for exclusion in ranking.read.exclusions if exclusion.kind != "unread"]
    for place, exclusion in enumerate(meant):
        st.button(
            f"without {plain(exclusion.words)}",
            icon=":material/close:",
            key=f"without-{place}",
            help=f"Read as the {exclusion.kind} {plain(exclusion.read_as)}. Click to let these molecules back in.",
            on_click=_take_back,
            args=(exclusion,),
        )
    if ranking.tested is not None:
        st.button(
            plain(tested_sentence(ranking.tested, ranking.narrowing)),
            icon=":material/close:",
            key="without-tested",
            help="Click to let the tested compounds back in.",
            on_click=_forget_tested,
        )
    for switch, on, words in (
        ("exact-names", ranking.query.exact_names, "names in the text lift no molecule"),
        ("criteria", ranking.query.criteria, "stated classes, amounts and roles lift no molecule"),
    ):
        if not on:
            st.button(words, icon=":material/close:", key=f"with-{switch}", on_click=_switch_on, args=(switch,))


def _take_back(exclusion: Exclusion) -> None:
    if exclusion.from_text:
        ask.allow(exclusion.read_as)
    else:
        filters.take_back(exclusion.words)
        ask.ask_now()


def _forget_tested() -> None:
    tested.forget()
    ask.ask_now()


def _switch_on(switch: str) -> None:
    STATE[switch] = True
    ask.ask_now()


def marked(phrase: ReadPhrase, several: bool, dark: bool) -> str:
    """Write the embedded words as HTML, those that stand for chemistry marked; the text itself is escaped."""
    colours = palette(dark)
    parts = []
    at = 0
    for reading in phrase.readings:
        if reading.start < at:  # within another reading, or reading of several structures of the same words
            continue
        colour = colours.against if reading.kind == "structure" else colours.hit
        parts.append(html.escape(phrase.kept[at : reading.start]))
        title = html.escape(f"{reading.kind}: {reading.read_as}")
        parts.append(
            f'<span title="{title}" style="border-bottom:2px solid {colour};'
            f'padding-bottom:1px">{html.escape(phrase.kept[reading.start : reading.end])}</span>'
        )
        at = reading.end
    parts.append(html.escape(phrase.kept[at:]))
    notes = [f"× {phrase.weight:g}"] if several else []
    for kind, plural in (("class", "classes"), ("feature", "features"), ("amount", "amounts"), ("role", "roles")):
        titles = dict.fromkeys(reading.read_as for reading in phrase.readings if reading.kind == kind)
        notes += [f"{plural}: {', '.join(titles)}"] if titles else []
    notes += [f"the last {phrase.unread_words} words count as a bag of words only"] if phrase.unread_words else []
    words = "".join(parts) or "<i>nothing but exclusions</i>"
    return (
        f'<div style="font-size:.95em"><span style="opacity:.65">Read as</span> {words}'
        f'<span style="opacity:.65"> {html.escape(" · ".join(["", *notes]))}</span></div>'
    )
