"""Eight pairs, their features and tiny recipes, for the tests of training."""

from dataclasses import replace

from molsearch.model.config import DualConfig
from molsearch.model.lexical import LexicalConfig
from molsearch.model.molecule import GcnConfig, GineConfig
from molsearch.model.projector import ProjectorConfig
from molsearch.model.text import TransformerConfig, WordConfig
from molsearch.training.features import Caption
from molsearch.training.recipe import Recipe, load_recipe

PAIRS = (
    Caption("Benzoic acid is an aromatic acid used to keep food.", "O=C(O)c1ccccc1"),
    Caption("A conjugate base of benzoic acid.", "O=C([O-])c1ccccc1"),
    Caption("The L-enantiomer of alanine.", "C[C@H](N)C(=O)O"),
    Caption("The D-enantiomer of alanine.", "C[C@@H](N)C(=O)O"),
    Caption("A sulfonamide with an aromatic amine, used as an antibacterial.", "Nc1ccc(S(N)(=O)=O)cc1"),
    Caption("A purine alkaloid that keeps people awake.", "CN1C=NC2=C1C(=O)N(C)C(=O)N2C"),
    Caption("The salt of sodium and chlorine.", "[Na+].[Cl-]"),
    Caption("An alcohol that derives from ethane.", "CCO"),
)
SMILES = [pair.smiles for pair in PAIRS]


def tiny_default(**changes: object) -> Recipe:
    """The default recipe with every part of it, small and without dropout."""
    recipe = load_recipe("default")
    model = replace(
        recipe.model,
        words=WordConfig(width=16, layers=1, heads=2, feedforward=32, table=2048, dropout=0.0),
        gine=GineConfig(width=16, layers=2, hidden=32, dropout=0.0),
        projector=replace(recipe.model.projector, width=16, slots=4, heads=2, out=16, dropout=0.0),
        lexical=LexicalConfig(grams=2048, width=8, hidden=32, out=16, dropout=0.0),
    )
    return _plain(recipe, model, **changes)


def restless_default() -> Recipe:
    """Four epochs with dropout, a critic, and a path that ends early, so that all that a checkpoint holds matters."""
    recipe = tiny_default(
        epochs=4,
        batch_size=4,
        gram_dropout=0.3,
        fragment_dropout=0.2,
        structure_dropout=0.5,
        word_dropout=0.2,
        written_share=0.3,
        path_epochs={"lexical": 3},
        validate_every=1,
        losses={"contrastive": 1.0, "adversarial": 0.1},
    )
    return replace(recipe, model=replace(recipe.model, words=replace(recipe.model.words, dropout=0.2)))


def tiny_paper(**changes: object) -> Recipe:
    """The paper's recipe with every part and loss of it, small and without dropout."""
    recipe = load_recipe("paper")
    model = replace(
        recipe.model,
        transformer=TransformerConfig(width=16, hidden=16, layers=1, heads=2, feedforward=32, dropout=0.0),
        gcn=GcnConfig(width=16, hidden=32),
        projector=ProjectorConfig(width=16, slots=4, heads=2, out=16, head="paper"),
    )
    return _plain(recipe, model, **changes)


def _plain(recipe: Recipe, model: DualConfig, **changes: object) -> Recipe:
    settings: dict[str, object] = {
        "model": model,
        "batch_size": 8,
        "path_epochs": {},
        "gram_dropout": 0.0,
        "fragment_dropout": 0.0,
        "structure_dropout": 0.0,
        "word_dropout": 0.0,
        "environment_dropout": 0.0,
        "written_share": 0.0,
        "vocabulary": 200,
        "bank": 4,
    }
    return replace(recipe, **(settings | changes))  # type: ignore[arg-type]
