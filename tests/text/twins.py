"""Slow, obvious versions of the raw counts, on Python strings, for comparison with the kernels."""

import math
import re
import unicodedata
from collections import Counter, defaultdict

from mapneo.text.unicode import BULLETS, WIDE_STOPS, fold_char

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
        "hashes": text.count("#"),
        "hash_runs": len(re.findall("#+", text)),
        "ellipses": text.count("…") + text.count("..."),
        "ellipsis_runs": len(re.findall("…+", text)) + len(re.findall(r"\.{2,}", text)),
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


def sentence_count(text: str) -> int:
    """Cut at the ends of sentences, then count pieces with a letter or digit."""
    wide = "[" + re.escape(WIDE_STOPS) + "]"
    narrow = r"[.!?](?=[\"')\]”’»」』）]*(?:\s|\Z))"
    blank = r"\n[^\S\n]*\n"
    text = "".join(" " if c in "\x1c\x1d\x1e\x1f" else c for c in text)
    pieces = re.split(f"{wide}|{narrow}|{blank}", text)
    return sum(any(c.isalnum() for c in piece) for piece in pieces)


def word_counts(text: str, stop_words: list[str]) -> dict[str, float]:
    raw = text.split()
    words = [folded for word in raw if (folded := fold(word))]
    stops = [word for word in words if word in stop_words]
    return {
        "raw_words": len(raw),
        "no_letter_raw_words": sum(not any(c.isalpha() for c in word) for word in raw),
        "all_caps_raw_words": sum(word.isupper() for word in raw),
        "words": len(words),
        "word_chars": sum(map(len, words)),
        "non_alphabetic_words": sum(not word.isalpha() for word in words),
        "digit_words": sum(word.isdigit() for word in words),
        "stop_words": len(stops),
        "distinct_stop_words": len(set(stops)),
    }


def units(text: str, characters: bool) -> list[str]:
    if characters:
        return [c for c in fold(text) if c != " "]
    return [folded for word in text.split() if (folded := fold(word))]


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
    for n in range(5, 11):
        counts[f"duplicate_{n}gram_chars"] = _duplicate(found, n)
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
