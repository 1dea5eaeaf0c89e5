"""The training loop: it learns, it survives a kill to the last bit, it needs no RDKit."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from molsearch.errors import InputError
from molsearch.model.batch import gram_bag
from molsearch.model.dual import DualEncoder
from molsearch.model.molecule import MoleculeBatch
from molsearch.training.augmentation import SyntheticNames, swap, thin, thin_bag, thin_environments, thin_words
from molsearch.training.features import Example, TrainingFeatures, load, save
from molsearch.training.loop import Trainer, learning_rate
from molsearch.training.prepare import prepare
from molsearch.training.recipe import Recipe
from tests.training.samples import PAIRS, SMILES, restless_default, tiny_default, tiny_paper

ROOT = Path(__file__).resolve().parents[2]


def ranks_of_pairs(model: DualEncoder, features: TrainingFeatures) -> tuple[list[int], list[int]]:
    """Rank of each pair's molecule for its text, and of its text for its molecule."""
    rows = [example.molecule for example in features.train]
    scores = (
        model.vectors_of_texts(features.train, features.store) @ model.vectors_of_graphs(features.store.take(rows)).T
    )
    own = np.diag(scores)
    return (1 + (scores > own[:, None]).sum(1)).tolist(), (1 + (scores > own[None]).sum(0)).tolist()


# --- it learns ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "recipe",
    [
        tiny_default(epochs=30, learning_rate=5e-3),
        tiny_default(epochs=80, learning_rate=5e-3, losses={"sigmoid_pairwise": 1.0}),
        tiny_paper(epochs=80, learning_rate=3e-3),
        tiny_paper(epochs=80, learning_rate=3e-3, options=replace(tiny_paper().options, form="distance")),
    ],
    ids=["default", "default with sigmoid loss", "paper", "paper as released"],
)
@pytest.mark.slow
def test_eight_pairs_are_learned_by_heart(tmp_path: Path, features: TrainingFeatures, recipe: Recipe) -> None:
    trainer = Trainer(recipe, features, tmp_path)
    assert ranks_of_pairs(trainer.model, features) != ([1] * 8, [1] * 8)
    for _ in trainer.epochs(0, None):
        pass
    assert ranks_of_pairs(trainer.model, features) == ([1] * 8, [1] * 8)


def test_every_parameter_of_both_recipes_learns(tmp_path: Path, features: TrainingFeatures) -> None:
    for recipe in (tiny_default(epochs=1), tiny_paper(epochs=1)):
        trainer = Trainer(recipe, features, tmp_path)
        trainer.step(np.arange(8), 0)
        # The paper's losses read no scale.
        still = [n for n, p in trainer.model.named_parameters() if p.grad is None and not n.startswith("log_scale")]
        assert still == [] or (recipe.name == "default" and all("body.embeddings.word" in name for name in still))


def test_a_path_that_ends_early_learns_no_more(tmp_path: Path, features: TrainingFeatures) -> None:
    trainer = Trainer(tiny_default(epochs=3, path_epochs={"lexical": 2}), features, tmp_path)
    seen = []
    for _, terms in trainer.epochs(0, None):
        seen.append((trainer.model.lexical.grams.weight.clone(), sorted(terms)))
    assert not torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[1][0], seen[2][0])
    assert [terms for _, terms in seen] == [["lexical/contrastive", "token/contrastive"]] * 2 + [["token/contrastive"]]


def test_one_seed_gives_one_model_and_another_another(tmp_path: Path, features: TrainingFeatures) -> None:
    def trained(seed: int) -> torch.Tensor:
        trainer = Trainer(tiny_default(epochs=2, seed=seed, word_dropout=0.2), features, tmp_path)
        for _ in trainer.epochs(0, None):
            pass
        return trainer.model.projector.memory.detach()

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_one_caption_is_told_too_few(tmp_path: Path, features: TrainingFeatures) -> None:
    with pytest.raises(InputError, match="at least 2 captions, got 1"):
        Trainer(tiny_default(), replace(features, train=features.train[:1]), tmp_path)


# --- a whole run -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, features: TrainingFeatures) -> Path:
    recipe = tiny_default(epochs=5, validate_every=2, learning_rate=5e-3)
    return Trainer(recipe, features, tmp_path_factory.mktemp("run")).run()


def test_a_run_leaves_a_model_folder_and_no_checkpoint(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names == {"model.toml", "weights.safetensors", "lexicon.json", "tokenizer.json", "log.jsonl"}
    assert DualEncoder.load(run).encode_texts([PAIRS[0].text]).shape == (1, 32)


def test_the_log_has_a_line_an_epoch_and_figures_where_validation_was_due(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line["epoch"] for line in lines if "val mrr" in line] == [2, 4, 5]
    assert all(line["token/contrastive"] > 0 and line["lexical/contrastive"] > 0 for line in lines)


def test_the_bank_holds_captions_of_the_training_set(run: Path) -> None:
    model = DualEncoder.load(run)
    assert model.bank.shape == (4, 32)
    cosines = model.bank.numpy() @ model.encode_texts([pair.text for pair in PAIRS]).T
    assert (cosines.max(1) > 0.99).all()


# --- killed and resumed --------------------------------------------------------------------------------------------


def child(*words: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.training.child", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Train with one thread, as the child does: of more the libraries may take as many as the machine has idle."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def ended() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("one_thread")
@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_very_weights_of_an_undisturbed_one(
    tmp_path: Path, features: TrainingFeatures, ended: list[subprocess.Popen[bytes]]
) -> None:
    cache, killed, whole = tmp_path / "cache", tmp_path / "killed", tmp_path / "whole"
    save(features, cache)
    # Eight captions by four: two steps an epoch. Step 5 is the first of epoch 3.
    first = child("until", cache, killed, 5)
    ended.append(first)
    deadline = time.monotonic() + 300
    while not (killed / "waiting").exists():
        assert first.poll() is None and time.monotonic() < deadline, first.communicate()[1].decode()[-2000:]
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert not (killed / "weights.safetensors").exists()
    state = json.loads((killed / ".checkpoint" / "state.json").read_text())
    assert state["epoch"] == 2
    # Another process takes the run up, from the features on disk: this one, which trains an undisturbed run too.
    Trainer(restless_default(), load(cache), killed).run(resume=True)
    Trainer(restless_default(), load(cache), whole).run()
    resumed, expected = (load_file(folder / "weights.safetensors") for folder in (killed, whole))
    assert resumed.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(resumed[name], expected[name])] == []
    logs = [[json.loads(line) for line in (f / "log.jsonl").read_text().splitlines()] for f in (killed, whole)]
    without_time = [[{k: v for k, v in line.items() if k != "minutes"} for line in log] for log in logs]
    assert without_time[0] == without_time[1]


@pytest.mark.slow
def test_a_machine_without_rdkit_trains_from_the_cached_features(
    tmp_path: Path, ended: list[subprocess.Popen[bytes]]
) -> None:
    lines = ["smiles\ttext", *(f"{pair.smiles}\t{pair.text}" for pair in PAIRS)]
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "out"
    prepare(pairs, pairs, pairs, out / ".features")
    process = child("blocked", tmp_path, out)
    ended.append(process)
    assert process.wait(300) == 0, process.stderr.read().decode()[-2000:]  # type: ignore[union-attr]
    assert DualEncoder.load(out).encode_molecules(SMILES).shape == (8, 32)


# --- its parts ---------------------------------------------------------------------------------------------------


def test_the_rate_climbs_over_the_warm_up_and_falls_to_zero() -> None:
    recipe = Recipe("r", learning_rate=2.0, warmup=0.1, decay="linear")
    assert [learning_rate(recipe, step, 100) for step in (0, 4, 9, 10)] == pytest.approx([0.2, 1.0, 2.0, 2.0])
    assert learning_rate(recipe, 55, 100) == pytest.approx(1.0)
    assert learning_rate(recipe, 100, 100) == pytest.approx(0.0)
    cosine = replace(recipe, decay="cosine")
    assert learning_rate(cosine, 55, 100) == pytest.approx(1.0)
    assert learning_rate(cosine, 32, 100) == pytest.approx(1 + np.cos(np.pi * 22 / 90))


EXAMPLE = Example("a text", 0, (3, 4, 5), (0, 1, 2), ())


def test_structures_are_left_out_with_their_relations() -> None:
    rng = np.random.default_rng(0)
    assert thin(EXAMPLE, Recipe("r"), rng) == EXAMPLE
    kept = [thin(EXAMPLE, Recipe("r", structure_dropout=0.5), rng) for _ in range(400)]
    assert all(set(zip(e.structures, e.relations, strict=True)) <= {(3, 0), (4, 1), (5, 2)} for e in kept)
    assert sum(len(e.structures) for e in kept) / 1200 == pytest.approx(0.5, abs=0.05)


def test_a_written_caption_takes_the_place_of_its_share() -> None:
    rng, written = np.random.default_rng(0), [replace(EXAMPLE, text="written")]
    texts = [swap(EXAMPLE, written, 0.25, rng).text for _ in range(800)]
    assert texts.count("written") / 800 == pytest.approx(0.25, abs=0.05)
    assert swap(EXAMPLE, [], 1.0, rng) == EXAMPLE


def test_bag_entries_lose_their_weight_and_nothing_else() -> None:
    torch.manual_seed(0)
    bag = gram_bag(["a text with many words and n-grams " * 3], 4096)
    thinned = thin_bag(bag, 0.4)
    assert torch.equal(thinned.numbers, bag.numbers)
    assert set(thinned.weights.tolist()) == {0.0, 1.0}
    assert float(thinned.weights.mean()) == pytest.approx(0.6, abs=0.15)
    assert thin_bag(bag, 0.0) is bag


def test_hidden_words_and_environments_leave_the_rest_as_it_was(tmp_path: Path, features: TrainingFeatures) -> None:
    torch.manual_seed(0)
    model = Trainer(tiny_default(), features, tmp_path).model
    words = model.text.prepare([pair.text for pair in PAIRS])
    hidden = thin_words(words, 0.5)
    assert hidden.mask[:, 0].all()
    assert not (hidden.mask & ~words.mask).any()
    assert 0.3 < float(hidden.mask.sum() / words.mask.sum()) < 0.8
    molecules = MoleculeBatch.of(features.store)
    thinned = thin_environments(molecules, 0.5)
    gone = thinned.environments != molecules.environments
    assert (thinned.environments[gone] == -1).all()
    assert 0.3 < float(gone.sum() / (molecules.environments >= 0).sum()) < 0.7


def test_a_shared_synthetic_caption_is_no_negative(tmp_path: Path, features: TrainingFeatures) -> None:
    # Every caption becomes one and the same synthetic one: no cell off the diagonal may count, so the loss is 0.
    example = features.train[0]
    captions = tuple(replace(example, text="a small molecule", molecule=e.molecule) for e in features.train)
    trainer = Trainer(tiny_default(written_share=1.0), replace(features, synthetic_captions=captions), tmp_path)
    terms = trainer.step(np.arange(8), 0)
    assert terms["token/contrastive"] == pytest.approx(0, abs=1e-5)


def test_filling_in_hidden_words_teaches_the_text_encoder_alone(tmp_path: Path, features: TrainingFeatures) -> None:
    trainer = Trainer(tiny_default(epochs=2, masked_epochs=3), features, tmp_path)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    assert len(trainer.learn_words()) == 3
    changed = {
        name.split(".")[0] for name, value in trainer.model.state_dict().items() if (value != before[name]).any()
    }
    assert changed == {"text"}


def test_a_model_without_a_text_encoder_has_no_words_to_learn(tmp_path: Path, features: TrainingFeatures) -> None:
    recipe = tiny_default(masked_epochs=3)
    recipe = replace(recipe, model=replace(recipe.model, lexical_share=1.0))
    with pytest.raises(InputError, match="masked_epochs"):
        Trainer(recipe, features, tmp_path).run()


@pytest.mark.slow
def test_synthetic_names_learn_beside_the_captions(tmp_path: Path, features: TrainingFeatures) -> None:
    # No caption of theirs is met: what the tower learns of these names comes from the names alone.
    names = tuple(
        Example(f"xyzzylin {name}", example.molecule, (), (), ())
        for name, example in zip("abcdefgh", features.train, strict=True)
    )
    recipe = tiny_default(epochs=80, learning_rate=5e-3, made_share=1.0)
    trainer = Trainer(recipe, replace(features, synthetic_names=names), tmp_path)
    assert trainer.per_epoch == Trainer(replace(recipe, made_share=0.0), features, tmp_path / "bare").per_epoch
    assert ranks_of_pairs(trainer.model, replace(features, train=names)) != ([1] * 8, [1] * 8)
    for _ in trainer.epochs(0, None):
        pass
    assert ranks_of_pairs(trainer.model, replace(features, train=names)) == ([1] * 8, [1] * 8)


@pytest.mark.parametrize(("share", "drawn"), [(0.0, 0), (0.25, 2), (2.0, 16)])
def test_as_many_synthetic_names_are_drawn_as_the_recipe_says(
    features: TrainingFeatures, share: float, drawn: int
) -> None:
    names = [replace(example, text="xyzzylin") for example in features.train]
    examples = SyntheticNames(names).draw(features.train, share, np.random.default_rng(0))
    assert [example.text for example in examples] == ["xyzzylin"] * drawn
    assert SyntheticNames([]).draw(features.train, share, np.random.default_rng(0)) == []


def test_no_synthetic_name_is_longer_than_the_captions_beside_it(features: TrainingFeatures) -> None:
    captions = [replace(example, text="a salt of it") for example in features.train]
    texts = ["1-methylxyzzylin", "2,3,4,5-tetramethylxyzzylin", "xyzzylin"]  # 3, 9 and 1 words
    names = SyntheticNames([replace(features.train[0], text=text) for text in texts])
    drawn = {example.text for example in names.draw(captions, 8.0, np.random.default_rng(0))}
    assert drawn == {"1-methylxyzzylin", "xyzzylin"}
