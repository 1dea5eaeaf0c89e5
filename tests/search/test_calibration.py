"""Match evidence, hubs, queries out of scope, the file that holds their rules, and the fit."""

import csv
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molsearch.errors import ModelError
from molsearch.evaluation.calibration.evidence import reliability
from molsearch.model.dual import DualEncoder
from molsearch.model.folder import folder_id
from molsearch.records import Query
from molsearch.screener import EXAMPLES, Screener
from molsearch.search import calibration as calibrations
from molsearch.search.calibration import (
    NEGATIVES,
    Account,
    Calibration,
    Considered,
    EvidenceRule,
    Histogram,
    HubFigures,
    HubRule,
    MatchCalibration,
    Reliability,
    Rules,
    ScopeFigure,
    background_captions,
    background_molecules,
    read_calibration,
    sigmoid,
    space_id,
    standardise,
    write_calibration,
)
from molsearch.search.judging import MatchJudge
from molsearch.search.scope import ScopeRule, WordCoverage, nearness, read_words
from molsearch.settings import Settings
from molsearch.workspace.workbench import Workbench

SCOPE = ScopeRule(intercept=0.0, nearness=-1.0, unread=2.0, chemistry=-1.0, threshold=0.5)
TEN = (0,) * 10
SHIPPED = Settings()
shipped = pytest.mark.skipif(
    not (SHIPPED.models / "default" / calibrations.FILE).is_file(), reason="the shipped model has no calibration"
)


def rules(space: str = "m", hub: float = 0.5) -> Rules:
    return Rules(space, EvidenceRule(-2.0, 1.0, 3.0), HubRule(hub, 0.99), SCOPE)


def calibration(space: str = "m", hub: float = 0.5) -> Calibration:
    return Calibration(
        rules=rules(space, hub),
        account=Account("m", "val.tsv", "text", 30, 31, "pool.tsv", 100, 0),
        reliability=(Reliability("pairs", 0.05, 0.04, (9, *TEN[1:]), (1, *TEN[1:]), (0.1, *(0.0,) * 9)),),
        histogram=Histogram(-4.0, 8.0, (1, 2), (2, 1), (0, 3)),
        considered=(Considered("z alone", 0.06, 0.05),),
        hubs=HubFigures(1, 0.13, 0.11, 2.5, 2.6, 9),
        scope=(ScopeFigure("captions", False, 30, 1),),
    )


@pytest.fixture
def model(tiny_models: Path) -> DualEncoder:
    """The tiny model with a bank of 40 captions, a fresh copy."""
    loaded = DualEncoder.load(tiny_models / "default")
    rng = np.random.default_rng(0)
    bank = rng.normal(size=(40, loaded.width)).astype(np.float32)
    loaded.bank = loaded.bank.new_tensor(bank / np.linalg.norm(bank, axis=1, keepdims=True))
    return loaded


# --- arithmetic ----------------------------------------------------------------------------------------------------


def test_z_is_the_distance_to_the_background_in_its_standard_deviations() -> None:
    background = np.array([[0.0, 0.2, 0.4], [0.1, 0.1, 0.7]])  # means 0.2 and 0.3, variances 0.08/3 and 0.24/3
    z = standardise(np.array([[0.5, 0.3]]), background)
    np.testing.assert_allclose(z, [[0.3 / math.sqrt(0.08 / 3), 0.0]])


def test_evidence_by_hand() -> None:
    # logit = -2 + 1 * 0.5 + 3 * 0.5 * 1 = 0, and with z = 2: 1.5
    np.testing.assert_allclose(
        rules().evidence.of(np.array([0.5, 0.5]), np.array([1.0, 2.0])), [0.5, 1 / (1 + math.exp(-1.5))]
    )


def test_log_odds_of_any_size_become_shares() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])


@pytest.mark.parametrize("near", [-0.2, 0.0, 0.4, 1.0])
def test_evidence_never_falls_when_the_cosine_rises(near: float) -> None:
    background = np.array([[-0.1, 0.0, 0.3]])
    cosines = np.linspace(-1, 1, 201)[:, None]  # (Q, 1)
    evidence = rules().evidence.of(np.array(near), standardise(cosines, background))
    assert (np.diff(evidence[:, 0]) >= 0).all()
    if near > 0:
        assert evidence[-1, 0] > evidence[0, 0]


def test_nearness_is_the_mean_of_the_ten_nearest_captions() -> None:
    bank = np.zeros((12, 2))
    bank[:, 0] = np.arange(12)  # the nearest ten are 2 ... 11, their mean 6.5
    np.testing.assert_allclose(nearness(np.array([[1.0, 0.0]]), bank), [6.5])


def test_the_background_is_the_same_every_time_and_as_large_as_there_is() -> None:
    bank = np.arange(1000.0)[:, None]
    chosen = background_captions(bank)
    assert len(chosen) == 512 and chosen[0] == 0 and chosen[-1] == 999
    np.testing.assert_array_equal(chosen, background_captions(bank))
    with pytest.raises(ModelError, match="query bank holds 3 captions"):
        background_captions(bank[:3])


def test_background_molecules_do_not_depend_on_the_order_of_the_lexicon() -> None:
    names = {f"alkane {n}": "C" * n for n in range(1, 400)}
    backwards = dict(reversed(names.items()))
    assert background_molecules(names) == background_molecules(backwards)
    assert len(set(background_molecules(names))) == 256
    assert background_molecules({"methane": "C"}) == []


# --- hubs and pairs, judged by a model -----------------------------------------------------------------------------


def test_a_molecule_that_lies_near_every_caption_is_flagged(model: DualEncoder) -> None:
    hub = model.encode_molecules(["CC(=O)Oc1ccccc1C(=O)O"])[0]
    noise = np.random.default_rng(1).normal(size=(40, model.width)).astype(np.float32)
    captions = hub + 0.1 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    model.bank = model.bank.new_tensor(captions / np.linalg.norm(captions, axis=1, keepdims=True))
    across = np.zeros_like(hub)
    across[:2] = -hub[1], hub[0]  # at a right angle
    judged = MatchCalibration(model, rules(space_id(model), hub=0.9)).judge(["an ester"], np.stack([hub, across]))
    assert [each.hub for each in judged] == [True, False]
    assert judged[0].hubness > 0.98 > 0.3 > abs(judged[1].hubness)


def test_what_is_judged_is_what_was_asked(model: DualEncoder) -> None:
    molecules = model.encode_molecules(["CCO", "c1ccccc1"])
    calibration = MatchCalibration(model, rules(space_id(model)))
    judged = calibration.judge(["an alcohol"], molecules)
    text = model.encode_texts(["an alcohol"])[0]
    background = molecules @ model.bank.numpy().T
    for probability, molecule, row in zip(judged, molecules, background, strict=True):
        assert probability.cosine == pytest.approx(float(text @ molecule), abs=1e-6)
        assert probability.caption_percentile == pytest.approx(100 * (row < probability.cosine).mean())
        assert probability.molecule_percentile is None  # the tiny model has no lexicon
        assert 0 <= probability.evidence <= 1


def test_of_several_phrases_the_weakest_counts(model: DualEncoder) -> None:
    molecules = model.encode_molecules(["CCO"])
    calibration = MatchCalibration(model, rules(space_id(model)))
    texts = ["an alcohol", "a steroid with two rings"]
    single = [calibration.judge([text], molecules)[0] for text in texts]
    both = calibration.judge(texts, molecules)[0]
    weakest = min(single, key=lambda probability: probability.evidence)
    assert both.text == weakest.text
    assert both.evidence == pytest.approx(weakest.evidence, abs=1e-5)


def test_the_rules_of_another_model_are_refused(model: DualEncoder) -> None:
    with pytest.raises(ModelError, match="fitted to vectors m, but those"):
        MatchCalibration(model, rules("m"))


def test_rules_outlive_other_weights_of_a_score_but_not_another_bank(model: DualEncoder, tmp_path: Path) -> None:
    model.save(tmp_path)
    stored = DualEncoder.load(tmp_path)  # at the precision of the file
    before = stored.model_id, space_id(stored)
    stored.config = replace(stored.config, bank_weight=0.123)
    stored.save(tmp_path)
    again = DualEncoder.load(tmp_path)
    assert again.model_id != before[0] and space_id(again) == before[1]
    again.bank = -again.bank
    assert space_id(again) != before[1]


# --- scope ---------------------------------------------------------------------------------------------------------


def test_words_inside_a_class_name_are_read_and_unknown_ones_are_listed() -> None:
    known = {"recipe", "for", "with"}
    read = read_words(["a recipe for lasagne with a sulfonamide"], known, {})[0]
    assert read.unread == ("lasagne",)
    assert read.chemistry


def test_a_model_without_a_tokenizer_calls_no_word_unknown() -> None:
    assert read_words(["wibble wobble"], frozenset(), {})[0].unread == ()


def test_a_role_that_the_model_has_learned_is_chemistry() -> None:
    text, known = "a small painkiller", frozenset({"small"})
    assert read_words([text], known, {})[0].unread == ("painkiller",)
    read = read_words([text], known, {}, ["analgesic"])[0]
    assert read.chemistry and read.unread == ()


def test_a_text_without_words_is_all_unread() -> None:
    assert WordCoverage("12 34", 0, (), False).unread_share == 1.0


def test_scope_by_hand() -> None:
    # -1 * 0.5 + 2 * 0.5 - 0 = 0.5 is not above the threshold; with all words unread it is; with chemistry it is not.
    near, unread, chemistry = np.full(3, 0.5), np.array([0.5, 1.0, 1.0]), np.array([0.0, 0.0, 1.0])
    assert SCOPE.outside(near, unread, chemistry).tolist() == [False, True, False]


# --- the file ------------------------------------------------------------------------------------------------------


def test_a_calibration_survives_its_file(tmp_path: Path) -> None:
    write_calibration(calibration(), tmp_path)
    assert read_calibration(tmp_path) == calibration()


def test_a_folder_without_the_file_has_no_calibration(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None


BROKEN: dict[str, Callable[[str], str]] = {
    "not a number": lambda text: text.replace("match = 3.0", "match = nan"),
    "infinite": lambda text: text.replace("intercept = -2.0", "intercept = inf"),
    "falls with the cosine": lambda text: text.replace("match = 3.0", "match = -3.0"),
    "a text for a number": lambda text: text.replace("match = 3.0", 'match = "3"'),
    "an unknown field": lambda text: text.replace("match = 3.0", "match = 3.0\nrun = 'rm'"),
    "a missing field": lambda text: text.replace("match = 3.0", ""),
    "no cosine": lambda text: text.replace("threshold = 0.5\nshare", "threshold = 7.5\nshare"),
    "more right pairs than pairs": lambda text: text.replace("    9,\n", "    0,\n", 1),
    "more warnings than texts": lambda text: text.replace("asked = 30", "asked = 0"),
    "no TOML": lambda text: text + "\n[[[",
    "too large": lambda text: text + "#" * calibrations.MAX_BYTES,
    "too deep": lambda text: text + "x = " + "[" * 5000,
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_damaged_file_is_refused_in_one_sentence(tmp_path: Path, fault: str) -> None:
    path = write_calibration(calibration(), tmp_path)
    text = path.read_text(encoding="utf-8")
    assert BROKEN[fault](text) != text
    path.write_text(BROKEN[fault](text), encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read") as error:
        read_calibration(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("count", [9, 11])
def test_a_curve_of_another_number_of_bins_is_refused(tmp_path: Path, count: int) -> None:
    wrong = replace(calibration().reliability[0], pairs=(1,) * count, right=(1,) * count, evidence=(0.5,) * count)
    write_calibration(replace(calibration(), reliability=(wrong,)), tmp_path)
    with pytest.raises(ModelError, match="number of bins"):
        read_calibration(tmp_path)


def test_long_lists_are_refused(tmp_path: Path) -> None:
    write_calibration(replace(calibration(), scope=calibration().scope * 41), tmp_path)
    with pytest.raises(ModelError, match="more than 40 rows"):
        read_calibration(tmp_path)


def test_the_calibration_is_no_part_of_the_models_id_and_saving_keeps_it(
    tmp_path: Path, tiny_model: DualEncoder, tiny_models: Path
) -> None:
    copy = DualEncoder.load(tiny_models / "default")
    copy.save(tmp_path)
    before = folder_id(tmp_path)
    path = write_calibration(calibration("s"), tmp_path)
    assert folder_id(tmp_path) == before == tiny_model.model_id
    copy.save(tmp_path)
    assert path.is_file()


def test_a_model_without_calibration_says_so_and_judges_nothing(tiny_model: DualEncoder) -> None:
    assert not MatchJudge(lambda: tiny_model).calibrated()


def test_a_calibration_of_another_model_is_told_not_used(tmp_path: Path, tiny_models: Path) -> None:
    copy = DualEncoder.load(tiny_models / "default")
    copy.save(tmp_path)
    write_calibration(calibration("another"), tmp_path)
    with pytest.raises(ModelError, match="fitted to vectors another"):
        MatchJudge(lambda: copy).calibrated()


def test_the_file_is_readable_text(tmp_path: Path) -> None:
    text = write_calibration(calibration(), tmp_path).read_text(encoding="utf-8")
    assert "[rules.evidence]\nintercept = -2.0\nnearness = 1.0\nmatch = 3.0\n" in text


# --- the shipped model ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """The shipped model over the shipped examples, stored in a folder of the test's own."""
    home = tmp_path_factory.mktemp("home")
    return Workbench(Screener(Settings(home=home, models=SHIPPED.models, model="default", data=SHIPPED.data)))


@shipped
@pytest.mark.slow
def test_the_shipped_calibration_is_of_the_shipped_vectors(workbench: Workbench) -> None:
    assert workbench.match_judge.calibrated()


@shipped
@pytest.mark.slow
def test_hits_carry_evidence_that_falls_down_the_list(workbench: Workbench) -> None:
    ranking = workbench.search(Query("a sulfonamide with an aromatic amine, used as an antibacterial", k=232), EXAMPLES)
    judged = workbench.evidence(ranking, ranking.hits)
    assert len(judged) == len(ranking.hits)
    for hit, probability in zip(ranking.hits, judged, strict=True):
        assert probability.cosine == pytest.approx(hit.cosine, abs=2e-3)  # vectors are stored at half precision
    evidence = [probability.evidence for probability in judged]
    assert np.mean(evidence[:5]) > 0.5 > 0.1 > np.mean(evidence[-100:])


@shipped
def test_evidence_of_a_search_without_words_is_none(workbench: Workbench) -> None:
    ranking = workbench.search(Query("", k=3, reference="CC(=O)Oc1ccccc1C(=O)O"), EXAMPLES)
    assert workbench.evidence(ranking, ranking.hits) == ()
    assert workbench.match_judge.scope(ranking) == ()


@shipped
@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("a cheap hotel with a sea view and free parking", True),
        ("a beta-lactam antibiotic with a phenyl side chain", False),
        ("a ketone", False),
    ],
)
def test_a_query_out_of_scope_is_told(workbench: Workbench, text: str, outside: bool) -> None:
    ranking = workbench.search(Query(text, k=1), EXAMPLES)
    assert [scope.outside for scope in workbench.match_judge.scope(ranking)] == [outside]


@shipped
@pytest.mark.slow
def test_how_the_shipped_calibration_does_on_the_shipped_sentences(
    workbench: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    with (SHIPPED.data / "examples.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::2]
    model, kept = workbench.model, read_calibration(SHIPPED.models / "default")
    assert kept is not None
    bank = model.bank.numpy()
    vectors = model.encode_texts([row["description"] for row in rows])
    molecules = model.encode_molecules([row["smiles"] for row in rows])
    z = standardise(vectors @ molecules.T, molecules @ background_captions(bank).T)  # (Q, N)
    evidence = kept.rules.evidence.of(nearness(vectors, bank)[:, None], z)
    own = np.eye(len(rows), dtype=bool)
    wrong = np.stack(
        [line[~own_pairs][:: len(rows) // NEGATIVES][:NEGATIVES] for line, own_pairs in zip(evidence, own, strict=True)]
    )
    right = np.repeat([True, False], [len(rows), wrong.size])
    curve = reliability("shipped sentences", np.concatenate([evidence[own], wrong.ravel()]), right)
    with capsys.disabled():
        print(f"\nshipped sentences: {len(right)} pairs, ECE {curve.ece:.3f}, Brier {curve.brier:.3f}")
    assert sum(curve.pairs) == len(rows) * (1 + NEGATIVES)
    assert curve.brier < 0.09  # what always saying one tenth would give
