"""Checkpoints: the best epoch kept, another run refused, a kill at any moment survived."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from molsearch.errors import InputError
from molsearch.training import checkpoint
from molsearch.training.checkpoint import TrainingState
from molsearch.training.features import TrainingFeatures
from molsearch.training.loop import Trainer
from tests.training.samples import tiny_default


def trainer(features: TrainingFeatures, out: Path, **changes: object) -> Trainer:
    return Trainer(tiny_default(**{"epochs": 4, **changes}), features, out)


def mark(run: Trainer, value: float) -> None:
    with torch.no_grad():
        run.model.projector.memory.fill_(value)


def value(run: Trainer) -> float:
    return float(run.model.projector.memory.detach().mean())


def files(out: Path) -> set[str]:
    return {path.name for path in (out / ".checkpoint").iterdir()}


def test_the_best_epoch_by_validation_is_put_back(tmp_path: Path, features: TrainingFeatures) -> None:
    run = trainer(features, tmp_path)
    state = checkpoint.start(tmp_path, run, resume=False)
    for epoch, score in ((1, 10.0), (2, 30.0), (3, 20.0)):
        mark(run, epoch)
        state = checkpoint.advance(tmp_path, run, state, {"val mrr": score})
    assert state == TrainingState(3, 30.0, 2)
    checkpoint.restore_kept(tmp_path, run)
    assert value(run) == 2


def test_the_first_of_equal_epochs_is_kept_and_one_without_validation_is_not(
    tmp_path: Path, features: TrainingFeatures
) -> None:
    run = trainer(features, tmp_path)
    state = checkpoint.start(tmp_path, run, resume=False)
    for epoch, figures in enumerate(({}, {"val mrr": 5.0}, {}, {"val mrr": 5.0}), 1):
        mark(run, epoch)
        state = checkpoint.advance(tmp_path, run, state, figures)
    checkpoint.restore_kept(tmp_path, run)
    assert (state.best_epoch, value(run)) == (2, 2)


def test_a_recipe_that_keeps_the_last_epoch_gets_it(tmp_path: Path, features: TrainingFeatures) -> None:
    run = trainer(features, tmp_path, keep="last")
    state = checkpoint.start(tmp_path, run, resume=False)
    for epoch, score in ((1, 30.0), (2, 10.0)):
        mark(run, epoch)
        state = checkpoint.advance(tmp_path, run, state, {"val mrr": score})
    checkpoint.restore_kept(tmp_path, run)
    assert value(run) == 2


def test_only_the_last_and_the_best_state_stay_on_disk(tmp_path: Path, features: TrainingFeatures) -> None:
    run = trainer(features, tmp_path)
    state = checkpoint.start(tmp_path, run, resume=False)
    for score in (10.0, 30.0, 20.0):
        state = checkpoint.advance(tmp_path, run, state, {"val mrr": score})
    assert files(tmp_path) == {"state.json", "epoch-3.safetensors", "kept-2.safetensors"}


def test_a_kill_between_the_tensors_and_their_table_goes_back_one_epoch(
    tmp_path: Path, features: TrainingFeatures
) -> None:
    run = trainer(features, tmp_path)
    state = checkpoint.start(tmp_path, run, resume=False)
    mark(run, 1)
    state = checkpoint.advance(tmp_path, run, state, {"val mrr": 1.0})
    # As advance leaves the folder when it is killed before it has replaced the table.
    folder = tmp_path / ".checkpoint"
    for name in ("epoch-2.safetensors", "kept-2.safetensors", "epoch-2.tmp", "state.tmp"):
        (folder / name).write_bytes(b"half written")
    resumed = trainer(features, tmp_path)
    assert checkpoint.start(tmp_path, resumed, resume=True) == state
    assert value(resumed) == 1


def test_moments_of_the_optimisers_and_the_critic_come_back(tmp_path: Path, features: TrainingFeatures) -> None:
    losses = {"contrastive": 1.0, "adversarial": 0.1}
    run = trainer(features, tmp_path, losses=losses)
    run.step(np.arange(8), 0)
    checkpoint.advance(tmp_path, run, checkpoint.start(tmp_path, run, resume=False), {})
    resumed = trainer(features, tmp_path, losses=losses)
    checkpoint.start(tmp_path, resumed, resume=True)
    assert run.critic is not None and resumed.critic is not None
    for optimizer, other in ((run.optimizer, resumed.optimizer), (run.critic[1], resumed.critic[1])):
        first, second = optimizer.state_dict()["state"], other.state_dict()["state"]
        assert first.keys() == second.keys() != set()
        for number, row in first.items():
            assert all(torch.equal(row[name], second[number][name]) for name in ("step", "exp_avg", "exp_avg_sq"))
    for name, tensor in run.critic[0].state_dict().items():
        assert torch.equal(tensor, resumed.critic[0].state_dict()[name])


def test_without_resume_a_run_begins_anew(tmp_path: Path, features: TrainingFeatures) -> None:
    run = trainer(features, tmp_path)
    checkpoint.advance(tmp_path, run, checkpoint.start(tmp_path, run, resume=False), {})
    (tmp_path / "log.jsonl").write_text("{}\n")
    assert checkpoint.start(tmp_path, run, resume=False) == TrainingState()
    assert files(tmp_path) == set()
    assert not (tmp_path / "log.jsonl").exists()


def test_resume_without_a_checkpoint_begins_anew(tmp_path: Path, features: TrainingFeatures) -> None:
    assert checkpoint.start(tmp_path, trainer(features, tmp_path), resume=True) == TrainingState()


def test_lines_logged_before_a_kill_but_not_saved_are_dropped(tmp_path: Path, features: TrainingFeatures) -> None:
    run = trainer(features, tmp_path)
    checkpoint.advance(tmp_path, run, checkpoint.start(tmp_path, run, resume=False), {})
    (tmp_path / "log.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n{"epo')
    checkpoint.start(tmp_path, run, resume=True)
    assert (tmp_path / "log.jsonl").read_text() == '{"epoch": 1}\n'


@pytest.mark.parametrize("what", ["recipe", "captions"])
def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path, features: TrainingFeatures, what: str) -> None:
    run = trainer(features, tmp_path)
    checkpoint.advance(tmp_path, run, checkpoint.start(tmp_path, run, resume=False), {})
    if what == "recipe":
        other = trainer(features, tmp_path, learning_rate=0.5)
    else:
        first = replace(features.train[0], text="another text")
        other = trainer(replace(features, train=(first, *features.train[1:])), tmp_path)
    with pytest.raises(InputError, match=r"made by another recipe or other captions.*without --resume"):
        checkpoint.start(tmp_path, other, resume=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "state.json").write_text("{"),
        lambda folder: (folder / "state.json").write_text(json.dumps({"file": "none.safetensors"})),
        lambda folder: (folder / "epoch-1.safetensors").write_bytes(b"short"),
    ],
)
def test_a_damaged_checkpoint_is_told(tmp_path: Path, features: TrainingFeatures, damage) -> None:  # type: ignore[no-untyped-def]
    run = trainer(features, tmp_path)
    checkpoint.advance(tmp_path, run, checkpoint.start(tmp_path, run, resume=False), {})
    damage(tmp_path / ".checkpoint")
    with pytest.raises(InputError, match=r"checkpoint in .*cannot be read.*train without --resume"):
        checkpoint.start(tmp_path, run, resume=True)
