"""The table of signals; `mapneo.curate.signals` gives the rows their meaning."""

from typing import NamedTuple

_BOTH = ("words", "characters")
_WORDS = ("words",)
_CHARACTERS = ("characters",)

_GOPHER = "Rae et al. 2021 (Gopher), appendix A1.1"
_C4 = "Raffel et al. 2020 (C4), section 2.2"
_MAPNEO = "MAP-Neo, Matrix filters"
_CODEX = "Chen et al. 2021 (Codex), section 3.1"
_OWN = "own"


class SignalRow(NamedTuple):
    """One row of the table; see `mapneo.curate.signals.Signal`."""

    name: str
    definition: str
    source: str
    numerator: tuple[str, ...]
    denominator: str | None = None
    splitters: tuple[str, ...] = _BOTH
    scale: str = "frac"


def _ngram_rows() -> tuple[SignalRow, ...]:
    top = tuple(
        SignalRow(
            f"top_{n}gram_char_frac",
            f"characters of the most frequent {n}-gram of units × its occurrences / characters "
            "of all units; 0 if none occurs twice",
            _GOPHER,
            (f"top_{n}gram_chars",),
            "unit_chars",
        )
        for n in (2, 3, 4)
    )
    duplicate = tuple(
        SignalRow(
            f"dup_{n}gram_char_frac",
            f"characters covered by {n}-grams of units that occur at least twice, each character "
            "once / characters of all units",
            _GOPHER,
            (f"duplicate_{n}gram_chars",),
            "unit_chars",
        )
        for n in range(5, 11)
    )
    return top + duplicate


_SIZES = (
    SignalRow("nonspace_count_chars", "characters that are not white space", _MAPNEO,
              ("nonspace_chars",), scale="log"),
    SignalRow("text_length_chars", "characters, white space included", _MAPNEO,
              ("chars",), scale="log"),
    SignalRow("word_count_words", "white-space words after folding", _GOPHER,
              ("words",), splitters=_WORDS, scale="log"),
    SignalRow("line_count_lines", "lines that are not blank", _MAPNEO, ("lines",), scale="log"),
    SignalRow("sentence_count_sentences", "pieces with a letter or digit that end at . ! ? before "
              "white space, at a full-width stop, at a blank line, or at the end", _MAPNEO,
              ("sentences",), scale="log"),
    SignalRow("punctuation_count_chars", "Unicode punctuation and the 32 ASCII marks", _MAPNEO,
              ("punctuation",), scale="log"),
)  # fmt: skip

_WORD_ROWS = (
    SignalRow("mean_word_length_chars", "characters of folded words / folded words", _GOPHER,
              ("word_chars",), "words", _WORDS, "linear"),
    SignalRow("stop_word_distinct_words", "English function words of the list that occur", _GOPHER,
              ("distinct_stop_words",), None, _WORDS, "log"),
    SignalRow("stop_word_frac", "English function words / folded words", _GOPHER,
              ("stop_words",), "words", _WORDS),
    SignalRow("no_letter_word_frac", "white-space words without a letter / white-space words",
              _GOPHER, ("no_letter_raw_words",), "raw_words", _WORDS),
    SignalRow("non_alphabetic_word_frac", "folded words with a character that is no letter / "
              "folded words", _MAPNEO, ("non_alphabetic_words",), "words", _WORDS),
    SignalRow("digit_word_frac", "folded words of digits only / folded words", _MAPNEO,
              ("digit_words",), "words", _WORDS),
    SignalRow("all_caps_word_frac", "white-space words whose cased characters are all upper-case, "
              "with at least one / white-space words", "Longpre et al. 2023 (Pretrainer's Guide)",
              ("all_caps_raw_words",), "raw_words", _WORDS),
    SignalRow("symbols_per_word", "number signs and ellipses (three dots or …) / white-space words",
              _GOPHER, ("hashes", "ellipses"), "raw_words", _WORDS),
    SignalRow("hash_runs_per_word", "runs of # / white-space words", _MAPNEO,
              ("hash_runs",), "raw_words", _WORDS),
    SignalRow("ellipsis_runs_per_word", "runs of … and runs of two or more dots / white-space "
              "words", _MAPNEO, ("ellipsis_runs",), "raw_words", _WORDS),
    SignalRow("unique_word_frac", "distinct folded words / folded words",
              "Longpre et al. 2023 (Pretrainer's Guide)", ("distinct_units",), "units", _WORDS),
)  # fmt: skip

_CHARACTER_ROWS = (
    SignalRow("unique_char_first_1000_frac", "distinct characters among the first 1,000 folded "
              "characters / how many those are; does not fall with length", _OWN,
              ("distinct_first_units",), "first_units", _CHARACTERS),
    SignalRow("ellipsis_runs_per_char", "runs of … and runs of two or more dots / characters",
              _MAPNEO, ("ellipsis_runs",), "chars", _CHARACTERS),
    SignalRow("hash_runs_per_char", "runs of # / characters", _MAPNEO,
              ("hash_runs",), "chars", _CHARACTERS),
    SignalRow("lenticular_char_frac", "characters between 【 and 】 on one line / characters",
              _MAPNEO, ("lenticular_chars",), "chars"),
    SignalRow("han_char_frac", "ideographs / characters that are not white space", _OWN,
              ("han",), "nonspace_chars"),
    SignalRow("digit_char_frac", "digits / letters and numbers", _MAPNEO,
              ("digits",), "alphanumerics"),
    SignalRow("curly_bracket_char_frac", "{ and } / characters", _C4,
              ("curly_brackets",), "chars"),
    SignalRow("lorem_ipsum_per_char", "occurrences of 'lorem ipsum' in any case / characters", _C4,
              ("lorem_ipsum",), "chars"),
    SignalRow("replacement_char_frac", "U+FFFD, the mark of undecodable bytes / characters", _OWN,
              ("replacement_chars",), "chars"),
    SignalRow("alphanumeric_char_frac", "letters and numbers / characters", _CODEX,
              ("alphanumerics",), "chars"),
    SignalRow("letter_char_frac", "letters / characters that are not white space", _CODEX,
              ("letters",), "nonspace_chars"),
)  # fmt: skip

_LINE_ROWS = (
    SignalRow("mean_line_length_chars", "characters of non-blank lines, indentation included / "
              "non-blank lines", _CODEX, ("line_chars",), "lines", scale="log"),
    SignalRow("max_line_length_chars", "characters of the longest line", _CODEX,
              ("max_line_chars",), scale="log"),
    SignalRow("bullet_line_frac", "lines that begin with a bullet; with - * + and a space; or with "
              "a number of up to 3 digits and its end mark / non-blank lines", _GOPHER,
              ("bullet_lines",), "lines"),
    SignalRow("ellipsis_line_frac", "lines that end in ... or … / non-blank lines", _GOPHER,
              ("ellipsis_lines",), "lines"),
    SignalRow("read_more_line_frac", "lines that end in a 'read more' phrase once marks and "
              "arrows are put aside / non-blank lines", _MAPNEO, ("read_more_lines",), "lines"),
    SignalRow("duplicate_line_frac", "lines that occurred before in the document / non-blank lines",
              _GOPHER, ("duplicate_lines",), "lines"),
    SignalRow("duplicate_line_char_frac", "characters of those / characters of non-blank lines",
              _GOPHER, ("duplicate_line_chars",), "trimmed_line_chars"),
)  # fmt: skip

_UNIT_ROWS = (
    SignalRow("unigram_entropy_nats", "Shannon entropy of the units",
              "RedPajama-V2 quality signals", ("entropy_nats",), scale="linear"),
    *_ngram_rows(),
)  # fmt: skip

SIGNAL_ROWS = (*_SIZES, *_WORD_ROWS, *_CHARACTER_ROWS, *_LINE_ROWS, *_UNIT_ROWS)
"""All signals, in column order. Units are folded words or folded characters, by splitter."""
