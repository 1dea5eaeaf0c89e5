"""Teaches a trained model roles: a head on its molecules' vectors and classes, from what training captions state."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from molsearch.chem.batch.arrays import GraphStore
from molsearch.model.dual import DualEncoder
from molsearch.model.role_head import RoleHead
from molsearch.query.roles import bare, stated_roles

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.uint8]

_STEPS, _BATCH, _RATE, _DECAY, _DROPOUT = 1500, 1024, 3e-3, 0.1, 0.6
_LEAST = 5  # molecules of a class that tells anything


def role_holders(texts: Sequence[str], molecules: Sequence[int]) -> dict[str, frozenset[int]]:
    """Collect the molecules of each role that captions state, the commonest role first.

    Args:
        texts: Captions.
        molecules: Number of each caption's molecule.
    """
    holders: dict[str, set[int]] = defaultdict(set)
    for text, molecule in zip(texts, molecules, strict=True):
        for role in stated_roles(text):
            holders[bare(role)].add(molecule)
    common = sorted(holders, key=lambda role: (-len(holders[role]), role))
    return {role: frozenset(holders[role]) for role in common}


def with_narrower(holders: Mapping[str, frozenset[int]]) -> dict[str, frozenset[int]]:
    """Count what has a narrower role among those that have the role, in the same order.

    A role is narrower where its name ends with the other's as a word ("opioid analgesic", "plant metabolite"), where it
    is the drug and the other the agent ("antibacterial drug"), and where it is narrower than a narrower one.
    """
    return {
        role: molecules.union(*(holders[other] for other in holders if _narrower(other, role)))
        for role, molecules in holders.items()
    }


def _narrower(other: str, role: str) -> bool:
    if role.endswith(" agent") and _narrower_or_same(other, f"{role.removesuffix(' agent')} drug"):
        return True
    # An anti-estrogen is no estrogen.
    return other.endswith((f" {role}", f"-{role}")) and not other.endswith((f"anti-{role}", f"non-{role}"))


def _narrower_or_same(other: str, role: str) -> bool:
    return other == role or _narrower(other, role)


def molecules_with_roles(holders: Mapping[str, frozenset[int]]) -> list[int]:
    """List the molecules that have any role, in order."""
    return sorted(frozenset().union(*holders.values()))


def encoded(model: DualEncoder, stores: Iterable[GraphStore]) -> tuple[Floats, Flags]:
    """Encode the molecules of some stores, one after the other: their vectors, (N, D), and class bits, (N, F)."""
    parts = [(model.vectors_of_graphs(store), store.class_bits()) for store in stores]
    return np.concatenate([vectors for vectors, _ in parts]), np.concatenate([flags for _, flags in parts])


def teach(
    model: DualEncoder,
    holders: Mapping[str, frozenset[int]],
    encode: Callable[[list[int]], tuple[Floats, Flags]],
    least: int,
    seed: int,
) -> None:
    """Teach a model the roles that enough molecules have; where there is no such role it gets no head.

    Args:
        model: What learns.
        holders: Of each role its molecules.
        encode: Gives the model's vectors of molecules by their numbers, and their class bits; see ``encoded``.
        least: Molecules that a role must have.
        seed: Of the head.
    """
    numbers = molecules_with_roles(holders)
    places = {molecule: row for row, molecule in enumerate(numbers)}
    whole = with_narrower(holders)
    known = {
        role: frozenset(places[molecule] for molecule in whole[role])
        for role, molecules in holders.items()
        if len(molecules) >= least
    }
    head = fit_roles(*encode(numbers), known, model.config.role_width, seed) if known else None
    model.learn_roles(tuple(known), head)


def fit_roles(vectors: Floats, flags: Flags, holders: Mapping[str, frozenset[int]], hidden: int, seed: int) -> RoleHead:
    """Teach a head the roles of molecules, each role against all others that have any role.

    A molecule whose captions do not state a role counts as one without it, though it may have it.

    Args:
        vectors: (N, D) of the molecules that have a role.
        flags: (N, F) their packed class bits; a class of fewer than five of them tells nothing.
        holders: Of each of R roles the rows of ``vectors`` that have it.
        hidden: Units of the head.
        seed: Of weights, dropout and draws.
    """
    torch.manual_seed(seed)
    truth = torch.zeros(len(vectors), len(holders))
    for number, rows in enumerate(holders.values()):
        truth[list(rows), number] = 1
    classes = torch.from_numpy(np.unpackbits(flags, axis=1)).float()  # (N, C)
    common = classes.sum(0) >= _LEAST
    classes *= common
    head = RoleHead(vectors.shape[1], classes.shape[1], hidden, len(holders), _DROPOUT)
    with torch.no_grad():
        head.out.bias.copy_(torch.logit(truth.mean(0), eps=1e-4))
    learned = [parameter for name, parameter in head.named_parameters() if name != "out.bias"]
    optimizer = torch.optim.AdamW(learned, lr=_RATE, weight_decay=_DECAY)
    inputs, draws = torch.from_numpy(vectors), torch.Generator().manual_seed(seed)
    for step in range(_STEPS):
        drawn = torch.randint(len(inputs), (min(_BATCH, len(inputs)),), generator=draws)
        loss = _loss(head(inputs[drawn], classes[drawn]), truth[drawn])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1 - (step + 1) / _STEPS)
    head.classes.data *= common[:, None]  # what was never learned must not speak
    return head.eval()


def _loss(logits: Tensor, truth: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(1).mean()
