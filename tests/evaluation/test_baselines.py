"""Baselines by hand: names alone, BM25 alone, words alone."""

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from molsearch.chem.fingerprints import morgan_bits, tanimoto
from molsearch.chem.io.pairs import PairRow
from molsearch.errors import InputError
from molsearch.evaluation.baselines import (
    BASELINES,
    EXACT,
    Bench,
    Bm25,
    Candidates,
    caption_neighbours,
    measure,
    name_lookup,
)
from molsearch.evaluation.registry import Request
from molsearch.evaluation.text_only import TextOnlyModel, train_without_names, without_names
from molsearch.model.dual import DualEncoder
from molsearch.query.opsin import available
from molsearch.training.features import TrainingFeatures
from molsearch.training.recipe import parse_recipe

POOL = Candidates([PairRow("", smiles) for smiles in ("CCO", "CCCO", "c1ccccc1", "OCC")])
needs_opsin = pytest.mark.skipif(bool(available()), reason=available() or "OPSIN is there")


@needs_opsin
def test_a_name_finds_its_molecule_first_and_then_what_is_alike() -> None:
    (scores,) = np.concatenate(list(name_lookup(Bench(("It is ethanol.",), POOL))))
    assert scores[[0, 3]].tolist() == [EXACT, EXACT]  # written differently, the same molecule
    assert scores[1] == pytest.approx(tanimoto(morgan_bits(["CCO"]), morgan_bits(["CCCO"]))[0, 0])
    assert 0 <= scores[2] < scores[1] < 1


@needs_opsin
def test_of_two_names_the_nearer_counts() -> None:
    (scores,) = np.concatenate(list(name_lookup(Bench(("It derives from ethanol and from benzene.",), POOL))))
    assert scores[[0, 2]].tolist() == [EXACT, EXACT]


def test_a_text_without_names_leaves_all_tied() -> None:
    (scores,) = np.concatenate(list(name_lookup(Bench(("It is a natural product.",), POOL))))
    assert set(scores.tolist()) == {0.0}


def test_bm25_by_hand() -> None:
    counts = CountVectorizer().fit(["an"]).transform(["red acid acid", "red base"])
    assert counts.nnz == 0  # nothing of it was read, and nothing must fail for that
    reader = CountVectorizer()
    weights = Bm25(k1=1.5, b=0.75).weights(reader.fit_transform(["red acid acid", "red base"])).toarray()
    column = reader.vocabulary_
    rare, common = math.log(1 + 1.5 / 1.5), math.log(1 + 0.5 / 2.5)
    long, short = (1.5 * (0.25 + 0.75 * length / 2.5) for length in (3, 2))
    assert weights[0, column["acid"]] == pytest.approx(rare * 2 * 2.5 / (2 + long))
    assert weights[1, column["base"]] == pytest.approx(rare * 2.5 / (1 + short))
    assert weights[0, column["red"]] == pytest.approx(common * 2.5 / (1 + long))
    assert weights[0, column["base"]] == 0


TRAINING = (
    PairRow("an aliphatic alcohol used as a solvent", "CCCCO"),
    PairRow("an aromatic hydrocarbon", "Cc1ccccc1"),
)


def test_the_nearest_caption_s_molecule_ranks_the_pool_by_likeness() -> None:
    scores = np.concatenate(list(caption_neighbours(Bench(("a solvent, an alcohol",), POOL, TRAINING), nearest=1)))
    np.testing.assert_allclose(scores, tanimoto(morgan_bits(["CCCCO"]), morgan_bits([row.smiles for row in POOL.rows])))


def test_several_captions_count_by_their_bm25() -> None:
    bench = Bench(("an aromatic alcohol",), POOL, TRAINING)
    (scores,) = np.concatenate(list(caption_neighbours(bench, nearest=2)))
    both = tanimoto(morgan_bits([row.smiles for row in TRAINING]), morgan_bits([row.smiles for row in POOL.rows]))
    shares = np.linalg.lstsq(both.T, scores, rcond=None)[0]
    assert shares.sum() == pytest.approx(1) and (shares > 0.2).all()


def test_bm25_needs_captions() -> None:
    with pytest.raises(InputError, match="--training-pairs FILE"):
        next(caption_neighbours(Bench(("x",), POOL)))


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("smiles\ttext", *lines)) + "\n")
    return path


def test_every_baseline_is_ranked_on_the_whole_pool(tmp_path: Path, tiny_models: Path) -> None:
    pairs = written(tmp_path / "v.tsv", "CCO\tan alcohol", "c1ccccc1\tan aromatic hydrocarbon")
    pool = written(tmp_path / "p.tsv", *(f"{row.smiles}\t" for row in POOL.rows[:3]))
    training = written(tmp_path / "t.tsv", *(f"{row.smiles}\t{row.text}" for row in TRAINING))
    models = {"words alone": tiny_models / "default"}
    figures = measure(Request(pairs, pools=(pool,), training_pairs=training, baselines=models))
    assert (figures["pool"], figures["queries"]) == (3, 2)
    assert list(figures["baselines"]) == [*BASELINES, "words alone"]  # type: ignore[call-overload]
    bm25 = figures["baselines"]["BM25 to training captions, then fingerprint neighbours"]  # type: ignore[index]
    assert bm25["text_to_molecule"]["mrr"] > 50  # toluene's caption leads to benzene, butanol's to an alcohol


@needs_opsin
def test_a_nameless_model_reads_words_only(tiny_model: DualEncoder) -> None:
    text = "It is benzene, an alcohol."
    model = TextOnlyModel(tiny_model)
    assert model.named_structures(text) == () and tiny_model.named_structures(text)
    assert np.abs(model.encode_texts([text]) - tiny_model.encode_texts([text])).max() > 1e-3
    plain = "something quite unlike chemistry"
    np.testing.assert_allclose(model.encode_texts([plain]), tiny_model.encode_texts([plain]), atol=1e-6)


def test_captions_without_names_keep_their_words(features: TrainingFeatures) -> None:
    bare = without_names(features)
    assert any(example.structures or example.classes for example in features.train)
    everything = (*bare.train, *bare.val, *bare.synthetic_captions)
    assert not any(example.structures or example.relations or example.classes for example in everything)
    assert [example.text for example in bare.train] == [example.text for example in features.train]
    assert bare.lexicon == {}


def test_a_model_is_trained_without_names(tmp_path: Path) -> None:
    pairs = written(tmp_path / "t.tsv", *(f"{'C' * n}N\tamine {n}, ethanamine" for n in range(1, 9)))
    recipe = parse_recipe(
        "epochs = 1\nbatch_size = 4\nbank = 2\n[model]\nlexical_share = 1.0\n"
        "[model.lexical]\ngrams = 256\nwidth = 8\nhidden = 8\nout = 8\n",
        "tiny",
    )
    folder = train_without_names(recipe, pairs, pairs, pairs, tmp_path / "model")
    assert DualEncoder.load(folder).lexicon == {}
