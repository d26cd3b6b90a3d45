"""The raw counts that one walk over a document yields; signals are formulas over them."""

from typing import NamedTuple

WORDS = 0
"""Splitter: units are folded white-space words."""

CHARACTERS = 1
"""Splitter: units are folded characters other than white space and punctuation."""


class CountColumns(NamedTuple):
    """Column of each raw count in the result of `count_documents`.

    Counts are of code points unless their name says otherwise. A raw word is a run of
    non-space characters; a word is what folding leaves of it, if anything. Lines are the
    non-blank pieces between newlines. Counts that the splitter does not give are NaN.
    """

    bytes: int
    chars: int
    nonspace_chars: int
    letters: int
    digits: int
    alphanumerics: int
    punctuation: int
    han: int
    simplified: int
    traditional: int
    latin: int
    curly_brackets: int
    replacement_chars: int
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
    sentences: int
    raw_words: int
    no_letter_raw_words: int
    all_caps_raw_words: int
    words: int
    word_chars: int
    non_alphabetic_words: int
    digit_words: int
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


COLUMNS = CountColumns(*range(len(CountColumns._fields)))
"""Where each count stands in a row."""
