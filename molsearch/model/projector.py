"""The memory bank: tokens of either modality to one unit vector, by one instance that both sides share."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from molsearch.model.tokens import Tokens


@dataclass(frozen=True, slots=True)
class ProjectorConfig:
    """Sizes of the projector.

    Attributes:
        width: D of the tokens.
        slots: K learnable memory vectors; 0 leaves the bank out (for the ablation).
        heads: Heads of the cross-attention.
        out: Width of the final vector.
        head: "paper" averages the slots, then Linear, BatchNorm, Tanh; "deep" joins the largest slot values to the
            tokens' mean, which leads around the bank, then a two-layer MLP.
        dropout: Inside the deep head.
    """

    width: int = 256
    slots: int = 32
    heads: int = 4
    out: int = 128
    head: Literal["paper", "deep"] = "deep"
    dropout: float = 0.2


class MemoryBankProjector(nn.Module):
    """Learnable memory vectors query the tokens, whichever modality they come from.

    Memory-bank feature projector of arXiv 2410.23715: M (K, D) are the queries of one multi-head cross-attention whose
    keys and values are the tokens.

    Shapes:
        Tokens (B, L, D) -> (B, out), unit rows
    """

    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.norm: nn.Module = nn.Identity() if config.head == "paper" else nn.LayerNorm(width)
        if config.slots:
            self.memory = nn.Parameter(torch.randn(config.slots, width) * 0.1)
            self.attention = nn.MultiheadAttention(width, config.heads, batch_first=True)
        if config.head == "paper":
            self.scale = nn.Parameter(torch.ones(1))
            self.head: nn.Module = nn.Sequential(nn.Linear(width, config.out), nn.BatchNorm1d(config.out), nn.Tanh())
        else:
            self.mean_norm = nn.LayerNorm(width)
            joined = width * (2 if config.slots else 1)
            self.head = nn.Sequential(
                nn.Linear(joined, 2 * width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(2 * width, config.out)
            )

    def attend(self, tokens: Tokens, *, weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """Read the tokens with every memory vector.

        Returns:
            Slot outputs (B, K, D), and with ``weights`` the attention of each slot on each token (B, K, L).
        """
        queries = self.memory.expand(len(tokens.x), -1, -1)
        read: tuple[Tensor, Tensor | None] = self.attention(
            queries, tokens.x, tokens.x, key_padding_mask=~tokens.mask, need_weights=weights, average_attn_weights=True
        )
        return read

    def read(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """Return what the bank does inside ``pool``: slot outputs (B, K, D) and the attention behind them (B, K, L).

        Raises:
            ValueError: If this projector has no bank.
        """
        if not self.config.slots:
            raise ValueError("this projector has 0 memory slots, so nothing attends; use a model with a memory bank")
        outputs, weights = self.attend(Tokens(self.norm(tokens.x), tokens.mask), weights=True)
        assert weights is not None  # as weights=True
        return outputs, weights

    def winners(self, outputs: Tensor) -> Tensor:
        """Compute the share of each slot in each column of the bank's pooled vector, (B, K, D), a column summing to 1.

        The paper's head averages the slots, so each has as much; the deep head keeps the largest value of a column, so
        one slot has it all.
        """
        slots = outputs.shape[1]
        if self.config.head == "paper":
            return torch.full_like(outputs, 1 / slots)
        return F.one_hot(outputs.argmax(1), slots).to(outputs.dtype).transpose(1, 2)  # (B, D, K) to (B, K, D)

    def pool(self, tokens: Tokens) -> Tensor:
        """Bring tokens to one vector a row, (B, D) or (B, 2D), as the head reads it."""
        tokens = Tokens(self.norm(tokens.x), tokens.mask)
        if self.config.head == "paper":
            read: Tensor = self.attend(tokens)[0].mean(1) * self.scale if self.config.slots else tokens.mean()
            return read
        # The sum over root length keeps a trace of size, which the plain mean forgets.
        length = tokens.mask.sum(1, keepdim=True).clamp(min=1).to(tokens.x.dtype)
        pooled: Tensor = self.mean_norm(tokens.mean() * length.sqrt())
        if self.config.slots:
            pooled = torch.cat([pooled, self.attend(tokens)[0].amax(1)], -1)
        return pooled

    def project(self, pooled: Tensor) -> Tensor:
        """Bring pooled vectors to unit vectors, (B, out)."""
        return F.normalize(self.head(pooled).float(), dim=-1)

    def forward(self, tokens: Tokens) -> Tensor:
        """Bring tokens to one unit vector a row."""
        return self.project(self.pool(tokens))
