"""The second look: words against atoms."""

import pytest
import torch

from molsearch.model.reranker import LateInteraction, Weighed
from molsearch.model.tokens import Tokens


def _tokens(lengths: list[int], width: int = 8, seed: int = 0) -> Tokens:
    torch.manual_seed(seed)
    x = torch.randn(len(lengths), max(lengths), width)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Tokens(x, mask)


def _head() -> LateInteraction:
    torch.manual_seed(1)
    return LateInteraction(8, 4).eval()


def test_words_and_atoms_that_answer_each_other_match_fully() -> None:
    x = torch.eye(3)[None]
    words = Weighed(x, torch.ones(1, 3, dtype=torch.bool), torch.tensor([[0.5, 0.25, 0.25]]))
    atoms = Weighed(x.flip(1), torch.ones(1, 3, dtype=torch.bool), torch.tensor([[0.2, 0.2, 0.6]]))
    assert LateInteraction.match(words, atoms).item() == pytest.approx(2.0)


def test_a_word_that_no_atom_answers_costs_its_weight() -> None:
    words = Weighed(torch.eye(3)[None], torch.ones(1, 3, dtype=torch.bool), torch.tensor([[0.5, 0.25, 0.25]]))
    atoms = Weighed(torch.eye(3)[None, 1:], torch.ones(1, 2, dtype=torch.bool), torch.tensor([[0.5, 0.5]]))
    assert LateInteraction.match(words, atoms).item() == pytest.approx(0.5 + 1.0)


def test_padding_is_never_read() -> None:
    head, words, atoms = _head(), _tokens([3, 5]), _tokens([4, 6], seed=2)
    scores = head(words, atoms)
    words.x[0, 3:], atoms.x[0, 4:] = 99.0, -99.0
    assert torch.equal(head(words, atoms), scores)
    alone = head(Tokens(words.x[:1, :3], words.mask[:1, :3]), Tokens(atoms.x[:1, :4], atoms.mask[:1, :4]))
    assert alone.item() == pytest.approx(scores[0].item(), abs=1e-6)


def test_one_text_meets_every_molecule() -> None:
    head, words, atoms = _head(), _tokens([5]), _tokens([4, 6, 1], seed=2)
    met = head.match(head.words(words), head.atoms(atoms))
    for row in range(3):
        own = Tokens(atoms.x[row : row + 1], atoms.mask[row : row + 1])
        assert head(words, own).item() == pytest.approx(met[row].item(), abs=1e-6)
