"""The one class that joins text encoder, molecule encoder, memory bank and lexical path."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from molsearch.chem.batch.arrays import CLASS_SIZE, CONFIGURATION, PART_OUTCOMES, GraphStore
from molsearch.errors import ModelError
from molsearch.model.alignment import soft_largest
from molsearch.model.batch import (
    Grounded,
    TextBatch,
    fragment_bag,
    gram_bag,
    grounded_bag,
    like_sizes,
    structure_slots,
)
from molsearch.model.card import read_card
from molsearch.model.config import DualConfig
from molsearch.model.folder import Parts, folder_id, read_parts, write_parts
from molsearch.model.lexical import Bag, LexicalPath
from molsearch.model.molecule import GcnEncoder, GineEncoder, MoleculeBatch, StructureTokens
from molsearch.model.odds import Odds
from molsearch.model.projector import MemoryBankProjector
from molsearch.model.reranker import LateInteraction, read_reranker, write_reranker
from molsearch.model.role_head import RoleHead
from molsearch.model.text import TransformerEncoder, WordEncoder
from molsearch.model.tokens import Tokens
from molsearch.records import ModelCard, Progress

if TYPE_CHECKING:
    from molsearch.model.grounding import NamedStructure

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embedded:
    """One side of a batch.

    Attributes:
        token: (B, out) unit vectors of the token path, or None.
        lexical: (B, out) unit vectors of the lexical path, or None.
        mean: (B, D) masked mean of the tokens before the memory bank, or None (what the adversarial loss sees).
    """

    token: Tensor | None
    lexical: Tensor | None
    mean: Tensor | None

    def paths(self) -> dict[str, Tensor]:
        """Return the unit vectors of each path that the model has, by name."""
        named = {"token": self.token, "lexical": self.lexical}
        return {name: vectors for name, vectors in named.items() if vectors is not None}


class DualEncoder(nn.Module):
    """Texts and molecules to unit vectors in one space (arXiv 2410.23715, widened by a lexical path and grounding).

    The vector is the token path's and the lexical path's, each scaled by the root of its share, side by side: a dot
    product of two vectors is then the weighted mean of the two paths' cosines.

    Shapes:
        texts (Q,) -> (Q, D); molecules (N,) -> (N, D); rows of unit length
    """

    bank: Tensor
    class_odds: Tensor
    part_odds: Tensor

    def __init__(self, config: DualConfig, tokenizer: Tokenizer | None = None, body: nn.Module | None = None) -> None:
        """Build a model with fresh weights.

        Args:
            config: Which parts it has.
            tokenizer: Of the text encoder; not needed where a pretrained one brings its own.
            body: Transformer to use instead of reading the pretrained folder that ``config`` names.

        Raises:
            ModelError: If the parts do not fit each other, or a pretrained folder cannot be read.
        """
        super().__init__()
        self.config = config
        self.model_id = "untrained"
        self.folder: Path | None = None
        self.lexicon: dict[str, str] = {}
        self.role_names: tuple[str, ...] = ()
        self.role_head: RoleHead | None = None
        self.reranker: LateInteraction | None = None
        share = config.lexical_share
        if share < 1:
            self.text = self._text_encoder(config, tokenizer, body)
            self.molecule = GineEncoder(config.gine) if config.molecule == "gine" else GcnEncoder(config.gcn)
            self.projector = MemoryBankProjector(config.projector)
            widths = {self.text.config.width, self.molecule.config.width, config.projector.width}
            if len(widths) > 1:
                raise ModelError(
                    f"Encoders and projector must share one token width, got {sorted(widths)}; mend the recipe."
                )
            if config.grounded:
                self.structures = StructureTokens(config.projector.width)
        if share > 0:
            self.lexical = LexicalPath(config.lexical)
        self.log_scale = nn.ParameterDict({name: nn.Parameter(torch.tensor(math.log(20.0))) for name in self.paths})
        self.register_buffer("bank", torch.zeros(0, self.width))
        self.register_buffer("class_odds", torch.zeros(2, CLASS_SIZE))
        self.register_buffer("part_odds", torch.zeros(CONFIGURATION + 1, PART_OUTCOMES))

    @staticmethod
    def _text_encoder(
        config: DualConfig, tokenizer: Tokenizer | None, body: nn.Module | None
    ) -> WordEncoder | TransformerEncoder:
        if config.text == "words":
            return WordEncoder(config.words, tokenizer)
        if config.pretrained and body is None:
            return TransformerEncoder.from_pretrained(config.transformer)
        if tokenizer is None:
            raise ModelError("A transformer text encoder needs its tokenizer, got none; give a tokenizer.json.")
        return TransformerEncoder(config.transformer, tokenizer, body)

    @property
    def paths(self) -> dict[str, float]:
        """Share of each path in the score, by name, in the order of the vector's columns."""
        share = self.config.lexical_share
        return {name: weight for name, weight in (("token", 1 - share), ("lexical", share)) if weight > 0}

    @property
    def width(self) -> int:
        """Columns of the final vector."""
        widths = {"token": self.config.projector.out, "lexical": self.config.lexical.out}
        return sum(widths[name] for name in self.paths)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.bank.device

    def prepare_texts(
        self, texts: Sequence[Grounded], store: GraphStore, paths: Collection[str] | None = None
    ) -> TextBatch:
        """Turn grounded texts into tensors for ``paths``, or for all of this model's."""
        strings = [text.text for text in texts]
        paths = self.paths if paths is None else paths
        token, lexical = "token" in paths, "lexical" in paths
        return TextBatch(
            self.text.prepare(strings) if token else None,
            structure_slots(texts, store) if token and self.config.grounded else None,
            gram_bag(strings, self.config.lexical.grams) if lexical else None,
            grounded_bag(texts, store) if lexical else None,
        )

    def prepare_molecules(
        self, store: GraphStore, paths: Collection[str] | None = None
    ) -> tuple[MoleculeBatch | None, Bag | None]:
        """Turn graphs into tensors for ``paths``, or for all of this model's."""
        paths = self.paths if paths is None else paths
        return (
            MoleculeBatch.of(store) if "token" in paths else None,
            fragment_bag(store) if "lexical" in paths else None,
        )

    def _structure_tokens(self, batch: TextBatch) -> Tokens | None:
        slots = batch.structures
        if slots is None:
            return None
        distinct = self.structures(self.molecule(slots.molecules))  # (U, D)
        vectors = distinct[slots.rows] + self.structures.relations(slots.relations)  # (S, D)
        x = vectors.new_zeros(*slots.shape, vectors.shape[1])
        mask = torch.zeros(slots.shape, dtype=torch.bool, device=x.device)
        x[slots.texts, slots.slots] = vectors
        mask[slots.texts, slots.slots] = True
        return Tokens(x, mask)

    def text_tokens(self, batch: TextBatch) -> Tokens:
        """Encode words and named structures, (B, L + S, D), as the memory bank reads them."""
        tokens: Tokens = self.text(batch.tokens, self._structure_tokens(batch))
        return tokens

    def embed_texts(self, batch: TextBatch) -> Embedded:
        """Embed a prepared batch of texts."""
        lexical = None
        if batch.grams is not None and batch.grounded is not None:
            lexical = self.lexical.text(batch.grams, batch.grounded)
        if batch.tokens is None:
            return Embedded(None, lexical, None)
        tokens = self.text_tokens(batch)
        return Embedded(self.projector(tokens), lexical, tokens.mean())

    def embed_molecules(self, graphs: MoleculeBatch | None, fragments: Bag | None) -> Embedded:
        """Embed a prepared batch of molecules."""
        lexical = None if fragments is None else self.lexical.molecule(fragments)
        if graphs is None:
            return Embedded(None, lexical, None)
        tokens = self.molecule(graphs)
        return Embedded(self.projector(tokens), lexical, tokens.mean())

    def embed_pairs(
        self, texts: TextBatch, graphs: MoleculeBatch | None, fragments: Bag | None
    ) -> tuple[Embedded, Embedded]:
        """Embed both sides of a training batch.

        The shared head reads them as one batch: where it normalises by batch, each side on its own would have its own
        mean taken off, and the gap between the sides, unseen in training, would stand in every later score.
        """
        of_texts = None
        if texts.grams is not None and texts.grounded is not None:
            of_texts = self.lexical.text(texts.grams, texts.grounded)
        of_molecules = None if fragments is None else self.lexical.molecule(fragments)
        if texts.tokens is None or graphs is None:
            return Embedded(None, of_texts, None), Embedded(None, of_molecules, None)
        sides = (self.text_tokens(texts), self.molecule(graphs))
        pooled = [self.projector.pool(tokens) for tokens in sides]
        first, second = self.projector.project(torch.cat(pooled)).split([len(side) for side in pooled])
        return Embedded(first, of_texts, sides[0].mean()), Embedded(second, of_molecules, sides[1].mean())

    def join(self, embedded: Embedded) -> Tensor:
        """Set the paths side by side, scaled by the root of their share, (B, D)."""
        vectors = embedded.paths()
        return torch.cat([vectors[name] * math.sqrt(share) for name, share in self.paths.items()], -1)

    @torch.inference_mode()
    def vectors_of_texts(
        self, texts: Sequence[Grounded], store: GraphStore, *, batch_size: int = 128, progress: Progress | None = None
    ) -> Floats:
        """Embed grounded texts, longest together, (Q, D)."""
        self.eval()
        output = np.zeros((len(texts), self.width), np.float32)
        for rows in like_sizes([len(text.text) for text in texts], batch_size, progress):
            batch = self.prepare_texts([texts[i] for i in rows], store).to(self.device)
            output[rows] = self.join(self.embed_texts(batch)).cpu().numpy()
        return output

    @torch.inference_mode()
    def vectors_of_graphs(
        self, store: GraphStore, *, batch_size: int = 128, progress: Progress | None = None
    ) -> Floats:
        """Embed graphs, those of one size together, (N, D)."""
        self.eval()
        output = np.zeros((len(store), self.width), np.float32)
        for rows in like_sizes(store.sizes(), batch_size, progress):
            graphs, fragments = self.prepare_molecules(store.take(rows))
            graphs = None if graphs is None else graphs.to(self.device)
            fragments = None if fragments is None else fragments.to(self.device)
            output[rows] = self.join(self.embed_molecules(graphs, fragments)).cpu().numpy()
        return output

    def encode_molecules(self, smiles: Sequence[str], progress: Progress | None = None) -> Floats:
        """Embed molecules, (N, D) unit rows.

        Raises:
            InputError: If a SMILES cannot be read.
        """
        # Imported here, as below: a machine that only trains has no RDKit.
        from molsearch.chem.features.graph import graph_store

        if not smiles:
            return np.zeros((0, self.width), np.float32)
        return self.vectors_of_graphs(graph_store(smiles), progress=progress)

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """Embed texts, (Q, D) unit rows; names in them are resolved to structures where OPSIN is there."""
        from molsearch.model.grounding import ground, read_texts

        if not texts:
            return np.zeros((0, self.width), np.float32)
        grounded, store = ground(read_texts(texts, self.lexicon))
        return self.vectors_of_texts(grounded, store, progress=progress)

    def constants(self, vectors: Floats) -> Floats:
        """Measure what is added to each molecule's cosine, (N,): minus its match with background captions.

        Query-bank normalisation (Bogolin et al., CVPR 2022) as a constant, so that search stays one dot product.
        """
        return -self.config.bank_weight * soft_largest(vectors, self.bank, self.config.beta)

    def caption_constants(self, vectors: Floats) -> Floats:
        """Measure the same for captions that are ranked for a molecule, (Q,): one like all others says little."""
        return -self.config.caption_weight * soft_largest(vectors, self.bank, self.config.beta)

    @property
    def odds(self) -> Odds:
        """Log odds of what a text names, with their weights; all 0 until they were measured (training/odds.py)."""
        classes, parts = self.class_odds.cpu().numpy(), self.part_odds.cpu().numpy()
        scales = (self.config.evidence, self.config.evidence_parts, self.config.evidence_alone)
        return Odds(classes, parts, *scales, self.role_head)

    def learn_roles(self, names: Sequence[str], head: RoleHead | None) -> None:
        """Take on a role head, and the names of its roles; or none."""
        self.role_names, self.role_head = tuple(names), head

    def named_structures(self, text: str) -> "tuple[NamedStructure, ...]":
        """Find the structures a text names, with what each adds to a library molecule that is exactly it."""
        from molsearch.model.grounding import Bonuses, exact_names

        config = self.config
        return exact_names(text, Bonuses(config.name_bonus, config.subject_bonus, config.derived_bonus))

    def save(self, folder: Path) -> None:
        """Write configuration, weights, lexicon and, where there is one, the tokenizer; then set ``model_id``."""
        text = getattr(self, "text", None)
        body = text.body.config.to_json_string() if text is not None and self.config.pretrained else ""
        tokenizer = None if text is None else text.tokenizer
        state = {name: value for name, value in self.state_dict().items() if not name.startswith("reranker.")}
        write_parts(folder, Parts(self.config, state, self.lexicon, self.role_names, tokenizer, body))
        write_reranker(self.reranker, folder)
        self.folder, self.model_id = folder, folder_id(folder)

    def card(self) -> ModelCard:
        """Read the account that the model's folder gives of it; a model not yet saved has none but its id."""
        return read_card(self.folder or Path("untrained"), self.model_id)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """Read a model folder.

        Raises:
            ModelError: If a file is missing or damaged, or the weights do not fit the configuration.
        """
        parts = read_parts(folder)
        state = parts.state
        body = TransformerEncoder.body_from(parts.body) if parts.body else None
        model = cls(parts.config, parts.tokenizer, body)
        model.bank = torch.zeros_like(state.get("bank", model.bank))
        if parts.roles:
            model.learn_roles(parts.roles, RoleHead(model.width, CLASS_SIZE, parts.config.role_width, len(parts.roles)))
        wanted = model.state_dict()
        wrong = sorted(name for name in wanted.keys() & state.keys() if wanted[name].shape != state[name].shape)
        missing, unexpected = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
        if missing or unexpected or wrong:
            raise ModelError(
                f"The weights in {folder} do not fit its model.toml: missing {missing[:5]}, "
                f"unexpected {unexpected[:5]}, "
                f"of another shape {wrong[:5]}; copy the folder again."
            )
        model.load_state_dict(state)
        model.lexicon = dict(parts.lexicon)
        model.reranker = read_reranker(folder, model.config.projector.width)
        model.folder, model.model_id = folder, folder_id(folder)
        return model.to(device).eval()
