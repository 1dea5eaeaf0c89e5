"""One pair of text and molecule: its four similarity distributions over a sample, before and after training."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from molsearch.analysis.study import AlignmentStudy
from molsearch.chem.drawing import draw
from molsearch.pages.panels.alignment.pairs import Study, pair_choice, sample_of
from molsearch.pages.panels.awaited import awaited
from molsearch.report import alignment_plots

if TYPE_CHECKING:
    from molsearch.model.alignment import AlignmentReport, Form

TITLES = {
    "t2t": "T2T: this text against all texts",
    "t2m": "T2M: this text against all molecules",
    "m2m": "M2M: this molecule against all molecules",
    "m2t": "M2T: this molecule against all texts",
}
FORMS: "Mapping[str, Form]" = {"Cosines": "similarity", "Distances": "distance"}
ROWS, SAMPLE = "This pair's rows", "The whole sample"
BEFORE = (
    "The four terms of the paper's second-order loss, averaged over the sample, and for the chosen pair's rows alone. "
    "*Before* is the same architecture freshly initialised with a fixed seed (0), built from the model's own folder: "
    "it reads the same words, names and n-gram rarities, and no weight of it is trained. Where training worked, the "
    "four distributions of a pair are alike, and their divergences small."
)
LONG = 240  # characters; a longer text scrolls
SIZES = (25, 50, 100, 200, 400)


def one_pair(study: Study, alignment_study: AlignmentStudy, *, dark: bool) -> None:
    """Draw the view."""
    choice, size, form = st.columns([7, 2, 2], gap="medium", vertical_alignment="bottom")
    with choice:
        chosen = pair_choice(study)
    most = size.select_slider("Sample of pairs", SIZES, 100, key="pairs-most", persist_state="session")
    kind = form.segmented_control(
        "Softmax over",
        list(FORMS),
        default="Cosines",
        required=True,
        key="pairs-form",
        persist_state="session",
        help="Cosines at temperature 0.1 are what this project trains on. Distances at temperature 1 are the variant "
        "of the paper's released code: softmax over plus the Euclidean distance, so that the farthest weighs most.",
    )
    places = sample_of(study, most, chosen)
    above, below = st.container(), st.container()
    with below:
        before = awaited(
            "twin",
            (id(study), tuple(places)),
            "Encoding the sample with the untrained model",
            partial(alignment_study.encode_untrained, [study.pairs[each] for each in places]),
        )
    after = alignment_study.report(study.vectors.take(places), form=FORMS[str(kind)])
    earlier = alignment_study.report(before, form=FORMS[str(kind)]) if before is not None else None
    place = places.index(chosen)
    left, right = above.columns([4, 7], gap="medium")
    with left:
        _pair(study, chosen, dark=dark)
    with right:
        _distributions(study, places, place, earlier, after, dark=dark)
    if earlier is not None:
        with below:
            _contrast(earlier, after, place, dark=dark)


def _pair(study: Study, chosen: int, *, dark: bool) -> None:
    """Show text, drawing and ranks."""
    pair, pair_ranks = study.pairs[chosen], study.pair_ranks
    st.image(draw(pair.smiles, dark=dark, size=(420, 240)), width="stretch", alt="The pair's molecule")
    with st.container(height=128 if len(pair.text) > LONG else "content", border=False):
        st.text(pair.text)
    st.caption(
        f"cosine **{pair_ranks.matched[chosen]:.3f}** · among {len(study.pairs):,}, the text finds its molecule at "
        f"rank **{pair_ranks.text_ranks[chosen]:g}**, the molecule its text at rank "
        f"**{pair_ranks.molecule_ranks[chosen]:g}**"
    )


def _distributions(
    study: Study,
    places: Sequence[int],
    place: int,
    before: "AlignmentReport | None",
    after: "AlignmentReport",
    *,
    dark: bool,
) -> None:
    """Draw the four distributions: the chosen pair's rows, or the matrices with its row marked."""
    shown = st.segmented_control(
        "Show",
        [ROWS, SAMPLE],
        default=ROWS,
        required=True,
        key="pairs-show",
        label_visibility="collapsed",
        persist_state="session",
    )
    if shown == ROWS:
        figure = alignment_plots.pair_rows(
            _titled(after, place),
            _titled(before, place) if before else {},
            [study.pairs[each].text for each in places],
            place,
            dark=dark,
        )
        caption = (
            f"Each bar is one of the {len(places)} texts or molecules of the sample, the {alignment_plots.MOST_PLACES} "
            "likeliest of them, the pair's own in colour; hover for its text."
        )
    else:
        tables = {title: getattr(after.distributions, name) for name, title in TITLES.items()}
        figure = alignment_plots.matrices(
            {title.split(":")[0]: table for title, table in tables.items()}, place, dark=dark
        )
        caption = (
            "Each line is one pair of the sample, the chosen one pointed at; a stronger dot holds more of the line's "
            "probability. Aligned spaces give four alike pictures."
        )
    st.plotly_chart(figure, config={"displayModeBar": False}, key="distributions", alt="Four similarity distributions")
    st.caption(caption)


def _titled(report: "AlignmentReport", place: int) -> dict[str, list[float]]:
    rows = report.of_pair(place)
    return {title: getattr(rows, name).tolist() for name, title in TITLES.items()}


def kl_name(name: str) -> str:
    """Write m2m_t2t as KL(M2M‖T2T)."""
    first, second = name.upper().split("_")
    return f"KL({first}‖{second})"


def _contrast(before: "AlignmentReport", after: "AlignmentReport", place: int, *, dark: bool) -> None:
    """Set the divergences before training beside those after it, for the pair and for the whole sample."""
    st.markdown("**How far the distributions lie apart, before and after training** (nats; 0 where they are equal)")
    left, right = st.columns([6, 5], gap="medium")
    number = st.column_config.NumberColumn
    left.dataframe(
        [
            {
                "divergence": kl_name(name),
                "sample, before": before.divergences[name],
                "sample, after": after.divergences[name],
                "this pair, before": float(before.row_divergences[name][place]),
                "this pair, after": float(after.row_divergences[name][place]),
            }
            for name in after.divergences
        ],
        hide_index=True,
        height="content",
        column_config={
            name: number(format="%.4f", width="small")
            for name in ("sample, before", "sample, after", "this pair, before", "this pair, after")
        },
        key="divergences",
        alt="Divergences before and after training",
    )
    left.caption(BEFORE)
    right.plotly_chart(
        alignment_plots.divergence_bars(
            {kl_name(name): value for name, value in before.divergences.items()},
            {kl_name(name): value for name, value in after.divergences.items()},
            dark=dark,
        ),
        config={"displayModeBar": False},
        key="divergence-bars",
        alt="Divergences of the sample before and after training",
    )
