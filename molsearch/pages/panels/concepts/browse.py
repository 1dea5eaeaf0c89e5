"""A library by concept: how many molecules of each phrase it holds, and those of one phrase with drawings."""

import csv
import io
from collections.abc import Sequence
from functools import partial

import streamlit as st

from molsearch.analysis.concept_counts import ConceptCounter, ConceptCounts, ConceptRanking, Member
from molsearch.analysis.concepts import ABOVE, NO_RULE, PROMPTS, Concept, shipped_concepts
from molsearch.chem.drawing import draw
from molsearch.chem.io.cells import inert
from molsearch.errors import LibraryError
from molsearch.pages.panels.awaited import awaited
from molsearch.pages.panels.concepts.tags import RULES, standing
from molsearch.pages.panels.sentences import plain
from molsearch.records import Progress
from molsearch.report.plots import background_histogram

STATE = st.session_state
PER_PAGE = 24
CARD_PX = 150
TABLE_PX = 470  # ends with the screen of a laptop
MOST_EXPORTED = 10_000
OTHERS = 3  # libraries set beside the chosen one; more columns do not fit a laptop
ALL = "all"


def browse(concept_counter: ConceptCounter, libraries: Sequence[str], *, dark: bool) -> None:
    """Draw the view."""
    if not libraries:
        st.info("There is no library to look through yet. Add one on the Library page: an SDF, SMILES or CSV file.")
        st.page_link("molsearch/pages/library.py", label="Add a library", icon=":material/science:")
        return
    left, right = st.columns([5, 7], gap="medium")
    with left:
        library = str(st.selectbox("Library", libraries, key="concept-library", persist_state="session"))
        content = concept_counter.content(library)
        counts = concept_counter.counted(library) or awaited(
            "concept-counts",
            content,
            f"Comparing “{library}” with every concept",
            partial(concept_counter.counts, library),
        )
        if counts is None:
            return
        _table(counts, _beside(concept_counter, library, libraries))
    phrase = STATE.get("concept")
    with right:
        if not phrase:
            st.info("Click a concept on the left: the molecules of the library that match it best come here.")
            return
        concept_ranking = awaited(
            "concept-ranking",
            (content, phrase),
            f"Ranking “{library}”",
            partial(concept_counter.concept_ranking, library, phrase),
        )
        if concept_ranking is not None:
            _ranked(concept_counter, concept_ranking, dark=dark)


def _beside(concept_counter: ConceptCounter, library: str, libraries: Sequence[str]) -> list[ConceptCounts]:
    """Return the counts of other libraries that are known, and offer to make the missing ones."""
    known: list[ConceptCounts] = []
    missing: list[str] = []
    for other in libraries:
        if other == library:
            continue
        try:
            counts = concept_counter.counted(other)
        except LibraryError:
            continue  # another model filled it; choosing it says so
        if counts is None:
            missing.append(other)
        else:
            known.append(counts)
    if missing and len(known) < OTHERS:
        uncounted = missing[: OTHERS - len(known)]
        if st.button(f"Count {len(uncounted)} more libraries beside it", key="concept-beside", type="tertiary"):
            STATE["concept-asked"] = uncounted
        if STATE.get("concept-asked") == uncounted and awaited(
            "concept-others",
            tuple(uncounted),
            "Comparing the other libraries",
            partial(_count_all, concept_counter, uncounted),
        ):
            st.rerun()
    return known[:OTHERS]


def _count_all(concept_counter: ConceptCounter, libraries: Sequence[str], progress: Progress) -> int:
    """Count some libraries, and say how many."""
    for library, report in zip(libraries, _stages(progress, len(libraries)), strict=True):
        concept_counter.counts(library, report)
    return len(libraries)


def _stages(progress: Progress, count: int) -> list[Progress]:
    """Cut a bar into equal stretches, in percent."""

    def stage(place: int) -> Progress:
        def report(done: int, total: int) -> None:
            progress(round(100 * (place + done / max(1, total))), 100 * count)

        return report

    return [stage(place) for place in range(count)]


def _table(counts: ConceptCounts, beside: Sequence[ConceptCounts]) -> None:
    """List every concept with its count, most first; a click chooses one."""
    group, words = st.columns([3, 2], gap="small", vertical_alignment="bottom")
    kind = group.selectbox("Group", [ALL, *PROMPTS], key="concept-group", persist_state="session")
    part = words.text_input("Phrase contains", key="concept-part", placeholder="alkaloid").strip().casefold()
    concepts = shipped_concepts()
    order = sorted(range(len(concepts)), key=lambda c: -int(counts.above[c]))
    shown = [c for c in order if kind in (ALL, concepts[c].group) and part in concepts[c].phrase.casefold()]
    if not shown:
        st.info("No concept of this group has these letters. Clear them to see all.")
        return
    state = st.dataframe(
        [_row(concepts[c], c, counts, beside) for c in shown],
        hide_index=True,
        height=min(TABLE_PX, 37 + 35 * len(shown)),
        column_config={
            "concept": st.column_config.TextColumn(width=178),
            "group": st.column_config.TextColumn(width=104),
            "above": st.column_config.NumberColumn(
                f"in {counts.library}"[:24], width=82, help="Molecules that stand above the background"
            ),
            "%": st.column_config.NumberColumn(format="%.1f", width=46, help="The same as a share of the library"),
            "rule": st.column_config.NumberColumn(
                "by rule", width=60, help="Molecules the class table counts in, where it knows the concept"
            ),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=f"concepts-{kind}-{part}",
        alt="Concepts with their counts",
    )
    st.caption(
        f"Molecules of the library that stand {ABOVE:g} standard deviations or more above typical ones (the shipped "
        f"examples) with the same phrase; of a role that the model has learned, those of log odds {ABOVE:g} or more."
        + ("" if counts.ruled is not None else " This library was stored without its classes, so no rule is shown.")
    )
    _choose([concepts[shown[row]].phrase for row in state["selection"]["rows"]])


def _row(concept: Concept, place: int, counts: ConceptCounts, beside: Sequence[ConceptCounts]) -> dict[str, object]:
    known = counts.ruled is not None and concept.rule != NO_RULE
    row: dict[str, object] = {
        "concept": concept.phrase,
        "group": concept.group,
        "above": int(counts.above[place]),
        "%": 100 * int(counts.above[place]) / max(1, counts.molecules),
        "rule": int(counts.ruled[place]) if counts.ruled is not None and known else None,
    }
    return row | {f"in {other.library}"[:24]: int(other.above[place]) for other in beside}


def _choose(phrases: list[str]) -> None:
    """Choose a concept once per new selection, so that a filter that clears the selection keeps the choice."""
    if phrases and phrases != STATE.get("concept-picked"):
        STATE["concept"] = phrases[0]
    STATE["concept-picked"] = phrases


def _ranked(concept_counter: ConceptCounter, concept_ranking: ConceptRanking, *, dark: bool) -> None:
    """Show the molecules of a concept, best first."""
    total = len(concept_ranking.order)
    head = st.container(horizontal=True, vertical_alignment="center", gap="small")
    head.markdown(f"##### {plain(concept_ranking.concept.phrase)}", width="stretch")
    pages = max(1, -(-min(total, MOST_EXPORTED) // PER_PAGE))
    with head:
        # Each ranking has pages of its own, so that another concept begins at its first.
        page = (
            st.pagination(pages, key=f"concept-page-{concept_ranking.library}-{concept_ranking.concept.phrase}")
            if pages > 1
            else 1
        )
    head.download_button(
        "CSV",
        lambda: members_csv(concept_counter, concept_ranking),
        file_name="concept.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="concept-csv",
        help=f"The molecules that stand above the background, {MOST_EXPORTED:,} at most",
    )
    ruled = (
        ""
        if concept_ranking.ruled is None
        else f"; the class table counts **{int(concept_ranking.ruled.sum()):,}** in by their structure"
    )
    st.markdown(
        f"**{concept_ranking.above:,}** of {total:,} molecules in {plain(concept_ranking.library)} stand above the "
        f"background ({100 * concept_ranking.above / max(1, total):.1f} %){ruled}."
    )
    st.plotly_chart(
        background_histogram(concept_ranking.scores, ABOVE, dark=dark),
        config={"displayModeBar": False},
        key="concept-scores",
        alt="Standing of the whole library",
    )
    cells = st.grid("auto", min_column_width=CARD_PX, border=True, gap="xsmall", key="concept-grid")
    for member in concept_counter.members(concept_ranking, (page - 1) * PER_PAGE + 1, PER_PAGE):
        with cells.cell():
            _card(member, dark=dark)


def _card(member: Member, *, dark: bool) -> None:
    molecule, tag = member.molecule, member.tag
    st.image(draw(molecule.key, dark=dark), width="stretch", alt=f"Molecule {member.rank}")
    st.text(f"{member.rank}. {molecule.title}", wrap=False, width="stretch")
    rule = "" if tag.rule is None else f" · rule: {RULES[tag.rule]}"
    st.caption(f"**{tag.cosine:.2f}** · {standing(tag)}{rule}")


def members_csv(concept_counter: ConceptCounter, concept_ranking: ConceptRanking) -> str:
    """Write the molecules that stand above the background; cells that a spreadsheet would run are made text."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(["rank", "name", "smiles", "concept", "cosine", "above", "rule"])
    for member in concept_counter.members(concept_ranking, 1, min(concept_ranking.above, MOST_EXPORTED)):
        tag = member.tag
        writer.writerow(
            [
                member.rank,
                inert(member.molecule.name),
                inert(member.molecule.key),
                tag.concept.phrase,
                f"{tag.cosine:.6f}",
                f"{tag.score:.4f}",
                RULES[tag.rule],
            ]
        )
    return stream.getvalue()
