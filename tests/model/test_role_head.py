"""The role head: logits, and the evidence in them."""

import numpy as np
import pytest
import torch

from molsearch.model.role_head import RoleHead


@pytest.fixture
def head() -> RoleHead:
    torch.manual_seed(0)
    head = RoleHead(8, 16, 6, 5, dropout=0.5)
    torch.nn.init.normal_(head.out.weight)
    return head


def vectors(count: int) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def flags(count: int) -> np.ndarray:
    bits = np.random.default_rng(1).random((count, 16)) < 0.2
    bits[:2] = False  # a molecule of no class
    return np.packbits(bits, axis=1)


def test_a_fresh_head_tells_nothing() -> None:
    fresh = RoleHead(8, 16, 6, 5)
    assert not fresh.log_odds(vectors(3), flags(3), [0, 4]).any()


def test_log_odds_are_the_logits_less_the_roles_own(head: RoleHead) -> None:
    log_odds = head.log_odds(vectors(40), flags(40), [3, 1])  # while it trains: without dropout all the same
    head.eval()
    with torch.inference_mode():
        logits = (
            head(torch.from_numpy(vectors(40)), torch.from_numpy(np.unpackbits(flags(40), axis=1)).float())
            - head.out.bias
        )
    np.testing.assert_allclose(log_odds, logits[:, [3, 1]], atol=1e-5)


def test_a_class_tells_beside_the_vector(head: RoleHead) -> None:
    alone, member = np.zeros((2, 1, 2), np.uint8)
    member[0, 1] = 1  # the last of sixteen
    log_odds = [head.log_odds(vectors(1), classes, range(5)) for classes in (alone, member)]
    assert not np.allclose(*log_odds)
    with torch.no_grad():
        head.classes[15] = 0
    np.testing.assert_allclose(head.log_odds(vectors(1), member, range(5)), log_odds[0], atol=1e-6)


def test_many_molecules_are_told_in_parts_as_together(head: RoleHead, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = head.log_odds(vectors(40), flags(40), [0, 1])
    monkeypatch.setattr("molsearch.model.role_head._ROWS", 7)
    reports: list[tuple[int, int]] = []
    halves = vectors(40).astype(np.float16)
    halves.flags.writeable = False  # as a mapped file is
    again = head.log_odds(halves, flags(40), [0, 1], progress=lambda done, total: reports.append((done, total)))
    np.testing.assert_allclose(again, whole, atol=0.02)
    assert reports == [(7, 40), (14, 40), (21, 40), (28, 40), (35, 40), (40, 40)]
    mask = np.arange(40) % 3 == 0
    masked = head.log_odds(vectors(40), flags(40), [0, 1], mask)
    np.testing.assert_allclose(masked[mask], whole[mask], atol=1e-5)
    assert np.isneginf(masked[~mask]).all()
    assert np.isneginf(head.log_odds(vectors(40), flags(40), [0, 1], np.arange(40) < 0)).all()


def test_of_several_roles_the_likeliest_counts_and_the_molecules_are_read_once(head: RoleHead) -> None:
    reports: list[tuple[int, int]] = []
    both = head.likeliest(
        vectors(40), flags(40), [(3, 1), (4,), (1,)], progress=lambda done, total: reports.append((done, total))
    )
    each = head.log_odds(vectors(40), flags(40), range(5))
    np.testing.assert_allclose(both, np.stack([each[:, [3, 1]].max(1), each[:, 4], each[:, 1]], axis=1), atol=1e-5)
    assert reports == [(40, 40)]


def test_no_molecules_give_no_rows(head: RoleHead) -> None:
    assert head.log_odds(vectors(0), flags(0)[:0], [0, 1]).shape == (0, 2)
