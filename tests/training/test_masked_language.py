"""The text encoder learns words by filling them in, before it meets any molecule."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from molsearch.model.text import TransformerConfig, TransformerEncoder, WordConfig, WordEncoder
from molsearch.training.masked_language import Schedule, hide, pretrain, targets
from molsearch.training.tokenizer import train_tokenizer

TEXTS = ["It is a primary alcohol and a salt", "It is a secondary amine and a salt", "An ester", "It is a diester"] * 4
SCHEDULE = Schedule(epochs=30, batch_size=8, learning_rate=5e-3, weight_decay=0.0, seed=7)
TOKENIZER = train_tokenizer(TEXTS, 200)


def _words() -> WordEncoder:
    torch.manual_seed(0)
    return WordEncoder(WordConfig(width=16, layers=1, heads=2, feedforward=32, table=256, max_words=8), TOKENIZER)


def _pieces() -> TransformerEncoder:
    torch.manual_seed(0)
    config = TransformerConfig(width=16, hidden=16, layers=1, heads=2, feedforward=32, max_tokens=16)
    return TransformerEncoder(config, TOKENIZER)


@pytest.mark.parametrize("make", [_words, _pieces])
def test_hidden_words_are_learned_far_better_than_by_chance(
    make: Callable[[], WordEncoder | TransformerEncoder],
) -> None:
    losses = pretrain(make(), TOKENIZER, TEXTS, SCHEDULE, nullcontext)
    assert len(losses) == SCHEDULE.epochs
    assert losses[0] > 0.7 * np.log(TOKENIZER.get_vocab_size())
    assert losses[-1] < 0.6 * losses[0]


def test_the_same_seed_teaches_the_same() -> None:
    first, second = _words(), _words()
    schedule = replace(SCHEDULE, epochs=2)
    assert pretrain(first, TOKENIZER, TEXTS, schedule, nullcontext) == pretrain(
        second, TOKENIZER, TEXTS, schedule, nullcontext
    )
    for weights, others in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(weights, others)


def test_targets_are_the_words_that_are_pieces_and_nothing_at_padding() -> None:
    texts = ["It is a salt", "zzz salt"]
    batch = _words().prepare(texts)
    numbers = targets(batch, texts, TOKENIZER)
    known = [TOKENIZER.token_to_id(word) for word in ("it", "is", "a", "salt")]
    assert numbers.tolist() == [known, [-100, known[-1], -100, -100]]


def test_a_hidden_word_leaves_no_trace_of_itself() -> None:
    encoder = _words().eval()
    chosen = torch.tensor([[False, False, False, True]])
    states = []
    for text in ("It is a salt", "It is a ester"):
        batch = encoder.prepare([text])
        states.append(encoder(hide(batch, chosen, 5)).x)
        assert not torch.equal(encoder(batch).x, states[-1])
    assert torch.equal(*states)
