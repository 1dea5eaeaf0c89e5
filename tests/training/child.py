"""Training in a process of its own: python -m tests.training.child ROLE CACHE OUT [NUMBER].

Roles: "blocked" trains the model where RDKit cannot be imported; "until" stops dead in the midst of step NUMBER and
waits to be killed; "rest" resumes that run in OUT/killed and trains an undisturbed one in OUT/whole.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path


def main(role: str, cache: Path, out: Path, number: int = 0) -> None:
    if role == "blocked":
        sys.modules["rdkit"] = None  # type: ignore[assignment]
    import torch

    from molsearch.training.features import load
    from molsearch.training.loop import Trainer, train
    from tests.training.samples import tiny_default

    torch.set_num_threads(1)
    if role == "blocked":
        train(tiny_default(epochs=2), cache / "pairs.tsv", cache / "pairs.tsv", cache / "pairs.tsv", out)
        return

    def progress(done: int, total: int) -> None:
        if done == number:
            (out / "waiting").touch()
            time.sleep(600)

    # With dropout, a critic, and a path that ends early, so that all that a checkpoint must hold matters.
    recipe = tiny_default(
        epochs=4,
        keep="last",
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
    words = replace(recipe.model.words, dropout=0.2)
    recipe = replace(recipe, model=replace(recipe.model, words=words))
    features = load(cache)
    if role == "rest":
        Trainer(recipe, features, out / "killed").run(resume=True)
        Trainer(recipe, features, out / "whole").run()
    else:
        Trainer(recipe, features, out).run(progress=progress)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
