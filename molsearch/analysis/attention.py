"""What the shared memory bank attends to: its slots over the words of a text and over the atoms of a molecule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from molsearch.chem.batch.arrays import RELATIONS
from molsearch.chem.features.graph import graph_store
from molsearch.errors import InputError, ModelError
from molsearch.model.dual import DualEncoder
from molsearch.model.grounding import TextStructures, ground, read_texts
from molsearch.model.tokens import Tokens
from molsearch.query.names import find_mentions

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TextToken:
    """One token of the text side.

    Attributes:
        kind: "word" of the text, "structure" named in it, or "sign" that the tokenizer added.
        label: The word or name as written.
        start: Where the label begins in the text; equal to ``end`` where it stands nowhere.
        end: Where it ends.
        smiles: The structure, or "".
        relation: How a structure stands to the molecule described, a row of arrays.RELATIONS, or "".
    """

    kind: Literal["word", "structure", "sign"]
    label: str
    start: int
    end: int
    smiles: str = ""
    relation: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SideReading:
    """What the bank reads on one side.

    Attributes:
        weights: (K, L) attention of each slot on each token; rows sum to 1.
        shares: (K,) share of the pooled vector that each slot gives; they sum to 1.
    """

    weights: Floats
    shares: Floats

    @property
    def entropies(self) -> Floats:
        """Entropy of each slot's attention in nats, (K,): 0 on one token, log L when spread evenly."""
        logs = np.log(self.weights, out=np.zeros_like(self.weights), where=self.weights > 0)
        return np.asarray(np.maximum(-(self.weights * logs).sum(1), 0), np.float32)

    @property
    def spread(self) -> Floats:
        """Over how many tokens each slot spreads, (K,), from 1 to L: the exponential of the entropy."""
        return np.exp(self.entropies)

    @property
    def overall(self) -> Floats:
        """Attention of all slots on each token, (L,), each slot weighted by its share; sums to 1."""
        return np.asarray(self.shares @ self.weights, np.float32)

    def slot(self, slot: int | None) -> Floats:
        """Return the attention of one slot, or of all of them, on each token, (L,)."""
        return self.overall if slot is None else self.weights[slot]


@dataclass(frozen=True, slots=True, eq=False)
class BankReading:
    """What the memory bank reads in a text and in a molecule.

    Attributes:
        tokens: The text side's tokens, L of them, named structures last.
        read_to: Where the part of the text that the model reads ends.
        text: The bank over ``tokens``.
        molecule: The bank over the atoms, in the order of the SMILES.
        shared: (K,) share of the pooled vector's columns that a slot gives on both sides.
        cosines: (K,) cosine of what a slot makes of the text and of the molecule.
        path_share: Weight in the score of the path that holds the bank; the rest does not pass it.
    """

    tokens: tuple[TextToken, ...]
    read_to: int
    text: SideReading
    molecule: SideReading
    shared: Floats
    cosines: Floats
    path_share: float

    @property
    def by_sharing(self) -> list[int]:
        """Slots by how much they give on both sides, most first; equal ones by cosine, then in order."""
        return [int(slot) for slot in np.lexsort((-self.cosines, -self.shared))]


def attend(model: DualEncoder, text: str, smiles: str) -> BankReading:
    """Read the attention of a model's memory bank out of the forward pass of a text and of a molecule.

    Args:
        model: The model; its own projector computes the attention, nothing is computed beside it.
        text: Any text.
        smiles: The molecule; the atoms follow its order.

    Raises:
        InputError: If the text holds no word or the SMILES cannot be read.
        ModelError: If the model has no memory bank.
    """
    _check_bank(model)
    if not model.text.places(text):
        raise InputError(f"The text holds no word: got {text[:40]!r}, expected a description; write one.")
    readings = read_texts([text], model.lexicon)
    tokens = _tokens(model, readings[0])
    store = graph_store([smiles])
    with torch.inference_mode():
        text_read, text_columns = _side(model, _text_side(model, readings))
        graphs, _ = model.prepare_molecules(store, ("token",))
        assert graphs is not None  # as the token path is among the paths
        molecule_read, molecule_columns = _side(model, model.molecule(graphs.to(model.device)))
    outputs = [F.normalize(read.outputs, dim=1) for read in (text_read, molecule_read)]
    return BankReading(
        tokens=tokens,
        read_to=max((token.end for token in tokens if token.kind == "word"), default=0),
        text=text_columns,
        molecule=molecule_columns,
        shared=_array(torch.minimum(text_read.winners, molecule_read.winners).mean(1)),
        cosines=_array((outputs[0] * outputs[1]).sum(1)),
        path_share=model.paths["token"],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Slots:
    """Outputs (K, D) of the slots, and the share of each in each pooled column (K, D)."""

    outputs: Tensor
    winners: Tensor


def _check_bank(model: DualEncoder) -> None:
    if "token" not in model.paths or not model.config.projector.slots:
        raise ModelError(
            "The model in use has no memory bank, so nothing attends to words and atoms: "
            "choose a model with a token path and one memory slot or more."
        )


def _text_side(model: DualEncoder, readings: Sequence[TextStructures]) -> Tokens:
    grounded, store = ground(readings)
    return model.text_tokens(model.prepare_texts(grounded, store, ("token",)).to(model.device))


def _side(model: DualEncoder, tokens: Tokens) -> tuple[_Slots, SideReading]:
    """Let the bank read a batch of one."""
    outputs, weights = model.projector.read(tokens)
    winners = model.projector.winners(outputs)
    return _Slots(outputs[0], winners[0]), SideReading(_array(weights[0]), _array(winners[0].mean(1)))


def _tokens(model: DualEncoder, reading: TextStructures) -> tuple[TextToken, ...]:
    """Name the tokens in the order in which ``text_tokens`` lays them."""
    words = [
        TextToken("word" if end > start else "sign", reading.text[start:end], start, end)
        for start, end in model.text.places(reading.text)
    ]
    if not model.config.grounded:
        return tuple(words)
    named = {mention.smiles: mention for mention in reversed(find_mentions([reading.text], model.lexicon)[0])}
    structures = [
        TextToken("structure", named[smiles].name, named[smiles].start, named[smiles].end, smiles, RELATIONS[relation])
        for smiles, relation in zip(reading.structures, reading.relations, strict=True)
    ]
    return (*words, *structures)


def _array(values: Tensor) -> Floats:
    return values.float().cpu().numpy()
