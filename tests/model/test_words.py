"""Words and n-grams by hand."""

import zlib

from molsearch.model.words import character_ngrams, hashed, text_grams, words


def test_letters_digits_and_signs_stand_apart_and_single_letters_keep_their_case() -> None:
    assert words("The (2S)-N-methyl ATP") == ["the", "(", "2", "S", ")", "-", "N", "-", "methyl", "atp"]


def test_a_word_is_fenced_before_it_is_cut() -> None:
    assert character_ngrams("ol", (3, 4)) == ["<ol", "ol>", "<ol>"]


def test_a_feature_has_the_same_number_on_every_machine() -> None:
    assert hashed("acid", 1000) == zlib.crc32(b"acid") % 1000


def test_the_grams_of_a_text_are_words_pairs_and_pieces_of_long_words() -> None:
    # amine is the only word of more than four letters: two 4-grams, one 5-gram, no 6-gram.
    assert text_grams("an amine") == {"an", "amine", "an_amine", "#amin", "#mine", "#amine"}
