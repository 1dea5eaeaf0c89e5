"""A recipe: everything that decides a training run, read from one TOML file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

from molsearch.errors import InputError, ModelError
from molsearch.model.config import DualConfig, dual_config, fits
from molsearch.training.losses import LOSSES, LossOptions
from molsearch.training.schedule import Decay

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained.

    Attributes:
        name: Name of the recipe.
        model: Which parts the model has.
        losses: Weight of each row of losses.LOSSES; applied to each path of the model alike.
        options: What the losses leave to a recipe.
        epochs: Passes over the training captions.
        path_epochs: Epochs of a path that takes fewer than the rest; its rate falls to zero by then.
        batch_size: Pairs a batch.
        learning_rate: Peak of the schedule.
        warmup: Share of the steps that the rate takes to climb there.
        decay: "cosine" to zero, or "linear" to zero.
        weight_decay: Of AdamW.
        clip: Largest gradient norm.
        gram_dropout: Share of a text's n-grams left out at random.
        fragment_dropout: Share of a molecule's fragments left out at random.
        written_share: Share of the captions swapped, at random, for one written from the structure
            (training/synthetic_captions.py).
        masked_epochs: Passes over the captions before the pairs, in which the text encoder learns to fill in hidden
            words (training/masked_language.py); 0 begins with the pairs.
        made_share: Synthetic names that learn beside each batch of captions, drawn at random, as a share of its size.
        word_dropout: Share of a text's words hidden from the token path at random.
        environment_dropout: Share of an atom's Morgan environments hidden from the token path at random.
        structure_dropout: Share of a text's named structures left out at random.
        neighbours: Captions that meet in a batch because their molecules are alike; 1 draws batches at random.
        critic_rate: Learning rate of the adversarial critic.
        validate_every: Epochs between validations; the last epoch is always validated.
        keep: "best" on validation or "last" (what the paper tests).
        precision: "auto" measures whether bfloat16 is faster here, or "float32", "bfloat16".
        vocabulary: Word pieces of the tokenizer trained on the captions.
        roles: Molecules that captions must give a role to for the model to learn it; 0 teaches it none.
        bank: Molecules whose longest training caption is kept for the query-bank correction; 0 leaves it out.
        seed: Decides initial weights, order and dropout.
    """

    name: str
    model: DualConfig = field(default_factory=DualConfig)
    losses: Mapping[str, float] = field(default_factory=lambda: {"contrastive": 1.0})
    options: LossOptions = field(default_factory=LossOptions)
    epochs: int = 20
    path_epochs: Mapping[str, int] = field(default_factory=dict)
    batch_size: int = 256
    learning_rate: float = 1e-3
    warmup: float = 0.1
    decay: Decay = "cosine"
    weight_decay: float = 0.02
    clip: float = 1.0
    gram_dropout: float = 0.0
    fragment_dropout: float = 0.0
    written_share: float = 0.0
    masked_epochs: int = 0
    made_share: float = 0.0
    word_dropout: float = 0.0
    environment_dropout: float = 0.0
    structure_dropout: float = 0.0
    neighbours: int = 1
    critic_rate: float = 1e-4
    validate_every: int = 1
    keep: Literal["best", "last"] = "best"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    vocabulary: int = 8192
    roles: int = 0
    bank: int = 4096
    seed: int = 42


def _check(table: Mapping[str, Any], defaults: Recipe | LossOptions, name: str) -> None:
    hints = get_type_hints(type(defaults))
    for setting, value in table.items():
        default = getattr(defaults, setting)
        if value != default and default is not None and not fits(value, default, hints[setting]):
            raise InputError(
                f"Recipe {name} sets {setting} to {value!r}, expected something like {default!r}; correct it."
            )
    for setting, least in (("epochs", 1), ("batch_size", 2), ("validate_every", 1), ("neighbours", 1)):
        if table.get(setting, least) < least:
            raise InputError(f"Recipe {name} sets {setting} to {table[setting]}, expected {least} or more; correct it.")


def parse_recipe(text: str, name: str) -> Recipe:
    """Read a recipe from TOML text.

    Raises:
        InputError: If it is not TOML, or names a setting or loss that does not exist.
    """
    try:
        table: dict[str, Any] = tomllib.loads(text)
        model = dual_config(table.pop("model", {}), f"recipe {name} [model]")
        options = LossOptions(**table.pop("options", {}))
        known = {setting.name for setting in fields(Recipe)}
        if unknown := set(table) - known:
            raise InputError(
                f"Recipe {name} has the unknown settings {sorted(unknown)}; expected some of {sorted(known)}."
            )
        if unknown := set(table.get("losses", {})) - set(LOSSES):
            raise InputError(
                f"Recipe {name} names the unknown losses {sorted(unknown)}; expected some of {sorted(LOSSES)}."
            )
        _check(table, Recipe(name), name)
        _check({option.name: getattr(options, option.name) for option in fields(options)}, LossOptions(), name)
        return Recipe(**{"name": name, **table, "model": model, "options": options})
    except (ValueError, TypeError, RecursionError, ModelError) as error:
        raise InputError(f"Recipe {name} cannot be read: {error}; correct it.") from error


def load_recipe(name_or_path: str) -> Recipe:
    """Read a shipped recipe by name, or any recipe by path.

    Raises:
        InputError: If there is no such recipe or it cannot be read.
    """
    shipped = RECIPES / f"{name_or_path}.toml"
    path = shipped if shipped.is_file() else Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        names = ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.toml")))
        raise InputError(
            f"No recipe {name_or_path!r}: got neither a file nor one of {names}; name one of those."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"Recipe {path} is no UTF-8 text: {error.reason} at byte {error.start:,}; save it so."
        ) from error
    return parse_recipe(text, path.stem)
