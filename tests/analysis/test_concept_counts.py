"""Concepts over libraries: counts, ranks and rules, made once for the same contents, private names kept private."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molsearch.analysis.concept_counts import Answers, ConceptCache, ConceptCounter, ConceptCounts, ConceptRanking
from molsearch.analysis.concepts import ABOVE, shipped_concepts
from molsearch.errors import Cancelled, InputError, LibraryError
from molsearch.screener import Screener
from molsearch.settings import PROJECT, Settings
from molsearch.workspace.session import SessionScreener

PASTED = "Nc1ccc(S(N)(=O)=O)cc1 sulfanilamide\nCC(=O)O acetic acid\nCCO ethanol\nc1ccccc1 benzene\nCC(=O)OC ester\n"


@pytest.fixture(scope="module")
def screener(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Screener:
    """A Screener with the library "mine", its background the first twenty of the shipped examples."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "data").mkdir()
    lines = (PROJECT / "data" / "examples.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "data" / "examples.csv").write_text("".join(lines[:21]), encoding="utf-8")
    screener = Screener(Settings(home=folder, models=tiny_models, data=folder / "data"))
    screener.add(screener.read_text(PASTED), "mine")
    return screener


@pytest.fixture
def concept_counter(screener: Screener) -> ConceptCounter:
    return screener.concept_counter


def test_the_background_is_the_shipped_examples_that_do_not_belong(
    screener: Screener, concept_counter: ConceptCounter
) -> None:
    typical = screener.alignment_study.example_smiles()
    cosines = screener.model.encode_molecules(typical) @ concept_counter.space().vectors.T
    acid, drug = (concept_counter.space().place(phrase) for phrase in ("a carboxylic acid", "an analgesic"))
    group = Chem.MolFromSmarts("[#6]C(=O)[OH]")
    acids = [Chem.MolFromSmiles(key).HasSubstructMatch(group) for key in typical]
    assert len(typical) == 20 and 2 < sum(acids) < 18
    assert concept_counter.space().mean[acid] == pytest.approx(cosines[~np.array(acids), acid].mean(), abs=1e-5)
    assert concept_counter.space().mean[drug] == pytest.approx(
        cosines[:, drug].mean(), abs=1e-5
    )  # no rule: all of them


def test_the_list_is_embedded_once_for_all(screener: Screener) -> None:
    assert (
        screener.concept_counter.space()
        is screener.concept_counter.space()
        is SessionScreener(screener).concept_counter.space()
    )


def test_counts_agree_with_the_tags_of_each_molecule(screener: Screener, concept_counter: ConceptCounter) -> None:
    counts = concept_counter.counts("mine")
    tags = [{tag.concept: tag for tag in concept_counter.tags(m.key)} for m in screener.molecules("mine")]
    assert counts.molecules == len(tags) == 5 and counts.ruled is not None
    for place, concept in enumerate(shipped_concepts()):
        # Vectors are stored in half precision: a match within a thousandth of the bound may fall on either side.
        sure = [tag[concept].score for tag in tags if abs(tag[concept].score - ABOVE) > 0.05]
        if len(sure) == len(tags):
            assert counts.above[place] == sum(score > ABOVE for score in sure)
        assert counts.ruled[place] == sum(bool(tag[concept].rule) for tag in tags)


def test_counts_are_kept_by_content_not_by_name(screener: Screener, concept_counter: ConceptCounter) -> None:
    first = concept_counter.counts("mine")
    assert concept_counter.counts("mine").above is first.above
    other = SessionScreener(screener)
    other.add(other.read_text(PASTED), "secret")
    other_counts = other.concept_counter.counts("secret")
    assert other_counts.library == "secret" and concept_counter.counts("mine").library == "mine"
    other.add(other.read_text("CCCl"), "secret")
    assert other.concept_counter.counted("secret") is None and other.concept_counter.counts("secret").molecules == 6
    other.close()


def test_a_library_not_counted_yet_says_so_without_counting(
    screener: Screener, concept_counter: ConceptCounter
) -> None:
    session = SessionScreener(screener)
    session.add(session.read_text("CCBr"), "new")
    assert session.concept_counter.counted("new") is None
    assert session.concept_counter.counts("new") is not None and session.concept_counter.counted("new") is not None
    session.close()


def test_a_census_ranks_the_whole_library_by_cosine(screener: Screener, concept_counter: ConceptCounter) -> None:
    concept_ranking = concept_counter.concept_ranking("mine", "a sulfonamide")
    members = concept_counter.members(concept_ranking, 1, 10)
    assert [member.rank for member in members] == [1, 2, 3, 4, 5]
    cosines = [member.tag.cosine for member in members]
    assert cosines == sorted(cosines, reverse=True)
    sentence = screener.model.encode_texts(["The molecule is a sulfonamide."])[0]
    slow = screener.model.encode_molecules([member.molecule.key for member in members]) @ sentence
    assert cosines == pytest.approx(slow.tolist(), abs=2e-3)
    assert concept_ranking.above == int((concept_ranking.scores >= ABOVE).sum())
    assert [m.molecule.name for m in members if m.tag.rule] == ["sulfanilamide"]


def test_members_can_be_read_page_by_page(concept_counter: ConceptCounter) -> None:
    concept_ranking = concept_counter.concept_ranking("mine", "an ester")
    pages = [
        *concept_counter.members(concept_ranking, 1, 2),
        *concept_counter.members(concept_ranking, 3, 2),
        *concept_counter.members(concept_ranking, 5, 2),
    ]
    assert [member.molecule.key for member in pages] == [
        m.molecule.key for m in concept_counter.members(concept_ranking, 1, 5)
    ]


def test_a_concept_without_a_rule_leaves_it_open(concept_counter: ConceptCounter) -> None:
    concept_ranking = concept_counter.concept_ranking("mine", "an antibacterial agent")
    assert concept_ranking.ruled is None and concept_counter.members(concept_ranking, 1, 1)[0].tag.rule is None


def test_counting_can_be_stopped_and_done_later(screener: Screener) -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    session = SessionScreener(screener)
    session.add(session.read_text("CCI"), "other")
    with pytest.raises(Cancelled):
        session.concept_counter.counts("other", stop)
    assert session.concept_counter.counts("other").molecules == 1
    session.close()


def test_what_is_not_there_is_refused(concept_counter: ConceptCounter) -> None:
    with pytest.raises(LibraryError, match="no library 'nowhere'"):
        concept_counter.counts("nowhere")
    with pytest.raises(InputError, match="no 'a moon'"):
        concept_counter.concept_ranking("mine", "a moon")
    with pytest.raises(InputError, match="cannot be read"):
        concept_counter.tags("not a smiles")


def test_many_threads_make_a_missing_answer_once() -> None:
    answers: Answers[int] = Answers(2)
    together = threading.Barrier(8)
    makes: list[str] = []

    def make() -> int:
        makes.append("a")
        return len(makes)

    def ask() -> int:
        together.wait(30)
        return answers.made("a", make)

    with ThreadPoolExecutor(8) as threads:
        numbers = [thread.result() for thread in [threads.submit(ask) for _ in range(8)]]
    assert (numbers, makes) == ([1] * 8, ["a"])


def test_an_answer_whose_making_failed_is_made_at_the_next_asking() -> None:
    answers: Answers[int] = Answers(2)
    with pytest.raises(ZeroDivisionError):
        answers.made("a", lambda: 1 // 0)
    assert answers.made("a", lambda: 1) == 1 == answers.get("a")


def test_the_answer_asked_for_longest_ago_is_let_go() -> None:
    answers: Answers[int] = Answers(2)
    for key, answer in (("a", 1), ("b", 2)):
        answers.made(key, lambda answer=answer: answer)  # type: ignore[misc]
    assert answers.get("a") == 1
    answers.made("c", lambda: 3)
    assert (answers.get("a"), answers.get("b"), answers.get("c")) == (1, None, 3)


def test_while_one_kind_of_answer_is_made_another_can_be() -> None:
    cache = ConceptCache()
    making, enough = threading.Event(), threading.Event()

    def make() -> ConceptCounts:
        making.set()
        assert enough.wait(30)
        return counts

    counts = ConceptCounts("a", 1, np.zeros(1, np.int64), None)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(cache.counts.made, "a", make)
        assert making.wait(30)
        ranking = ConceptRanking(shipped_concepts()[0], "a", *(np.zeros(1) for _ in range(3)), 0, None)
        assert cache.rankings.made("a", lambda: ranking) is ranking
        enough.set()
        assert slow.result(30) is counts
