"""Where a training run stands, on disk after every epoch, so that a killed run goes on from there."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from molsearch.errors import InputError
from molsearch.training.features import TrainingFeatures
from molsearch.training.recipe import Recipe

SCORE = "val mrr"  # the best epoch is chosen by this


class TrainingRun(Protocol):
    """What a checkpoint keeps of a run."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def features(self) -> TrainingFeatures: ...
    @property
    def model(self) -> nn.Module: ...
    @property
    def optimizer(self) -> torch.optim.Optimizer: ...
    @property
    def critic(self) -> tuple[nn.Module, torch.optim.Optimizer] | None: ...


@dataclass(frozen=True, slots=True)
class TrainingState:
    """How far a run has come: epochs done, and the best validation score so far with its epoch."""

    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0


def _folder(out: Path) -> Path:
    return out / ".checkpoint"


def _fingerprint(run: TrainingRun) -> str:
    examples = (*run.features.train, *run.features.synthetic_names)
    text = repr((run.recipe, len(examples), hashlib.sha256("\n".join(e.text for e in examples).encode()).hexdigest()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _moments(optimizer: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{prefix}.{number}.{name}": value for number, row in state.items() for name, value in row.items()}


def _set_moments(optimizer: torch.optim.Optimizer, prefix: str, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix + "."):
            _, number, name = key.split(".")
            state.setdefault(int(number), {})[name] = value
    table = optimizer.state_dict()
    table["state"] = state
    optimizer.load_state_dict(table)


def _collect(run: TrainingRun) -> dict[str, Tensor]:
    tensors = {f"model.{name}": value for name, value in run.model.state_dict().items()}
    tensors |= _moments(run.optimizer, "optimizer")
    if run.critic:
        tensors |= {f"critic.{name}": value for name, value in run.critic[0].state_dict().items()}
        tensors |= _moments(run.critic[1], "critic_optimizer")
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def start(out: Path, run: TrainingRun, *, resume: bool) -> TrainingState:
    """Begin anew, or with ``resume`` take up the last checkpoint where there is one.

    Raises:
        InputError: If that checkpoint belongs to another recipe or to other captions.
    """
    folder = _folder(out)
    table = folder / "state.json"
    if not resume or not table.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (out / "log.jsonl").unlink(missing_ok=True)
        return TrainingState()
    try:
        saved = json.loads(table.read_text(encoding="utf-8"))
        tensors = load_file(folder / saved["file"])
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise InputError(f"The checkpoint in {out} cannot be read: {error}; train without --resume.") from error
    if saved["fingerprint"] != _fingerprint(run):
        raise InputError(
            f"The checkpoint in {out} was made by another recipe or other captions; "
            "train without --resume, or into another folder."
        )
    run.model.load_state_dict(_part(tensors, "model."))
    _set_moments(run.optimizer, "optimizer", tensors)
    if run.critic:
        run.critic[0].load_state_dict(_part(tensors, "critic."))
        _set_moments(run.critic[1], "critic_optimizer", tensors)
    state = TrainingState(saved["epoch"], saved["best"], saved["best_epoch"])
    _trim_log(out / "log.jsonl", state.epoch)
    return state


def _trim_log(log: Path, epochs: int) -> None:
    """Drop lines of epochs that were logged but not saved before the kill."""
    if log.is_file():
        lines = log.read_text(encoding="utf-8").splitlines()[:epochs]
        log.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def advance(out: Path, run: TrainingRun, state: TrainingState, figures: Mapping[str, float]) -> TrainingState:
    """Save the run after an epoch: tensors first, then the table that names them, so that a kill loses nothing."""
    folder = _folder(out)
    epoch = state.epoch + 1
    score = figures.get(SCORE)
    better = run.recipe.keep == "last" or (score is not None and score > state.best)
    new = TrainingState(epoch, max(state.best, score or -1.0), epoch if better else state.best_epoch)
    tensors = _collect(run)
    if better:
        _write(_part(tensors, "model."), folder / f"kept-{epoch}.safetensors")
    name = f"epoch-{epoch}.safetensors"
    _write(tensors, folder / name)
    table = {"fingerprint": _fingerprint(run), "file": name, "epoch": epoch}
    table |= {"best": new.best, "best_epoch": new.best_epoch}
    waiting = folder / "state.tmp"
    waiting.write_text(json.dumps(table), encoding="utf-8")
    waiting.replace(folder / "state.json")
    keep = {name, f"kept-{new.best_epoch}.safetensors", "state.json"}
    for old in folder.iterdir():
        if old.name not in keep:
            old.unlink()
    return new


def _write(tensors: dict[str, Tensor], path: Path) -> None:
    waiting = path.with_suffix(".tmp")
    save_file(tensors, waiting)
    waiting.replace(path)


def restore_kept(out: Path, run: TrainingRun) -> None:
    """Put the kept epoch's weights into the model."""
    kept = next(iter(_folder(out).glob("kept-*.safetensors")), None)
    if kept is not None:
        run.model.load_state_dict(load_file(kept))


def remove(out: Path) -> None:
    """Drop the checkpoint once the model folder is written."""
    shutil.rmtree(_folder(out), ignore_errors=True)
