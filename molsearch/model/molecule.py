"""Molecules to atom tokens: the paper's GCN, and a residual GINE that sees bonds, stereo, charge and isotopes."""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GCNConv, GINEConv

from molsearch.chem.batch.arrays import ATOM_COLUMNS, BOND_COLUMNS, MORGAN_SIZE, RADII, RELATIONS, GraphStore
from molsearch.model.tokens import Tokens, pad


@dataclass(frozen=True, slots=True)
class MoleculeBatch:
    """Molecules laid end to end: atoms (A, F), environments (A, RADII), bonds (E, G), edges (2, E), sizes (B,)."""

    atoms: Tensor
    environments: Tensor
    bonds: Tensor
    edges: Tensor
    sizes: Tensor

    @classmethod
    def of(cls, store: GraphStore) -> "MoleculeBatch":
        """Make tensors of every molecule in a store."""
        graph = store.graph
        arrays = (graph.atoms, graph.environments, graph.bonds, store.global_edges(), store.sizes())
        return cls(*(torch.from_numpy(array) for array in arrays))

    def to(self, device: torch.device) -> "MoleculeBatch":
        """Move to a device."""
        names = ("atoms", "environments", "bonds", "edges", "sizes")
        return MoleculeBatch(*(getattr(self, name).to(device) for name in names))


class _Codes(nn.Module):
    """Sum of one embedding per categorical column, held in one table."""

    starts: Tensor

    def __init__(self, columns: dict[str, int], width: int) -> None:
        super().__init__()
        sizes = list(columns.values())
        self.register_buffer("starts", torch.tensor([sum(sizes[:i]) for i in range(len(sizes))]), persistent=False)
        self.table = nn.EmbeddingBag(sum(sizes), width, mode="sum")
        nn.init.normal_(self.table.weight, std=0.3)

    def forward(self, codes: Tensor) -> Tensor:
        if len(codes) == 0:
            return self.table.weight.new_zeros(0, self.table.embedding_dim)
        summed: Tensor = self.table(codes + self.starts)
        return summed


class _Environments(nn.Module):
    """Mean of the learned vectors of an atom's Morgan environments (what mol2vec did, learned here end to end)."""

    def __init__(self, width: int, radii: int) -> None:
        super().__init__()
        self.radii = radii
        self.table = nn.Embedding(MORGAN_SIZE + 1, width, padding_idx=MORGAN_SIZE)
        nn.init.normal_(self.table.weight, std=0.5)
        with torch.no_grad():
            self.table.weight[MORGAN_SIZE] = 0

    def forward(self, environments: Tensor) -> Tensor:
        kept = environments[:, : self.radii]  # (A, R)
        there = kept >= 0
        numbers = torch.where(there, kept, MORGAN_SIZE)
        total = F.embedding_bag(numbers, self.table.weight, mode="sum", padding_idx=MORGAN_SIZE)  # (A, D)
        return total / there.sum(1, keepdim=True).clamp(min=1)


@dataclass(frozen=True, slots=True)
class GineConfig:
    """Sizes of the residual GINE encoder."""

    width: int = 256
    layers: int = 5
    hidden: int = 512
    dropout: float = 0.1


class GineLayer(nn.Module):
    """One residual layer: norm, bonds of this layer, messages, MLP."""

    def __init__(self, config: GineConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.bonds = _Codes(BOND_COLUMNS, config.width)
        self.conv = GINEConv(
            nn.Sequential(nn.Linear(config.width, config.hidden), nn.GELU(), nn.Linear(config.hidden, config.width))
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, edges: Tensor, bonds: Tensor) -> Tensor:
        message: Tensor = self.dropout(self.conv(self.norm(x), edges, self.bonds(bonds)))
        return x + message


class GineEncoder(nn.Module):
    """Residual graph isomorphism layers with bond features (Hu et al., 2020) over atoms with Morgan environments.

    Shapes:
        MoleculeBatch of B molecules, A atoms -> Tokens (B, largest molecule, D)
    """

    def __init__(self, config: GineConfig) -> None:
        super().__init__()
        self.config = config
        self.atoms = _Codes(ATOM_COLUMNS, config.width)
        self.environments = _Environments(config.width, RADII)
        self.norm = nn.LayerNorm(config.width)
        self.layers = nn.ModuleList([GineLayer(config) for _ in range(config.layers)])

    def forward(self, batch: MoleculeBatch) -> Tokens:
        """Encode molecules, one token per atom."""
        x = self.norm(self.atoms(batch.atoms) + self.environments(batch.environments))  # (A, D)
        for layer in self.layers:
            x = layer(x, batch.edges, batch.bonds)
        return pad(x, batch.sizes)


@dataclass(frozen=True, slots=True)
class GcnConfig:
    """Sizes of the paper's GCN: 300 -> 600 -> 600 -> 600, then 600 -> 600 -> 600 -> 300 per atom."""

    width: int = 300
    hidden: int = 600
    layers: int = 3


class GcnEncoder(nn.Module):
    """Molecule encoder of arXiv 2410.23715: three graph convolutions, ReLU after the first two, then an MLP per atom.

    The input vector of an atom is that of its Morgan substructure (radii 0 and 1, as in mol2vec); neither bonds nor
    stereochemistry are seen beyond it.

    Shapes:
        MoleculeBatch of B molecules, A atoms -> Tokens (B, largest molecule, D)
    """

    def __init__(self, config: GcnConfig) -> None:
        super().__init__()
        self.config = config
        self.environments = _Environments(config.width, 2)
        widths = [config.width] + [config.hidden] * config.layers
        self.convs = nn.ModuleList([GCNConv(a, b) for a, b in pairwise(widths)])
        self.mlp = nn.Sequential(
            nn.Linear(config.hidden, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.width),
            nn.LayerNorm(config.width),
        )

    def forward(self, batch: MoleculeBatch) -> Tokens:
        """Encode molecules, one token per atom."""
        x = self.environments(batch.environments)  # (A, D)
        for number, conv in enumerate(self.convs):
            x = conv(x, batch.edges)
            if number < len(self.convs) - 1:
                x = F.relu(x)
        return pad(self.mlp(x), batch.sizes)


class StructureTokens(nn.Module):
    """A named structure as one token: its atoms' summed and largest values, and how it stands to the text.

    Shapes:
        Tokens (S, A, D) and relations (S,) -> (S, D)
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.relations = nn.Embedding(len(RELATIONS), width)
        self.mix = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width))

    def forward(self, atoms: Tokens) -> Tensor:
        """Read distinct structures; relations are added by the caller, once per slot."""
        size = atoms.mask.sum(1, keepdim=True).clamp(min=1).to(atoms.x.dtype)
        mixed: Tensor = self.mix(torch.cat([atoms.mean() * size.sqrt(), atoms.maximum()], -1))
        return mixed
