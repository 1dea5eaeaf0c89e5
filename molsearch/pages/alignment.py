"""Alignment: how texts and their molecules lie in the shared space, for a file of pairs and for one pair of it."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from molsearch import plots
from molsearch.chem.drawing import data_uri, draw
from molsearch.pages import the_screener
from molsearch.pages.panels.pairs import TEXT_COLUMNS, read_pairs, readable
from molsearch.pages.panels.sentences import errors_as_sentences, plain
from molsearch.records import Pair
from molsearch.screener import Screener

if TYPE_CHECKING:
    from molsearch.alignment import AlignmentReport

EXAMPLES = "examples.csv"
SEED = 0  # the same file and size, the same sample
WORST = 30
TITLES = {
    "t2t": "T2T: this text against all texts",
    "t2m": "T2M: this text against all molecules",
    "m2m": "M2M: this molecule against all molecules",
    "m2t": "M2T: this molecule against all texts",
}
STATE = st.session_state


def page() -> None:
    """Draw the page."""
    screener = the_screener()
    dark = st.context.theme.type == "dark"
    with errors_as_sentences():
        pairs = _sample(screener)
        if not pairs:
            return
        report = _report(pairs, screener)
        _whole(pairs, report, dark=dark)
        _chosen(pairs, report, dark=dark)
        _worst(pairs, report, dark=dark)


def _sample(screener: Screener) -> list[Pair]:
    """Let the user take pairs from the examples or a file, and a sample of them."""
    source, size = st.columns([5, 2], gap="large")
    kind = source.segmented_control(
        "Pairs", ["Examples", "Own file"], default="Examples", required=True, key="pairs-from"
    )
    if kind == "Examples":
        content = (screener.settings.data / EXAMPLES).read_bytes()
    else:
        upload = source.file_uploader(
            f"CSV or TSV with a header: a column smiles and a text column ({', '.join(TEXT_COLUMNS)})", key="pairs-file"
        )
        if upload is None:
            st.info("Choose a file of texts and molecules that belong together. It stays in this session.")
            return []
        content = upload.getvalue()
    found = read_pairs(content)
    wanted = size.select_slider("At most this many pairs", [25, 50, 100, 200, 400], 100, key="pairs-most")
    pairs, unread = readable(random.Random(SEED).sample(found.pairs, min(wanted, len(found.pairs))))
    source.caption(
        f"{len(pairs):,} of {len(found.pairs):,} pairs, drawn at random; ranks and distributions are among them."
    )
    if found.skipped or unread:
        st.warning(
            f"Left out: {found.skipped:,} rows of the file without a text or a structure, and {len(unread):,} pairs of "
            "the sample whose SMILES cannot be read" + (f", such as {plain(unread[0].smiles[:60])}." if unread else ".")
        )
    return pairs


def _report(pairs: Sequence[Pair], screener: Screener) -> "AlignmentReport":
    """Encode the sample once per session and choice."""
    key = hash(tuple(pairs))
    if STATE.get("alignment-of") != key:
        with st.spinner("Encoding texts and molecules …"):
            STATE["alignment"] = screener.alignment(pairs)
        STATE["alignment-of"] = key
        STATE["pair"] = 0
    STATE["pair"] = STATE.pop("next-pair", STATE.get("pair", 0))
    report: AlignmentReport = STATE["alignment"]
    return report


def _whole(pairs: Sequence[Pair], report: "AlignmentReport", *, dark: bool) -> None:
    """Show the whole sample: figures, matched against mismatched, the map."""
    figures = st.container(horizontal=True, gap="large")
    for label, value, hint in (
        (
            "Text finds molecule",
            f"{100 * (report.text_ranks <= 1).mean():.0f} %",
            "Hits@1 among the sample's molecules",
        ),
        (
            "Molecule finds text",
            f"{100 * (report.molecule_ranks <= 1).mean():.0f} %",
            "Hits@1 among the sample's texts",
        ),
        ("Matched cosine", f"{report.matched.mean():.2f}", "Mean over the pairs"),
        ("Mismatched", f"{report.mismatched.mean():.2f}", "Mean over all texts with all other molecules"),
        *(
            (_kl_name(name), f"{value:.3f}", f"Kullback-Leibler divergence, nats; temperature {report.temperature:g}")
            for name, value in report.divergences.items()
        ),
    ):
        figures.metric(label, value, help=hint, width="content")
    left, right = st.columns(2, gap="medium")
    left.markdown("**Matched against mismatched pairs**")
    left.plotly_chart(
        plots.matched_histogram(report.matched.tolist(), report.mismatched.tolist(), dark=dark),
        config={"displayModeBar": False},
        key="matched",
        alt="Similarities of matched and mismatched pairs",
    )
    right.markdown("**Texts and molecules in the shared space**; click a point to choose its pair")
    figure = plots.shared_space(
        report.text_map, report.molecule_map, [pair.text for pair in pairs], STATE["pair"], dark=dark
    )
    state = right.plotly_chart(
        figure, key="map", on_select="rerun", selection_mode="points", config={"displayModeBar": False}, alt="2-D map"
    )
    _pick([point["customdata"] for point in state["selection"]["points"] if "customdata" in point], "map")


def _kl_name(name: str) -> str:
    """Write m2m_t2t as KL(M2M‖T2T)."""
    first, second = name.upper().split("_")
    return f"KL({first}‖{second})"


def _pick(places: Sequence[int], origin: str) -> None:
    """Choose a pair once per new selection, so that an old selection does not win over a newer one elsewhere."""
    if list(places) == STATE.get(f"picked-{origin}", []):
        return
    STATE[f"picked-{origin}"] = list(places)
    if places:
        STATE["next-pair"] = int(places[0])  # the choice widget is drawn already; the next run takes it over
        st.rerun()


def _chosen(pairs: Sequence[Pair], report: "AlignmentReport", *, dark: bool) -> None:
    """Show one pair: its text and drawing, its ranks, its four distributions."""
    st.selectbox(
        "Pair", range(len(pairs)), key="pair", format_func=lambda i: f"{i + 1}. {pairs[i].text[:110]}", width="stretch"
    )
    place = STATE["pair"]
    pair = pairs[place]
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.image(draw(pair.smiles, dark=dark, size=(420, 220)), width="stretch", alt="The pair's molecule")
        st.text(pair.text)
        st.caption(
            f"cosine **{report.matched[place]:.3f}** · rank of the molecule for this text "
            f"**{report.text_ranks[place]:g}**, of the text for this molecule **{report.molecule_ranks[place]:g}**, "
            f"among {len(pairs)}"
        )
    rows = report.of_pair(place)
    right.plotly_chart(
        plots.pair_distributions(
            {title: getattr(rows, name).tolist() for name, title in TITLES.items()},
            [each.text for each in pairs],
            place,
            dark=dark,
        ),
        config={"displayModeBar": False},
        key="distributions",
        alt="Four similarity distributions of the chosen pair",
    )
    right.caption("Each bar is one of the sample's texts or molecules, the pair itself in colour; hover for its text.")


def _worst(pairs: Sequence[Pair], report: "AlignmentReport", *, dark: bool) -> None:
    """List the pairs that are found worst, with drawings."""
    st.markdown("**Worst pairs of the sample**; click a row to choose it")
    total = report.text_ranks + report.molecule_ranks
    order = sorted(range(len(pairs)), key=lambda i: (-total[i], i))[:WORST]
    column = st.column_config
    state = st.dataframe(
        [
            {
                "structure": data_uri(draw(pairs[i].smiles, dark=dark, size=(180, 110))),
                "text": pairs[i].text,
                "text → molecule": float(report.text_ranks[i]),
                "molecule → text": float(report.molecule_ranks[i]),
                "cosine": float(report.matched[i]),
            }
            for i in order
        ],
        hide_index=True,
        row_height=84,
        height=440,
        column_config={
            "structure": column.ImageColumn(width=160),
            "text": column.TextColumn(width="large"),
            "text → molecule": column.NumberColumn("rank text → molecule", format="%.1f", width="small"),
            "molecule → text": column.NumberColumn("rank molecule → text", format="%.1f", width="small"),
            "cosine": column.NumberColumn(format="%.3f", width="small"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="worst",
        alt="Pairs with the worst ranks",
    )
    _pick([order[row] for row in state["selection"]["rows"]], "worst")


page()
