"""What both encoders speak: one vector per word or atom, padded, with a mask."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Tokens:
    """A padded batch of token vectors.

    Attributes:
        x: (B, L, D) token vectors; rows where ``mask`` is False are padding and never read.
        mask: (B, L) bool, True where a token stands.
    """

    x: Tensor
    mask: Tensor

    def mean(self) -> Tensor:
        """Average the real tokens, (B, D)."""
        weight = self.mask.unsqueeze(-1).to(self.x.dtype)  # (B, L, 1)
        return (self.x * weight).sum(1) / weight.sum(1).clamp(min=1)

    def maximum(self) -> Tensor:
        """Take the largest value of each column over the real tokens, (B, D); 0 where there is no token."""
        filled = self.x.masked_fill(~self.mask.unsqueeze(-1), float("-inf")).amax(1)
        return torch.where(self.mask.any(1, keepdim=True), filled, torch.zeros_like(filled))

    def append(self, other: "Tokens") -> "Tokens":
        """Set the other batch's tokens behind these, (B, L + L', D)."""
        return Tokens(torch.cat([self.x, other.x], 1), torch.cat([self.mask, other.mask], 1))


def pad(rows: Tensor, sizes: Tensor) -> Tokens:
    """Cut rows laid end to end into a padded batch: (sum of sizes, D) and (B,) to (B, L, D)."""
    longest = int(sizes.max()) if len(sizes) else 0
    mask = torch.arange(longest, device=rows.device)[None] < sizes[:, None]
    x = rows.new_zeros(len(sizes), longest, rows.shape[1])
    x[mask] = rows
    return Tokens(x, mask)
