"""The fit of a calibration: halves, wrong molecules, reliability, excerpts of captions, and all of it on a few."""

import csv
from pathlib import Path

import numpy as np
import pytest

from molsearch.analysis.concepts import shipped_concepts
from molsearch.chem.io.pairs import PairRow
from molsearch.errors import InputError, ModelError
from molsearch.evaluation.calibration import evidence
from molsearch.evaluation.calibration import scope as scope_fit
from molsearch.evaluation.calibration.evidence import Molecules, Pairs, Texts
from molsearch.evaluation.calibration.excerpts import phrase, phrases, sentence, sentences
from molsearch.evaluation.calibration.fit import calibrate, in_first_half, summary
from molsearch.evaluation.calibration.scope import QueryGroup
from molsearch.model.dual import DualEncoder
from molsearch.search.calibration import NEGATIVES, EvidenceRule, read_calibration, space_id, write_calibration
from molsearch.search.scope import ScopeRule
from molsearch.settings import Settings

SETTINGS = Settings()
CAPTION = (
    "The molecule is a member of the class of flavones carrying a hydroxy group. It has a role as a plant metabolite "
    "and an EC 1.1.1.1 inhibitor. It is an aromatic ether, a member of phenols and a ketone."
)


def row(smiles: str, cid: str = "", inchikey: str = "") -> PairRow:
    return PairRow(text="x", smiles=smiles, cid=cid, inchikey=inchikey)


def pairs_of(signal: float, count: int = 400, seed: int = 0) -> Pairs:
    """Texts of which one pair in ten is right, its z higher by ``signal`` on average."""
    rng = np.random.default_rng(seed)
    right = np.zeros((count, 1 + NEGATIVES), np.bool_)
    right[:, 0] = True
    z = rng.normal(size=right.shape) + signal * right
    near = np.broadcast_to(rng.uniform(0.5, 1, (count, 1)), right.shape)
    return Pairs(near.ravel(), (0.1 * z).ravel(), z.ravel(), right.ravel())


# --- texts ---------------------------------------------------------------------------------------------------------


def test_a_caption_is_cut_into_sentences_but_not_at_the_stops_inside_numbers() -> None:
    parts = sentences(CAPTION)
    assert len(parts) == 3
    assert parts[1] == "It has a role as a plant metabolite and an EC 1.1.1.1 inhibitor"


def test_phrases_begin_with_an_article_and_are_short() -> None:
    excerpts = phrases(CAPTION)
    assert {"a plant metabolite", "an aromatic ether", "a member of phenols", "a ketone"} <= {
        excerpt.removeprefix("a role as ") for excerpt in excerpts
    }
    assert all(excerpt.split()[0] in ("a", "an") and len(excerpt.split()) <= 7 for excerpt in excerpts)


def test_the_same_excerpt_is_chosen_every_time() -> None:
    assert sentence(CAPTION) == sentence(CAPTION) in sentences(CAPTION)
    assert phrase(CAPTION) == phrase(CAPTION) in phrases(CAPTION)
    assert sentence("salt") == phrase("salt") == "salt"


# --- pairs ---------------------------------------------------------------------------------------------------------


def test_captions_of_one_molecule_stand_in_one_half() -> None:
    keys = [f"KEY{n:05d}" for n in range(400)]
    halves = [in_first_half(row("C", inchikey=key)) for key in keys]
    assert halves == [in_first_half(row("CC", cid="7", inchikey=key)) for key in keys]
    assert 150 < sum(halves) < 250


def test_a_molecule_is_found_in_the_pool_by_cid_then_by_smiles() -> None:
    pool = [row("CCO", "1"), row("CCC"), row("C", "2")]
    assert evidence.own_rows([row("OCC", "1"), row("CCC", "9"), row("CN", "8")], pool).tolist() == [0, 1, -1]


def test_random_wrong_molecules_are_never_the_own_one_and_reach_all_others() -> None:
    own = np.array([0, 2, 4, -1] * 50)
    drawn = evidence.random_wrong(own, 5, np.random.default_rng(0))
    assert drawn.shape == (200, NEGATIVES)
    for place in (0, 2, 4):
        assert set(drawn[own == place].ravel()) == {0, 1, 2, 3, 4} - {place}
    assert set(drawn[own == -1].ravel()) == {0, 1, 2, 3, 4}


def test_near_misses_are_of_the_first_fifty_hits_without_the_own_molecule(tiny_model: DualEncoder) -> None:
    pool_vectors = tiny_model.encode_molecules(["C" * n for n in range(1, 81)])
    text = tiny_model.encode_texts(["an alkane"])
    pool = Molecules((), pool_vectors, np.zeros(80), np.ones(80))
    scores = (text @ pool_vectors.T + tiny_model.constants(pool_vectors))[0]
    own = int(np.argmax(scores))
    allowed = set(np.argsort(-scores, kind="stable")[1 : evidence.NEAR + 1].tolist())
    drawn = evidence.near_wrong(tiny_model, Texts(text, np.ones(1)), np.array([own]), pool, np.random.default_rng(0))
    assert len(set(drawn[0].tolist())) == NEGATIVES
    assert set(drawn[0].tolist()) <= allowed


def test_pairs_by_hand() -> None:
    texts = Texts(np.array([[1.0, 0.0]]), np.array([0.7]))
    own = Molecules((), np.array([[0.6, 0.8]]), np.array([0.2]), np.array([0.1]))
    pool = Molecules((), np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.0, 0.5]), np.array([0.5, 0.25]))
    paired = evidence.pair_up(texts, own, pool, np.array([[0, 1]]))
    np.testing.assert_allclose(paired.cosine, [0.6, 0.0, 1.0])
    np.testing.assert_allclose(paired.z, [4.0, 0.0, 2.0])
    assert paired.right.tolist() == [True, False, False]
    assert paired.nearness.tolist() == [0.7, 0.7, 0.7]


# --- fits ----------------------------------------------------------------------------------------------------------


def test_reliability_by_hand() -> None:
    measured = evidence.reliability("four", np.array([0.05, 0.15, 0.95, 0.95]), np.array([False, True, True, False]))
    # |0.05 - 0|, |0.15 - 1| and twice |0.95 - 1/2|, over four pairs
    assert measured.ece == pytest.approx((0.05 + 0.85 + 0.9) / 4)
    assert measured.brier == pytest.approx((0.05**2 + 0.85**2 + 0.05**2 + 0.95**2) / 4)
    assert measured.pairs == (1, 1, 0, 0, 0, 0, 0, 0, 0, 2)
    assert measured.right == (0, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    assert measured.evidence[9] == pytest.approx(0.95)


def test_a_fitted_rule_is_calibrated_on_other_pairs_of_the_same_kind() -> None:
    rule = evidence.fit_rule(pairs_of(3.0))
    held = pairs_of(3.0, seed=1)
    measured = evidence.reliability("held", rule.of(held.nearness, held.z), held.right)
    assert measured.ece < 0.02
    assert measured.brier < 0.09 / 2  # always saying one tenth would give 0.09


@pytest.mark.parametrize("signal", [0.0, -1.0])
def test_a_model_whose_matches_say_nothing_is_not_calibrated(signal: float) -> None:
    pairs = pairs_of(signal)
    flipped = Pairs(pairs.nearness, pairs.cosine, -np.abs(pairs.z) * pairs.right, pairs.right)
    with pytest.raises(ModelError, match="no better than with random ones"):
        evidence.fit_rule(flipped)


def test_every_form_is_measured() -> None:
    forms = evidence.compare_forms(pairs_of(3.0), pairs_of(3.0, seed=1))
    assert [form.form for form in forms] == list(evidence.FORMS)
    rule = evidence.fit_rule(pairs_of(3.0))
    held = pairs_of(3.0, seed=1)
    in_use = evidence.reliability("", rule.of(held.nearness, held.z), held.right)
    assert forms[0].brier == pytest.approx(in_use.brier, abs=1e-4)


def test_the_histogram_counts_every_pair() -> None:
    pairs = pairs_of(20.0)  # far beyond the last bin
    counts = evidence.histogram(pairs, pairs)
    assert sum(counts.right) == 400 == counts.right[-1]
    assert sum(counts.random) == sum(counts.near) == 400 * NEGATIVES


def test_the_threshold_of_scope_lets_few_short_texts_through() -> None:
    rng = np.random.default_rng(0)
    fitted = np.arange(200) % 2 == 0
    inside = np.column_stack([rng.normal(0.7, 0.05, 200), rng.uniform(0, 0.2, 200), np.ones(200)])
    outside = np.column_stack([rng.normal(0.5, 0.05, 200), rng.uniform(0.3, 1, 200), np.zeros(200)])
    groups = [
        QueryGroup("captions", False, inside, fitted),
        QueryGroup("short", False, inside - [0.05, 0, 0], fitted),
        QueryGroup("off", True, outside, fitted),
    ]
    rule = scope_fit.fit_rule(groups)
    assert isinstance(rule, ScopeRule)
    assert rule.outside(*outside[~fitted].T).mean() > 0.9
    assert rule.outside(*inside[~fitted].T).mean() < 0.1


# --- the whole -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 60 of the shipped sentences as pairs, all shipped molecules as pool, and a few short texts."""
    folder = tmp_path_factory.mktemp("few")
    with (SETTINGS.data / "examples.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [f"{example['smiles']}\t{example['description']}" for example in rows[::3][:60]]
    (folder / "pairs.tsv").write_text("\n".join(["smiles\ttext", *lines]), encoding="utf-8")
    (folder / "pool.tsv").write_text("\n".join(["smiles", *(example["smiles"] for example in rows)]), encoding="utf-8")
    for name in ("class_queries_open.tsv", "property_queries_open.tsv", "off_topic.tsv"):
        text = (SETTINGS.data / "eval" / name).read_text(encoding="utf-8").splitlines()
        (folder / name).write_text("\n".join(text[:13]) + "\n", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_a_few_captions_calibrate_the_shipped_model(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope_fit, "shipped_concepts", lambda: shipped_concepts()[:12])  # to be quick
    model = DualEncoder.load(SETTINGS.models / "default")
    calibration = calibrate(model, few / "pairs.tsv", few / "pool.tsv", few)
    assert read_calibration(write_calibration(calibration, tmp_path).parent) == calibration
    account = calibration.account
    assert account.fitted + account.reported == 60
    assert (calibration.rules.space, account.model_id) == (space_id(model), model.model_id)
    whole = calibration.reliability[0]
    assert sum(whole.pairs) == 3 * 10 * account.reported and sum(whole.right) == 3 * account.reported
    assert isinstance(calibration.rules.evidence, EvidenceRule) and calibration.rules.evidence.match > 0
    assert summary(calibration)[whole.name]


def test_too_few_captions_are_refused(few: Path, tmp_path: Path, tiny_models: Path) -> None:
    model = DualEncoder.load(tiny_models / "default")
    model.bank = model.bank.new_ones(40, model.width)
    short = tmp_path / "short.tsv"
    short.write_text("smiles\ttext\nCCO\tan alcohol\n", encoding="utf-8")
    with pytest.raises(InputError, match="too few"):
        calibrate(model, short, few / "pool.tsv", few)
