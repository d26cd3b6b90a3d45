"""The raw counts that one walk over a document yields; signals are formulas over them."""

from typing import NamedTuple

FOLDED = 0
"""Splitter: white-space words, folded; what folding leaves nothing of is no word."""

CHARACTERS = 1
"""Splitter: folded characters other than white space and punctuation."""

SPACE_WORDS = 2
"""Splitter: white-space words exactly as they are written."""

DICTIONARY = 3
"""Splitter: jieba's words exactly as they are written, punctuation included, white space not."""

NORMALISED = 4
"""Splitter: white-space words in lower case and NFD, without ASCII marks (RedPajama-V2)."""

DISTINCT = 1
"""Family of unit counts: how many units are distinct, their entropy."""

NGRAMS = 2
"""Family of unit counts: characters in repeated n-grams, our reading."""

GOPHER_NGRAMS = 4
"""Family of unit counts: characters in repeated n-grams, datatrove's reading of Gopher."""

ALL_FAMILIES = DISTINCT | NGRAMS | GOPHER_NGRAMS
"""Every family; the counts of single words are always there."""


class TextColumns(NamedTuple):
    """Column of each count that depends on the text alone, in the result of `count_text`.

    Counts are of code points unless their name says otherwise. Lines are the non-blank pieces
    between newlines, trimmed where two are compared; *exact* lines are compared untrimmed; *line
    pieces* are what splitting at runs of newlines gives, blank ones included; paragraphs are the
    pieces of the trimmed text between runs of two or more newlines.
    """

    bytes: int
    chars: int
    nonspace_chars: int
    letters: int
    digits: int
    alphanumerics: int
    punctuation: int
    ascii_punctuation: int
    han: int
    simplified: int
    traditional: int
    latin: int
    curly_brackets: int
    replacement_chars: int
    newlines: int
    inline_chars: int
    hashes: int
    hash_runs: int
    ellipses: int
    ellipsis_runs: int
    lenticular_chars: int
    lorem_ipsum: int
    lines: int
    line_chars: int
    max_line_chars: int
    bullet_lines: int
    ellipsis_lines: int
    read_more_lines: int
    duplicate_lines: int
    duplicate_line_chars: int
    trimmed_line_chars: int
    split_lines: int
    dash_lines: int
    terminal_lines: int
    short_lines: int
    exact_duplicate_line_chars: int
    line_pieces: int
    duplicate_line_pieces: int
    duplicate_line_piece_chars: int
    paragraphs: int
    duplicate_paragraphs: int
    duplicate_paragraph_chars: int
    sentences: int
    sentence_chars: int
    duplicate_sentences: int
    duplicate_sentence_chars: int
    stop_runs: int
    stop_marks: int


class UnitColumns(NamedTuple):
    """Column of each count that depends on the splitter, in the result of `count_units`.

    A raw word is a run of non-space characters (NORMALISED: of word characters, or of marks); a
    word is what the splitter makes of it. Units are the words, or the characters of CHARACTERS,
    whose word counts are NaN. Spaced and greedy counts follow datatrove's reading of Gopher.
    """

    raw_words: int
    no_letter_raw_words: int
    all_caps_raw_words: int
    words: int
    word_chars: int
    letter_words: int
    non_alphabetic_words: int
    digit_words: int
    nonsymbol_words: int
    nonsymbol_word_chars: int
    stop_words: int
    distinct_stop_words: int
    units: int
    unit_chars: int
    distinct_units: int
    first_units: int
    distinct_first_units: int
    entropy_nats: int
    top_2gram_chars: int
    top_3gram_chars: int
    top_4gram_chars: int
    duplicate_5gram_chars: int
    duplicate_6gram_chars: int
    duplicate_7gram_chars: int
    duplicate_8gram_chars: int
    duplicate_9gram_chars: int
    duplicate_10gram_chars: int
    spaced_top_2gram_chars: int
    spaced_top_3gram_chars: int
    spaced_top_4gram_chars: int
    greedy_duplicate_5gram_chars: int
    greedy_duplicate_6gram_chars: int
    greedy_duplicate_7gram_chars: int
    greedy_duplicate_8gram_chars: int
    greedy_duplicate_9gram_chars: int
    greedy_duplicate_10gram_chars: int


TEXT = TextColumns(*range(len(TextColumns._fields)))
"""Where each text count stands in a row."""

UNITS = UnitColumns(*range(len(UnitColumns._fields)))
"""Where each unit count stands in a row."""
