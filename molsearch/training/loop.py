"""Pairs to a model: one loop for every recipe, resumable after a kill, on a CPU or a GPU."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from molsearch.errors import InputError
from molsearch.model.alignment import ranks
from molsearch.model.dual import DualEncoder
from molsearch.model.lexical import inverse_document_frequency
from molsearch.model.runtime import give_back
from molsearch.records import Progress
from molsearch.training import checkpoint
from molsearch.training.augmentation import SyntheticNames, swap, thin, thin_bag, thin_environments, thin_words
from molsearch.training.batches import batches, same_pairs
from molsearch.training.features import Example, TrainingFeatures
from molsearch.training.losses import Critic, EmbeddedPairs, critic_loss, total
from molsearch.training.masked_language import Schedule, pretrain
from molsearch.training.neighbours import nearest_molecules, neighbour_batches
from molsearch.training.prepare import prepare
from molsearch.training.recipe import Recipe
from molsearch.training.role_head import Flags, Floats, encoded, role_holders, teach
from molsearch.training.schedule import share_of_peak
from molsearch.training.tokenizer import train_tokenizer

LOG = logging.getLogger(__name__)
_TIDY = 2  # steps after which freed memory goes back to the system: 8 GB or more become 6, for a hundredth of the time


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Climb linearly to the peak over the warm-up, then fall to zero by the recipe's decay."""
    return recipe.learning_rate * share_of_peak(step, steps, recipe.warmup, recipe.decay)


def bfloat16_is_faster(device: torch.device) -> bool:
    """Return whether the device has matrix units for bfloat16; processors without them run it slower than float32."""
    return device.type == "cuda" or torch.cpu._is_amx_tile_supported()


class Trainer:
    """One training run; ``run`` does all of it.

    Dropout is seeded anew at every step and the order of the captions by epoch, so a resumed run repeats an
    undisturbed one.
    """

    def __init__(self, recipe: Recipe, features: TrainingFeatures, out: Path, device: str = "cpu") -> None:
        if len(features.train) < 2:
            raise InputError(f"Training needs at least 2 captions, got {len(features.train)}; give more pairs.")
        self.recipe = recipe
        self.features = features
        self.out = out
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        self.tokenizer = self._tokenizer()
        self.model = DualEncoder(recipe.model, self.tokenizer)
        self.model.lexicon = dict(features.lexicon)
        if features.odds is not None:
            self.model.class_odds, self.model.part_odds = (torch.from_numpy(table) for table in features.odds)
        if "lexical" in self.model.paths:
            texts = (example.text for example in features.train)
            self.model.lexical.idf.copy_(inverse_document_frequency(texts, recipe.model.lexical.grams))
        self.model.to(self.device)
        self.batch_size = min(recipe.batch_size, len(features.train))
        self.critic = self._critic()
        self.per_epoch = len(features.train) // self.batch_size
        self.steps = recipe.epochs * self.per_epoch
        self.optimizer = torch.optim.AdamW(self._groups(), lr=recipe.learning_rate, fused=True)
        half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and bfloat16_is_faster(self.device))
        self.autocast = torch.autocast(self.device.type, torch.bfloat16) if half else nullcontext()
        self.lengths = [example.text.count(" ") for example in features.train]
        self.synthetic_captions: dict[int, list[Example]] = {}
        for example in features.synthetic_captions:
            self.synthetic_captions.setdefault(example.molecule, []).append(example)
        self.synthetic_names = SyntheticNames(features.synthetic_names)
        self.molecule_numbers = np.array([example.molecule for example in features.train])

    @contextmanager
    def kernels(self) -> Iterator[None]:
        """Run a forward pass in the precision and with the attention kernels of this run."""
        # Backwards, the fused attention kernel for processors takes several times as long as plain products.
        plain = sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext()
        with self.autocast, plain:
            yield

    def _groups(self) -> list[dict[str, object]]:
        """Parameters by path, as each path has its own schedule, and by whether weight decay fits their shape."""
        groups = []
        for path in self.model.paths:
            own = [
                parameter
                for name, parameter in self.model.named_parameters()
                if ("lexical" in name) == (path == "lexical")
            ]
            steps = self.recipe.path_epochs.get(path, self.recipe.epochs) * self.per_epoch
            for wide, decay in ((True, self.recipe.weight_decay), (False, 0.0)):
                chosen = [parameter for parameter in own if (parameter.dim() > 1) == wide]
                groups.append({"params": chosen, "weight_decay": decay, "steps": steps})
        return groups

    def _active(self, number: int) -> list[str]:
        """Paths that still learn at a step."""
        epoch = number // self.per_epoch
        return [path for path in self.model.paths if epoch < self.recipe.path_epochs.get(path, self.recipe.epochs)]

    def _tokenizer(self) -> Tokenizer | None:
        if self.recipe.model.lexical_share >= 1 or self.recipe.model.transformer.pretrained:
            return None
        return train_tokenizer([example.text for example in self.features.train], self.recipe.vocabulary)

    def _critic(self) -> tuple[Critic, torch.optim.Optimizer] | None:
        if not self.recipe.losses.get("adversarial"):
            return None
        critic = Critic(self.recipe.model.projector.width).to(self.device)
        return critic, torch.optim.Adam(critic.parameters(), lr=self.recipe.critic_rate, betas=(0.5, 0.9))

    def step(self, rows: np.ndarray, number: int) -> dict[str, float]:
        """Take one optimiser step on the captions of ``rows`` and some synthetic names; return the terms by path."""
        torch.manual_seed(self.recipe.seed * 1_000_003 + number)
        rng = np.random.default_rng((self.recipe.seed, number))
        self.model.train()
        drawn = [
            swap(example, self.synthetic_captions.get(example.molecule, ()), self.recipe.written_share, rng)
            for example in (self.features.train[row] for row in rows)
        ]
        drawn += self.synthetic_names.draw(drawn, self.recipe.made_share, rng)
        examples = [thin(example, self.recipe, rng) for example in drawn]
        store = self.features.store
        active = self._active(number)
        texts = self.model.prepare_texts(examples, store, active).to(self.device)
        if texts.grams is not None:
            texts = replace(texts, grams=thin_bag(texts.grams, self.recipe.gram_dropout))
        if texts.tokens is not None:
            texts = replace(texts, tokens=thin_words(texts.tokens, self.recipe.word_dropout))
        graphs, fragments = self.model.prepare_molecules(store.take([example.molecule for example in examples]), active)
        if graphs is not None:
            graphs = thin_environments(graphs.to(self.device), self.recipe.environment_dropout)
        if fragments is not None:
            fragments = thin_bag(fragments.to(self.device), self.recipe.fragment_dropout)
        # The texts as drawn: one synthetic caption may stand for several molecules of the batch.
        numbers = np.unique([example.text for example in examples], return_inverse=True)[1]
        molecules = np.array([example.molecule for example in examples])
        same = torch.from_numpy(same_pairs(molecules, numbers)).to(self.device)
        with self.kernels():
            text, molecule = self.model.embed_pairs(texts, graphs, fragments)
        loss, terms = self._loss(text.paths(), molecule.paths(), (text.mean, molecule.mean), same)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, number, group["steps"])
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        return terms

    def _loss(
        self,
        texts: dict[str, Tensor],
        molecules: dict[str, Tensor],
        means: tuple[Tensor | None, Tensor | None],
        same: Tensor,
    ) -> tuple[Tensor, dict[str, float]]:
        losses = []
        terms: dict[str, float] = {}
        for path in texts:
            scale = self.model.log_scale[path].exp().clamp(max=100)
            embedded = EmbeddedPairs(texts[path], molecules[path], scale, same=same)
            weights = dict(self.recipe.losses)
            if path == "token" and self.critic and means[0] is not None and means[1] is not None:
                critic, optimizer = self.critic
                optimizer.zero_grad()
                critic_loss(critic, means[0].float(), means[1].float()).backward()
                optimizer.step()
                embedded = replace(
                    embedded, text_states=means[0].float(), molecule_states=means[1].float(), critic=critic
                )
            else:
                weights.pop("adversarial", None)
            loss, named = total(weights, embedded, self.recipe.options)
            losses.append(loss)
            terms |= {f"{path}/{name}": float(value) for name, value in named.items()}
        return torch.stack(losses).sum(), terms

    def validate(self) -> dict[str, float]:
        """Rank the validation captions among the validation molecules (a small pool: for choosing epochs only)."""
        val = self.features.val
        if not val:
            return {}
        rows = sorted({example.molecule for example in val})
        place = {row: number for number, row in enumerate(rows)}
        store = self.features.store
        texts = self.model.vectors_of_texts(val, store)
        molecules = self.model.vectors_of_graphs(store.take(rows))
        targets = np.array([place[example.molecule] for example in val])
        own_ranks = ranks(texts @ molecules.T, targets)
        return {
            "val hits@1": 100 * float((own_ranks <= 1).mean()),
            "val hits@10": 100 * float((own_ranks <= 10).mean()),
            "val mrr": 100 * float((1 / own_ranks).mean()),
        }

    def _batches(self, epoch: int) -> list[np.ndarray]:
        recipe = self.recipe
        if recipe.neighbours < 2:
            return batches(self.lengths, self.batch_size, recipe.seed, epoch)
        places, alike = self._neighbours
        return neighbour_batches(places, alike, self.lengths, self.batch_size, recipe.neighbours, recipe.seed, epoch)

    @cached_property
    def _neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Each caption's place among the distinct molecules, and the places of those most alike."""
        distinct, places = np.unique(self.molecule_numbers, return_inverse=True)
        return places, nearest_molecules(self.features.store, distinct, 4 * self.recipe.neighbours)

    def epochs(self, first: int, progress: Progress | None) -> Iterator[tuple[int, dict[str, float]]]:
        """Train epoch after epoch, yielding the mean loss terms of each."""
        per_epoch = self.per_epoch
        for epoch in range(first, self.recipe.epochs):
            sums: dict[str, float] = {}
            order = self._batches(epoch)
            for number, rows in enumerate(order[:per_epoch]):
                for name, value in self.step(rows, epoch * per_epoch + number).items():
                    sums[name] = sums.get(name, 0.0) + value / per_epoch
                if number % _TIDY == 0:
                    give_back()
                if progress:
                    progress(epoch * per_epoch + number + 1, self.steps)
            yield epoch, sums

    def run(self, *, resume: bool = False, progress: Progress | None = None) -> Path:
        """Train, keep the best epoch and write the model folder.

        Returns:
            The model folder, ``out``.

        Raises:
            InputError: If ``resume`` finds a checkpoint of another recipe or of other features.
        """
        state = checkpoint.start(self.out, self, resume=resume)
        began = time.perf_counter()
        if self.recipe.masked_epochs and not state.epoch:
            self.learn_words(progress)
        for epoch, losses in self.epochs(state.epoch, progress):
            due = (epoch + 1) % self.recipe.validate_every == 0 or epoch + 1 == self.recipe.epochs
            figures = self.validate() if due else {}
            line = {"epoch": epoch + 1, "minutes": (time.perf_counter() - began) / 60, **losses, **figures}
            # Before the checkpoint: a kill between the two leaves a line too many, and resuming drops it.
            with (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps({name: round(value, 4) for name, value in line.items()}) + "\n")
            state = checkpoint.advance(self.out, self, state, line)
        checkpoint.restore_kept(self.out, self)
        self.fill_bank()
        self.teach_roles()
        self.model.save(self.out)
        checkpoint.remove(self.out)
        return self.out

    def learn_words(self, progress: Progress | None = None) -> list[float]:
        """Let the text encoder fill in hidden words of the captions, before it meets any molecule.

        Returns:
            Mean cross entropy of each pass, which the log gets too.

        Raises:
            InputError: If the model has no text encoder of its own to teach.
        """
        recipe = self.recipe
        if self.tokenizer is None:
            raise InputError(
                f"Recipe {recipe.name} sets masked_epochs to {recipe.masked_epochs}, but its model has no text encoder "
                "that begins from nothing; set it to 0."
            )
        schedule = Schedule(
            recipe.masked_epochs, self.batch_size, recipe.learning_rate, recipe.weight_decay, recipe.seed
        )
        texts = [example.text for example in self.features.train]
        losses = pretrain(self.model.text, self.tokenizer, texts, schedule, self.kernels, progress)
        LOG.info("hidden words, cross entropy by epoch: %s", ", ".join(f"{loss:.3f}" for loss in losses))
        return losses

    def fill_bank(self) -> None:
        """Keep caption vectors for the query-bank correction: the longest caption of each molecule, longest first.

        Long captions are what queries are measured against; short ones ("a natural product") say little.
        """
        longest: dict[int, Example] = {}
        for example in sorted(self.features.train, key=lambda example: -len(example.text)):
            longest.setdefault(example.molecule, example)
        chosen = list(longest.values())[: self.recipe.bank]
        if chosen:
            vectors = self.model.vectors_of_texts(chosen, self.features.store)
            self.model.bank = torch.from_numpy(vectors).to(self.device)

    def teach_roles(self) -> None:
        """Teach the model the roles that enough captions state, where the recipe asks for it."""
        if not self.recipe.roles:
            return
        train = self.features.train
        holders = role_holders([example.text for example in train], [example.molecule for example in train])
        model, store = self.model, self.features.store

        def encode(numbers: list[int]) -> tuple[Floats, Flags]:
            return encoded(model, [store.take(numbers)])

        teach(model, holders, encode, self.recipe.roles, self.recipe.seed)


def train(
    recipe: Recipe,
    pairs: Path,
    val: Path,
    pool: Path,
    out: Path,
    resume: bool = False,
    progress: Progress | None = None,
    device: str = "",
) -> Path:
    """Train a model from pair files; features are cached in ``out/.features``, so a machine without RDKit can go on.

    Args:
        recipe: What to train.
        pairs: Training pairs.
        val: Validation pairs.
        pool: Molecules that validation ranks against.
        out: The model folder to write.
        resume: Whether to take up a killed run.
        progress: Called with the steps done.
        device: Torch device; a GPU where there is one, if "".

    Raises:
        InputError: If a file cannot be read, or the checkpoint in ``out`` belongs to another run.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    features = prepare(pairs, val, pool, out / ".features", progress)
    return Trainer(recipe, features, out, device).run(resume=resume, progress=progress)
