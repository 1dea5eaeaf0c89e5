"""Masked-language pretraining: the text encoder learns to fill in words hidden from it (Devlin et al., 2019).

It needs no molecules: every caption teaches how descriptions are worded before any is tied to a structure.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from molsearch.model.text import PieceBatch, TransformerEncoder, WordBatch, WordEncoder
from molsearch.model.words import hashed, words
from molsearch.records import Progress
from molsearch.training.batches import batches
from molsearch.training.schedule import share_of_peak

HIDDEN = 0.15  # share of the words, as BERT hides
_WARMUP = 0.1
_MASK = "[MASK]"
_NONE = -100  # what cross entropy passes over


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast the words are learned.

    Attributes:
        epochs: Passes over the texts.
        batch_size: Texts a batch.
        learning_rate: Peak; climbs over the first tenth of the steps, then falls to zero in a line.
        weight_decay: Of AdamW.
        seed: Decides order and what is hidden.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    seed: int


def targets(batch: WordBatch | PieceBatch, texts: Sequence[str], tokenizer: Tokenizer) -> Tensor:
    """Number what stands at each place of a prepared batch, (B, L); -100 at padding and at words without a number.

    The numbers are the tokenizer's: a word counts where it is a word piece of its own.
    """
    if isinstance(batch, PieceBatch):
        return batch.ids.masked_fill(~batch.mask, _NONE)
    numbers = torch.full(batch.rows.shape, _NONE)
    for row, text in enumerate(texts):
        pieces = [tokenizer.token_to_id(word.lower()) for word in words(text)[: numbers.shape[1]]]
        numbers[row, : len(pieces)] = torch.tensor([_NONE if number is None else number for number in pieces])
    return numbers


def hide(batch: WordBatch | PieceBatch, chosen: Tensor, sign_number: int) -> WordBatch | PieceBatch:
    """Put the sign of a hidden word, a row of the encoder's table, at the places ``chosen``, (B, L) bool."""
    if isinstance(batch, PieceBatch):
        return replace(batch, ids=batch.ids.masked_fill(chosen, sign_number))
    sign = batch.features.new_tensor([sign_number])
    begin = batch.offsets.new_tensor([len(batch.features)])
    return replace(
        batch,
        features=torch.cat([batch.features, sign]),
        offsets=torch.cat([batch.offsets, begin]),
        rows=batch.rows.masked_fill(chosen, len(batch.offsets)),
    )


class MaskedLanguage(nn.Module):
    """A text encoder with a head that names the hidden words; the head is dropped after pretraining.

    Shapes:
        texts (B,) and chosen (B, L) -> logits (H, V) of the H hidden words that have a number, and those numbers (H,)
    """

    def __init__(self, encoder: WordEncoder | TransformerEncoder, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.head = nn.Linear(encoder.config.width, tokenizer.get_vocab_size())
        self.sign = tokenizer.token_to_id(_MASK) or 0
        if isinstance(encoder, WordEncoder):
            self.sign = hashed(_MASK, encoder.config.table)

    def forward(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Hide words at random and name them."""
        device = self.head.weight.device
        batch = self.encoder.prepare(texts)
        wanted = targets(batch, texts, self.tokenizer).to(device)
        batch = batch.to(device)
        chosen = batch.mask & (torch.rand(batch.mask.shape, device=device) < HIDDEN)
        states = self.encoder(hide(batch, chosen, self.sign)).x
        numbered = chosen & (wanted != _NONE)
        return self.head(states[numbered]), wanted[numbered]


def pretrain(
    encoder: WordEncoder | TransformerEncoder,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    schedule: Schedule,
    kernels: Callable[[], AbstractContextManager[object]],
    progress: Progress | None = None,
) -> list[float]:
    """Teach an encoder the words of ``texts``, in place.

    Args:
        encoder: What learns.
        tokenizer: The one trained on these texts (training/tokenizer.py); its pieces are the targets.
        texts: What to read; one that occurs twice is read twice.
        schedule: How long and how fast.
        kernels: Returns the context of a forward pass: its precision and its attention.
        progress: Called with the steps done.

    Returns:
        Mean cross entropy of each epoch, nats a hidden word.
    """
    device = next(encoder.parameters()).device
    torch.manual_seed(schedule.seed)
    model = MaskedLanguage(encoder, tokenizer).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=schedule.weight_decay, fused=True)
    lengths = [text.count(" ") for text in texts]
    per_epoch = len(batches(lengths, schedule.batch_size, schedule.seed))
    steps = schedule.epochs * per_epoch
    losses: list[float] = []
    for epoch in range(schedule.epochs):
        total = 0.0
        for number, rows in enumerate(batches(lengths, schedule.batch_size, schedule.seed, epoch)):
            step = epoch * per_epoch + number
            rate = schedule.learning_rate * share_of_peak(step, steps, _WARMUP, "linear")
            for group in optimizer.param_groups:
                group["lr"] = rate
            with kernels():
                logits, wanted = model([texts[row] for row in rows])
            loss = F.cross_entropy(logits.float(), wanted)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
            if progress:
                progress(step + 1, steps)
        losses.append(total / per_epoch)
    return losses
