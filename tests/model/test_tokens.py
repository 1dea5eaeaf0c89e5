"""Padded tokens against plain loops."""

import torch

from molsearch.model.tokens import Tokens, pad


def ragged(sizes: list[int], width: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, width, generator=generator) for size in sizes]


def padded(rows: list[torch.Tensor], filler: float = 0.0) -> Tokens:
    length = max(map(len, rows))
    x = torch.full((len(rows), length, rows[0].shape[1]), filler)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, row in enumerate(rows):
        x[i, : len(row)], mask[i, : len(row)] = row, True
    return Tokens(x, mask)


def test_the_mean_reads_real_tokens_only() -> None:
    rows = ragged([1, 4, 2])
    assert torch.allclose(padded(rows, 99.0).mean(), torch.stack([row.mean(0) for row in rows]), atol=1e-6)


def test_the_maximum_reads_real_tokens_only() -> None:
    rows = ragged([1, 4, 2])
    assert torch.equal(padded(rows, 99.0).maximum(), torch.stack([row.amax(0) for row in rows]))


def test_a_row_without_tokens_has_mean_and_maximum_zero() -> None:
    tokens = padded([torch.zeros(0, 3), torch.ones(2, 3)], 7.0)
    assert torch.equal(tokens.mean()[0], torch.zeros(3))
    assert torch.equal(tokens.maximum()[0], torch.zeros(3))


def test_appended_tokens_stand_behind_with_their_own_mask() -> None:
    first, second = ragged([2, 1]), ragged([1, 3], 3)
    joined = padded(first).append(padded(second))
    assert joined.x.shape == (2, 2 + 3, 3)
    for i in range(2):
        assert torch.equal(joined.x[i][joined.mask[i]], torch.cat([first[i], second[i]]))


def test_pad_cuts_rows_laid_end_to_end() -> None:
    rows = ragged([2, 0, 3])
    tokens = pad(torch.cat(rows), torch.tensor([2, 0, 3]))
    assert tokens.x.shape == (3, 3, 3)
    assert torch.equal(tokens.x, padded(rows).x)
    assert torch.equal(tokens.mask, padded(rows).mask)
