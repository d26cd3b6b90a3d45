"""Bytes to text: which encoding, and how sure one must be.

Order: a byte order mark; UTF-16 without a mark; UTF-8 that decodes strictly; what the page
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
_EVERYDAY = re.compile("[\\t\\r\\n -~\\u3000-\\u30ff\\u4e00-\\u9fff\\uff00-\\uffef]")
_MIN_EVERYDAY_FRAC = 0.8
_PRINTABLE = re.compile(rb"[\t\r\n -~]")
# Half of the bytes of UTF-16 at most are ASCII by chance or are zero; of other text, nearly all.
_MAX_PRINTABLE_FRAC = 0.75
_ONE_BYTE_WESTERN = ("cp1252", "iso8859-15", "iso-8859-15")
_MULTI_BYTE = ("gb18030", "gbk", "big5", "euc_jp", "shift_jis", "euc_kr")
_HIGH = re.compile(rb"[\x80-\xff]")
_MULTI_BYTE_RUN = re.compile(rb"(?:[\x81-\xfe][\x40-\xfe]){4,}")
_MIN_RUN_FRAC = 0.5


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
        BrokenFileError: `binary` (more zero bytes than may be replaced) or `undecodable`.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode_with(data, encoding, max_replaced_frac)
    wide = _utf16_without_mark(data)
    if wide:
        return _decode_with(data, wide, max_replaced_frac)
    if data.count(b"\0") > max_replaced_frac * len(data):
        raise BrokenFileError("binary", "holds zero bytes and is not UTF-16: not a text file")
    try:
        return _without_zeros(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        candidates = _candidates(data, declared)
    for encoding in candidates:
        try:
            return _without_zeros(data.decode(encoding), encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return _decode_with(data, candidates[0], max_replaced_frac)


def _without_zeros(text: str, encoding: str) -> Decoded:
    zeros = text.count("\0")
    return Decoded(text=text.replace("\0", _REPLACEMENT), encoding=encoding, replaced_chars=zeros)


def _candidates(data: bytes, declared: str | None) -> list[str]:
    found = detect_encoding(data[:_DETECTOR_BYTES])
    names = [declared, found] if declared else [found]
    known = [map_encoding_to_html5(name) for name in names if name]
    if known[0] in _ONE_BYTE_WESTERN and known[-1] in _MULTI_BYTE and _has_wide_runs(data):
        known.reverse()
    candidates = [_python_name(name) for name in known if name and name != "utf-8"]
    return candidates or ["utf-8"]


def _python_name(encoding: str) -> str:
    # GB 18030 contains GBK and GB 2312, whose names pages use for any of the three.
    return "gb18030" if encoding in ("gbk", "gb2312") else encoding


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
