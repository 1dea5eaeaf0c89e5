"""Tags of one molecule: the nearest phrases of each group, their standing, and what the class table says."""

from collections.abc import Sequence
from itertools import islice

import streamlit as st

from molsearch.analysis.concepts import ABOVE, PROMPTS, Tag
from molsearch.chem.drawing import data_uri, draw
from molsearch.pages.panels.sentences import plain
from molsearch.records import Molecule
from molsearch.screener import Screener

STATE = st.session_state
PASTE, STORED = "SMILES", "Library"
SHOWN = 8  # tags of a group
FOUND = 50  # molecules offered of a library
KEPT = 64
EXAMPLES = (
    ("caffeine", "Cn1cnc2c1c(=O)n(C)c(=O)n2C"),
    ("benzylpenicillin", "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O"),
    ("testosterone", "C[C@]12CC[C@H]3[C@@H](CCC4=CC(=O)CC[C@@]43C)[C@@H]1CC[C@@H]2O"),
    ("quercetin", "O=c1c(O)c(-c2ccc(O)c(O)c2)oc2cc(O)cc(O)c12"),
)
RULES = {True: "yes", False: "no", None: ""}


def tagging(screener: Screener, libraries: Sequence[str], *, dark: bool) -> None:
    """Draw the view."""
    source, field = st.columns([2, 9], gap="medium")
    kind = source.segmented_control(
        "Molecule from", [PASTE, STORED], default=PASTE, required=True, key="tag-from", persist_state="session"
    )
    with field:
        smiles = _pasted() if kind == PASTE else _of_library(screener, libraries, dark=dark)
    if not smiles:
        return
    with st.spinner("Tagging …"):
        key, tags = _tags(screener, smiles)
    left, right = st.columns([3, 8], gap="medium")
    with left:
        _molecule(key, tags, dark=dark)
    with right:
        _groups(tags)


def _pasted() -> str:
    """Take a SMILES; offer some where there is none yet."""
    given = st.text_input(
        "SMILES",
        key="tag-smiles",
        placeholder="Paste a SMILES and press Enter",
        persist_state="session",
    )
    if not given.strip():
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        row.text("Paste a structure above and press Enter, or try one of these:")
        for name, smiles in EXAMPLES:
            row.button(name, key=f"tag-example-{name}", type="tertiary", on_click=_take, args=(smiles,))
    return str(given).strip()


def _take(smiles: str) -> None:
    STATE["tag-smiles"] = smiles


def _of_library(screener: Screener, libraries: Sequence[str], *, dark: bool) -> str:
    """Let the user find a molecule of a library by its name; return its key."""
    if not libraries:
        st.info("There is no library yet. Add one on the Library page, or paste a SMILES.")
        return ""
    place, name = st.columns([1, 2], gap="medium")
    library = place.selectbox("Library", libraries, key="tag-library")
    wanted = name.text_input("Name contains", key="tag-name", placeholder="Part of a name, then Enter")
    molecules = _named(screener, str(library), wanted.strip().casefold())
    if not molecules:
        st.info(f"No molecule of this library has a name with {wanted.strip()[:60]!r} in it. Try fewer letters.")
        return ""
    state = st.dataframe(
        [
            {
                "structure": data_uri(draw(molecule.key, dark=dark, size=(120, 70))),
                "name": molecule.name,
                "SMILES": molecule.key,
            }
            for molecule in molecules
        ],
        hide_index=True,
        row_height=56,
        height=188,
        column_config={
            "structure": st.column_config.ImageColumn(width=110),
            "name": st.column_config.TextColumn(width=220),
        },
        on_select="rerun",
        selection_mode="single-row-required",
        key=f"tag-molecules-{library}-{wanted}",
        alt="Molecules of the library",
    )
    rows = state["selection"]["rows"]
    if len(molecules) == FOUND:
        st.caption(f"The first {FOUND} are offered; a part of the name finds others.")
    return molecules[rows[0] if rows else 0].key


def _named(screener: Screener, library: str, part: str) -> list[Molecule]:
    """Find the first molecules whose name holds a part; the search ends with the last one needed."""
    hits = (molecule for molecule in screener.molecules(library) if part in molecule.name.casefold())
    return list(islice(hits, FOUND))


def _tags(screener: Screener, smiles: str) -> tuple[str, tuple[Tag, ...]]:
    """Clean a structure up and tag it, once per session."""
    known: dict[str, tuple[str, tuple[Tag, ...]]] = STATE.setdefault("tags", {})
    if smiles not in known:
        while len(known) >= KEPT:
            known.pop(next(iter(known)))
        key = screener.clean(smiles)
        known[smiles] = key, screener.concept_counter.tags(key)
    return known[smiles]


def _molecule(key: str, tags: Sequence[Tag], *, dark: bool) -> None:
    st.image(draw(key, dark=dark, size=(360, 240)), width="stretch", alt="The molecule")
    st.code(key, language=None, wrap_lines=True)
    above = [tag for tag in tags if tag.above]
    checked = [tag for tag in above if tag.rule is not None]
    agreed = sum(bool(tag.rule) for tag in checked)
    missed = [tag.concept.phrase for tag in tags if tag.rule and not tag.above]
    st.markdown(
        f"**{len(above)}** of {len(tags)} concepts stand above the background"
        + (f"; of {len(checked)} that the class table knows, **{agreed}** hold by rule." if checked else ".")
    )
    st.caption(
        "*Above* is by how many standard deviations the cosine exceeds that of typical molecules with the same phrase "
        "(shipped examples that do not belong), or the log odds of a role that the model has learned; ▲ from "
        f"{ABOVE:g} on. On the validation split 47 % of such classes held by rule. *Rule* is the class table's own "
        "verdict from the structure, where it knows the phrase."
    )
    if missed:
        st.caption(
            f"Held by rule, yet not standing above: {plain(', '.join(missed[:12]))}{' …' if len(missed) > 12 else ''}."
        )


def _groups(tags: Sequence[Tag]) -> None:
    """Show the nearest phrases of each group side by side."""
    rows = [st.columns(2, gap="medium"), st.columns(2, gap="medium")]
    column = st.column_config
    for place, group in zip((cell for row in rows for cell in row), PROMPTS, strict=True):
        place.dataframe(
            [
                {
                    group: tag.concept.phrase,
                    "above": standing(tag),
                    "cosine": max(0.0, tag.cosine),
                    "rule": RULES[tag.rule],
                }
                for tag in [tag for tag in tags if tag.concept.group == group][:SHOWN]
            ],
            hide_index=True,
            height="content",
            column_config={
                group: column.TextColumn(width="medium"),
                "cosine": column.ProgressColumn(format="%.2f", min_value=0, max_value=1, width="small"),
                "above": column.TextColumn(
                    width=60, help="Standard deviations above typical molecules; of a learned role, its log odds"
                ),
                "rule": column.TextColumn(width=50, help="What the class table says from the structure"),
            },
            key=f"tags-{group}",
            alt=f"Nearest phrases: {group}",
        )


def standing(tag: Tag) -> str:
    """Write how far a match stands above the background, marked where that is far."""
    return f"{'▲ ' if tag.above else ''}{tag.score:+.1f}"
