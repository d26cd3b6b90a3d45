"""Bytes to text: which encoding, and how sure one must be.

Order: a byte order mark; UTF-8 that decodes strictly; UTF-16 without a mark; what the page
declares; what the detector says. A declaration is often wrong, strict UTF-8 hardly ever is.
"""

import codecs
import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

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
_EVERYDAY = re.compile("[\\t\\r\\n -~\\u3000-\\u303f\\u4e00-\\u9fff\\uff00-\\uffef]")
_MIN_EVERYDAY_FRAC = 0.8


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Text, the encoding it was read with, and how many characters had to be replaced."""

    text: str
    encoding: str
    replaced_chars: int = 0


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """A file's bytes, unpacked if its name ends in `.gz`.

    Raises:
        BrokenFileError: `empty_file`, `too_large`, `unreadable_file` or `bad_gzip`.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            data = handle.read(max_bytes + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BrokenFileError("bad_gzip", f"not a whole gzip file: {error}") from error
    except OSError as error:
        raise BrokenFileError("unreadable_file", f"can't be opened: {error.strerror}") from error
    if not data:
        raise BrokenFileError("empty_file", "the file has no bytes")
    if len(data) > max_bytes:
        raise BrokenFileError("too_large", f"more than {max_bytes} bytes (max_document_bytes)")
    return data


def decode(data: bytes, max_replaced_frac: float, declared: str | None = None) -> Decoded:
    """Text of `data`; `declared` is the encoding the document itself names, if any.

    Raises:
        BrokenFileError: `binary` (zero bytes in no known text encoding) or `undecodable`.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode_with(data, encoding, max_replaced_frac)
    wide = _utf16_without_mark(data)
    if wide:
        return _decode_with(data, wide, max_replaced_frac)
    if b"\0" in data:
        raise BrokenFileError("binary", "holds zero bytes and is not UTF-16: not a text file")
    try:
        return Decoded(text=data.decode("utf-8"), encoding="utf-8")
    except UnicodeDecodeError:
        candidates = _candidates(data, declared)
    for encoding in candidates:
        try:
            return Decoded(text=data.decode(encoding), encoding=encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return _decode_with(data, candidates[0], max_replaced_frac)


def _candidates(data: bytes, declared: str | None) -> list[str]:
    found = detect_encoding(data[:_DETECTOR_BYTES])
    names = [declared, found] if declared else [found]
    known = [map_encoding_to_html5(name) for name in names if name]
    candidates = [_python_name(name) for name in known if name and name != "utf-8"]
    return candidates or ["utf-8"]


def _python_name(encoding: str) -> str:
    # GB 18030 contains GBK and GB 2312, whose names pages use for any of the three.
    return "gb18030" if encoding in ("gbk", "gb2312") else encoding


def _utf16_without_mark(data: bytes) -> str | None:
    """The byte order under which nearly all of a sample is everyday English or Chinese."""
    sample = data[:_SAMPLE_BYTES]
    if len(data) % 2 or b"\0" not in sample:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample.decode(encoding, errors="replace")
        if len(_EVERYDAY.findall(text)) >= _MIN_EVERYDAY_FRAC * len(text):
            return encoding
    return None


def _decode_with(data: bytes, encoding: str, max_replaced_frac: float) -> Decoded:
    text = data.decode(encoding, errors="replace")
    replaced = text.count(_REPLACEMENT)
    if replaced > max_replaced_frac * len(text):
        raise BrokenFileError(
            "undecodable",
            f"{replaced} of {len(text)} characters can't be decoded as {encoding}, the likeliest "
            "encoding",
        )
    return Decoded(text=text, encoding=encoding, replaced_chars=replaced)
