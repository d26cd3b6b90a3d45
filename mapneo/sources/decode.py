"""Bytes to text: which encoding, and how sure one must be.

Order: a byte order mark; UTF-16 without a mark; UTF-8 that decodes strictly; what the server and
the page declare; what the detector says. A declaration is often wrong, strict UTF-8 hardly ever is.
GBK, Big5 and their kin decode almost any bytes, so decoding proves nothing among them: the one
under which most characters are everyday ones of its script wins over a declaration that is clearly
worse.
"""

import codecs
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from mapneo.sources.documents import BrokenFileError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 4096
_DETECTOR_BYTES = 1 << 18
_REPLACEMENT = "\ufffd"
_EVERYDAY = re.compile("[\\t\\r\\n -~\\u3000-\\u30ff\\u4e00-\\u9fff\\uff00-\\uffef]")
_MIN_EVERYDAY_FRAC = 0.8
_PRINTABLE = re.compile(rb"[\t\r\n -~]")
# Half of the bytes of UTF-16 at most are ASCII by chance or are zero; of other text, nearly all.
_MAX_PRINTABLE_FRAC = 0.75
_ONE_BYTE_WESTERN = ("cp1252", "iso8859-15", "iso-8859-15")
_MULTI_BYTE = ("gb18030", "big5hkscs", "euc_jp", "cp932", "cp949")
_EVERYDAY_ROWS = {
    "gb18030": ("gb2312", (0xA1, 0xA3, *range(0xB0, 0xD8))),
    "big5hkscs": ("big5", range(0xA1, 0xC7)),
    "euc_jp": ("euc_jp", (0xA1, *range(0xA3, 0xA6), *range(0xB0, 0xD0))),
    "cp932": ("euc_jp", (0xA1, *range(0xA3, 0xA6), *range(0xB0, 0xD0))),
    "cp949": ("euc_kr", (0xA1, 0xA3, *range(0xB0, 0xC9))),
}
"""Lead bytes of a character set's everyday characters: punctuation, full width, level 1; and kana
in the Japanese ones alone, although GB 2312 has them too."""
_MAX_DAMAGE_FRAC = 0.02
_RARE_PROBABILITY = 1e-6
_CLEARLY_BETTER = 0.3
_HIGH = re.compile(rb"[\x80-\xff]")
_MULTI_BYTE_RUN = re.compile(rb"(?:[\x81-\xfe][\x40-\xfe]){4,}")
_MIN_RUN_FRAC = 0.5


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Text, the encoding it was read with, and how many characters had to be replaced."""

    text: str
    encoding: str
    replaced_chars: int = 0


def decode(data: bytes, max_replaced_frac: float, *declared: str | None) -> Decoded:
    """Text of `data`; `declared` are encodings named by the server, then by the document itself.

    Raises:
        BrokenFileError: `binary` (more zero bytes than may be replaced) or `undecodable`.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode_with(data, encoding, max_replaced_frac)
    wide = _utf16_without_mark(data)
    if wide:
        return _decode_with(data, wide, max_replaced_frac)
    if b"\0" in data and data.count(b"\0") > max_replaced_frac * len(data):
        raise BrokenFileError("binary", "holds zero bytes and is not UTF-16: not a text file")
    try:
        return _without_zeros(data, "utf-8")
    except UnicodeDecodeError:
        candidates = _candidates(data, declared)
    for encoding in candidates:
        try:
            return _without_zeros(data, encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return _decode_with(data, candidates[0], max_replaced_frac)


def _without_zeros(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding)
    # Zeros are looked for in the bytes: in wide strings, where every other byte is one, it is slow.
    if b"\0" not in data:
        return Decoded(text=text, encoding=encoding)
    zeros = text.count("\0")
    return Decoded(text=text.replace("\0", _REPLACEMENT), encoding=encoding, replaced_chars=zeros)


def _candidates(data: bytes, declared: Sequence[str | None]) -> list[str]:
    """Encodings to try in order, without UTF-8, which has been tried."""
    found = detect_encoding(data[:_DETECTOR_BYTES])
    known = [map_encoding_to_html5(name) for name in (*declared, found) if name]
    names = [_python_name(name) for name in known if name and name != "utf-8"] or ["utf-8"]
    unlikely = names[0] in _ONE_BYTE_WESTERN or (names[0] == "utf-8" and _is_no_utf8(data))
    if names[0] in _MULTI_BYTE or (unlikely and _has_wide_runs(data)):
        scores = {name: _likelihood(data, name) for name in _MULTI_BYTE}
        best = max(scores, key=lambda name: scores[name])
        good_enough = scores[best] - _CLEARLY_BETTER
        names.sort(key=lambda name: scores.get(name, -math.inf) < good_enough)
        if scores.get(names[0], -math.inf) < good_enough:
            names.insert(0, best)
    return names


def _is_no_utf8(data: bytes) -> bool:
    """Whether a sample has more errors in UTF-8 than a damaged file would."""
    text = data[:_DETECTOR_BYTES].decode("utf-8", "replace")
    return text.count(_REPLACEMENT) > _MAX_DAMAGE_FRAC * len(text)


def _python_name(encoding: str) -> str:
    """Python's name of the widest encoding that a label of the web is used for."""
    wider = {
        "gbk": "gb18030", "gb2312": "gb18030", "big5": "big5hkscs", "euc-kr": "cp949",
        "euc_kr": "cp949", "shift_jis": "cp932", "shift-jis": "cp932", "euc-jp": "euc_jp",
    }  # fmt: skip
    return wider.get(encoding, encoding)


@cache
def _everyday(encoding: str) -> frozenset[str]:
    base, leads = _EVERYDAY_ROWS[encoding]
    trails = [*range(0x40, 0x7F), *range(0xA1, 0xFF)] if base == "big5" else range(0xA1, 0xFF)
    pairs = (bytes((lead, trail)) for lead in leads for trail in trails)
    return frozenset(b"".join(pairs).decode(base, "ignore"))


def _likelihood(data: bytes, encoding: str) -> float:
    """Mean log-probability of a sample's characters that are not ASCII.

    Everyday characters of the script share the probability evenly, so that of two scripts which
    both explain the text the smaller wins: all Hangul of KS X 1001 are everyday Chinese in GB 2312.
    """
    text = data[:_DETECTOR_BYTES].decode(encoding, "replace")
    foreign = [char for char in text if char > "\x7f"]
    everyday = _everyday(encoding)
    frac = sum(char in everyday for char in foreign) / max(1, len(foreign))
    return -frac * math.log(len(everyday)) + (1 - frac) * math.log(_RARE_PROBABILITY)


def _has_wide_runs(data: bytes) -> bool:
    """Whether most high bytes stand as in Chinese; accents stand alone, and any byte is Latin-1."""
    sample = data[:_DETECTOR_BYTES]
    in_runs = sum(len(_HIGH.findall(run)) for run in _MULTI_BYTE_RUN.findall(sample))
    return in_runs >= _MIN_RUN_FRAC * len(_HIGH.findall(sample))


def _utf16_without_mark(data: bytes) -> str | None:
    """The byte order under which nearly all of a sample is everyday English or Chinese."""
    sample = data[:_SAMPLE_BYTES]
    if len(data) % 2 or b"\0" not in sample:
        return None
    if len(_PRINTABLE.findall(sample)) > _MAX_PRINTABLE_FRAC * len(sample):
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample.decode(encoding, errors="replace")
        if len(_EVERYDAY.findall(text)) >= _MIN_EVERYDAY_FRAC * len(text):
            return encoding
    return None


def _decode_with(data: bytes, encoding: str, max_replaced_frac: float) -> Decoded:
    text = data.decode(encoding, errors="replace").replace("\0", _REPLACEMENT)
    replaced = text.count(_REPLACEMENT)
    if replaced > max_replaced_frac * len(text):
        raise BrokenFileError(
            "undecodable",
            f"{replaced} of {len(text)} characters can't be decoded as {encoding}, the likeliest "
            "encoding",
        )
    return Decoded(text=text, encoding=encoding, replaced_chars=replaced)
