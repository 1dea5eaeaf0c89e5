"""Model: what the model in use is, what it was trained on and how well it was measured to work."""

import json
import re
from pathlib import Path

import streamlit as st

from molsearch.pages import the_screener
from molsearch.pages.panels import calibrated
from molsearch.pages.panels.sentences import errors_as_sentences, plain
from molsearch.records import ModelCard
from molsearch.report.plots import training_curves

_COMMENTS = re.compile(r"<!--.*?-->", re.DOTALL)  # they mark the tables for the command that writes them


@st.cache_data(ttl=60, show_spinner="Reading the model folders …")
def _cards() -> list[ModelCard]:
    """Read every model's card; it takes loading each model, and the folders are no session's own."""
    return the_screener().models()


def page() -> None:
    """Draw the page."""
    screener = the_screener()
    with errors_as_sentences():
        cards = {card.name: card for card in _cards()}
        if not cards:
            st.info(
                f"No model folder is in {plain(str(screener.settings.models))}. Train one: python -m molsearch train."
            )
            return
        names = list(cards)
        name = names[0]
        if len(names) > 1:
            used = screener.settings.model
            name = st.selectbox("Model", names, index=names.index(used) if used in names else 0, key="model-name")
        card, evidence, training = st.tabs(["Card and figures", "Match evidence", "Training"])
        with card:
            _card(cards[name], in_use=name == screener.settings.model)
        with evidence, errors_as_sentences():
            calibration = screener.match_judge.calibration(screener.settings.models / name)
            calibrated.panel(calibration, dark=st.context.theme.type == "dark")
            if name == screener.settings.model:
                screener.match_judge.calibrated()  # a calibration that is not this model's is an error
        with training:
            _curves(screener.settings.models / name / "log.jsonl")


def _card(card: ModelCard, *, in_use: bool) -> None:
    left, right = st.columns([3, 2], gap="large")
    with right:
        st.subheader("Measured")
        if card.metrics:
            st.dataframe(
                [{"figure": figure, "value": value} for figure, value in card.metrics.items()],
                hide_index=True,
                height="content" if len(card.metrics) <= 16 else 600,
                column_config={"value": st.column_config.NumberColumn(format="%.2f", width="small")},
            )
        else:
            st.info("This model carries no measured figures. Measure it: python -m molsearch evaluate.")
    with left:
        st.subheader(f"{plain(card.name)}{' · in use' if in_use else ''}")
        for label, value in (
            ("Id", card.model_id),
            ("Trained on", card.trained_on),
            ("Licence of the data", card.licence),
        ):
            if value:
                st.caption(f"**{label}** {plain(value)}")
        st.markdown(_COMMENTS.sub("", card.text))


def _curves(path: Path) -> None:
    """Draw the training log, where the folder has one."""
    if not path.exists():
        st.info("This model folder holds no training log.")
        return
    try:
        lines = [dict(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        names = dict.fromkeys(name for line in lines for name in line if name not in ("epoch", "minutes"))
        steps = [float(line["epoch"]) for line in lines]
        curves = {name: [float(line.get(name, "nan")) for line in lines] for name in names}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        st.info(plain(f"The training log {path} cannot be read: {error}."))
        return
    st.plotly_chart(
        training_curves(steps, curves, unit="epoch"),
        config={"displayModeBar": False},
        alt="Logged figures over the training",
    )


page()
