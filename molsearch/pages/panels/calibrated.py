"""A model's calibration on the Model page: what match evidence means, on what it was fitted, and how it held."""

import streamlit as st

from molsearch.pages.panels.sentences import plain
from molsearch.report.calibration_plots import pair_histogram, reliability_curves
from molsearch.search.calibration import NEGATIVES, Calibration, Reliability

COMMAND = "python -m molsearch evaluate --protocol calibration --model FOLDER --pairs V.tsv --pool POOL.tsv --write"
CURVES = 3  # more in one picture cannot be told apart


def panel(calibration: Calibration | None, *, dark: bool) -> None:
    """Show the calibration of the chosen model, or how to get one."""
    if calibration is None:
        st.info(f"This model has no calibration, so its hits carry no match evidence. Fit one: {COMMAND}")
        return
    _account(calibration)
    left, right = st.columns(2, gap="medium")
    with left:
        _curves(calibration, dark=dark)
    with right:
        st.markdown("**How far a match exceeds the background**")
        st.plotly_chart(
            pair_histogram(calibration.histogram, dark=dark),
            config={"displayModeBar": False},
            key="pair-histogram",
            alt="Right pairs, random pairs and near misses over z",
        )
    _figures(calibration)


def _account(calibration: Calibration) -> None:
    """Say what the number means, and what was fitted on which half."""
    account = calibration.account
    st.markdown(
        f"The event is *this text was written of this molecule*, among pairs of which one is right for every "
        f"{NEGATIVES} random ones. It is never a chance of activity. A pair's cosine is compared with the molecule's "
        "cosines with a fixed set of background captions; a logistic rule turns that, and how near the text is to what "
        "the model has read, into a number from 0 to 1."
    )
    st.caption(
        f"Fitted on {account.fitted:,} captions of {plain(account.pairs)}, column {plain(account.text_column)}, one "
        f"sentence and one phrase of each; all figures are of the other {account.reported:,}, whose molecules are "
        "others: halves by a hash of the InChIKey. Wrong molecules "
        f"are drawn from {account.sampled:,} of {plain(account.pool)}; seed {account.seed}, model "
        f"{plain(account.model_id)}."
    )


def _curves(calibration: Calibration, *, dark: bool) -> None:
    names = [curve.name for curve in calibration.reliability]
    first = [names[place] for place in (0, 4, 5) if place < len(names)]
    st.markdown("**Reliability**")
    shown = st.multiselect(
        "Pairs", names, default=first, max_selections=CURVES, key="curves", label_visibility="collapsed"
    )
    curves = tuple(curve for curve in calibration.reliability if curve.name in shown)
    if curves:
        st.plotly_chart(
            reliability_curves(curves, dark=dark),
            config={"displayModeBar": False},
            key="reliability",
            alt="Share of right pairs over match evidence",
        )
    st.caption("On the dashed line evidence and truth agree. Bars: 95 % intervals.")


def _figures(calibration: Calibration) -> None:
    """List the figures of every kind of pair, of hubs and of queries out of scope."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**How the evidence held**")
        column = st.column_config
        st.dataframe(
            list(map(_row, calibration.reliability)),
            hide_index=True,
            column_config={
                "pairs": column.NumberColumn(format="localized", width="small"),
                "right": column.NumberColumn("right, %", format="%.1f", width="small"),
                "ece": column.NumberColumn(
                    "ECE", format="%.4f", width="small", help="Expected calibration error: mean |evidence - truth|"
                ),
                "brier": column.NumberColumn("Brier", format="%.4f", width="small", help="Mean squared error"),
            },
        )
        st.caption(
            "Near misses are wrong molecules out of a caption's first 50 hits: they get high evidence too, as they are "
            "of the right kind; evidence does not tell look-alikes apart. Short queries were not fitted on; what is "
            "true of them is computed. Forms of the rule, measured on the same pairs: "
            + "; ".join(
                f"{plain(rule.form)}: ECE {rule.ece:.4f}, Brier {rule.brier:.4f}" for rule in calibration.considered
            )
            + "."
        )
    with right:
        _hubs_and_scope(calibration)


def _row(reliability: Reliability) -> dict[str, str | int | float]:
    pairs = sum(reliability.pairs)
    return {
        "which": reliability.name,
        "pairs": pairs,
        "right": 100 * sum(reliability.right) / max(pairs, 1),
        "ece": reliability.ece,
        "brier": reliability.brier,
    }


def _hubs_and_scope(calibration: Calibration) -> None:
    st.markdown("**Queries out of scope**")
    st.dataframe(
        [
            {
                "texts": kind.texts,
                "warned": kind.warned,
                "asked": kind.asked,
                "share": 100 * kind.warned / max(kind.asked, 1),
            }
            for kind in calibration.scope
        ],
        hide_index=True,
        column_config={"share": st.column_config.NumberColumn("warned of, %", format="%.1f", width="small")},
    )
    st.caption(
        "A warning over an off-topic text is right, over any other a false alarm. Each kind was split by a hash of the "
        "text; these are the halves that the rule was not fitted on."
    )
    hubs, rule = calibration.hubs, calibration.rules.hubs
    st.markdown("**Hubs**")
    st.caption(
        f"A molecule is flagged whose mean cosine with the background captions is above {rule.threshold:.3f}, as is "
        f"that of {100 * (1 - rule.share):.0f} in 100 reference molecules. The {calibration.account.reported:,} "
        f"captions not fitted on match those {hubs.flagged:,} at {hubs.flagged_cosine:.3f} and the others at "
        f"{hubs.other_cosine:.3f} on average. A flagged one stands among their first ten hits "
        f"{hubs.flagged_hits:.1f} times, another {hubs.other_hits:.1f} times, the most frequent {hubs.most_hits} times."
    )
