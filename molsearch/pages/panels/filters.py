"""The filters of a search: property ranges and a substructure."""

import streamlit as st

from molsearch.chem.properties import PROPERTIES
from molsearch.records import PropertyRange

PER_LINE = 4
SPELT = {
    "logp": "logP",
    "tpsa": "TPSA",
    "qed": "QED",
    "nh oh": "NH + OH",
    "n o": "N + O",
    "fraction csp3": "fraction sp³",
}


def filters() -> tuple[tuple[PropertyRange, ...], str]:
    """Draw one range for each property of the table and a SMARTS box; give back what was set."""
    ranges = []
    lines = st.grid(PER_LINE, min_column_width=250, gap=("xsmall", "medium"))
    for name, entry in PROPERTIES.items():
        with lines.cell():
            low, high = st.columns(2, gap="xsmall", vertical_alignment="bottom")
            label = _label(name, entry.unit)
            bounds = (
                low.number_input(
                    label,
                    value=None,
                    key=f"from-{name}",
                    placeholder="from",
                    help=entry.meaning,
                    persist_state="session",
                ),
                high.number_input(
                    f"{label}, upper end",
                    value=None,
                    key=f"to-{name}",
                    placeholder="to",
                    label_visibility="hidden",
                    persist_state="session",
                ),
            )
        if bounds != (None, None):
            ranges.append(PropertyRange(name, bounds[0], bounds[1]))
    smarts = st.text_input(
        "Substructure every hit must hold, as SMARTS",
        key="smarts",
        placeholder="S(=O)(=O)N",
        help="Matches are marked in the drawings.",
        persist_state="session",
    )
    return tuple(ranges), smarts.strip()


def _label(name: str, unit: str) -> str:
    """Write "tpsa_a2" as "TPSA, Å²"."""
    words = name.removesuffix("_da").removesuffix("_a2").replace("_", " ")
    words = SPELT.get(words, words)
    return f"{words}, {unit}" if unit else words
