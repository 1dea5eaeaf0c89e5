"""Match evidence beside the hits: how surely a text and a molecule belong together, hubs, and queries out of scope."""

from collections.abc import Sequence

import streamlit as st

from molsearch.errors import MolsearchError
from molsearch.pages.panels.sentences import plain
from molsearch.records import Hit, Ranking
from molsearch.search.calibration import NEGATIVES, MatchProbability
from molsearch.search.scope import QueryScope
from molsearch.workspace.workbench import Workbench

SHORT_WORDS = 12  # a query of fewer words is told that captions are longer
MOST_WORDS_SHOWN = 5
MEANING = (
    f"Of pairs with match evidence 0.8, about 80 in 100 are right, where each text stands beside its own molecule and "
    f"{NEGATIVES} random ones. Fitted on captions, their sentences and phrases, not on queries such as yours. It tells "
    "whether the kind of molecule is right, hardly which of two look-alikes. It is never a chance of activity."
)
SHORT = "Fitted on captions: a short text fits many molecules and stays low."
HUB = (
    "This molecule matches every text better than 99 in 100 others do, whatever the text says. Its place in this "
    "ranking may say little."
)
STATE = st.session_state


def judged(ranking: Ranking, hits: Sequence[Hit], screener: Workbench) -> dict[int, MatchProbability]:
    """Judge the hits that are shown, by rank, once per answer and session; nothing where it cannot be done."""
    kept: list[tuple[Ranking, dict[int, MatchProbability]]] = STATE.setdefault("probabilities", [])
    known = next((by_rank for judged_ranking, by_rank in kept if judged_ranking is ranking), None)
    if known is None:
        known = {}
        STATE["probabilities"] = [(ranking, known), *kept[:1]]  # two answers may stand side by side
    missing = [hit for hit in hits if hit.rank not in known]
    if missing:
        try:
            probabilities = screener.evidence(ranking, missing)
        except MolsearchError:
            return known  # ``remarks`` says so once
        known.update(zip((hit.rank for hit in missing), probabilities, strict=False))
    return known


def remarks(ranking: Ranking, screener: Workbench) -> None:
    """Say above the hits what must be known of all of them: no calibration, or a query out of scope."""
    try:
        if not screener.match_judge.calibrated():
            st.caption(
                "This model has no calibration, so hits carry no match evidence. Fit one: "
                "python -m molsearch evaluate --protocol calibration --write."
            )
        for scope in screener.match_judge.scope(ranking):
            if scope.outside:
                st.warning(plain(out_of_scope(scope)), icon=":material/explore_off:")
    except MolsearchError as error:
        st.caption(f":material/warning: {plain(str(error))}")


def out_of_scope(scope: QueryScope) -> str:
    """Say why a text is out of scope, and what to do."""
    wording = scope.wording
    reasons = []
    if wording.unread:
        words = ", ".join(list(dict.fromkeys(wording.unread))[:MOST_WORDS_SHOWN])
        more = ", …" if len(set(wording.unread)) > MOST_WORDS_SHOWN else ""
        reasons.append(f"it does not know {len(wording.unread)} of {wording.words} words ({words}{more})")
    if not wording.chemistry:
        reasons.append("it read no chemical name, class or role")
    reasons.append(f"the nearest captions it learned from lie at a cosine of {scope.nearness:.2f} only")
    return (
        f"“{wording.text[:80]}” lies outside of what this model has read: {'; '.join(reasons)}. The ranking below is a "
        "guess and carries no match evidence. Describe the structure, class, origin or use of a molecule."
    )


def line(probability: MatchProbability | None) -> None:
    """Show a hit's evidence in one line."""
    if probability is None:
        return
    hub = " · :material/all_inclusive: hub" if probability.hub else ""
    st.caption(
        f"match evidence **{probability.evidence:.2f}** {probability.word}{hub}", help=HUB if probability.hub else None
    )


def cells(probability: MatchProbability | None) -> dict[str, str | float]:
    """Return a hit's evidence as cells of a table row; none where there is none, and that of hubs for hubs alone."""
    if probability is None:
        return {}
    return {"evidence": probability.evidence} | ({"hub": "hub"} if probability.hub else {})


def account(hit: Hit, ranking: Ranking, screener: Workbench) -> None:
    """Show what the evidence of the chosen hit rests on."""
    probability = judged(ranking, [hit], screener).get(hit.rank)
    if probability is None:
        return
    st.caption(
        f"match evidence **{probability.evidence:.2f}** {probability.word} · closer than "
        f"{probability.caption_percentile:.1f} % of the background captions{_molecules(probability)}",
        help=MEANING,
    )
    notes = []
    if probability.hub:
        notes.append(f":material/all_inclusive: {HUB}")
    phrases = [phrase.kept for phrase in ranking.read.phrases if phrase.kept.strip()]
    if len(phrases) > 1:
        notes.append(f"Of the {len(phrases)} phrases, “{plain(probability.text[:60])}” speaks least for it and counts.")
    if ranking.read.reference:
        notes.append("The words are judged, not the likeness to the reference structure.")
    if len(probability.text.split()) < SHORT_WORDS:
        notes.append(SHORT)
    if notes:
        st.caption(" ".join(notes))


def _molecules(probability: MatchProbability) -> str:
    if probability.molecule_percentile is None:
        return ""
    return f" and {probability.molecule_percentile:.1f} % of the background molecules"
