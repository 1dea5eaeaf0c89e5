"""Each loss against a slow loop written from its formula, and what its gradient may and may not reach."""

import math

import pytest
import torch
from torch import Tensor

from molsearch.training.losses import (
    LOSSES,
    Critic,
    EmbeddedPairs,
    LossOptions,
    batch_hard_triplet,
    contrastive,
    critic_loss,
    generator_loss,
    gradient_penalty,
    second_order,
    sigmoid_pairwise,
    total,
)

N, D = 6, 8
SAME = torch.zeros(N, N, dtype=torch.bool)
SAME[1, 4] = SAME[4, 1] = True


def unit(seed: int, rows: int = N, width: int = D) -> Tensor:
    x = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x / x.norm(dim=1, keepdim=True)


@pytest.fixture
def texts() -> Tensor:
    return unit(1).requires_grad_()


@pytest.fixture
def molecules() -> Tensor:
    return unit(2).requires_grad_()


def cosine(a: Tensor, b: Tensor) -> float:
    return sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))


def distance(a: Tensor, b: Tensor) -> float:
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True)))


def softmax(values: list[float]) -> list[float]:
    whole = sum(math.exp(v) for v in values)
    return [math.exp(v) / whole for v in values]


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


# --- contrastive ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [None, SAME])
def test_contrastive_is_the_mean_of_2n_log_softmaxes(texts: Tensor, molecules: Tensor, same: Tensor | None) -> None:
    expected = 0.0
    for queries, candidates in ((texts, molecules), (molecules, texts)):
        for i in range(N):
            rivals = [j for j in range(N) if j == i or same is None or not same[i, j]]
            weights = softmax([7 * cosine(queries[i], candidates[j]) for j in rivals])
            expected -= math.log(weights[rivals.index(i)]) / (2 * N)
    assert contrastive(texts, molecules, 7.0, same).item() == pytest.approx(expected)


def test_contrastive_of_orthogonal_pairs_has_its_closed_form() -> None:
    x = torch.eye(4)
    assert contrastive(x, x, 2.0).item() == pytest.approx(math.log(1 + 3 * math.exp(-2)))


def test_contrastive_does_not_push_marked_duplicates_apart() -> None:
    # Pair 1 is pair 0 again: told so, the loss is that of a batch where each has no rival but itself.
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert contrastive(x, x, 5.0).item() == pytest.approx(math.log(2))
    assert contrastive(x, x, 5.0, torch.ones(2, 2, dtype=torch.bool)).item() == 0


def test_contrastive_trains_the_scale(texts: Tensor, molecules: Tensor) -> None:
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    contrastive(texts, molecules, scale).backward()
    step = 1e-5
    slope = (contrastive(texts, molecules, 3 + step) - contrastive(texts, molecules, 3 - step)) / (2 * step)
    assert scale.grad is not None
    assert scale.grad.item() == pytest.approx(slope.item(), rel=1e-5)


# --- sigmoid -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [None, SAME])
def test_sigmoid_judges_every_cell(texts: Tensor, molecules: Tensor, same: Tensor | None) -> None:
    expected = 0.0
    for i in range(N):
        for j in range(N):
            if i != j and same is not None and same[i, j]:
                continue
            sign = 1 if i == j else -1
            logit = 7 * cosine(texts[i], molecules[j]) - 2
            expected += math.log(1 + math.exp(-sign * logit)) / N
    assert sigmoid_pairwise(texts, molecules, 7.0, -2.0, same).item() == pytest.approx(expected)


def test_sigmoid_is_n_log_2_when_every_logit_is_0(texts: Tensor, molecules: Tensor) -> None:
    assert sigmoid_pairwise(texts, molecules, 0.0, 0.0).item() == pytest.approx(N * math.log(2))


# --- triplet -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [None, SAME])
def test_triplet_takes_the_hardest_of_both_modalities(texts: Tensor, molecules: Tensor, same: Tensor | None) -> None:
    rows = [*texts, *molecules]

    def one_group(a: int, b: int) -> bool:
        i, j = a % N, b % N
        return i == j or (same is not None and bool(same[i, j]))

    expected = 0.0
    for a in range(2 * N):
        positive = max(distance(rows[a], rows[b]) for b in range(2 * N) if b != a and one_group(a, b))
        negative = min(distance(rows[a], rows[b]) for b in range(2 * N) if not one_group(a, b))
        expected += max(0.0, positive - negative + 0.3) / (2 * N)
    assert batch_hard_triplet(texts, molecules, 0.3, same).item() == pytest.approx(expected)


def test_triplet_negative_may_be_of_the_anchors_own_modality() -> None:
    # The two texts lie 0.2 apart, the molecules far off on either side: only a text is that near to a text.
    def at(degrees: float) -> list[float]:
        return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]

    def chord(degrees: float) -> float:
        return 2 * math.sin(math.radians(degrees / 2))

    texts, molecules = torch.tensor([at(0), at(12)]), torch.tensor([at(-60), at(72)])
    of_texts = 2 * (chord(60) - chord(12) + 0.3)
    of_molecules = 2 * max(0.0, chord(60) - chord(72) + 0.3)
    assert batch_hard_triplet(texts, molecules).item() == pytest.approx((of_texts + of_molecules) / 4, rel=1e-5)


def test_triplet_is_0_once_the_margin_is_kept() -> None:
    x = torch.eye(3)
    assert batch_hard_triplet(x, x).item() == 0


def test_triplet_gradient_is_finite_where_a_pair_coincides() -> None:
    x = torch.nn.functional.normalize(torch.tensor([[1.0, 0.01], [1.0, 0.0]])).requires_grad_()
    batch_hard_triplet(x, x.detach().clone()).backward()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad.abs().max() < 10


# --- second order --------------------------------------------------------------------------------------------------


def slow_second_order(texts: Tensor, molecules: Tensor, form: str, temperature: float) -> dict[str, float]:
    def value(a: Tensor, b: Tensor) -> float:
        return (cosine(a, b) if form == "similarity" else distance(a, b)) / temperature

    def rows(queries: Tensor, candidates: Tensor) -> list[list[float]]:
        return [softmax([value(queries[i], candidates[j]) for j in range(N)]) for i in range(N)]

    t2t, t2m = rows(texts, texts), rows(texts, molecules)
    m2m, m2t = rows(molecules, molecules), rows(molecules, texts)
    pairs = {"m2m_t2t": (m2m, t2t), "t2t_m2m": (t2t, m2m), "m2m_t2m": (m2m, t2m), "t2t_m2t": (t2t, m2t)}
    return {name: sum(kl(p[i], q[i]) for i in range(N)) / N for name, (p, q) in pairs.items()}


@pytest.mark.parametrize(
    ("form", "temperature", "used"), [("similarity", None, 0.1), ("similarity", 0.5, 0.5), ("distance", None, 1.0)]
)
def test_second_order_is_the_four_divergences(
    texts: Tensor, molecules: Tensor, form: str, temperature: float | None, used: float
) -> None:
    terms = second_order(texts, molecules, form, temperature)  # type: ignore[arg-type]
    # The distance of a row to itself is held at 0.001 rather than 0.
    assert {k: v.item() for k, v in terms.items()} == pytest.approx(
        slow_second_order(texts, molecules, form, used), rel=1e-3
    )


@pytest.mark.parametrize("form", ["similarity", "distance"])
def test_second_order_is_0_for_identical_pairs(texts: Tensor, form: str) -> None:
    terms = second_order(texts, texts.detach().clone(), form)  # type: ignore[arg-type]
    assert all(abs(v.item()) < 1e-9 for v in terms.values())


def test_second_order_sees_structure_not_place(texts: Tensor) -> None:
    # Molecules that are the texts turned by a rotation have the same M2M as T2T, but not the same T2M.
    rotation = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(3), dtype=torch.float64))[0]
    terms = second_order(texts, texts @ rotation)
    assert abs(terms["m2m_t2t"].item()) < 1e-9 and abs(terms["t2t_m2m"].item()) < 1e-9
    assert terms["m2m_t2m"].item() > 0.1


@pytest.mark.parametrize("name", ["m2m_t2t", "t2t_m2m"])
def test_intra_modal_terms_teach_both_ways(texts: Tensor, molecules: Tensor, name: str) -> None:
    second_order(texts, molecules)[name].backward()
    assert texts.grad is not None and texts.grad.abs().max() > 1e-4
    assert molecules.grad is not None and molecules.grad.abs().max() > 1e-4


@pytest.mark.parametrize("form", ["similarity", "distance"])
@pytest.mark.parametrize(("name", "teacher"), [("m2m_t2m", "m2m"), ("t2t_m2t", "t2t")])
def test_the_intra_modal_teacher_gets_no_gradient(
    texts: Tensor, molecules: Tensor, name: str, teacher: str, form: str
) -> None:
    second_order(texts, molecules, form)[name].backward()  # type: ignore[arg-type]
    got = [texts.grad, molecules.grad]

    # By hand: the same divergence with the teacher computed from copies that carry no gradient.
    t, m = texts.detach().clone().requires_grad_(), molecules.detach().clone().requires_grad_()

    def log_rows(queries: Tensor, candidates: Tensor) -> Tensor:
        values = queries @ candidates.T / 0.1
        if form == "distance":
            values = (2 - 2 * queries @ candidates.T).clamp_min(1e-6).sqrt()
        return values - values.logsumexp(1, keepdim=True)

    fixed = log_rows(m.detach(), m.detach()) if teacher == "m2m" else log_rows(t.detach(), t.detach())
    taught = log_rows(t, m) if teacher == "m2m" else log_rows(m, t)
    (fixed.exp() * (fixed - taught)).sum(1).mean().backward()
    for gradient, expected, rows in zip(got, (t.grad, m.grad), (t, m), strict=True):
        assert gradient is not None and expected is not None
        # Only the part along the sphere counts: the loss normalises its rows.
        tangential = expected - (expected * rows.detach()).sum(1, keepdim=True) * rows.detach()
        torch.testing.assert_close(gradient, tangential, rtol=1e-6, atol=1e-9)


def test_distance_form_weighs_the_farthest_most() -> None:
    # The quirk of the released code, kept as a named option: softmax over plus the distance.
    from molsearch.model.alignment import distributions, similarities

    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    row = distributions(similarities(x, x), form="distance").t2m[0]
    assert row.tolist() == pytest.approx(softmax([0.001, math.sqrt(2), 2.0]))


# --- adversarial ---------------------------------------------------------------------------------------------------


@pytest.fixture
def critic() -> Critic:
    torch.manual_seed(0)
    return Critic(D, (5, 4)).double()


def slow_score(critic: Critic, row: list[float]) -> float:
    """The critic by loops: linear, leak 0.2, linear, leak 0.2, linear."""
    linears = [layer for layer in critic.layers if isinstance(layer, torch.nn.Linear)]
    for depth, layer in enumerate(linears):
        weight, bias = layer.weight.tolist(), layer.bias.tolist()
        row = [b + sum(w * x for w, x in zip(ws, row, strict=True)) for ws, b in zip(weight, bias, strict=True)]
        if depth < len(linears) - 1:
            row = [x if x > 0 else 0.2 * x for x in row]
    return row[0]


def slow_slope(critic: Critic, row: list[float]) -> float:
    """Length of the critic's gradient at a point, by central differences."""
    step = 1e-6
    parts = []
    for axis in range(len(row)):
        ahead, behind = row.copy(), row.copy()
        ahead[axis] += step
        behind[axis] -= step
        parts.append((slow_score(critic, ahead) - slow_score(critic, behind)) / (2 * step))
    return math.sqrt(sum(p * p for p in parts))


def test_the_paper_s_critic_has_its_widths() -> None:
    shapes = [tuple(p.shape) for p in Critic().parameters() if p.ndim == 2]
    assert shapes == [(512, 300), (256, 512), (1, 256)]


def test_gradient_penalty_is_the_squared_excess_slope(critic: Critic, texts: Tensor, molecules: Tensor) -> None:
    mix = torch.linspace(0, 1, N, dtype=torch.float64)[:, None]
    expected = 0.0
    for i in range(N):
        between = (mix[i] * texts[i] + (1 - mix[i]) * molecules[i]).tolist()
        expected += (slow_slope(critic, between) - 1) ** 2 / N
    assert gradient_penalty(critic, texts, molecules, mix).item() == pytest.approx(expected, rel=1e-5)


def test_critic_loss_is_ten_penalties_less_the_gap(critic: Critic, texts: Tensor, molecules: Tensor) -> None:
    mix = torch.full((N, 1), 0.25, dtype=torch.float64)
    gap = (
        sum(
            slow_score(critic, t.tolist()) - slow_score(critic, m.tolist())
            for t, m in zip(texts, molecules, strict=True)
        )
        / N
    )
    expected = 10 * gradient_penalty(critic, texts, molecules, mix).item() - gap
    assert critic_loss(critic, texts, molecules, mix).item() == pytest.approx(expected)


def test_critic_loss_reaches_the_critic_only(critic: Critic, texts: Tensor, molecules: Tensor) -> None:
    critic_loss(critic, texts, molecules).backward()
    assert texts.grad is None and molecules.grad is None
    assert all(p.grad is not None for p in critic.parameters() if p.ndim == 2)


def test_generator_loss_reaches_the_encoders_only(critic: Critic, texts: Tensor, molecules: Tensor) -> None:
    generator_loss(critic, texts, molecules).backward()
    assert all(p.grad is None for p in critic.parameters())
    assert texts.grad is not None and texts.grad.abs().max() > 0
    assert molecules.grad is not None and molecules.grad.abs().max() > 0


def test_a_trained_critic_tells_the_sides_apart_and_the_generator_closes_the_gap(critic: Critic) -> None:
    texts, molecules = unit(5, 32) + 0.5, unit(6, 32) - 0.5
    judge = torch.optim.Adam(critic.parameters(), 1e-2)
    for _ in range(60):
        judge.zero_grad()
        critic_loss(critic, texts, molecules).backward()
        judge.step()
    before = generator_loss(critic, texts, molecules).item()
    moved = molecules.clone().requires_grad_()
    maker = torch.optim.SGD([moved], 1.0)
    for _ in range(5):
        maker.zero_grad()
        generator_loss(critic, texts, moved).backward()
        maker.step()
    assert before > 0.5
    assert generator_loss(critic, texts, moved).item() < before


# --- the table -----------------------------------------------------------------------------------------------------


@pytest.fixture
def embedded(texts: Tensor, molecules: Tensor, critic: Critic) -> EmbeddedPairs:
    return EmbeddedPairs(texts, molecules, 7.0, -2.0, None, texts, molecules, critic)


@pytest.mark.parametrize("name", LOSSES)
def test_every_row_trains_both_sides(embedded: EmbeddedPairs, name: str) -> None:
    total({name: 1.0}, embedded)[0].backward()
    for side in (embedded.texts, embedded.molecules):
        assert side.grad is not None and side.grad.abs().max() > 0


def test_total_is_the_weighted_sum_of_the_named_terms(embedded: EmbeddedPairs) -> None:
    weights = {"batch_hard_triplet": 1.0, "adversarial": 2e-4, "second_order": 0.5}
    loss, terms = total(weights, embedded, LossOptions(form="distance"))
    assert loss.item() == pytest.approx(sum(weights[name.split("/")[0]] * v.item() for name, v in terms.items()))
    assert len(terms) == 6 and not any(v.requires_grad for v in terms.values())


def test_an_unknown_loss_is_named(embedded: EmbeddedPairs) -> None:
    with pytest.raises(ValueError, match="cosface"):
        total({"cosface": 1.0}, embedded)


def test_adversarial_without_its_critic_says_so(texts: Tensor, molecules: Tensor) -> None:
    with pytest.raises(ValueError, match="critic"):
        total({"adversarial": 1.0}, EmbeddedPairs(texts, molecules))
