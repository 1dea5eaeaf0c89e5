"""What the memory bank attends to in one pair: words and named structures of the text, atoms of the molecule."""

from typing import TYPE_CHECKING

import streamlit as st

from molsearch.analysis.study import AlignmentStudy
from molsearch.chem.drawing import draw
from molsearch.pages.panels.alignment.pairs import Study, pair_choice
from molsearch.records import Explanation, Pair, WordWeight
from molsearch.report import alignment_plots
from molsearch.report.plots import weighted_words

if TYPE_CHECKING:
    from molsearch.analysis.attention import BankReading, TextToken

STATE = st.session_state
ALL = -1  # all slots together
TOP = 3
KEPT = 32
RELATIONS = {"other": "", "part": " · read as a part", "parent": " · read as the parent", "near": " · a near relative"}
METHOD = "Attention of the memory bank"


def bank(study: Study, alignment_study: AlignmentStudy, *, dark: bool) -> None:
    """Draw the view."""
    choice, picker = st.columns([7, 4], gap="medium", vertical_alignment="bottom")
    with choice:
        chosen = pair_choice(study)
    pair = study.pairs[chosen]
    reading = _reading(pair, alignment_study)
    with picker:
        slot = _slot(reading)
    left, right = st.columns([6, 5], gap="medium")
    with left:
        _text(reading, pair, slot, dark=dark)
    with right:
        weights = _lift(reading.molecule.slot(slot).tolist())
        st.image(
            draw(pair.smiles, dark=dark, weights=tuple(weights), size=(520, 250)),
            width="stretch",
            alt="Atoms by attention",
        )
        st.caption(_spread(reading, slot))
    _slots(reading, dark=dark)


def _reading(pair: Pair, alignment_study: AlignmentStudy) -> "BankReading":
    """Ask the model once per session and pair."""
    known: dict[Pair, BankReading] = STATE.setdefault("bank-readings", {})
    if pair not in known:
        while len(known) >= KEPT:
            known.pop(next(iter(known)))
        with st.spinner("Reading the attention …"):
            known[pair] = alignment_study.attention(pair.text, pair.smiles)
    return known[pair]


def _slot(reading: "BankReading") -> int | None:
    """Let the user pick a memory slot, most shared first; None stands for all of them."""
    order = [ALL, *reading.by_sharing]
    STATE["slot"] = STATE.pop("next-slot", STATE.get("slot", ALL))
    if STATE["slot"] not in order:
        STATE["slot"] = ALL
    st.selectbox("Memory slot", order, key="slot", format_func=lambda slot: _slot_name(reading, slot))
    return None if STATE["slot"] == ALL else int(STATE["slot"])


def _slot_name(reading: "BankReading", slot: int) -> str:
    if slot == ALL:
        return f"All {len(reading.shared)} slots, each by what it gives"
    return f"Slot {slot + 1}: shared {reading.shared[slot]:.0%}, text {reading.text.shares[slot]:.0%}, " + (
        f"molecule {reading.molecule.shares[slot]:.0%}"
    )


def _lift(weights: list[float]) -> list[float]:
    """Keep what exceeds even attention, so that a slot that looks everywhere alike colours nothing."""
    even = 1 / max(1, len(weights))
    return [max(0.0, weight - even) for weight in weights]


def _text(reading: "BankReading", pair: Pair, slot: int | None, *, dark: bool) -> None:
    """Show the text with its words shaded, and the structures named in it as tokens of their own."""
    weights = reading.text.slot(slot).tolist()
    lifted = list(zip(reading.tokens, weights, _lift(weights), strict=True))
    words = tuple(
        WordWeight(token.start, token.end, token.label, lift) for token, _, lift in lifted if token.kind == "word"
    )
    st.html(weighted_words(Explanation(pair.text, pair.smiles, 0.0, words, (), METHOD), dark=dark))
    if reading.read_to < len(pair.text.rstrip(" .,;:!?")):
        st.caption(f"The model reads the first {reading.read_to:,} of {len(pair.text):,} characters.")
    structures = [(token, weight) for token, weight, _ in lifted if token.kind == "structure"]
    if structures:
        st.caption("Structures named in the text stand behind its words as tokens of their own:")
        cells = st.grid("auto", min_column_width=150, border=True, gap="xsmall", key="bank-structures")
        for token, weight in structures:
            with cells.cell():
                _structure(token, weight, 1 / len(weights), dark=dark)
    st.caption(
        "Shaded is what gets more attention than an even spread would give, the darker the more. Attention says where "
        "the bank looks, not what made the score; *Why* on the Search page measures that. The bank's path has "
        f"{reading.path_share:.0%} of the score, the rest does not pass through it."
    )


def _structure(token: "TextToken", weight: float, even: float, *, dark: bool) -> None:
    st.image(draw(token.smiles, dark=dark, size=(150, 90)), width="stretch", alt="A structure named in the text")
    st.text(token.label, wrap=False, width="stretch")
    st.caption(f"{weight:.1%} of the attention, {weight / even:.1f} × even{RELATIONS[token.relation]}")


def _spread(reading: "BankReading", slot: int | None) -> str:
    tokens, atoms = reading.text.weights.shape[1], reading.molecule.weights.shape[1]
    if slot is None:
        return (
            f"{tokens} tokens and {atoms} atoms. A slot gives a column of the bank's vector where its value is the one "
            "that counts; all slots are shown weighted by what they give."
        )
    return (
        f"This slot spreads over as much as **{reading.text.spread[slot]:.1f}** of {tokens} tokens (entropy "
        f"{reading.text.entropies[slot]:.2f} nats) and **{reading.molecule.spread[slot]:.1f}** of {atoms} atoms "
        f"({reading.molecule.entropies[slot]:.2f} nats). What it makes of both has cosine "
        f"**{reading.cosines[slot]:.2f}**."
    )


def _slots(reading: "BankReading", *, dark: bool) -> None:
    """List the slots, most shared by text and molecule first; a click on a row picks one."""
    st.markdown("**Slots by how much they give to text and molecule alike**; click a row to pick one")
    order = reading.by_sharing
    labels = _labels(reading)
    percent = st.column_config.NumberColumn
    state = st.dataframe(
        [
            {
                "slot": slot + 1,
                "shared": 100 * float(reading.shared[slot]),
                "text": 100 * float(reading.text.shares[slot]),
                "molecule": 100 * float(reading.molecule.shares[slot]),
                "cosine": float(reading.cosines[slot]),
                "tokens": float(reading.text.spread[slot]),
                "atoms": float(reading.molecule.spread[slot]),
                "looks at": ", ".join(labels[at] for at in (-reading.text.weights[slot]).argsort(kind="stable")[:TOP]),
            }
            for slot in order
        ],
        hide_index=True,
        height=250,
        column_config={
            "slot": percent(width=50),
            "shared": percent("gives both, %", format="%.1f", width=100, help="Columns it gives on both sides"),
            "text": percent("gives the text, %", format="%.1f", width=115),
            "molecule": percent("gives the molecule, %", format="%.1f", width=140),
            "cosine": percent(format="%.2f", width=70, help="Of what the slot makes of the text and of the molecule"),
            "tokens": percent("spread, tokens", format="%.1f", width=105, help="Exponential of the entropy"),
            "atoms": percent("spread, atoms", format="%.1f", width=105, help="Exponential of the entropy"),
            "looks at": st.column_config.TextColumn("looks most at", width="medium"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="slots",
        alt="Memory slots",
    )
    _take([order[row] for row in state["selection"]["rows"]])
    with st.expander("Every slot on every token", key="bank-maps", on_change="rerun") as opened:
        if opened.open:
            _maps(reading, order, dark=dark)


def _labels(reading: "BankReading") -> list[str]:
    """Call each token by its word; a named structure stands in brackets, a sign of the tokenizer is a dot."""
    written = {"word": "{}", "structure": "[{}]", "sign": "·"}
    return [written[token.kind].format(token.label) for token in reading.tokens]


def _take(slots: list[int]) -> None:
    """Pick a slot once per new selection."""
    if slots == STATE.get("picked-slot", []):
        return
    STATE["picked-slot"] = slots
    if slots:
        STATE["next-slot"] = slots[0]
        st.rerun()


def _maps(reading: "BankReading", order: list[int], *, dark: bool) -> None:
    left, right = st.columns(2, gap="medium")
    atoms = [str(atom + 1) for atom in range(reading.molecule.weights.shape[1])]
    for place, weights, names, title in (
        (left, reading.text.weights, _labels(reading), "Text; named structures in brackets"),
        (right, reading.molecule.weights, atoms, "Molecule, atoms in the order of the SMILES"),
    ):
        place.caption(title)
        place.plotly_chart(
            alignment_plots.attention_map(weights, names, order, dark=dark),
            config={"displayModeBar": False},
            key=f"map-{title[:4]}",
            alt=f"Attention of every slot: {title}",
        )
