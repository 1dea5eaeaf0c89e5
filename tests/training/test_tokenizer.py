"""The project's word pieces."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from molsearch.training.tokenizer import train_tokenizer
from tests.training.samples import PAIRS

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [pair.text for pair in PAIRS]
CODE = """
import hashlib
from molsearch.training.tokenizer import train_tokenizer
texts = {texts!r}
print(hashlib.sha256(train_tokenizer(texts, 150).to_str().encode()).hexdigest())
"""


def test_every_process_makes_the_same_pieces_of_the_same_texts() -> None:
    # A run that is taken up again trains its tokenizer again.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    expected = hashlib.sha256(train_tokenizer(TEXTS[::-1], 150).to_str().encode()).hexdigest()
    for _ in range(3):
        command = [sys.executable, "-c", CODE.format(texts=TEXTS)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        assert done.stdout.strip() == expected


def test_a_text_becomes_pieces_between_its_two_ends_in_lower_case() -> None:
    tokenizer = train_tokenizer(TEXTS, 400)
    assert tokenizer.encode("Benzoic ACID").tokens == ["[CLS]", "benzoic", "acid", "[SEP]"]
    pieces = train_tokenizer(TEXTS, 60).encode("benzoic", add_special_tokens=False).tokens
    assert len(pieces) > 1
    assert pieces[0] + "".join(piece.removeprefix("##") for piece in pieces[1:]) == "benzoic"


def test_padding_is_number_zero_and_an_unknown_sign_is_unknown() -> None:
    tokenizer = train_tokenizer(TEXTS, 200)
    assert tokenizer.token_to_id("[PAD]") == 0
    assert tokenizer.encode("\u4e2d", add_special_tokens=False).tokens == ["[UNK]"]
    assert tokenizer.get_vocab_size() <= 200
