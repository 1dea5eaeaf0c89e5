"""The training losses: functions of embeddings that never see the model.

LOSSES names them for a recipe; ``total`` sums the weighted terms and hands each back by name for the log.
Shapes: N pairs of a batch, D width; row i of the texts and row i of the molecules are a pair.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from molsearch.model.alignment import Divergences, Form, distances, distributions, divergences, similarities


def contrastive(texts: Tensor, molecules: Tensor, scale: Tensor | float, same: Tensor | None = None) -> Tensor:
    """Compute InfoNCE both ways: each text picks its molecule, each molecule its text (arXiv 2103.00020).

    Args:
        texts: (N, D) unit rows.
        molecules: (N, D) unit rows.
        scale: Factor on the cosines, the inverse of the temperature.
        same: (N, N) bool, true where text i also fits molecule j (one molecule or one caption twice in the batch);
            off the diagonal such cells are left out, so that they do not count as negatives.

    Returns:
        Scalar mean over the 2N choices.
    """
    logits = scale * texts @ molecules.T  # (N, N)
    if same is not None:
        logits = logits.masked_fill(same & ~_own(logits), float("-inf"))
    pairs = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def sigmoid_pairwise(
    texts: Tensor, molecules: Tensor, scale: Tensor | float, bias: Tensor | float, same: Tensor | None = None
) -> Tensor:
    """Judge every cell on its own: -sum log sigmoid(z (scale cos + bias)) / N, z = 1 on pairs, -1 off (SigLIP).

    From arXiv 2303.15343.

    Args:
        texts: (N, D) unit rows.
        molecules: (N, D) unit rows.
        scale: Factor on the cosines.
        bias: Added after it; starts near -10, as nearly all cells are negatives.
        same: (N, N) bool, cells off the diagonal that must not count as negatives.
    """
    logits = scale * texts @ molecules.T + bias  # (N, N)
    own = _own(logits)
    cells = -F.logsigmoid(torch.where(own, logits, -logits))  # (N, N)
    if same is not None:
        cells = cells.masked_fill(same & ~own, 0.0)
    return cells.sum() / len(logits)


def batch_hard_triplet(texts: Tensor, molecules: Tensor, margin: float = 0.3, same: Tensor | None = None) -> Tensor:
    """Pull each row's farthest positive closer than its nearest negative, by a margin (arXiv 1703.07737).

    Texts and molecules are concatenated, so there are 2N anchors and the hardest negative may be of the anchor's
    own modality. Distances are Euclidean between unit rows.

    Args:
        texts: (N, D).
        molecules: (N, D).
        margin: How much farther the nearest negative should lie.
        same: (N, N) bool, pairs of the batch that speak of one molecule or share one caption; they are positives.

    Returns:
        Scalar mean over the 2N anchors; an anchor without any negative adds nothing.
    """
    s = similarities(texts, molecules)
    cosines = torch.cat([torch.cat([s.t2t, s.t2m], 1), torch.cat([s.m2t, s.m2m], 1)])  # (2N, 2N)
    away = distances(cosines)
    group = _own(s.t2m) if same is None else _own(s.t2m) | same | same.T  # (N, N)
    group = group.repeat(2, 2)  # (2N, 2N)
    positive = away.masked_fill(~group | _own(away), float("-inf")).amax(1)  # (2N,)
    negative = away.masked_fill(group, float("inf")).amin(1)  # (2N,)
    return F.relu(positive - negative + margin).mean()


def second_order(
    texts: Tensor, molecules: Tensor, form: Form = "similarity", temperature: float | None = None
) -> dict[str, Tensor]:
    """Compute the paper's four second-order similarity losses (arXiv 2410.23715).

    Args:
        texts: (N, D).
        molecules: (N, D).
        form: "similarity", or "distance" for the released code's softmax over plus the Euclidean distance.
        temperature: Of the softmax; alignment.TEMPERATURES[form] where None.

    Returns:
        Scalars m2m_t2t, t2t_m2m (gradients both ways), m2m_t2m and t2t_m2t (the intra-modal side is a fixed teacher).
    """
    kl = divergences(distributions(similarities(texts, molecules), temperature, form))
    return {name: getattr(kl, name) for name in Divergences.__slots__}


class Critic(nn.Module):
    """Score how text-like an embedding looks: 300 -> 512 -> 256 -> 1 with LeakyReLU 0.2 between, as in the paper.

    Shapes: (N, width) -> (N,).
    """

    def __init__(self, width: int = 300, hidden: Sequence[int] = (512, 256)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for narrow, wide in zip((width, *hidden), hidden, strict=False):
            layers += [nn.Linear(narrow, wide), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear((width, *hidden)[-1], 1))

    def forward(self, x: Tensor) -> Tensor:
        """Score rows: (N, width) -> (N,)."""
        scores: Tensor = self.layers(x)  # (N, 1)
        return scores[:, 0]


def gradient_penalty(critic: Critic, texts: Tensor, molecules: Tensor, mix: Tensor) -> Tensor:
    """Hold the critic's slope between the two sides at 1: mean (|grad| - 1)^2 (WGAN-GP, arXiv 1704.00028).

    Args:
        critic: The critic.
        texts: (N, D), taken without gradient.
        molecules: (N, D), taken without gradient.
        mix: (N, 1) in [0, 1], the share of the text at the point where the slope is taken.
    """
    between = (mix * texts.detach() + (1 - mix) * molecules.detach()).requires_grad_()  # (N, D)
    slope = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0]  # (N, D)
    steepness: Tensor = torch.linalg.vector_norm(slope, dim=1)  # (N,)
    return (steepness - 1).square().mean()


def critic_loss(
    critic: Critic, texts: Tensor, molecules: Tensor, mix: Tensor | None = None, penalty: float = 10.0
) -> Tensor:
    """Train the critic to tell texts (high) from molecules (low); no gradient reaches the embeddings.

    Args:
        critic: The critic; give its parameters their own optimiser.
        texts: (N, D) masked mean of the token states before the memory bank.
        molecules: (N, D) masked mean of the atom states before the memory bank.
        mix: (N, 1) as in ``gradient_penalty``; drawn from torch's generator where None.
        penalty: Weight of the gradient penalty.
    """
    mix = torch.rand(len(texts), 1, device=texts.device, dtype=texts.dtype) if mix is None else mix
    gap: Tensor = critic(texts.detach()).mean() - critic(molecules.detach()).mean()
    return penalty * gradient_penalty(critic, texts, molecules, mix) - gap


def generator_loss(critic: Critic, texts: Tensor, molecules: Tensor) -> Tensor:
    """Train both encoders to close the gap that the critic sees; no gradient reaches the critic."""
    frozen = {name: parameter.detach() for name, parameter in critic.named_parameters()}
    high: Tensor = functional_call(critic, frozen, (texts,))
    low: Tensor = functional_call(critic, frozen, (molecules,))
    return high.mean() - low.mean()


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedPairs:
    """One batch after the encoders, all that a loss may see.

    Attributes:
        texts: (N, D) unit rows.
        molecules: (N, D) unit rows.
        scale: Factor on the cosines (contrastive, sigmoid).
        bias: Added after it (sigmoid).
        same: (N, N) bool, pairs that must not be each other's negatives, or None.
        text_states: (N, W) masked mean of the token states before the memory bank (adversarial).
        molecule_states: (N, W) masked mean of the atom states before the memory bank (adversarial).
        critic: The critic (adversarial).
    """

    texts: Tensor
    molecules: Tensor
    scale: Tensor | float = 20.0
    bias: Tensor | float = -10.0
    same: Tensor | None = None
    text_states: Tensor | None = None
    molecule_states: Tensor | None = None
    critic: Critic | None = None


@dataclass(frozen=True, slots=True)
class LossOptions:
    """What a recipe may choose: the triplet's margin in distance, the second-order form and its temperature."""

    margin: float = 0.3
    form: Form = "similarity"
    temperature: float | None = None


Terms = Mapping[str, Tensor]


def _contrastive_terms(e: EmbeddedPairs, _: LossOptions) -> Terms:
    return {"contrastive": contrastive(e.texts, e.molecules, e.scale, e.same)}


def _sigmoid_terms(e: EmbeddedPairs, _: LossOptions) -> Terms:
    return {"sigmoid_pairwise": sigmoid_pairwise(e.texts, e.molecules, e.scale, e.bias, e.same)}


def _triplet_terms(e: EmbeddedPairs, options: LossOptions) -> Terms:
    return {"batch_hard_triplet": batch_hard_triplet(e.texts, e.molecules, options.margin, e.same)}


def _adversarial_terms(e: EmbeddedPairs, _: LossOptions) -> Terms:
    if e.critic is None or e.text_states is None or e.molecule_states is None:
        raise ValueError("the adversarial loss needs a critic and the states before the memory bank; one is missing")
    return {"adversarial": generator_loss(e.critic, e.text_states, e.molecule_states)}


def _second_order_terms(e: EmbeddedPairs, options: LossOptions) -> Terms:
    terms = second_order(e.texts, e.molecules, options.form, options.temperature)
    return {f"second_order/{name}": value for name, value in terms.items()}


#: Every loss a recipe can name; each row gives one or more named scalars.
LOSSES: Mapping[str, Callable[[EmbeddedPairs, LossOptions], Terms]] = {
    "contrastive": _contrastive_terms,
    "sigmoid_pairwise": _sigmoid_terms,
    "batch_hard_triplet": _triplet_terms,
    "adversarial": _adversarial_terms,
    "second_order": _second_order_terms,
}


def total(
    weights: Mapping[str, float], embedded: EmbeddedPairs, options: LossOptions = LossOptions()
) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum the named losses of a recipe.

    Args:
        weights: Weight of each row of LOSSES to use; a loss of several terms gives each of them this weight.
        embedded: The batch.
        options: The recipe's choices.

    Returns:
        The weighted sum, a scalar, and every unweighted term by name, detached, for the log.

    Raises:
        ValueError: If a name is no row of LOSSES.
    """
    unknown = set(weights) - set(LOSSES)
    if unknown or not weights:
        raise ValueError(f"losses {sorted(unknown) or 'none'} given; expected one or more of {', '.join(LOSSES)}")
    terms = {row: LOSSES[row](embedded, options) for row in weights}
    summed = [weights[row] * value for row, values in terms.items() for value in values.values()]
    return torch.stack(summed).sum(), {name: v.detach() for values in terms.values() for name, v in values.items()}


def _own(square: Tensor) -> Tensor:
    """Mask the diagonal of a square matrix: bool of its shape."""
    return torch.eye(len(square), dtype=torch.bool, device=square.device)
