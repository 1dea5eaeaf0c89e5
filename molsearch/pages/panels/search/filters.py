"""What narrows a search: property ranges, a substructure, exclusions. Each widget's state is the filter."""

import streamlit as st

from molsearch.chem.details import spell_property
from molsearch.chem.ontology.classes import CLASSES
from molsearch.chem.properties import PRESETS, PROPERTIES
from molsearch.query.checks import MAX_WITHOUT
from molsearch.query.exclusions import PARTS
from molsearch.records import PropertyRange, Query

PER_LINE = 6
FIRST = (
    *("mass_da", "logp", "tpsa_a2", "qed", "donors", "acceptors", "rotatable_bonds", "rings"),
    *("charge", "heavy_atoms", "nh_oh", "n_o"),
)
STATE = st.session_state
_NAMES = tuple(sorted({*PARTS, *(title for row in CLASSES for title in (row.name, *row.synonyms))}, key=str.lower))


def draw() -> None:
    """Draw a SMARTS box, the exclusions, one range for each property of the table, and presets."""
    left, right = st.columns(2, gap="medium")
    left.text_input(
        "Substructure every hit must hold, as SMARTS",
        key="smarts",
        placeholder="S(=O)(=O)N",
        help="Matches are marked in the drawings.",
        persist_state="session",
    )
    right.multiselect(
        "Leave out: classes, elements, names or SMARTS",
        _NAMES,
        key="without",
        placeholder="lactone",
        accept_new_options=True,
        select_all=False,
        max_selections=MAX_WITHOUT,
        help="A hit belongs to none of these. “Without a lactone” in the text does the same.",
        persist_state="session",
    )
    _ranges(FIRST)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="presets"):
        st.text("Set the ranges of", width="content")
        for name, wanted in PRESETS.items():
            tops = ((spell_property(bounds.name), bounds.high) for bounds in wanted if bounds.high is not None)
            meaning = ", ".join(f"{label} up to {high:g}" for label, high in tops)
            st.button(name, key=f"preset-{name}", on_click=_preset, args=(wanted,), help=meaning, type="secondary")
        st.button("Clear all", key="clear-filters", icon=":material/filter_alt_off:", on_click=clear, type="tertiary")
    with st.expander("More properties", key="more-properties"):
        _ranges(tuple(name for name in PROPERTIES if name not in FIRST))


def _ranges(names: tuple[str, ...]) -> None:
    lines = st.grid(PER_LINE, min_column_width=190, gap=("xsmall", "small"))
    for name in names:
        with lines.cell(), st.container(gap="xxsmall"):
            _range(name)


def _range(name: str) -> None:
    label = spell_property(name)
    st.caption(label, help=PROPERTIES[name].meaning)
    for place, side in zip(st.columns(2, gap="xsmall"), ("from", "to"), strict=True):
        place.number_input(
            f"{label}, {side}",
            value=None,
            key=f"{side}-{name}",
            placeholder=side,
            format="%g",
            label_visibility="collapsed",
            persist_state="session",
        )


def ranges() -> tuple[PropertyRange, ...]:
    """Return the ranges that are set."""
    bounds = ((name, STATE.get(f"from-{name}"), STATE.get(f"to-{name}")) for name in PROPERTIES)
    return tuple(PropertyRange(name, low, high) for name, low, high in bounds if (low, high) != (None, None))


def smarts() -> str:
    """Return the substructure that is asked for, or ""."""
    return str(STATE.get("smarts") or "").strip()


def without() -> tuple[str, ...]:
    """Return what the field leaves out."""
    return tuple(str(words) for words in STATE.get("without") or ())


def take_back(words: str) -> None:
    """Remove one thing that the field leaves out."""
    STATE["without"] = [each for each in without() if each != words]


def clear() -> None:
    """Clear every filter and exclusion."""
    fill(Query(""))


def fill(query: Query) -> None:
    """Set every filter as a query has it."""
    bounds = {wanted.name: wanted for wanted in query.ranges}
    for name in PROPERTIES:
        wanted = bounds.get(name, PropertyRange(name))
        STATE[f"from-{name}"], STATE[f"to-{name}"] = wanted.low, wanted.high
    STATE["smarts"], STATE["without"] = query.smarts, list(query.without)


def _preset(wanted: tuple[PropertyRange, ...]) -> None:
    for bounds in wanted:
        STATE[f"from-{bounds.name}"], STATE[f"to-{bounds.name}"] = bounds.low, bounds.high
