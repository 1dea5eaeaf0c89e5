"""One hit in detail: its structure, why it was found, its shape in space and its records."""

from functools import lru_cache

import streamlit as st

from molsearch.chem.conformer import conformer
from molsearch.chem.drawing import draw
from molsearch.pages.panels.search import computed, match_probability
from molsearch.pages.panels.search.model3d import viewer_page
from molsearch.pages.panels.sentences import errors_as_sentences, plain
from molsearch.records import Explanation, Hit, Ranking
from molsearch.report import plots
from molsearch.screener import Screener
from molsearch.workspace.workbench import Workbench

VIEWS = ("Structure", "Why", "Values", "3D", "Records")
LARGE = (460, 165)  # with the lines above it, in sight on a laptop


def detail(hit: Hit, ranking: Ranking, screener: Workbench, *, dark: bool) -> None:
    """Show the chosen hit."""
    with st.container(key="detail-name"):
        st.text(f"{hit.rank}. {hit.molecule.title}")
    st.caption(
        f"score **{hit.score:.3f}** · cosine {hit.cosine:.3f} · above {hit.percentile:.1f} % of the library",
        help="The score is the cosine of text and molecule plus a constant of the molecule, plus a bonus where the "
        "text names exactly this structure, less what the molecule lacks of the classes, amounts and parts that the "
        "text states. It ranks; it is no probability.",
    )
    match_probability.account(hit, ranking, screener)
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, key="detail-view", label_visibility="collapsed", width="stretch"
    )
    with errors_as_sentences():
        if view == "Why":
            phrases = [phrase.kept for phrase in ranking.read.phrases if phrase.kept]
            _why(phrases[0] if phrases else "", hit.molecule.key, screener, dark=dark)
        elif view == "3D":
            st.iframe(_shape(hit.molecule.key, dark), height=230, alt="3D shape, drag to turn")
            st.caption("One plausible shape (ETKDG, MMFF94), not a measured one. Drag to turn, scroll to zoom.")
        elif view == "Records":
            _records(hit)
        elif view == "Values":
            computed.table(hit.molecule.key)
        else:
            _structure(hit.molecule.key, ranking.query.smarts, dark=dark)


def _structure(smiles: str, smarts: str, *, dark: bool) -> None:
    """Draw the structure with the asked substructure or a chosen alert marked."""
    picture = st.container()
    alert = computed.alert_atoms(smiles, key=f"alert-{smiles}")
    drawing = draw(smiles, dark=dark, substructure=smarts, warned=alert, size=LARGE)
    picture.image(drawing, width="stretch", alt="Structure of the chosen hit")
    st.code(smiles, language=None, wrap_lines=True)


def _why(text: str, smiles: str, screener: Screener, *, dark: bool) -> None:
    explanation = _explanation(text, smiles, screener)
    st.image(draw(smiles, dark=dark, weights=explanation.atoms, size=LARGE), width="stretch", alt="Atoms by weight")
    st.html(plots.weighted_words(explanation, dark=dark))
    colours = "green raises the score, orange lowers it"
    st.caption(f"{plain(explanation.method)} Stronger colour, larger weight; {colours}.")


def _explanation(text: str, smiles: str, screener: Screener) -> Explanation:
    """Explain once per session; the texts of one session are no other's business."""
    known: dict[tuple[str, str], Explanation] = st.session_state.setdefault("explanations", {})
    if (text, smiles) not in known:
        with st.spinner("Leaving out words and atoms …"):
            known[text, smiles] = screener.explain(text, smiles)
    return known[text, smiles]


@lru_cache(maxsize=32)
def _shape(smiles: str, dark: bool) -> str:
    """Make the viewer's page once per structure, so that it keeps its turn while the page reruns."""
    return viewer_page(conformer(smiles), dark=dark)


def _records(hit: Hit) -> None:
    """Show every record of the file that became this molecule, as it was read."""
    if hit.molecule.changes:
        st.caption(f"Changed at clean-up: {plain(', '.join(hit.molecule.changes))}.")
    for source in hit.molecule.sources[:20]:
        st.text(f"Record {source.row}: {source.name or 'without a name'}")
        tags = [{"column": name, "value": value} for name, value in source.properties.items()]
        if tags:
            st.dataframe(tags, hide_index=True, height="content" if len(tags) < 8 else 290)
        st.code(source.text, language=None, height=140 if source.kind == "molblock" else "content")
    if len(hit.molecule.sources) > 20:
        st.caption(f"{len(hit.molecule.sources) - 20:,} more records of this structure; the exports hold them all.")
