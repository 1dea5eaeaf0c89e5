"""Recipes: every shipped one is read, and what cannot be meant is told."""

from pathlib import Path

import pytest

from molsearch.errors import InputError
from molsearch.model.config import config_table, dual_config
from molsearch.training.losses import LOSSES
from molsearch.training.recipe import RECIPES, Recipe, load_recipe, parse_recipe

SHIPPED = sorted(path.stem for path in RECIPES.glob("*.toml"))


def test_the_recipes_that_the_manual_names_are_there() -> None:
    assert {"default", "lexical", "paper", "paper-released"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_is_read_and_says_what_it_is_in_its_first_line(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert set(recipe.losses) <= set(LOSSES)
    assert recipe.losses and all(weight > 0 for weight in recipe.losses.values())
    assert dual_config(config_table(recipe.model)) is not None
    assert (RECIPES / f"{name}.toml").read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("name", ["paper", "paper-released"])
def test_the_paper_s_recipe_has_the_paper_s_numbers(name: str) -> None:
    recipe = load_recipe(name)
    model = recipe.model
    assert (model.text, model.molecule, model.grounded, model.lexical_share) == ("transformer", "gcn", False, 0.0)
    bank = model.projector
    assert (bank.slots, bank.heads, bank.width, bank.out, bank.head) == (28, 4, 300, 300, "paper")
    assert (model.gcn.width, model.gcn.hidden, model.gcn.layers, model.transformer.max_tokens) == (300, 600, 3, 256)
    assert dict(recipe.losses) == {"batch_hard_triplet": 1.0, "adversarial": 2e-4, "second_order": 1.0}
    assert (recipe.options.margin, recipe.batch_size, recipe.epochs, recipe.seed) == (0.3, 32, 60, 42)
    assert (recipe.learning_rate, recipe.decay, recipe.keep) == (1e-4, "linear", "last")
    # 1,000 warm-up steps of 60 passes over 26,408 captions (incomplete batches dropped).
    assert recipe.warmup * 60 * (26_408 // 32) == pytest.approx(1_000, rel=0.1)


def test_the_two_forms_of_the_second_order_losses_are_a_recipe_each() -> None:
    assert load_recipe("paper").options.form == "similarity"
    released = load_recipe("paper-released").options
    assert (released.form, released.temperature) == ("distance", 1.0)


def test_the_default_recipe_trains_the_whole_of_the_model() -> None:
    model = load_recipe("default").model
    assert (model.text, model.molecule, model.grounded) == ("words", "gine", True)
    assert 0 < model.lexical_share < 1


def test_a_recipe_is_read_by_path(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("epochs = 3\n[model.gine]\nlayers = 2\n", encoding="utf-8")
    recipe = load_recipe(str(tmp_path / "own.toml"))
    assert (recipe.name, recipe.epochs, recipe.model.gine.layers) == ("own", 3, 2)
    assert recipe.batch_size == Recipe("own").batch_size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", r"unknown settings \['epoch'\]; expected some of"),
        ("[model]\ndepth = 3", r"\[model\] has the unknown settings \['depth'\]"),
        ("[model.gine]\ndepth = 3", r"\[model\] \[gine\] has the unknown settings \['depth'\]"),
        ("[losses]\ncosine = 1.0", r"unknown losses \['cosine'\]; expected some of \['adversarial'"),
        ("[options]\nscale = 1.0", r"cannot be read: .*scale"),
        ("[options]\nform = 'cosine'", r"sets form to 'cosine'"),
        ("epochs = ", r"Recipe r cannot be read"),
        ("epochs = 'ten'", r"sets epochs to 'ten', expected something like 20"),
        ("epochs = 0", r"sets epochs to 0, expected 1 or more"),
        ("batch_size = 1", r"sets batch_size to 1, expected 2 or more"),
        ("decay = 'steep'", r"sets decay to 'steep'"),
        ("losses = 3", r"sets losses to 3|cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_told(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_recipe(text, "r")


def test_a_recipe_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"No recipe 'papers'.*default.*paper"):
        load_recipe("papers")
