"""A few molecules out of many hits: diverse ones, or one of each cluster; looked at first, then put into the basket."""

from dataclasses import dataclass, replace

import streamlit as st

from molsearch.chem.diversity import MAX_CLUSTERED
from molsearch.chem.drawing import draw
from molsearch.pages.panels.awaited import awaited
from molsearch.pages.panels.search import picks
from molsearch.records import Hit, Progress, Ranking
from molsearch.workspace.basket import MAX_PICKS
from molsearch.workspace.workbench import Workbench

STATE = st.session_state
CARD_PX = 138
HEIGHT_PX = 330
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What to pick.

    Attributes:
        clusters: Representatives of clusters rather than diverse molecules.
        count: How many.
        first: Out of how many of the best.
        cutoff: Largest distance between neighbours of a cluster, 0 to 1.
    """

    clusters: bool
    count: int
    first: int
    cutoff: float

    def spelt(self) -> str:
        """Say it in words, for buttons and titles."""
        what = "cluster representatives" if self.clusters else "diverse"
        return f"{self.count:,} {what} of the first {self.first:,}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What was picked.

    Attributes:
        ranking: The ranking it was picked from, as long as was asked for.
        hits: The picked ones.
        sizes: How many molecules each stands for; empty where it is no cluster.
        clusters: How many clusters there are in all.
    """

    ranking: Ranking
    hits: tuple[Hit, ...]
    sizes: tuple[int, ...] = ()
    clusters: int = 0


@st.fragment
def box(ranking: Ranking) -> None:
    """Draw the popover that puts hits into the basket, all of them or some picked by likeness.

    As a fragment, so that opening it and choosing in it leaves the page as it is.
    """
    if STATE.pop("basket-box-done", False):  # what was chosen concerns the whole page
        st.rerun()
    held = len(picks.basket().picks)
    with st.popover(
        f"Basket · {held:,}", icon=":material/shopping_basket:", key="basket-box", on_change="rerun"
    ) as popover:
        if not popover.open:
            return
        count = len(ranking.hits)
        st.button(
            f"Put all {count:,} hits into the basket",
            icon=":material/bookmark_add:",
            key="add-all",
            disabled=not count,
            on_click=_add_all,
            args=(ranking,),
            width="stretch",
        )
        st.page_link("molsearch/pages/basket.py", label="Open the basket", icon=":material/shopping_basket:")
        if ranking.searched > 1:
            _wish(ranking)


def _add_all(ranking: Ranking) -> None:
    picks.add(ranking.hits, ranking)
    _close()


def _wish(ranking: Ranking) -> None:
    """Ask what to pick."""
    kind = st.segmented_control(
        "Pick by likeness", ["Diverse", "Clusters"], default="Diverse", required=True, key="pick-kind", width="stretch"
    )
    clusters = kind == "Clusters"
    most = min(MAX_CLUSTERED, ranking.searched)
    left, right = st.columns(2)
    STATE["pick-first"] = min(int(STATE.get("pick-first", 200)), most)
    first = left.number_input("Of the first", 2, most, key="pick-first", help=f"At most {MAX_CLUSTERED:,}.")
    count = right.number_input("Largest clusters" if clusters else "How many", 1, MOST_SHOWN, 20, key="pick-count")
    cutoff = 0.6
    if clusters:
        cutoff = st.slider(
            "Largest distance in a cluster",
            0.05,
            0.95,
            cutoff,
            0.05,
            key="pick-cutoff",
            help="1 − Tanimoto similarity of Morgan fingerprints (radius 2). Smaller: more and tighter clusters.",
        )
    wish = Wish(clusters, int(count), int(first), float(cutoff))
    st.button(f"Pick {wish.spelt()}", type="primary", key="pick", width="stretch", on_click=_choose, args=(wish,))
    st.caption(
        "Clusters: the molecule with the most neighbours stands for all of them (Butina)."
        if clusters
        else "Each pick is the one farthest from those before (MaxMin); the first is the best hit."
    )


def _choose(wish: Wish) -> None:
    STATE["wish"] = wish
    _close()


def _close() -> None:
    STATE["basket-box"], STATE["basket-box-done"] = False, True


def panel(ranking: Ranking, screener: Workbench, *, dark: bool) -> None:
    """Show what was picked, where something was, with its way into the basket."""
    wish: Wish | None = STATE.get("wish")
    if wish is None:
        return
    with st.container(border=True, key="picked"):
        selection = awaited(
            "picking",
            (wish, ranking.query, ranking.library, ranking.model_id, ranking.tested, ranking.searched),
            f"Picking {wish.spelt()}",
            lambda progress: pick(wish, ranking, screener, progress),
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if selection is not None:
                _head(wish, selection)
            st.button("", icon=":material/close:", key="drop-picked", type="tertiary", on_click=drop, help="Dismiss")
        if selection is not None:
            _cards(selection, dark)


def pick(wish: Wish, ranking: Ranking, screener: Workbench, progress: Progress) -> Selection:
    """Pick out of a ranking, which is asked again where it is too short.

    Args:
        wish: What to pick.
        ranking: The ranking in sight.
        screener: What answers.
        progress: Called with how far it is.

    Raises:
        InputError: If there are more molecules than can be compared.
    """
    if len(ranking.hits) < min(wish.first, ranking.searched):
        longer = replace(ranking.query, k=wish.first)
        ranking = screener.search(longer, ranking.library, ranking.tested, progress)
    hits = ranking.hits[: wish.first]
    molecules = [hit.molecule for hit in hits]
    if not wish.clusters:
        places = screener.diverse(molecules, wish.count, progress=progress)
        return Selection(ranking, tuple(hits[place] for place in places))
    clusters = screener.clusters(molecules, wish.cutoff, progress)
    largest = clusters[: wish.count]
    return Selection(
        ranking,
        tuple(hits[cluster.centre] for cluster in largest),
        tuple(len(cluster.members) for cluster in largest),
        len(clusters),
    )


def _head(wish: Wish, selection: Selection) -> None:
    count = len(selection.hits)
    heading = (
        f"{count:,} largest of {selection.clusters:,} clusters in the first {wish.first:,} "
        f"(distance up to {wish.cutoff:.2f}); the size below each"
        if wish.clusters
        else f"{count:,} diverse of the first {wish.first:,}, in the order they were picked"
    )
    st.text(heading, width="stretch")
    st.button(
        f"Put these {count:,} into the basket",
        icon=":material/bookmark_add:",
        type="primary",
        key="add-picked",
        disabled=not count or count > MAX_PICKS,
        on_click=picks.add,
        args=(selection.hits, selection.ranking),
    )


def _cards(selection: Selection, dark: bool) -> None:
    smarts = selection.ranking.query.smarts
    with st.container(height=HEIGHT_PX, border=False):
        cells = st.grid("auto", min_column_width=CARD_PX, border=True, gap="xsmall")
        for place, hit in enumerate(selection.hits):
            with cells.cell():
                svg = draw(hit.molecule.key, dark=dark, substructure=smarts, size=(180, 120))
                st.image(svg, width="stretch", alt=f"Pick {place + 1}")
                st.text(f"{hit.rank}. {hit.molecule.title}", wrap=False, width="stretch")
                if selection.sizes:
                    size = selection.sizes[place]
                    st.caption(f"stands for **{size:,}**" if size > 1 else "stands alone")


def drop() -> None:
    """Drop what was picked; the basket keeps what was put there."""
    STATE.pop("wish", None)
