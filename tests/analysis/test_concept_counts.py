"""Concepts over libraries: counts, ranks and rules, made once for the same contents, private names kept private."""

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molsearch.analysis.concept_counts import Catalogue
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
def catalogue(screener: Screener) -> Catalogue:
    return screener.catalogue


def test_the_background_is_the_shipped_examples_that_do_not_belong(screener: Screener, catalogue: Catalogue) -> None:
    typical = screener.inspector.example_smiles()
    cosines = screener.model.encode_molecules(typical) @ catalogue.space().vectors.T
    acid, drug = (catalogue.space().place(phrase) for phrase in ("a carboxylic acid", "an analgesic"))
    group = Chem.MolFromSmarts("[#6]C(=O)[OH]")
    acids = [Chem.MolFromSmiles(one).HasSubstructMatch(group) for one in typical]
    assert len(typical) == 20 and 2 < sum(acids) < 18
    assert catalogue.space().mean[acid] == pytest.approx(cosines[~np.array(acids), acid].mean(), abs=1e-5)
    assert catalogue.space().mean[drug] == pytest.approx(cosines[:, drug].mean(), abs=1e-5)  # no rule: all of them


def test_the_list_is_embedded_once_for_all(screener: Screener) -> None:
    assert screener.catalogue.space() is screener.catalogue.space() is SessionScreener(screener).catalogue.space()


def test_counts_agree_with_the_tags_of_each_molecule(screener: Screener, catalogue: Catalogue) -> None:
    counts = catalogue.counts("mine")
    tags = [{tag.concept: tag for tag in catalogue.tags(m.key)} for m in screener.molecules("mine")]
    assert counts.molecules == len(tags) == 5 and counts.ruled is not None
    for place, concept in enumerate(shipped_concepts()):
        # Vectors are stored in half precision: a match within a thousandth of the bound may fall on either side.
        sure = [tag[concept].score for tag in tags if abs(tag[concept].score - ABOVE) > 0.05]
        if len(sure) == len(tags):
            assert counts.above[place] == sum(score > ABOVE for score in sure)
        assert counts.ruled[place] == sum(bool(tag[concept].rule) for tag in tags)


def test_counts_are_kept_by_content_not_by_name(screener: Screener, catalogue: Catalogue) -> None:
    first = catalogue.counts("mine")
    assert catalogue.counts("mine").above is first.above
    other = SessionScreener(screener)
    other.add(other.read_text(PASTED), "secret")
    theirs = other.catalogue.counts("secret")
    assert theirs.library == "secret" and catalogue.counts("mine").library == "mine"
    other.add(other.read_text("CCCl"), "secret")
    assert other.catalogue.counted("secret") is None and other.catalogue.counts("secret").molecules == 6
    other.close()


def test_a_library_not_counted_yet_says_so_without_counting(screener: Screener, catalogue: Catalogue) -> None:
    session = SessionScreener(screener)
    session.add(session.read_text("CCBr"), "new")
    assert session.catalogue.counted("new") is None
    assert session.catalogue.counts("new") is not None and session.catalogue.counted("new") is not None
    session.close()


def test_a_census_ranks_the_whole_library_by_cosine(screener: Screener, catalogue: Catalogue) -> None:
    census = catalogue.census("mine", "a sulfonamide")
    members = catalogue.members(census, 1, 10)
    assert [member.rank for member in members] == [1, 2, 3, 4, 5]
    cosines = [member.tag.cosine for member in members]
    assert cosines == sorted(cosines, reverse=True)
    sentence = screener.model.encode_texts(["The molecule is a sulfonamide."])[0]
    slow = screener.model.encode_molecules([member.molecule.key for member in members]) @ sentence
    assert cosines == pytest.approx(slow.tolist(), abs=2e-3)
    assert census.above == int((census.scores >= ABOVE).sum())
    assert [m.molecule.name for m in members if m.tag.rule] == ["sulfanilamide"]


def test_members_can_be_read_page_by_page(catalogue: Catalogue) -> None:
    census = catalogue.census("mine", "an ester")
    pages = [*catalogue.members(census, 1, 2), *catalogue.members(census, 3, 2), *catalogue.members(census, 5, 2)]
    assert [member.molecule.key for member in pages] == [m.molecule.key for m in catalogue.members(census, 1, 5)]


def test_a_concept_without_a_rule_leaves_it_open(catalogue: Catalogue) -> None:
    census = catalogue.census("mine", "an antibacterial agent")
    assert census.ruled is None and catalogue.members(census, 1, 1)[0].tag.rule is None


def test_counting_can_be_stopped_and_done_later(screener: Screener) -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    session = SessionScreener(screener)
    session.add(session.read_text("CCI"), "other")
    with pytest.raises(Cancelled):
        session.catalogue.counts("other", stop)
    assert session.catalogue.counts("other").molecules == 1
    session.close()


def test_what_is_not_there_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(LibraryError, match="no library 'nowhere'"):
        catalogue.counts("nowhere")
    with pytest.raises(InputError, match="no 'a moon'"):
        catalogue.census("mine", "a moon")
    with pytest.raises(InputError, match="cannot be read"):
        catalogue.tags("not a smiles")
