"""Training in a process of its own: python -m tests.training.child ROLE CACHE OUT [NUMBER].

Roles: "blocked" trains the model where RDKit cannot be imported; "until" stops dead in the midst of step NUMBER and
waits to be killed.
"""

import sys
import time
from pathlib import Path


def main(role: str, cache: Path, out: Path, number: int = 0) -> None:
    if role == "blocked":
        sys.modules["rdkit"] = None  # type: ignore[assignment]
    import torch

    from molsearch.training.features import load
    from molsearch.training.loop import Trainer, train
    from tests.training.samples import restless_default, tiny_default

    torch.set_num_threads(1)
    if role == "blocked":
        train(tiny_default(epochs=2), cache / "pairs.tsv", cache / "pairs.tsv", cache / "pairs.tsv", out)
        return

    def progress(done: int, total: int) -> None:
        if done == number:
            (out / "waiting").touch()
            time.sleep(600)

    Trainer(restless_default(), load(cache), out).run(progress=progress)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
