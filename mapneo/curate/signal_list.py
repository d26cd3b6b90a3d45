"""The table of signals; `mapneo.curate.signals` gives the rows their meaning."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

Over = Literal["text", "words", "sentences"]
"""What a signal depends on beside the edit chain: nothing, the word or the sentence splitter."""

SPLITTERS = ("folded", "characters", "space", "dictionary", "normalised")
_WORDS = ("folded", "space", "dictionary", "normalised")
_CHARACTERS = ("characters",)

_GOPHER = "Rae et al. 2021 (Gopher), appendix A1.1"
_GOPHER_COPIES = "Rae et al. 2021 (Gopher), table A1, as datatrove counts it"
_FINEWEB = "Penedo et al. 2024 (FineWeb), section 3.5"
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
    over: Over = "text"
    splitters: tuple[str, ...] = SPLITTERS
    scale: str = "frac"


def _words(
    name: str,
    definition: str,
    source: str,
    numerator: tuple[str, ...],
    denominator: str | None = None,
    scale: str = "frac",
) -> SignalRow:
    return SignalRow(name, definition, source, numerator, denominator, "words", _WORDS, scale)


def _ngram_rows() -> Iterator[SignalRow]:
    for n in (2, 3, 4):
        yield SignalRow(
            f"top_{n}gram_char_frac",
            f"characters of the most frequent {n}-gram of units × its occurrences / characters "
            "of all units; 0 if none occurs twice",
            _GOPHER,
            (f"top_{n}gram_chars",),
            "unit_chars",
            "words",
        )
    for n in range(5, 11):
        yield SignalRow(
            f"dup_{n}gram_char_frac",
            f"characters covered by {n}-grams of units that occur at least twice, each character "
            "once / characters of all units",
            _GOPHER,
            (f"duplicate_{n}gram_chars",),
            "unit_chars",
            "words",
        )
    for n in (2, 3, 4):
        yield SignalRow(
            f"spaced_top_{n}gram_chars_per_char",
            f"characters of the first most frequent {n}-gram, units joined by spaces, × its "
            "occurrences / characters of the text",
            _GOPHER_COPIES,
            (f"spaced_top_{n}gram_chars",),
            "chars",
            "words",
        )
    for n in range(5, 11):
        yield SignalRow(
            f"greedy_dup_{n}gram_chars_per_char",
            f"characters of {n}-grams met before, on a walk that skips each it counts / "
            "characters of the text",
            _GOPHER_COPIES,
            (f"greedy_duplicate_{n}gram_chars",),
            "chars",
            "words",
        )


_SIZES = (
    SignalRow("nonspace_count_chars", "characters that are not white space", _MAPNEO,
              ("nonspace_chars",), scale="log"),
    SignalRow("text_length_chars", "characters, white space included", _MAPNEO,
              ("chars",), scale="log"),
    _words("word_count_words", "words of the splitter", _GOPHER, ("words",), scale="log"),
    _words("nonsymbol_word_count_words", "words with a character beyond marks and controls",
           "datatrove's Gopher filter", ("nonsymbol_words",), scale="log"),
    SignalRow("line_count_lines", "lines that are not blank", _MAPNEO, ("lines",), scale="log"),
    SignalRow("sentence_count_sentences", "sentences of the splitter", _MAPNEO,
              ("sentences",), over="sentences", scale="log"),
    SignalRow("punctuation_count_chars", "Unicode punctuation and the 32 ASCII marks", _MAPNEO,
              ("punctuation",), scale="log"),
    SignalRow("ascii_punctuation_count_chars", "the 32 ASCII marks", _MAPNEO,
              ("ascii_punctuation",), scale="log"),
)  # fmt: skip

_WORD_ROWS = (
    _words("mean_word_length_chars", "characters of words / words", _GOPHER,
           ("word_chars",), "words", "linear"),
    _words("nonsymbol_mean_word_length_chars", "the same over words with a character beyond marks "
           "and controls", "datatrove's Gopher filter",
           ("nonsymbol_word_chars",), "nonsymbol_words", "linear"),
    _words("stop_word_distinct_words", "words of the splitter's list of function words that occur",
           _GOPHER, ("distinct_stop_words",), None, "log"),
    _words("stop_word_frac", "English function words / words", _GOPHER, ("stop_words",), "words"),
    _words("letter_word_frac", "words with a letter / words", _GOPHER, ("letter_words",), "words"),
    _words("no_letter_word_frac", "raw words without a letter / raw words", _GOPHER,
           ("no_letter_raw_words",), "raw_words"),
    _words("non_alphabetic_word_frac", "words with a character that is no letter / words", _MAPNEO,
           ("non_alphabetic_words",), "words"),
    _words("digit_word_frac", "words of digits only / words", _MAPNEO, ("digit_words",), "words"),
    _words("all_caps_word_frac", "raw words whose cased characters are all upper-case, with at "
           "least one / raw words", "Longpre et al. 2023 (Pretrainer's Guide)",
           ("all_caps_raw_words",), "raw_words"),
    _words("symbols_per_word", "number signs and ellipses (three dots or …) / raw words", _GOPHER,
           ("hashes", "ellipses"), "raw_words"),
    _words("hashes_per_word", "number signs / raw words", _GOPHER, ("hashes",), "raw_words"),
    _words("ellipses_per_word", "ellipses (three dots or …) / raw words", _GOPHER,
           ("ellipses",), "raw_words"),
    _words("hash_runs_per_word", "runs of # / raw words", _MAPNEO, ("hash_runs",), "raw_words"),
    _words("ellipsis_runs_per_word", "runs of … and runs of three or more dots / raw words",
           _MAPNEO, ("ellipsis_runs",), "raw_words"),
    _words("newlines_per_word", "newlines / raw words", _FINEWEB, ("newlines",), "raw_words"),
    _words("unique_word_frac", "distinct words / words",
           "Longpre et al. 2023 (Pretrainer's Guide)", ("distinct_units",), "units"),
)  # fmt: skip

_CHARACTER_ROWS = (
    SignalRow("unique_char_first_1000_frac", "distinct characters among the first 1,000 folded "
              "characters / how many those are; does not fall with length", _OWN,
              ("distinct_first_units",), "first_units", "words", _CHARACTERS),
    SignalRow("ellipsis_runs_per_char", "runs of … and runs of three or more dots / characters",
              _MAPNEO, ("ellipsis_runs",), "chars"),
    SignalRow("hash_runs_per_char", "runs of # / characters", _MAPNEO,
              ("hash_runs",), "chars"),
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
    SignalRow("dash_line_frac", "lines that begin with • or - / all lines", _GOPHER,
              ("dash_lines",), "split_lines"),
    SignalRow("ellipsis_all_line_frac", "lines that end in ... or … / all lines", _GOPHER,
              ("ellipsis_lines",), "split_lines"),
    SignalRow("terminal_line_frac", "lines that end in a mark that ends sentences in some script "
              "/ non-blank lines", _FINEWEB, ("terminal_lines",), "lines"),
    SignalRow("short_line_frac", "lines of at most 30 characters / non-blank lines", _FINEWEB,
              ("short_lines",), "lines"),
    SignalRow("exact_dup_line_char_frac", "characters of lines that occurred before, compared "
              "untrimmed / characters but newlines", _FINEWEB,
              ("exact_duplicate_line_chars",), "inline_chars"),
    SignalRow("dup_line_piece_frac", "pieces between runs of newlines that occurred before / "
              "pieces", _GOPHER_COPIES, ("duplicate_line_pieces",), "line_pieces"),
    SignalRow("dup_line_piece_char_frac", "characters of those / characters", _GOPHER_COPIES,
              ("duplicate_line_piece_chars",), "chars"),
    SignalRow("dup_paragraph_frac", "paragraphs (between blank lines) that occurred before / "
              "paragraphs", _GOPHER_COPIES, ("duplicate_paragraphs",), "paragraphs"),
    SignalRow("dup_paragraph_char_frac", "characters of those / characters", _GOPHER_COPIES,
              ("duplicate_paragraph_chars",), "chars"),
    SignalRow("dup_sentence_frac", "sentences, trimmed to letters and digits, that occurred before "
              "/ sentences", "MAP-Neo, Matrix filters, equal instead of similar",
              ("duplicate_sentences",), "sentences"),
    SignalRow("dup_sentence_char_frac", "characters of those / characters of sentences",
              "MAP-Neo, Matrix filters, equal instead of similar",
              ("duplicate_sentence_chars",), "sentence_chars"),
)  # fmt: skip

_UNIT_ROWS = (
    SignalRow("unigram_entropy_nats", "Shannon entropy of the units",
              "RedPajama-V2 quality signals", ("entropy_nats",), None, "words", scale="linear"),
    *_ngram_rows(),
)  # fmt: skip

SIGNAL_ROWS = (*_SIZES, *_WORD_ROWS, *_CHARACTER_ROWS, *_LINE_ROWS, *_UNIT_ROWS)
"""All signals that are formulas over raw counts, in order. Units are a splitter's words, or
characters."""
