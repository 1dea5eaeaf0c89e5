"""The filters of a search: property ranges and a substructure."""

import streamlit as st

from molsearch.chem.properties import PROPERTIES
from molsearch.records import PropertyRange

PER_LINE = 4


def filters() -> tuple[tuple[PropertyRange, ...], str]:
    """Draw one range for each property of the table and a SMARTS box; give back what was set."""
    ranges = []
    lines = st.grid(PER_LINE, min_column_width=250, gap=("xsmall", "medium"))
    for name, entry in PROPERTIES.items():
        with lines.cell():
            low, high = st.columns(2, gap="xsmall", vertical_alignment="bottom")
            bounds = [
                column.number_input(
                    label, value=None, key=f"{side}-{name}", placeholder=side, help=help_text, persist_state="session"
                )
                for column, label, side, help_text in (
                    (low, _label(name, entry.unit), "from", entry.meaning),
                    (high, "to", "to", None),
                )
            ]
        if bounds != [None, None]:
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
    """Write "mass_da" as "mass, Da"."""
    words = name.removesuffix("_da").removesuffix("_a2").replace("_", " ")
    return f"{words}, {unit}" if unit else words
