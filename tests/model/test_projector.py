"""The memory bank: attention against a loop, padding, sharing, both heads."""

import math

import pytest
import torch

from molsearch.model.projector import MemoryBankProjector, ProjectorConfig
from molsearch.model.tokens import Tokens


def projector(**settings: object) -> MemoryBankProjector:
    torch.manual_seed(0)
    config = ProjectorConfig(**{"width": 8, "slots": 3, "heads": 2, "out": 5, **settings})  # type: ignore[arg-type]
    return MemoryBankProjector(config).eval()


def tokens(sizes: tuple[int, ...] = (4, 2, 1), filler: float = 0.0, length: int = 4) -> Tokens:
    generator = torch.Generator().manual_seed(1)
    x = torch.full((len(sizes), length, 8), filler)
    mask = torch.zeros(len(sizes), length, dtype=torch.bool)
    for i, size in enumerate(sizes):
        x[i, :size] = torch.randn(size, 8, generator=generator)
        mask[i, :size] = True
    return Tokens(x, mask)


def slow_attention(model: MemoryBankProjector, row: torch.Tensor) -> tuple[list[list[float]], list[list[float]]]:
    """One molecule or text, head by head and slot by slot: outputs (K, D) and mean weights (K, L)."""
    attention = model.attention
    wq, wk, wv = attention.in_proj_weight.chunk(3)
    bq, bk, bv = attention.in_proj_bias.chunk(3)
    heads, width = model.config.heads, model.config.width
    size = width // heads
    outputs, weights = [], []
    for slot in model.memory:
        joined, mean = [], [0.0] * len(row)
        for head in range(heads):
            columns = slice(head * size, (head + 1) * size)
            query = (wq @ slot + bq)[columns]
            energies = [float(query @ (wk @ token + bk)[columns]) / math.sqrt(size) for token in row]
            total = sum(math.exp(energy) for energy in energies)
            shares = [math.exp(energy) / total for energy in energies]
            values = [(wv @ token + bv)[columns].tolist() for token in row]
            joined += [sum(share * value[i] for share, value in zip(shares, values, strict=True)) for i in range(size)]
            mean = [m + share / heads for m, share in zip(mean, shares, strict=True)]
        outputs.append((attention.out_proj.weight @ torch.tensor(joined) + attention.out_proj.bias).tolist())
        weights.append(mean)
    return outputs, weights


@torch.no_grad()
def test_the_memory_reads_the_tokens_as_a_loop_does() -> None:
    model, batch = projector(), tokens()
    outputs, weights = model.attend(batch, weights=True)
    assert weights is not None
    for i, size in enumerate((4, 2, 1)):
        expected, shares = slow_attention(model, batch.x[i, :size])
        assert torch.allclose(outputs[i], torch.tensor(expected), atol=1e-5)
        assert torch.allclose(weights[i, :, :size], torch.tensor(shares), atol=1e-6)


@torch.no_grad()
def test_padding_is_never_attended() -> None:
    weights = projector().attend(tokens(), weights=True)[1]
    assert weights is not None
    assert (weights[1, :, 2:] == 0).all()
    assert torch.allclose(weights.sum(-1), torch.ones(3, 3), atol=1e-6)


@pytest.mark.parametrize("head", ["paper", "deep"])
@pytest.mark.parametrize("slots", [3, 0])
@torch.no_grad()
def test_padding_and_its_content_never_change_a_vector(head: str, slots: int) -> None:
    model = projector(head=head, slots=slots)
    short, long = model(tokens()), model(tokens(filler=50.0, length=9))
    assert torch.allclose(short, long, atol=1e-6)


@pytest.mark.parametrize("head", ["paper", "deep"])
@pytest.mark.parametrize("slots", [3, 0])
@torch.no_grad()
def test_rows_have_unit_length_and_the_configured_width(head: str, slots: int) -> None:
    vectors = projector(head=head, slots=slots)(tokens())
    assert vectors.shape == (3, 5)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-6)


@torch.no_grad()
def test_the_paper_head_is_mean_of_slots_times_scale_then_linear_norm_and_tanh() -> None:
    model, batch = projector(head="paper"), tokens()
    model.scale.fill_(1.7)
    linear, norm, _ = model.head  # type: ignore[misc]
    pooled = model.attend(batch)[0].mean(1) * 1.7
    expected = torch.tanh((pooled @ linear.weight.T + linear.bias) / math.sqrt(1 + norm.eps))
    assert torch.allclose(model(batch), expected / expected.norm(dim=1, keepdim=True), atol=1e-5)


@torch.no_grad()
def test_token_order_never_changes_a_vector() -> None:
    model, batch = projector(), tokens((4, 4), length=4)
    order = torch.tensor([2, 0, 3, 1])
    assert torch.allclose(model(batch), model(Tokens(batch.x[:, order], batch.mask)), atol=1e-6)
