"""The facade end to end: a file becomes a library, a sentence becomes a ranking, and a bad call becomes a sentence."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molsearch import records
from molsearch.errors import Cancelled, InputError, LibraryError, ModelError
from molsearch.model.dual import DualEncoder
from molsearch.query.account import sentences
from molsearch.records import Pair, Phrase, PropertyRange, Query, Ranking
from molsearch.report.exports import exported
from molsearch.screener import EXAMPLES, EXAMPLES_FILE, Screener
from molsearch.settings import Settings

ASPIRIN, IBUPROFEN = "CC(=O)Oc1ccccc1C(=O)O", "CC(C)Cc1ccc(C(C)C(=O)O)cc1"
SULFANILAMIDE, ETHANOL = "Nc1ccc(S(N)(=O)=O)cc1", "CCO"
PASTED = f"""{ASPIRIN} aspirin
{IBUPROFEN} ibuprofen
{SULFANILAMIDE} sulfanilamide
{ETHANOL} ethanol
C1CC broken
OCC alcohol
[Na+].[Cl-] salt
"""
MOLECULES, RECORDS, REJECTIONS = 5, 7, 1  # ethanol stands twice, one record cannot be read
TEXT = "a sulfonamide with an aromatic amine, used as an antibacterial"


@pytest.fixture
def settings(tmp_path: Path, tiny_models: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings(home=tmp_path / "home", models=tiny_models, model="default", data=tmp_path / "data")


@pytest.fixture
def screener(settings: Settings) -> Screener:
    """A screener with one library, "drugs"."""
    screener = Screener(settings)
    screener.add(screener.read_text(PASTED), "drugs")
    return screener


def keys(ranking: Ranking) -> list[str]:
    return [hit.molecule.key for hit in ranking.hits]


def give_examples(settings: Settings, text: str) -> Path:
    """Write a shipped example file from SMILES."""
    path = settings.data / EXAMPLES_FILE
    with Chem.SDWriter(str(path)) as writer:
        for smiles in text.split():
            writer.write(Chem.MolFromSmiles(smiles))
    return path


# --- libraries ---------------------------------------------------------------------------------------------------


def test_every_record_is_in_a_molecule_or_a_rejection(screener: Screener) -> None:
    (info,) = screener.libraries()
    assert (info.name, info.molecules, info.records, info.rejections) == ("drugs", MOLECULES, RECORDS, REJECTIONS)
    sources = sum(len(molecule.sources) for molecule in screener.molecules("drugs"))
    assert sources + len(list(screener.rejections("drugs"))) == RECORDS


def test_a_library_grows_and_known_structures_gain_sources(screener: Screener) -> None:
    info = screener.add(screener.read_text(f"{ASPIRIN} again\nCCN ethylamine\n"), "drugs")
    assert (info.molecules, info.records) == (MOLECULES + 1, RECORDS + 2)
    aspirin = next(molecule for molecule in screener.molecules("drugs") if molecule.key == ASPIRIN)
    assert [source.name for source in aspirin.sources] == ["aspirin", "again"]


def test_a_search_after_an_addition_sees_it(screener: Screener) -> None:
    screener.search(Query(TEXT), "drugs")
    screener.add(screener.read_text("CCN ethylamine"), "drugs")
    assert "CCN" in keys(screener.search(Query(TEXT), "drugs"))


def test_a_library_made_anew_under_an_old_name_forgets_the_old_one(screener: Screener) -> None:
    query = Query(TEXT, smarts="[OH]")
    assert IBUPROFEN in keys(screener.search(query, "drugs"))
    screener.remove("drugs")
    screener.add(screener.read_text("CCN\nCCCN\nCCCCN\nCCCCO\nCCCCCN"), "drugs")
    assert keys(screener.search(query, "drugs")) == ["CCCCO"]


def test_stopping_the_first_addition_leaves_no_library(screener: Screener) -> None:
    def cancel(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        screener.add(screener.read_text("CCN"), "new", cancel)
    assert [info.name for info in screener.libraries()] == ["drugs"]


def test_stopping_a_later_addition_leaves_the_library_as_it_was(screener: Screener) -> None:
    def cancel(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        screener.add(screener.read_text("CCN"), "drugs", cancel)
    assert len(list(screener.molecules("drugs"))) == MOLECULES


def test_progress_ends_at_the_number_of_molecules(screener: Screener) -> None:
    reports: list[tuple[int, int]] = []
    screener.add(screener.read_text("CCN\nCCC"), "two", lambda done, total: reports.append((done, total)))
    assert reports[-1] == (2, 2)


def test_a_removed_library_is_gone(screener: Screener) -> None:
    screener.remove("drugs")
    assert screener.libraries() == []


def test_a_damaged_library_hides_no_other_and_says_what_to_do(screener: Screener, settings: Settings) -> None:
    screener.add(screener.read_text("CCN"), "broken")
    (settings.libraries / "broken" / "manifest.json").write_text("{}")
    assert [info.name for info in screener.libraries()] == ["drugs"]
    with pytest.raises(LibraryError, match="damaged"):
        screener.search(Query(TEXT), "broken")
    screener.remove("broken")


def test_names_that_lead_out_of_the_folder_stay_in_it(screener: Screener, settings: Settings) -> None:
    screener.add(screener.read_text("CCN"), "../../outside")
    assert "../../outside" in [info.name for info in screener.libraries()]
    assert all(path.is_relative_to(settings.libraries) for path in settings.home.rglob("*.json"))


# --- the shipped library -----------------------------------------------------------------------------------------


def test_the_shipped_library_is_embedded_on_first_use(settings: Settings) -> None:
    give_examples(settings, f"{ASPIRIN} {ETHANOL}")
    screener = Screener(settings)
    assert sorted(keys(screener.search(Query(TEXT), EXAMPLES))) == sorted([ASPIRIN, ETHANOL])
    assert [info.name for info in screener.libraries()] == [EXAMPLES]


def test_the_shipped_library_follows_its_file(settings: Settings) -> None:
    give_examples(settings, ASPIRIN)
    assert Screener(settings).libraries()[0].molecules == 1
    give_examples(settings, f"{ASPIRIN} {ETHANOL}")
    assert Screener(settings).libraries()[0].molecules == 2


def test_the_shipped_library_is_embedded_no_second_time(settings: Settings) -> None:
    give_examples(settings, ASPIRIN)
    Screener(settings).libraries()
    manifest = settings.libraries / EXAMPLES / "manifest.json"
    before = manifest.stat().st_mtime_ns
    Screener(settings).libraries()
    assert manifest.stat().st_mtime_ns == before


def test_the_shipped_library_follows_the_model(settings: Settings, other_model: Path) -> None:
    give_examples(settings, ASPIRIN)
    first = Screener(settings).libraries()[0]
    second = Screener(replace(settings, models=other_model)).libraries()[0]
    assert first.model_id != second.model_id


def test_the_shipped_library_cannot_be_removed(settings: Settings) -> None:
    give_examples(settings, ASPIRIN)
    with pytest.raises(InputError, match="ships with the program"):
        Screener(settings).remove(EXAMPLES)


# --- search ------------------------------------------------------------------------------------------------------


def test_the_ranking_is_that_of_cosine_plus_constant(screener: Screener, tiny_model: DualEncoder) -> None:
    ranking = screener.search(Query(TEXT), "drugs")
    library = [molecule.key for molecule in screener.molecules("drugs")]
    vectors = tiny_model.encode_molecules(library)
    cosines = vectors @ tiny_model.encode_texts([TEXT])[0]
    scores = cosines + tiny_model.constants(vectors)
    order = np.argsort(-scores, kind="stable")
    assert keys(ranking) == [library[row] for row in order]
    np.testing.assert_allclose(
        [hit.score for hit in ranking.hits], scores[order], atol=2e-3
    )  # vectors are kept as float16
    np.testing.assert_allclose([hit.cosine for hit in ranking.hits], cosines[order], atol=2e-3)


def test_ranks_percentiles_and_distribution_belong_together(screener: Screener) -> None:
    ranking = screener.search(Query(TEXT, k=3), "drugs")
    assert [hit.rank for hit in ranking.hits] == [1, 2, 3]
    assert ranking.searched == len(ranking.scores) == MOLECULES
    for hit in ranking.hits:
        assert hit.percentile == pytest.approx(100 * sum(score < hit.score for score in ranking.scores) / MOLECULES)


def test_a_named_molecule_gains_its_bonus(screener: Screener) -> None:
    text = "acetylsalicylic acid"
    with_names = {hit.molecule.key: hit.score for hit in screener.search(Query(text), "drugs").hits}
    without = {hit.molecule.key: hit.score for hit in screener.search(Query(text, exact_names=False), "drugs").hits}
    gains = {key: with_names[key] - without[key] for key in with_names}
    assert gains.pop(ASPIRIN) == pytest.approx(0.5, abs=1e-4)  # the text begins with the name
    assert all(gain == pytest.approx(0, abs=1e-6) for gain in gains.values())


def test_a_sentence_says_what_was_read(screener: Screener) -> None:
    account = " ".join(sentences(screener.search(Query("acetylsalicylic acid or another carboxylic acid"), "drugs")))
    assert f"“acetylsalicylic acid” as the structure {ASPIRIN}, which is in this library" in account
    assert "chemical classes: carboxylic acid" in account


def test_a_smarts_keeps_the_molecules_that_hold_it(screener: Screener) -> None:
    ranking = screener.search(Query(TEXT, smarts="C(=O)[OH]"), "drugs")
    assert set(keys(ranking)) == {ASPIRIN, IBUPROFEN}
    assert ranking.searched == 2
    assert any("Only 2 of the 5" in note for note in ranking.notes)


def test_a_property_range_keeps_the_molecules_within(screener: Screener) -> None:
    ranking = screener.search(Query(TEXT, ranges=(PropertyRange("mass_da", 170, 190),)), "drugs")
    assert set(keys(ranking)) == {ASPIRIN, SULFANILAMIDE}  # 180.2 and 172.2 Da


def test_filters_that_nothing_passes_say_so(screener: Screener) -> None:
    ranking = screener.search(Query(TEXT, smarts="[U]"), "drugs")
    assert ranking.hits == () and ranking.searched == 0
    assert any("None of the 5 molecules passes" in note for note in ranking.notes)


def test_a_reference_alone_ranks_itself_first(screener: Screener) -> None:
    ranking = screener.search(Query("", reference="OC(=O)c1ccccc1OC(C)=O"), "drugs")  # aspirin, written otherwise
    by_cosine = max(ranking.hits, key=lambda hit: hit.cosine)
    assert by_cosine.molecule.key == ASPIRIN
    assert by_cosine.cosine == pytest.approx(1, abs=2e-3)


def test_text_and_reference_meet_midway(screener: Screener, tiny_model: DualEncoder) -> None:
    ranking = screener.search(Query(TEXT, reference=ETHANOL), "drugs")
    middle = tiny_model.encode_texts([TEXT])[0] + tiny_model.encode_molecules([ETHANOL])[0]
    middle /= np.linalg.norm(middle)
    for hit in ranking.hits:
        expected = float(tiny_model.encode_molecules([hit.molecule.key])[0] @ middle)
        assert hit.cosine == pytest.approx(expected, abs=2e-3)


def test_a_negated_class_takes_its_members_out(screener: Screener) -> None:
    ranking = screener.search(Query("a drug without a carboxylic acid"), "drugs")
    assert set(keys(ranking)).isdisjoint({ASPIRIN, IBUPROFEN}) and ranking.searched == 3
    assert ranking.read.phrases[0].kept == "a drug"


def test_stored_classes_and_structures_say_the_same(screener: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    query = Query("a drug without a carboxylic acid")
    by_bits = screener.search(query, "drugs")
    monkeypatch.setattr(
        "molsearch.index.exact.engine.ExactIndex.flags", lambda self: None
    )  # as an older library has none
    assert screener.narrow(query, "drugs") == by_bits.narrowing
    monkeypatch.setattr(
        "molsearch.index.exact.engine.ExactIndex.flags", lambda self: np.zeros((MOLECULES, 1), np.uint8)
    )
    assert screener.narrow(query, "drugs") == by_bits.narrowing


def test_a_field_takes_out_what_the_text_would(screener: Screener) -> None:
    by_text = screener.search(Query("a drug without a carboxylic acid"), "drugs")
    by_field = screener.search(Query("a drug", without=("carboxylic acid",)), "drugs")
    assert by_text.hits == by_field.hits


def test_a_negation_that_is_allowed_takes_nothing_out(screener: Screener) -> None:
    text = "a drug without a carboxylic acid"
    ranking = screener.search(Query(text, allowed=("carboxylic acid",)), "drugs")
    assert ranking.searched == MOLECULES and ranking.read.exclusions == ()
    assert ranking.read.phrases[0].kept == text


def test_a_negation_that_cannot_be_read_is_a_warning(screener: Screener) -> None:
    ranking = screener.search(Query("a drug without a bad taste"), "drugs")
    assert ranking.searched == MOLECULES
    assert "“a bad taste” could not be read as a chemical class, so it excludes nothing." in ranking.notes


def test_tested_compounds_are_left_out_by_structure(screener: Screener) -> None:
    with screener.read_text("OC(=O)c1ccccc1OC(C)=O\nCCO\nOCC\nCCCCCC\nC1CC broken") as library:  # aspirin otherwise
        tested = screener.tested(library)
    ranking = screener.search(Query(TEXT), "drugs", tested)
    assert set(keys(ranking)).isdisjoint({ASPIRIN, ETHANOL}) and ranking.searched == 3
    assert "2 of your 4 tested compounds are in this library and left out; 1 could not be read." in " ".join(
        sentences(ranking)
    )


def test_each_filter_says_how_many_molecules_it_left(screener: Screener) -> None:
    query = Query("a drug without a sulfonamide", ranges=(PropertyRange("mass_da", 50),), smarts="c1ccccc1")
    tested = records.Tested("mine", (ASPIRIN,))
    steps = [(step.what, step.left) for step in screener.narrow(query, "drugs", tested).steps]
    assert steps == [
        ("mass from 50 Da", 4),  # ethanol is 46.1 Da
        ("substructure c1ccccc1", 3),
        ("without sulfonamide", 2),
        ("not in the tested list mine", 1),
    ]
    ranking = screener.search(query, "drugs", tested)
    assert keys(ranking) == [IBUPROFEN] and ranking.narrowing.left == ranking.searched == 1


def test_what_is_left_is_counted_without_a_text(screener: Screener) -> None:
    assert screener.narrow(Query(""), "drugs").left == MOLECULES


def test_a_filter_that_looks_at_every_molecule_can_be_stopped(screener: Screener) -> None:
    def cancel(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        screener.search(Query(TEXT, smarts="[Si]"), "drugs", progress=cancel)
    assert screener.search(Query(TEXT, smarts="[Si]"), "drugs").searched == 0


def test_a_search_changes_nothing(screener: Screener) -> None:
    first = screener.search(Query(TEXT), "drugs")
    screener.search(Query("something else", smarts="[OH]"), "drugs")
    assert screener.search(Query(TEXT), "drugs") == first


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (Query(""), "holds no word"),
        (Query("    "), "holds no word"),
        (Query("?!"), "holds no word"),
        (Query("a " * 25_000), "50,000 characters, expected at most 10,000"),
        (Query(TEXT, k=0), "got 0, expected 1 or more"),
        (Query(TEXT, ranges=(PropertyRange("colour", 1, 2),)), "no property 'colour'"),
        (Query(TEXT, ranges=(PropertyRange("mass_da", 9, 2),)), "got 9 to 2"),
        (Query(TEXT, ranges=(PropertyRange("mass_da", float("nan"), 2),)), "got nan to 2"),
        (Query(TEXT, smarts="C1CC"), "SMARTS cannot be read"),
        (Query(TEXT, reference="C1CC"), "SMILES cannot be used"),
        (Query("", reference="Xx"), "SMILES cannot be used"),
        (Query(TEXT, weight=0), "is 0, expected above 0 and at most 1"),
        (Query(TEXT, phrases=(Phrase("an ester", -1),)), "is -1, .* write “without …”"),
        (Query(TEXT, phrases=(Phrase("an ester", float("nan")),)), "is nan"),
        (Query(TEXT, phrases=(Phrase("  "),)), "holds no word"),
        (Query(TEXT, phrases=(Phrase("an ester"),) * 9), "9 more phrases, expected at most 8"),
        (Query("without a lactone or an ester"), r"only what to leave out \(lactone, ester\)"),
        (Query(TEXT, without=("a bad taste",)), "cannot be left out: got 'a bad taste'"),
        (Query(TEXT, without=("lactone",) * 21), "leaves out 21 things, expected at most 20"),
    ],
)
def test_a_query_that_cannot_be_answered_gets_a_sentence(screener: Screener, query: Query, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        screener.search(query, "drugs")


def test_an_unknown_library_names_the_known_ones(screener: Screener) -> None:
    with pytest.raises(LibraryError, match="no library 'dregs': the stored ones are 'drugs'"):
        screener.search(Query(TEXT), "dregs")


# --- models ------------------------------------------------------------------------------------------------------


@pytest.fixture
def other_model(tmp_path: Path, tiny_models: Path) -> Path:
    """A models folder whose default differs from the tiny model in its name bonus alone."""
    folder = tmp_path / "other"
    shutil.copytree(tiny_models, folder)
    config = folder / "default" / "model.toml"
    text = config.read_text()
    assert "name_bonus = 0.0" in text
    config.write_text(text.replace("name_bonus = 0.0", "name_bonus = 0.2"))
    return folder


def test_a_library_of_another_model_is_refused_with_a_way_on(
    screener: Screener, settings: Settings, other_model: Path
) -> None:
    other = Screener(replace(settings, models=other_model))
    for call in (lambda: other.search(Query(TEXT), "drugs"), lambda: other.add(other.read_text("CCN"), "drugs")):
        with pytest.raises(LibraryError, match=r"embedded by model .* add its file again"):
            call()


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _cut(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def _scramble(folder: Path) -> None:
    (folder / "model.toml").write_text("this is no TOML")


@pytest.mark.parametrize("harm", [_empty, _cut, _scramble])
def test_a_model_folder_that_cannot_be_read_is_a_sentence(
    settings: Settings, other_model: Path, harm: Callable[[Path], None]
) -> None:
    harm(other_model / "default")
    screener = Screener(replace(settings, models=other_model))
    with pytest.raises(ModelError, match=r"default"):
        screener.search(Query(TEXT), "drugs")
    (card,) = screener.models()
    assert card.model_id == "" and "default" in card.text


def test_the_card_in_use_is_among_the_models(screener: Screener) -> None:
    assert screener.card() in screener.models()


# --- the other questions -----------------------------------------------------------------------------------------


def test_captions_are_ranked_by_score_and_ties_stand_in_file_order(screener: Screener, tiny_model: DualEncoder) -> None:
    captions = ["an alcohol", "a sulfonamide", "an alcohol", "a salt of sodium"]
    matches = screener.describe(SULFANILAMIDE, captions, k=4)
    texts = tiny_model.encode_texts(captions)
    hubs = np.log(np.exp(40 * texts @ tiny_model.bank.numpy().T).mean(1)) / 40  # likeness to the whole query bank
    scores = texts @ tiny_model.encode_molecules([SULFANILAMIDE])[0] - 0.25 * hubs
    assert [match.text for match in matches] == [captions[row] for row in np.argsort(-scores, kind="stable")]
    assert [match.rank for match in matches] == [1, 2, 3, 4]


def test_describe_needs_captions_and_a_structure(screener: Screener) -> None:
    with pytest.raises(InputError, match="no caption"):
        screener.describe(ETHANOL, [])
    with pytest.raises(InputError, match="SMILES cannot be used"):
        screener.describe("C1CC", ["an alcohol"])


def test_an_explanation_has_a_weight_for_every_atom(screener: Screener) -> None:
    assert len(screener.explain(TEXT, ASPIRIN).atoms) == 13


def test_an_alignment_has_the_cosines_of_its_pairs(screener: Screener) -> None:
    pairs = [Pair("an alcohol", ETHANOL), Pair("a sulfonamide", SULFANILAMIDE), Pair("a drug", ASPIRIN)]
    report = screener.alignment_study.report(screener.alignment_study.encode(pairs))
    expected = [screener.explain(pair.text, pair.smiles).score for pair in pairs]
    np.testing.assert_allclose(report.cosines.t2m.diagonal(), expected, atol=1e-4)


def test_an_export_holds_every_source_record_with_rank_and_tags(screener: Screener) -> None:
    ranking = screener.search(Query(TEXT), "drugs")
    supplier = Chem.SDMolSupplier()
    supplier.SetData(exported(ranking, screener, ".sdf").decode())
    mols = list(supplier)
    assert len(mols) == RECORDS - REJECTIONS
    assert [int(mol.GetProp("rank")) for mol in mols] == sorted(int(mol.GetProp("rank")) for mol in mols)
    assert {mol.GetProp("_Name") for mol in mols} >= {"ethanol", "alcohol"}
    assert all(mol.GetProp("model_id") == ranking.model_id for mol in mols)
    table = exported(ranking, screener, ".csv").decode("utf-8-sig")
    assert table.startswith("rank,score,cosine,percentile,model_id,")


# --- many at once ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_threads_search_and_add_without_disturbing_one_another(screener: Screener) -> None:
    expected = screener.search(Query(TEXT), "drugs")

    def visit(number: int) -> Ranking:
        own = f"library {number}"
        screener.add(screener.read_text("\n".join("C" * (number + n + 1) + "O" for n in range(3))), own)
        assert screener.search(Query(TEXT), own).searched == 3
        return screener.search(Query(TEXT), "drugs")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(visit, range(8))) == [expected] * 8
    assert len(screener.libraries()) == 9


def test_threads_that_all_come_first_embed_the_shipped_library_once(settings: Settings) -> None:
    give_examples(settings, f"{ASPIRIN} {ETHANOL}")
    screener = Screener(settings)
    with ThreadPoolExecutor(4) as pool:
        rankings = list(pool.map(lambda _: screener.search(Query(TEXT), EXAMPLES), range(4)))
    assert all(ranking == rankings[0] for ranking in rankings)
