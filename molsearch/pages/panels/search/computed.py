"""What is computed of a hit, beside its drawing: properties, and alerts as labels with the name of their rule."""

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from molsearch.chem.details import SHOWN, details, spell_property, spell_value
from molsearch.chem.properties import ALERTS, PRESETS, PROPERTIES, Alert
from molsearch.pages.panels.sentences import plain
from molsearch.records import PropertyRange

ALERT_MEANING = "Rules that the structure matches. A label warns; it takes no molecule out."


def line(smiles: str) -> None:
    """Write the two or three things that are asked first under a drawing, and its alerts."""
    computed = details(smiles)
    if not computed.properties:
        return
    mass, logp, tpsa = (computed.properties[name] for name in ("mass_da", "logp", "tpsa_a2"))
    st.caption(f"{mass:.0f} Da · logP {logp:.1f} · TPSA {tpsa:.0f}")
    if computed.alerts:
        rules = {alert.collection: alert.rule for alert in reversed(computed.alerts)}
        more = len({(alert.collection, alert.rule) for alert in computed.alerts}) - 1
        (collection, rule), *_ = ((name, rules[name]) for name in ALERTS if name in rules)
        label = f"{collection}: {rule}" + (f" and {more} more" if more else "")
        st.caption(f":orange[:material/warning: {plain(label)}]")


def cells(smiles: str) -> dict[str, object]:
    """Return a table row's properties and alerts; a structure that cannot be read has none."""
    computed = details(smiles)
    values: dict[str, object] = {spell_property(name): computed.properties.get(name) for name in SHOWN}
    return values | {"alerts": [f"{alert.collection}: {alert.rule}" for alert in computed.alerts]}


def columns() -> dict[str, ColumnConfig]:
    """Return how the columns of ``cells`` show."""
    column = st.column_config
    shown: dict[str, ColumnConfig] = {"alerts": column.ListColumn(width=220, help=ALERT_MEANING)}
    for name in SHOWN:
        digits = "%.2f" if "." in spell_value(name, 0.0) else "%d"
        shown[spell_property(name)] = column.NumberColumn(format=digits, width=72, help=PROPERTIES[name].meaning)
    return shown


def alert_atoms(smiles: str, key: str) -> tuple[int, ...]:
    """Offer the alerts of a molecule as labels; return the atoms of the chosen one."""
    labelled: dict[str, Alert] = {}
    for alert in details(smiles).alerts:
        labelled.setdefault(f"{alert.collection}: {alert.rule}", alert)
    if not labelled:
        return ()
    chosen = st.pills(
        "Alerts; choose one to mark its atoms",
        list(labelled),
        format_func=plain,
        key=key,
        help=" ".join(
            [ALERT_MEANING, *(f"{name}: {rules.meaning} ({rules.source})." for name, rules in ALERTS.items())]
        ),
    )
    return labelled[chosen].atoms if chosen else ()


def table(smiles: str) -> None:
    """Show every property with its meaning, and which presets the molecule keeps."""
    known = details(smiles).properties
    if not known:
        st.caption("The properties of this structure cannot be computed.")
        return
    for name, wanted in PRESETS.items():
        broken = [spell_property(bounds.name) for bounds in wanted if not _inside(known[bounds.name], bounds)]
        st.caption(f"{name}: {'kept' if not broken else 'broken by ' + plain(', '.join(broken))}")
    rows = [
        {"property": spell_property(name), "value": spell_value(name, value), "meaning": PROPERTIES[name].meaning}
        for name, value in known.items()
    ]
    st.dataframe(rows, hide_index=True, height=290, key="properties", alt="Computed properties of the chosen hit")


def _inside(value: float, wanted: PropertyRange) -> bool:
    return (wanted.low is None or value >= wanted.low) and (wanted.high is None or value <= wanted.high)
