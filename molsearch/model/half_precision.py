"""The molecule side of a trained model in bfloat16: the same weights, laid out for embedding whole libraries.

A matrix product in bfloat16 takes a third of the time of float32 on a processor that has instructions for it. Sums,
norms and the two heads stay in float32, and so does the residual stream; a test measures what that does to rankings.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from molsearch.chem.batch.arrays import BOND_COLUMNS, MORGAN_SIZE, GraphStore
from molsearch.model.dual import DualEncoder
from molsearch.model.molecule import GineEncoder, GineLayer
from molsearch.records import Progress

Floats = npt.NDArray[np.float32]

BATCH = 128  # larger ones leave the processor's second-level cache
# Atoms of a batch are filled up to a multiple of this: the library that multiplies compiles a program for each number
# of rows and keeps a thousand of them, 0.1 MB each.
ROWS = 256
_BFLOAT16 = torch.bfloat16


def supported(model: DualEncoder) -> bool:
    """Check whether this processor multiplies bfloat16 itself and the model has the parts that are laid out here."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(getattr(torch.cpu, name, lambda: False)() for name in checks)
    config = model.config
    parts = config.molecule == "gine" and config.projector.head == "deep" and config.projector.slots > 0
    return native and model.device.type == "cpu" and parts and 0 < config.lexical_share < 1


@dataclass(frozen=True, slots=True)
class _Linear:
    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, layer: nn.Linear) -> "_Linear":
        return cls(layer.weight.detach().to(_BFLOAT16), layer.bias.detach().to(_BFLOAT16))

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One residual layer; ``bonds`` (kinds of bond, D) is the sum of a bond's embeddings for every row of codes."""

    norm: nn.LayerNorm
    bonds: Tensor
    first: _Linear
    second: _Linear

    def __call__(self, x: Tensor, edges: "_Edges") -> Tensor:
        h = self.norm(x).to(_BFLOAT16)  # (A, D)
        messages = h.index_select(0, edges.sources).add_(self.bonds.index_select(0, edges.kinds)).relu_()  # (E, D)
        h = h + F.embedding_bag(edges.order, messages, edges.starts, mode="sum")
        return x + self.second(F.gelu(self.first(h)))


@dataclass(frozen=True, slots=True)
class _Edges:
    """Directed bonds: sources (E,) and kinds (E,) as stored; order (E,) sorts by target, starts (A,) cuts that."""

    sources: Tensor
    kinds: Tensor
    order: Tensor
    starts: Tensor

    @classmethod
    def of(cls, store: GraphStore, atoms: int) -> "_Edges":
        """Gather the bonds of graphs for so many atoms, of which those beyond the graphs have none."""
        sources, targets = store.global_edges()
        kinds = np.zeros(len(sources), np.int64)
        for column, size in enumerate(BOND_COLUMNS.values()):
            kinds = kinds * size + store.graph.bonds[:, column]
        order = np.argsort(targets, kind="stable")
        starts = np.searchsorted(targets[order], np.arange(atoms))
        return cls(*map(torch.from_numpy, (np.ascontiguousarray(sources), kinds, order, starts)))


class HalfEncoder:
    """Embeds graphs with the weights of a ``DualEncoder``; a ``library.embedding.MoleculeEncoder``."""

    def __init__(self, model: DualEncoder) -> None:
        """Copy what is needed of a model for which ``supported`` holds."""
        self._model = model
        molecule = model.molecule
        assert isinstance(molecule, GineEncoder)
        self._molecule = molecule
        self._environments = molecule.environments.table.weight.detach()
        codes = torch.cartesian_prod(*(torch.arange(size) for size in BOND_COLUMNS.values()))
        self._layers = []
        for layer in molecule.layers:
            assert isinstance(layer, GineLayer)
            with torch.inference_mode():
                bonds = layer.bonds(codes).to(_BFLOAT16)
            first, _, second = layer.conv.nn
            self._layers.append(_Layer(layer.norm, bonds, _Linear.of(first), _Linear.of(second)))
        self._prepare_bank()
        lexical = model.lexical
        self._fragments = lexical.fragments.weight.detach().to(_BFLOAT16)
        first, second = (layer for layer in lexical.molecule_head if isinstance(layer, nn.Linear))
        self._lexical_head = (_Linear.of(first), _Linear.of(second))
        self._scales = [math.sqrt(model.paths[name]) for name in ("token", "lexical")]

    def _prepare_bank(self) -> None:
        projector = self._model.projector
        attention = projector.attention
        self._heads = projector.config.heads
        weights, biases = attention.in_proj_weight.detach(), attention.in_proj_bias.detach()
        width = projector.config.width
        queries = F.linear(projector.memory.detach(), weights[:width], biases[:width]) / math.sqrt(width / self._heads)
        self._queries = (
            queries.view(1, -1, self._heads, width // self._heads).transpose(1, 2).to(_BFLOAT16)
        )  # (1, H, K, d)
        self._keys_values = _Linear(weights[width:].to(_BFLOAT16), biases[width:].to(_BFLOAT16))
        self._out = _Linear.of(attention.out_proj)

    def constants(self, vectors: Floats) -> Floats:
        """Return (N,) what each molecule adds to its cosine."""
        return self._model.constants(vectors)

    @torch.inference_mode()
    def vectors_of_graphs(self, store: GraphStore, *, progress: Progress | None = None) -> Floats:
        """Embed graphs, those of one size together, (N, D) unit rows."""
        output = np.zeros((len(store), self._model.width), np.float32)
        order = np.argsort(store.sizes(), kind="stable")
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = store.take(rows)
            vectors = [scale * part for scale, part in zip(self._scales, self._paths(batch), strict=True)]
            output[rows] = torch.cat(vectors, -1).numpy()
            if progress:
                progress(min(start + BATCH, len(order)), len(order))
        return output

    def _paths(self, store: GraphStore) -> tuple[Tensor, Tensor]:
        return self._token(store), self._lexical(store)

    def _token(self, store: GraphStore) -> Tensor:
        x = self._molecule.norm(self._atoms(store))  # (A, D) float32
        x = F.pad(x, (0, 0, 0, -len(x) % ROWS))
        edges = _Edges.of(store, len(x))
        for layer in self._layers:
            x = layer(x, edges)
        return self._projected(x, torch.from_numpy(store.sizes()))

    def _atoms(self, store: GraphStore) -> Tensor:
        numbers = torch.from_numpy(store.graph.environments)
        there = (numbers >= 0).sum(1, keepdim=True).clamp(min=1)
        numbers = torch.where(numbers >= 0, numbers, MORGAN_SIZE)
        total = F.embedding_bag(numbers, self._environments, mode="sum", padding_idx=MORGAN_SIZE)
        kinds: Tensor = self._molecule.atoms(torch.from_numpy(store.graph.atoms))
        return kinds + total / there

    def _projected(self, x: Tensor, sizes: Tensor) -> Tensor:
        """Read the atoms, the first rows, with the memory bank and project, (B, out); see ``MemoryBankProjector``."""
        projector = self._model.projector
        x = projector.norm(x)  # (A, D)
        offsets = torch.cumsum(sizes, 0) - sizes
        total = F.embedding_bag(torch.arange(int(sizes.sum())), x, offsets, mode="sum")
        pooled = projector.mean_norm(total / sizes[:, None].sqrt())
        slots = self._attended(x.to(_BFLOAT16), sizes, offsets).amax(1).float()
        return F.normalize(projector.head(torch.cat([pooled, slots], -1)), dim=-1)

    def _attended(self, x: Tensor, sizes: Tensor, offsets: Tensor) -> Tensor:
        """Compute the slot outputs, (B, K, D)."""
        longest = int(sizes.max())
        places = torch.arange(longest)[None]
        mask = places < sizes[:, None]  # (B, L)
        rows = torch.where(mask, offsets[:, None] + places, 0)
        both = self._keys_values(x)[rows.view(-1)].view(len(sizes), longest, 2, self._heads, -1)  # (B, L, 2, H, d)
        keys, values = both.permute(2, 0, 3, 1, 4)  # (B, H, L, d) each
        scores = torch.matmul(self._queries, keys.transpose(-1, -2)).float()  # (B, H, K, L)
        scores = scores.masked_fill(~mask[:, None, None], float("-inf"))
        read = torch.matmul(torch.softmax(scores, -1).to(_BFLOAT16), values)  # (B, H, K, d)
        return self._out(read.transpose(1, 2).flatten(2))

    def _lexical(self, store: GraphStore) -> Tensor:
        """Embed by the lexical path, (B, out); see ``lexical.LexicalPath``."""
        weights = torch.from_numpy(store.graph.counts).to(torch.float32).log1p().to(_BFLOAT16)
        offsets = torch.from_numpy(store.fragment_offsets[:-1])
        numbers = torch.from_numpy(store.graph.fragments)
        bag = F.embedding_bag(numbers, self._fragments, offsets, mode="sum", per_sample_weights=weights)
        first, second = self._lexical_head
        hidden = first(self._model.lexical.molecule_norm(bag.float()).to(_BFLOAT16))
        return F.normalize(second(F.gelu(hidden)).float(), dim=-1)
