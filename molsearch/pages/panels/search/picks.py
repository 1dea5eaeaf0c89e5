"""The basket of this session, and the controls that put hits into it."""

from collections.abc import Sequence

import streamlit as st

from molsearch.errors import MolsearchError
from molsearch.pages.panels.sentences import plain
from molsearch.records import Hit, Molecule, Ranking
from molsearch.workspace.basket import Basket, Origin, Pick, now, pick_of, question_of
from molsearch.workspace.workbench import Workbench

STATE = st.session_state
SIDES = {"first": "ranking", "second": "ranking-beside"}  # where the Search page keeps the rankings it shows


def basket() -> Basket:
    """Return the basket of this session."""
    kept: Basket = STATE.setdefault("basket", Basket())
    return kept


def keep(changed: Basket) -> None:
    """Make a changed basket the session's; the table of the Basket page is drawn anew."""
    if changed is not basket():
        STATE["basket"] = changed
        STATE["basket-state"] = int(STATE.get("basket-state", 0)) + 1


def remember(ranking: Ranking, screener: Workbench) -> None:
    """Keep the question of a new ranking, with the state of its library; what was picked of the last one goes."""
    STATE.pop("wish", None)
    STATE["basket"] = basket().remember(question_of(ranking), _origin(ranking.library, screener))


def add(hits: Sequence[Hit], ranking: Ranking) -> None:
    """Put hits of a ranking into the basket, and say how many were new."""
    add_picks([pick_of(hit, ranking) for hit in hits])


def add_molecules(molecules: Sequence[Molecule], ranking: Ranking) -> None:
    """Put molecules of a ranking's library into the basket; those that are hits bring their ranks along."""
    hit_of = {hit.molecule.key: hit for hit in ranking.hits}
    add_picks(
        [
            pick_of(hit_of[molecule.key], ranking)
            if molecule.key in hit_of
            else Pick(molecule, ranking.library, ranking.model_id, now())
            for molecule in molecules
        ]
    )


def add_picks(picks: Sequence[Pick]) -> None:
    """Put molecules into the basket, and say how many were new."""
    before = basket()
    if not _kept(picks):
        return
    new = len(basket().picks) - len(before.picks)
    known = len(picks) - new
    outcome = f"{new:,} put into the basket" + (f", {known:,} there already" if known else "")
    st.toast(f"{outcome}; it holds {len(basket().picks):,}.", icon=":material/shopping_basket:")


def _kept(picks: Sequence[Pick]) -> bool:
    """Put molecules into the basket; where it is full say so, and return False."""
    try:
        keep(basket().add(picks))
    except MolsearchError as error:
        st.toast(plain(str(error)), icon=":material/error:")
        return False
    return True


def toggle(hit: Hit, side: str = "first") -> None:
    """Put a hit into the basket, or take it out again."""
    ranking: Ranking = STATE[SIDES[side]]
    if hit.molecule.key in basket().keys:
        keep(basket().remove(frozenset({hit.molecule.key})))
    else:
        _kept([pick_of(hit, ranking)])


def button(place: "st.delta_generator.DeltaGenerator", hit: Hit, key: str, side: str = "first") -> None:
    """Draw the button on a hit that puts it into the basket or takes it out.

    Args:
        place: Where to draw it.
        hit: The hit.
        key: The button's key.
        side: Which ranking the hit is of, a row of SIDES.
    """
    inside = hit.molecule.key in basket().keys
    place.button(
        "",
        icon=":material/bookmark_added:" if inside else ":material/bookmark_add:",
        key=key,
        help="Take it out of the basket" if inside else "Put it into the basket",
        type="primary" if inside else "tertiary",
        on_click=toggle,
        args=(hit, side),
    )


def ticked_button(hits: Sequence[Hit], side: str = "first") -> None:
    """Draw the button that puts the ticked rows of a table into the basket."""
    count = len(hits)
    st.button(
        f"Put {count:,} into the basket" if count else "Put ticked rows into the basket",
        icon=":material/bookmark_add:",
        key=f"add-ticked-{side}",
        disabled=not count,
        on_click=add,
        args=(tuple(hits), STATE.get(SIDES[side])),
    )


def _origin(library: str, screener: Workbench) -> Origin | None:
    try:
        return screener.origin(library)
    except MolsearchError:
        return None  # it was removed between the search and now; the molecules hold all that is needed
