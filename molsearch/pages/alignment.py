"""Alignment: how texts and their molecules lie in the shared space, for a file of pairs and for one pair of it."""

import csv
import io
from typing import TYPE_CHECKING

import streamlit as st

from molsearch.analysis.study import AlignmentStudy
from molsearch.chem.drawing import data_uri, draw
from molsearch.chem.io.cells import inert
from molsearch.pages import the_screener
from molsearch.pages.panels.alignment.bank import bank
from molsearch.pages.panels.alignment.onepair import one_pair
from molsearch.pages.panels.alignment.pairs import Study, chosen_pair, pick, sample_of, the_study
from molsearch.pages.panels.sentences import errors_as_sentences
from molsearch.report import alignment_plots
from molsearch.report.plots import shared_space

if TYPE_CHECKING:
    from molsearch.analysis.pair_ranks import PairRanks
    from molsearch.model.alignment import AlignmentReport

STATE = st.session_state
WHOLE, PAIR, BANK = "Whole file", "One pair", "Memory bank"
WORST = 100  # pairs in the table; the download holds all
ON_MAP = 200
ROW_PX = 84


def page() -> None:
    """Draw the page."""
    screener = the_screener()
    dark = st.context.theme.type == "dark"
    with errors_as_sentences():
        with st.spinner("Loading the model …"):
            model_id = screener.model.model_id
        study, view = the_study(screener.alignment_study, model_id, (WHOLE, PAIR, BANK))
        if study is None:
            return
        if view == PAIR:
            one_pair(study, screener.alignment_study, dark=dark)
        elif view == BANK:
            bank(study, screener.alignment_study, dark=dark)
        else:
            _whole(study, screener.alignment_study, dark=dark)


def _whole(study: Study, alignment_study: AlignmentStudy, *, dark: bool) -> None:
    """Show the whole file: figures, matched against mismatched, the map, the worst pairs."""
    _figures(study.pair_ranks)
    left, right = st.columns(2, gap="medium")
    left.markdown("**Matched against mismatched pairs**")
    left.plotly_chart(
        alignment_plots.agreement_histogram(study.pair_ranks, dark=dark),
        config={"displayModeBar": False},
        key="matched",
        alt="Cosines of matched and mismatched pairs",
    )
    with right:
        _map(study, alignment_study, dark=dark)
    _worst(study, dark=dark)


def _figures(pair_ranks: "PairRanks") -> None:
    """Write the figures of the file in one line."""
    from molsearch.analysis.pair_ranks import hits

    columns = iter(st.columns(8))
    tie = "A rank is 1 + the candidates that score higher + half of those that score the same."
    for side, other, ranks in (
        ("Text", "molecule", pair_ranks.text_ranks),
        ("Molecule", "text", pair_ranks.molecule_ranks),
    ):
        for label, value, meaning in (
            (f"{side}: Hits@1", f"{hits(ranks, 1):.0%}", f"{side}s that find their own {other} first"),
            ("Hits@10", f"{hits(ranks, 10):.0%}", f"{side}s with their own {other} among the first ten"),
            ("Mean rank", f"{ranks.mean():,.1f}", f"Of the {side.lower()}'s own {other}"),
        ):
            next(columns).metric(label, value, help=f"{meaning}. {tie}")
    next(columns).metric("Matched", f"{pair_ranks.matched.mean():.2f}", help="Mean cosine of the pairs")
    next(columns).metric(
        "Mismatched",
        f"{pair_ranks.mismatched_mean:.2f}",
        help="Mean cosine of each text with the molecules of other pairs",
    )


def _map(study: Study, alignment_study: AlignmentStudy, *, dark: bool) -> None:
    """Draw texts and molecules of a sample in one plane; a click chooses a pair."""
    chosen = chosen_pair(study)
    places = sample_of(study, ON_MAP, chosen)
    st.markdown(f"**{len(places)} pairs in the shared space** (PCA); click a point to choose its pair")
    report = _report(study, places, alignment_study)
    figure = shared_space(
        report.text_map,
        report.molecule_map,
        [study.pairs[place].text for place in places],
        places.index(chosen),
        dark=dark,
    )
    figure.update_layout(height=300)
    state = st.plotly_chart(
        figure, key="map", on_select="rerun", selection_mode="points", config={"displayModeBar": False}, alt="2-D map"
    )
    _chosen([places[point["customdata"]] for point in state["selection"]["points"] if "customdata" in point], "map")


def _report(study: Study, places: list[int], alignment_study: AlignmentStudy) -> "AlignmentReport":
    """Describe the sample once per study and sample."""
    key = (id(study), tuple(places))
    if STATE.get("map-key") != key:
        STATE["map-report"], STATE["map-key"] = alignment_study.report(study.vectors.take(places)), key
    report: AlignmentReport = STATE["map-report"]
    return report


def _chosen(places: list[int], origin: str) -> None:
    """Choose a pair by a click, and say where to look at it."""
    if places and places != STATE.get(f"picked-{origin}", []):
        st.toast(f"Pair {places[0] + 1} is chosen: see it in the views “{PAIR}” and “{BANK}”.")
    pick(places, origin)


def _worst(study: Study, *, dark: bool) -> None:
    """List the pairs that rank worst, with drawings, and offer all of them as a table."""
    pair_ranks = study.pair_ranks
    head = st.container(horizontal=True, vertical_alignment="center")
    head.markdown("**Worst pairs**, by the sum of both ranks; click a row to choose one", width="content")
    head.download_button(
        "All pairs as CSV",
        lambda: ranks_csv(study),
        file_name="alignment.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="pairs-csv",
        help="Every pair with its cosine and both ranks, in file order",
    )
    order = pair_ranks.worst[:WORST]
    column = st.column_config
    state = st.dataframe(
        [
            {
                "structure": data_uri(draw(study.pairs[place].smiles, dark=dark, size=(180, 110))),
                "row": int(study.pairs[place].cid),
                "text": study.pairs[place].text,
                "text → molecule": float(pair_ranks.text_ranks[place]),
                "molecule → text": float(pair_ranks.molecule_ranks[place]),
                "cosine": float(pair_ranks.matched[place]),
            }
            for place in order
        ],
        hide_index=True,
        row_height=ROW_PX,
        height=440,
        column_config={
            "structure": column.ImageColumn(width=160),
            "row": column.NumberColumn(width=60),
            "text": column.TextColumn(width="large"),
            "text → molecule": column.NumberColumn("rank text → molecule", format="%.1f", width=150),
            "molecule → text": column.NumberColumn("rank molecule → text", format="%.1f", width=150),
            "cosine": column.NumberColumn(format="%.3f", width=80),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="worst",
        alt="Pairs with the worst ranks",
    )
    if len(study.pairs) > WORST:
        st.caption(f"The {WORST} worst of {len(study.pairs):,}; the download holds them all.")
    _chosen([order[row] for row in state["selection"]["rows"]], "worst")


def ranks_csv(study: Study) -> str:
    """Write every pair with its figures, in file order; cells that a spreadsheet would run are made text."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(["row", "text", "smiles", "cosine", "rank_text_to_molecule", "rank_molecule_to_text"])
    pair_ranks = study.pair_ranks
    rows = zip(study.pairs, pair_ranks.matched, pair_ranks.text_ranks, pair_ranks.molecule_ranks, strict=True)
    for pair, cosine, text_rank, molecule_rank in rows:
        writer.writerow(
            [pair.cid, inert(pair.text), inert(pair.smiles), f"{cosine:.6f}", f"{text_rank:g}", f"{molecule_rank:g}"]
        )
    return stream.getvalue()


page()
