"""How texts and molecules lie in the shared space: similarities, distributions, divergences and ranks.

One definition serves the losses, the evaluation and the pictures. The four distributions are those of the paper
(arXiv 2410.23715): T2T, T2M, M2M and M2T, each row one text or molecule against the whole sample.
Shapes: Q queries, N molecules or pairs, D width; row i of the texts and row i of the molecules are a pair.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from molsearch.errors import InputError

Array = TypeVar("Array", np.ndarray, torch.Tensor)
Form = Literal["similarity", "distance"]
Layout = Literal["pca", "tsne"]

#: Temperature of each form where none is given: ours for similarities, the released code's for distances.
TEMPERATURES: Mapping[Form, float] = {"similarity": 0.1, "distance": 1.0}

#: Squared distances below this count as this, so that the root's slope stays finite where two rows coincide.
_SMALLEST_SQUARE = 1e-6
_BANK_ROWS = 256  # vectors compared with the whole bank at once: 10 MB for 10,000 captions, and as much for each step


@dataclass(frozen=True, slots=True)
class Similarities:
    """Cosines of a sample of pairs, each (N, N): t2m[i, j] is text i against molecule j."""

    t2t: Tensor
    t2m: Tensor
    m2m: Tensor
    m2t: Tensor


@dataclass(frozen=True, slots=True)
class Distributions:
    """The four similarity distributions, kept as logarithms so that small temperatures lose nothing.

    ``log_t2m`` and so on are natural logarithms, (N, N); ``t2m`` and so on are the probabilities, rows summing to 1.
    """

    log_t2t: Tensor
    log_t2m: Tensor
    log_m2m: Tensor
    log_m2t: Tensor

    @property
    def t2t(self) -> Tensor:
        """Each text against the texts, (N, N)."""
        return self.log_t2t.exp()

    @property
    def t2m(self) -> Tensor:
        """Each text against the molecules, (N, N)."""
        return self.log_t2m.exp()

    @property
    def m2m(self) -> Tensor:
        """Each molecule against the molecules, (N, N)."""
        return self.log_m2m.exp()

    @property
    def m2t(self) -> Tensor:
        """Each molecule against the texts, (N, N)."""
        return self.log_m2t.exp()


@dataclass(frozen=True, slots=True)
class Divergences:
    """The paper's four Kullback-Leibler divergences in nats, scalars or (N,) by row; m2m_t2t is KL(M2M || T2T)."""

    m2m_t2t: Tensor
    t2t_m2m: Tensor
    m2m_t2m: Tensor
    t2t_m2t: Tensor


def similarities(texts: Tensor, molecules: Tensor) -> Similarities:
    """Compute the four cosine matrices of a sample of pairs.

    Args:
        texts: (N, D) rows of any length.
        molecules: (N, D) rows of any length.

    Raises:
        ValueError: If the two differ in shape.
    """
    if texts.shape != molecules.shape or texts.ndim != 2:
        raise ValueError(f"texts {tuple(texts.shape)} and molecules {tuple(molecules.shape)} must both be (N, D) pairs")
    t, m = F.normalize(texts, dim=1), F.normalize(molecules, dim=1)
    t2m = t @ m.T  # (N, N)
    return Similarities(t @ t.T, t2m, m @ m.T, t2m.T)


def distances(cosines: Tensor) -> Tensor:
    """Turn cosines of unit rows into their Euclidean distances, sqrt(2 - 2 cos); same shape, never below 0.001."""
    return (2 - 2 * cosines).clamp_min(_SMALLEST_SQUARE).sqrt()


def distributions(
    similarities: Similarities, temperature: float | None = None, form: Form = "similarity"
) -> Distributions:
    """Turn each row of the four matrices into a distribution by softmax.

    Args:
        similarities: The four cosine matrices.
        temperature: Divides the values before the softmax; the form's own (TEMPERATURES) where None.
        form: "similarity" takes the cosines; "distance" is the variant of the paper's released code, which takes
            plus the Euclidean distance, so that the farthest row weighs most.

    Raises:
        ValueError: If the form is unknown or the temperature is not above 0.
    """
    if form not in TEMPERATURES:
        raise ValueError(f"form is {form!r}; expected one of {', '.join(TEMPERATURES)}")
    divisor = TEMPERATURES[form] if temperature is None else temperature
    if divisor <= 0:
        raise ValueError(f"temperature is {divisor}; expected a number above 0")

    def row_softmax(cosines: Tensor) -> Tensor:
        return F.log_softmax((cosines if form == "similarity" else distances(cosines)) / divisor, dim=1)

    s = similarities
    return Distributions(row_softmax(s.t2t), row_softmax(s.t2m), row_softmax(s.m2m), row_softmax(s.m2t))


def divergences(distributions: Distributions) -> Divergences:
    """Compute the four divergences of the paper, averaged over the rows.

    M2M and T2T teach each other; towards the cross-modal T2M and M2T they are fixed teachers, so no gradient
    reaches them there.
    """
    rows = row_divergences(distributions)
    return Divergences(rows.m2m_t2t.mean(), rows.t2t_m2m.mean(), rows.m2m_t2m.mean(), rows.t2t_m2t.mean())


def row_divergences(distributions: Distributions) -> Divergences:
    """Compute the four divergences of each pair's own rows, (N,) each; ``divergences`` are their means."""
    d = distributions
    return Divergences(
        m2m_t2t=_divergence(d.log_m2m, d.log_t2t),
        t2t_m2m=_divergence(d.log_t2t, d.log_m2m),
        m2m_t2m=_divergence(d.log_m2m.detach(), d.log_t2m),
        t2t_m2t=_divergence(d.log_t2t.detach(), d.log_m2t),
    )


def _divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def ranks(scores: Array, targets: Array) -> Array:
    """Rank each query's target among all candidates, ties counted half.

    rank = 1 + (candidates scoring strictly higher) + (other candidates scoring the same) / 2

    Args:
        scores: (Q, N) score of every candidate for every query.
        targets: (Q,) integer, column of the right candidate.

    Returns:
        (Q,) floating ranks, from 1; of the same kind (numpy or torch) as ``scores``.

    Raises:
        ValueError: If a score is not a number, as no rank follows from it.
    """
    if bool((scores != scores).any()):
        raise ValueError("scores hold NaN where numbers are expected: no rank follows, check the vectors")
    own = scores[list(range(len(targets))), targets][:, None]  # (Q, 1)
    better = (scores > own).sum(1)  # (Q,)
    tied = (scores == own).sum(1) - 1  # (Q,), the target itself left out
    result: Array = 1 + better + tied / 2
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """Four float32 arrays, (N, N) for a sample or (N,) for one pair of it."""

    t2t: np.ndarray
    t2m: np.ndarray
    m2m: np.ndarray
    m2t: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class AlignmentReport:
    """How a sample of N pairs lies in the shared space; numpy only, ready to be drawn.

    Attributes:
        cosines: The four cosine matrices.
        distributions: Their row softmaxes.
        divergences: KL in nats by name, m2m_t2t being KL(M2M || T2T).
        row_divergences: (N,) the same for each pair's own rows.
        temperature: What the softmax divided by.
        form: Whether the distributions are over cosines or distances.
        text_ranks: (N,) rank of each text's own molecule among the sample's molecules.
        molecule_ranks: (N,) rank of each molecule's own text among the sample's texts.
        text_map: (N, 2) place of each text on a map shared with the molecules, without unit.
        molecule_map: (N, 2) place of each molecule.
        layout: How the map was made.
    """

    cosines: Matrices
    distributions: Matrices
    divergences: Mapping[str, float]
    row_divergences: Mapping[str, np.ndarray]
    temperature: float
    form: Form
    text_ranks: np.ndarray
    molecule_ranks: np.ndarray
    text_map: np.ndarray
    molecule_map: np.ndarray
    layout: Layout

    def of_pair(self, pair: int) -> Matrices:
        """Take the four distributions of one pair, each (N,)."""
        d = self.distributions
        return Matrices(d.t2t[pair], d.t2m[pair], d.m2m[pair], d.m2t[pair])


def report(
    texts: np.ndarray,
    molecules: np.ndarray,
    temperature: float | None = None,
    *,
    form: Form = "similarity",
    layout: Layout = "pca",
    seed: int = 0,
) -> AlignmentReport:
    """Describe how the vectors of N pairs are aligned.

    Args:
        texts: (N, D) text vectors.
        molecules: (N, D) vectors of their molecules, in the same order.
        temperature: As in ``distributions``.
        form: As in ``distributions``.
        layout: "pca" (linear, exact) or "tsne" (neighbourhoods; distances between clusters mean nothing).
        seed: Makes a t-SNE map repeatable.

    Raises:
        InputError: If there are fewer than two pairs, as nothing can be compared.
    """
    if len(texts) < 2:
        raise InputError(f"The sample holds {len(texts)} pair(s), but alignment compares at least 2: add pairs.")
    s = similarities(torch.from_numpy(np.array(texts, np.float32)), torch.from_numpy(np.array(molecules, np.float32)))
    d = distributions(s, temperature, form)
    kl = row_divergences(d)
    own = torch.arange(len(texts))
    text_map, molecule_map = shared_map(texts, molecules, layout, seed)
    return AlignmentReport(
        cosines=Matrices(s.t2t.numpy(), s.t2m.numpy(), s.m2m.numpy(), s.m2t.numpy()),
        distributions=Matrices(d.t2t.numpy(), d.t2m.numpy(), d.m2m.numpy(), d.m2t.numpy()),
        divergences={name: getattr(kl, name).mean().item() for name in Divergences.__slots__},
        row_divergences={name: getattr(kl, name).numpy() for name in Divergences.__slots__},
        temperature=TEMPERATURES[form] if temperature is None else temperature,
        form=form,
        text_ranks=ranks(s.t2m, own).numpy(),
        molecule_ranks=ranks(s.m2t, own).numpy(),
        text_map=text_map,
        molecule_map=molecule_map,
        layout=layout,
    )


def shared_map(
    texts: np.ndarray, molecules: np.ndarray, layout: Layout = "pca", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Place texts and molecules, (N, D) each, on one 2-D map: two (N, 2) float32 arrays.

    Raises:
        ValueError: If the layout is unknown.
    """
    # Imported here: training needs this module's formulas, not its maps.
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    points = np.concatenate([texts, molecules]).astype(np.float32)  # (2N, D)
    if layout == "pca":
        flat = PCA(n_components=2, svd_solver="full").fit_transform(points)
    elif layout == "tsne":
        # t-SNE wants fewer neighbours than points; 30 is its authors' usual choice.
        perplexity = min(30.0, (len(points) - 1) / 3)
        flat = TSNE(n_components=2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(points)
    else:
        raise ValueError(f"layout is {layout!r}; expected 'pca' or 'tsne'")
    flat = np.asarray(flat, dtype=np.float32)
    return flat[: len(texts)], flat[len(texts) :]


def soft_largest(vectors: npt.NDArray[np.float32], bank: Tensor, beta: float) -> npt.NDArray[np.float32]:
    """Compute the soft-largest cosine of each vector with the bank, (N,): log(mean of exp(beta * cosine)) / beta.

    Args:
        vectors: (N, D) unit rows.
        bank: (B, D) unit rows; 0 comes back where it is empty.
        beta: How far the largest counts above the rest.
    """
    if len(bank) == 0:
        return np.zeros(len(vectors), np.float32)
    output = [
        torch.logsumexp(beta * (torch.from_numpy(vectors[i : i + _BANK_ROWS]).to(bank.device) @ bank.T), 1)
        for i in range(0, len(vectors), _BANK_ROWS)
    ]
    return ((torch.cat(output) - math.log(len(bank))) / beta).cpu().numpy().astype(np.float32)
