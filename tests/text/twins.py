"""Slow, obvious versions of the raw counts, on Python strings, for comparison with the kernels."""

import math
import re
import unicodedata
from collections import Counter, defaultdict

from mapneo.text.counts import CHARACTERS, DICTIONARY, FOLDED, NORMALISED, SPACE_WORDS
from mapneo.text.marks import symbol_marks, terminal_marks
from mapneo.text.segment import cut
from mapneo.text.unicode import BULLETS, WIDE_STOPS, fold_char, plain_fold_char

ASCII_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def fold(text: str) -> str:
    return "".join(fold_char(c) for c in text)


def character_counts(text: str) -> dict[str, float]:
    return {
        "bytes": len(text.encode()),
        "chars": len(text),
        "nonspace_chars": sum(not c.isspace() for c in text),
        "letters": sum(c.isalpha() for c in text),
        "digits": sum(c.isdigit() for c in text),
        "alphanumerics": sum(c.isalnum() for c in text),
        "punctuation": sum(
            unicodedata.category(c)[0] == "P" or c in ASCII_PUNCTUATION for c in text
        ),
        "han": sum(c.isalpha() and bool(HAN.match(c)) for c in text),
        "curly_brackets": text.count("{") + text.count("}"),
        "replacement_chars": text.count("\ufffd"),
        "ascii_punctuation": sum(c in ASCII_PUNCTUATION for c in text),
        "newlines": text.count("\n"),
        "inline_chars": len(text.replace("\n", "")),
        "hashes": text.count("#"),
        "hash_runs": len(re.findall("#+", text)),
        "ellipses": text.count("…") + text.count("..."),
        "ellipsis_runs": len(re.findall("…+", text)) + len(re.findall(r"\.{3,}", text)),
        "lenticular_chars": sum(len(m) for m in re.findall(r"【([^】\n]*)】", text)),
        "lorem_ipsum": len(re.findall("lorem ipsum", text, re.IGNORECASE | re.ASCII)),
    }


def line_counts(text: str, phrases: list[str]) -> dict[str, float]:
    lines = [line for line in text.split("\n") if line.strip()]
    stripped = [line.strip() for line in lines]
    copies = [line for n, line in enumerate(stripped) if line in stripped[:n]]
    return {
        "lines": len(lines),
        "line_chars": sum(len(line.rstrip()) for line in lines),
        "trimmed_line_chars": sum(map(len, stripped)),
        "max_line_chars": max((len(line.rstrip()) for line in lines), default=0),
        "bullet_lines": sum(map(_is_bullet, stripped)),
        "ellipsis_lines": sum(line.endswith(("...", "…")) for line in stripped),
        "read_more_lines": sum(_ends_in(line, phrases) for line in stripped),
        "duplicate_lines": len(copies),
        "duplicate_line_chars": sum(map(len, copies)),
        "split_lines": text.count("\n") + (text != "" and not text.endswith("\n")),
        "dash_lines": sum(line.lstrip().startswith(("•", "-")) for line in lines),
        "terminal_lines": sum(line[-1] in terminal_marks() for line in lines),
        "short_lines": sum(len(line) <= 30 for line in lines),
        "exact_duplicate_line_chars": copies_of(lines)[1],
    }


def copies_of(pieces: list[str]) -> tuple[int, int]:
    """How many pieces occurred before, and their characters."""
    copies = [piece for n, piece in enumerate(pieces) if piece in pieces[:n]]
    return len(copies), sum(map(len, copies))


def passage_counts(text: str) -> dict[str, float]:
    pieces, paragraphs = re.split(r"\n+", text), re.split(r"\n{2,}", text.strip())
    found = [re.sub(r"^[\W_]+|[\W_]+$", "", piece) for piece in sentence_pieces(text)]
    return {
        "line_pieces": len(pieces),
        "duplicate_line_pieces": copies_of(pieces)[0],
        "duplicate_line_piece_chars": copies_of(pieces)[1],
        "paragraphs": len(paragraphs),
        "duplicate_paragraphs": copies_of(paragraphs)[0],
        "duplicate_paragraph_chars": copies_of(paragraphs)[1],
        "sentences": len(found),
        "sentence_chars": sum(map(len, found)),
        "duplicate_sentences": copies_of(found)[0],
        "duplicate_sentence_chars": copies_of(found)[1],
        "stop_marks": len(re.findall("[.!?…。！？；｡]", text)),
        "stop_runs": len(re.findall(r"\b[^.!?]+[.!?]*", text)),
    }


def _is_bullet(line: str) -> bool:
    if line[0] in BULLETS:
        return True
    if line[0] in "-*+":
        return len(line) == 1 or line[1].isspace()
    digits = 0
    while digits < len(line) and line[digits].isdigit():
        digits += 1
    if not 1 <= digits <= 3 or digits == len(line):
        return False
    after = line[digits + 1 : digits + 2]
    return line[digits] in ")、）．" or (line[digits] == "." and (not after or after.isspace()))


def _ends_in(line: str, phrases: list[str]) -> bool:
    while line and not line[-1].isalnum():
        line = line[:-1]
    lower = "".join(c.lower() if c.isascii() else c for c in line)
    for phrase in phrases:
        if lower.endswith(phrase):
            before = line[: -len(phrase)][-1:]
            if not (phrase[0].isascii() and before.isalpha()):
                return True
    return False


def sentence_pieces(text: str) -> list[str]:
    """Cut at the ends of sentences, then keep pieces with a letter or digit."""
    wide = "[" + re.escape(WIDE_STOPS) + "]"
    narrow = r"[.!?](?=[\"')\]”’»」』）]*(?:\s|\Z))"
    blank = r"\n[^\S\n]*\n"
    pieces = re.split(f"{wide}|{narrow}|{blank}", text)
    return [piece for piece in pieces if any(c.isalnum() for c in piece)]


def sentence_count(text: str) -> int:
    return len(sentence_pieces(text))


def words_of(text: str, splitter: int) -> list[str]:
    """The words of a splitter that folds nothing away, or what folding leaves."""
    if splitter == SPACE_WORDS:
        return text.split()
    if splitter == DICTIONARY:
        return [word for word in cut(text) if word.strip()]
    folding = plain_fold if splitter == NORMALISED else fold
    return [folded for word in text.split() if (folded := folding(word))]


def plain_fold(text: str) -> str:
    return "".join(plain_fold_char(c) for c in text)


def raw_words_of(text: str, splitter: int) -> list[str]:
    if splitter == NORMALISED:
        return re.findall(r"\w+|[^\w\s]+", text)
    return words_of(text, splitter) if splitter == DICTIONARY else text.split()


def word_counts(text: str, splitter: int, stop_words: list[str]) -> dict[str, float]:
    raw, words = raw_words_of(text, splitter), words_of(text, splitter)
    written = raw if splitter == DICTIONARY else text.split()
    if splitter in (FOLDED, NORMALISED):
        folding = plain_fold if splitter == NORMALISED else fold
        written = [word for word in written if folding(word)]
    meant = [
        word
        for word, shown in zip(words, written, strict=True)
        if any(c not in symbol_marks() for c in shown)
    ]
    stops = [word for word in words if word in stop_words]
    return {
        "raw_words": len(raw),
        "no_letter_raw_words": sum(not any(c.isalpha() for c in word) for word in raw),
        "all_caps_raw_words": sum(word.isupper() for word in raw),
        "words": len(words),
        "letter_words": sum(any(c.isalpha() for c in word) for word in words),
        "nonsymbol_words": len(meant),
        "nonsymbol_word_chars": sum(map(len, meant)),
        "word_chars": sum(map(len, words)),
        "non_alphabetic_words": sum(not word.isalpha() for word in words),
        "digit_words": sum(word.isdigit() for word in words),
        "stop_words": len(stops),
        "distinct_stop_words": len(set(stops)),
    }


def units(text: str, splitter: int) -> list[str]:
    if splitter == CHARACTERS:
        return [c for c in fold(text) if c != " "]
    return words_of(text, splitter)


def unit_counts(found: list[str]) -> dict[str, float]:
    total = len(found)
    entropy = -sum(n / total * math.log(n / total) for n in Counter(found).values())
    counts = {
        "units": total,
        "unit_chars": sum(map(len, found)),
        "distinct_units": len(set(found)),
        "first_units": min(total, 1000),
        "distinct_first_units": len(set(found[:1000])),
        "entropy_nats": entropy if total else math.nan,
    }
    for n in range(2, 5):
        counts[f"top_{n}gram_chars"] = _top(found, n)
        counts[f"spaced_top_{n}gram_chars"] = _spaced_top(found, n)
    for n in range(5, 11):
        counts[f"duplicate_{n}gram_chars"] = _duplicate(found, n)
        counts[f"greedy_duplicate_{n}gram_chars"] = _greedy(found, n)
    return counts


def _positions(found: list[str], n: int) -> dict[tuple[str, ...], list[int]]:
    positions = defaultdict(list)
    for start in range(len(found) - n + 1):
        positions[tuple(found[start : start + n])].append(start)
    return {gram: starts for gram, starts in positions.items() if len(starts) > 1}


def _top(found: list[str], n: int) -> int:
    sizes = [(len(s), sum(map(len, gram))) for gram, s in _positions(found, n).items()]
    most, chars = max(sizes, default=(0, 0))
    return most * chars


def _duplicate(found: list[str], n: int) -> int:
    covered = {
        start + k for starts in _positions(found, n).values() for start in starts for k in range(n)
    }
    return sum(len(found[position]) for position in covered)


def _spaced_top(found: list[str], n: int) -> int:
    grams = [tuple(found[start : start + n]) for start in range(len(found) - n + 1)]
    if not grams:
        return 0
    gram, occurrences = Counter(grams).most_common(1)[0]
    return len(" ".join(gram)) * occurrences


def _greedy(found: list[str], n: int) -> int:
    met, chars, position = set(), 0, 0
    while position + n <= len(found):
        gram = tuple(found[position : position + n])
        chars += sum(map(len, gram)) if gram in met else 0
        position += n if gram in met else 1
        met.add(gram)
    return chars
