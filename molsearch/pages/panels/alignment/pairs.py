"""Which pairs are inspected: the shipped examples or the user's table, read, encoded and compared beside the page."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import streamlit as st

from molsearch.analysis.study import AlignmentStudy, PairVectors
from molsearch.chem.io.pairs import MOST_PAIRS, PairFile
from molsearch.pages.panels.awaited import awaited
from molsearch.pages.panels.sentences import plain
from molsearch.records import Pair, Progress

if TYPE_CHECKING:
    from molsearch.analysis.pair_ranks import PairRanks

STATE = st.session_state
WAIT_S = 0.2
EXAMPLES, OWN = "Examples", "Own file"


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A table of pairs, encoded and compared; it belongs to this session alone."""

    name: str
    file: PairFile
    vectors: PairVectors
    pair_ranks: "PairRanks"

    @property
    def pairs(self) -> Sequence[Pair]:
        """The pairs in file order."""
        return self.file.pairs


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user wants inspected: a table, its two columns, and what tells it from another choice."""

    file: Path | bytes
    name: str
    text: str
    structure: str
    key: tuple[str, ...]

    def opened(self) -> Path | BinaryIO:
        """The table, from its start."""
        return BytesIO(self.file) if isinstance(self.file, bytes) else self.file


def the_study(alignment_study: AlignmentStudy, model_id: str, views: Sequence[str]) -> tuple[Study | None, str]:
    """Let the user choose pairs and a view of them.

    Returns:
        The pairs once they are ready, else None after showing how far they are or what is missing; and the view.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = st.segmented_control("Pairs", [EXAMPLES, OWN], default=EXAMPLES, required=True, key="pairs-from")
        view = st.segmented_control(
            "View", views, default=views[0], required=True, key="alignment-view", persist_state="session"
        )
        note = st.container(width="stretch")
    choice = _own(alignment_study, model_id) if kind == OWN else _examples(alignment_study, model_id)
    study = _ready(choice, alignment_study) if choice else None
    if study is not None:
        note.caption(_account(study))
        if study.file.left_out:
            st.warning(plain(f"Left out: {'; '.join(study.file.left_out)}.{_instance(study.file)}"))
    return study, str(view)


def _account(study: Study) -> str:
    every = (
        f"{len(study.pairs):,} of {study.file.rows:,} pairs" if study.file.left_out else f"{len(study.pairs):,} pairs"
    )
    return plain(f"{every} of {study.name}. Ranks are among them: rank 1 means found first.")


def _instance(file: PairFile) -> str:
    """Name one structure that could not be used."""
    if not file.unreadable:
        return ""
    first = file.unreadable[0]
    return f" Row {first.entry.row} holds {first.entry.text[:60]!r}: {first.detail}"


def _examples(alignment_study: AlignmentStudy, model_id: str) -> Choice:
    columns = alignment_study.columns(alignment_study.examples, alignment_study.examples.name)
    return Choice(
        alignment_study.examples, "the shipped examples", columns.text, columns.structure, ("examples", model_id)
    )


def _own(alignment_study: AlignmentStudy, model_id: str) -> Choice | None:
    """Take a table and the names of its columns."""
    upload, text, structure = st.columns([4, 2, 2], gap="medium", vertical_alignment="bottom")
    given = upload.file_uploader(
        f"CSV or TSV with a header and at most {MOST_PAIRS:,} pairs; of more, as many are drawn", key="pairs-file"
    )
    if given is None:
        st.info(
            "Choose a table of texts and molecules that belong together: one column of descriptions, one of SMILES. "
            "It stays in this session."
        )
        return None
    content = given.getvalue()
    columns = alignment_study.columns(BytesIO(content), given.name)
    chosen = [
        place.selectbox(
            label,
            columns.names,
            index=columns.names.index(guess) if guess else None,
            placeholder="Choose a column",
            key=f"pairs-{role}-{given.file_id}",
        )
        for place, label, role, guess in (
            (text, "Texts are in", "text", columns.text),
            (structure, "Structures are in", "structure", columns.structure),
        )
    ]
    if not all(chosen):
        st.info("Choose the column of the texts and the column of the structures.")
        return None
    return Choice(content, given.name, str(chosen[0]), str(chosen[1]), (given.file_id, *map(str, chosen), model_id))


class _Shipped:
    """The study of the shipped examples, made once for all sessions: nothing of it is anyone's own."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, ...], Study] = {}
        self._making = threading.Lock()

    def study(self, choice: Choice, alignment_study: AlignmentStudy, progress: Progress) -> Study:
        """Make it, or wait until another session has; ``progress`` may stop the waiting too."""
        while not self._making.acquire(timeout=WAIT_S):
            progress(0, 100)
        try:
            if choice.key not in self.made:
                self.made[choice.key] = _study(choice, alignment_study, progress)
        finally:
            self._making.release()
        return self.made[choice.key]


@st.cache_resource
def _shipped() -> _Shipped:
    return _Shipped()


def _ready(choice: Choice, alignment_study: AlignmentStudy) -> Study | None:
    """Return the study of a choice, starting its job where there is none yet."""
    shipped = _shipped()
    if choice.key in shipped.made:
        return shipped.made[choice.key]
    if STATE.get("pairs-key") != choice.key:
        STATE["next-pair"] = 0
    make = shipped.study if isinstance(choice.file, Path) else _study
    return awaited("pairs", choice.key, "Reading and encoding the pairs", partial(make, choice, alignment_study))


def _study(choice: Choice, alignment_study: AlignmentStudy, progress: Progress) -> Study:
    """Read, encode and compare; each stage has its share of the bar, as long as it takes."""
    file = alignment_study.read(choice.opened(), choice.name, choice.text, choice.structure, _stage(progress, 0, 10))
    vectors = alignment_study.encode(file.pairs, _stage(progress, 10, 95))
    return Study(choice.name, file, vectors, alignment_study.pair_ranks(file.pairs, vectors, _stage(progress, 95, 100)))


def _stage(progress: Progress, low: int, high: int) -> Progress:
    """Report a stage's own progress as a stretch of the whole, in percent."""

    def report(done: int, total: int) -> None:
        progress(low + round((high - low) * done / total) if total else low, 100)

    return report


def sample_of(study: Study, size: int, chosen: int) -> list[int]:
    """Draw places of the study at random, the same each time, with the chosen pair among them; ascending."""
    places = random.Random(0).sample(range(len(study.pairs)), min(size, len(study.pairs)))
    if chosen not in places:
        places[-1] = chosen
    return sorted(places)


def pick(places: Sequence[int], origin: str) -> None:
    """Choose a pair once per new selection, so that an old selection does not win over a newer one elsewhere."""
    if list(places) == STATE.get(f"picked-{origin}", []):
        return
    STATE[f"picked-{origin}"] = list(places)
    if places:
        STATE["next-pair"] = int(places[0])  # the choice widget is drawn already; the next run takes it over
        st.rerun()


def chosen_pair(study: Study) -> int:
    """Return the place in the file of the chosen pair; it outlives the widget, which only some views draw."""
    STATE["chosen-pair"] = STATE.pop("next-pair", STATE.get("pair", STATE.get("chosen-pair", 0)))
    return min(int(STATE["chosen-pair"]), len(study.pairs) - 1)


def pair_choice(study: Study) -> int:
    """Let the user choose a pair of the study; return its place in the file."""
    STATE["pair"] = chosen_pair(study)
    st.selectbox(
        "Pair",
        range(len(study.pairs)),
        key="pair",
        format_func=lambda place: f"{study.pairs[place].cid}. {study.pairs[place].text[:110]}",
        width="stretch",
    )
    return int(STATE["pair"])
