"""The project's own word-piece tokenizer, trained on the captions."""

from collections.abc import Sequence

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_INSIDE = "##"  # stands before a piece that does not begin a word


def _around(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Train word pieces (Schuster and Nakajima, 2012) on lower-cased text; [PAD] is number 0.

    The same texts give the same pieces with the same numbers in every process, as a run that is taken up again needs
    them. The trainer alone does not: it numbers the characters inside words in random order, and breaks ties between
    pieces by number. Given as special tokens they are numbered beforehand; the tokenizer made of its vocabulary then
    treats them as pieces again.
    """
    distinct = sorted(set(texts))
    learner = _around(models.WordPiece(unk_token="[UNK]"))
    letters = sorted({letter for text in distinct for letter in learner.normalizer.normalize_str(text)} - {" "})
    learner.train_from_iterator(
        distinct,
        trainers.WordPieceTrainer(
            vocab_size=vocabulary,
            special_tokens=[*_SPECIAL, *(_INSIDE + letter for letter in letters)],
            limit_alphabet=len(letters),
            show_progress=False,
        ),
    )
    tokenizer = _around(models.WordPiece(learner.get_vocab(), unk_token="[UNK]"))
    tokenizer.add_special_tokens(_SPECIAL)
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer
