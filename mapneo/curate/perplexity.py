"""Perplexity of documents under an n-gram model that the user has, as CCNet measures it.

A line is normalised (lower case, no accents, every digit a 0, punctuation in ASCII), cut into
words or SentencePiece pieces, and scored by KenLM between begin and end of sentence. A document's
perplexity is 10^(-Σ log10 p / (Σ words + lines)). Source: Wenzek et al. 2020 (CCNet), section 4.

CCNet's program removes line breaks before it cuts, so that the last word of a line and the first
of the next become one, and the document one line. Here lines stay lines, as the paper means them;
values of the same model differ a little from CCNet's.
"""

import math
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.config import Config
from mapneo.core.errors import ConfigError, InputError

HEAD, MIDDLE, TAIL = 0.0, 1.0, 2.0

_PUNCTUATION = {
    "，": ",", "。": ".", "、": ",", "．": ". ", "：": ":", "∶": ":", "；": ";", "？": "?",
    "！": "!", "（": "(", "）": ")", "【": "[", "】": "]", "〈": "<", "〉": ">", "％": "%",
    "～": "~", "„": '"', "”": '"', "“": '"', "«": '"', "»": '"', "「": '"', "」": '"',
    "《": '"', "》": '"', "´": "'", "’": "'", "‘": "'", "–": "-", "━": "-", "►": "-",
    "—": " - ", "…": "...",
}  # fmt: skip


class Scorer(Protocol):
    """What is used of a KenLM model."""

    def score(self, sentence: str, bos: bool = True, eos: bool = True) -> float:
        """Log10 probability of white-space separated words."""


class PerplexityModel(Config):
    """A language's n-gram model."""

    language: str
    """ISO 639 code of the documents that it scores."""
    model: Path
    """KenLM file, `.arpa` or binary."""
    sentencepiece: Path | None = None
    """SentencePiece model that cuts lines into pieces, as CCNet's models want; None: words."""
    head_max: float | None = None
    """Perplexity up to which a document is in the bucket head; None: no buckets."""
    middle_max: float | None = None
    """Perplexity up to which a document is in the bucket middle."""


def check_models(models: Sequence[PerplexityModel]) -> None:
    """Load all models, so that a wrong path or a missing package is known before any work.

    Raises:
        ConfigError: the package `kenlm` is not installed, or bounds are not in order.
        InputError: a model is missing or can't be read.
    """
    for setting in models:
        if (setting.head_max is None) != (setting.middle_max is None):
            raise ConfigError("buckets need both head_max and middle_max: give both or neither")
        if setting.head_max is not None and setting.middle_max is not None:
            bucket_ordinals(np.zeros(0), setting.head_max, setting.middle_max)
        load_kenlm(setting.model)
        _cutter(setting.sentencepiece)


def normalise_line(line: str) -> str:
    """A line as CCNet's models were trained on: one form for case, accents, digits, marks."""
    decomposed = unicodedata.normalize("NFD", line.strip().lower())
    chars = []
    for char in decomposed:
        category = unicodedata.category(char)
        if category == "Nd":
            chars.append("0")
        elif category not in ("Mn", "Cc"):
            chars.append(_PUNCTUATION.get(char, char))
        elif char == "\t":
            chars.append(" ")
    return unicodedata.normalize("NFC", "".join(chars))


def perplexities(
    texts: pa.Array | pa.ChunkedArray, setting: PerplexityModel
) -> npt.NDArray[np.float64]:
    """Perplexity of each text; lines without a word are passed over.

    Returns:
        float64, shape (rows,); NaN where a text is null or has no word.

    Raises:
        ConfigError: the package `kenlm` is not installed.
        InputError: a model is missing or can't be read.
    """
    scorer = load_kenlm(setting.model)
    cut = _cutter(setting.sentencepiece)
    return np.array([_perplexity(text, scorer, cut) for text in texts.to_pylist()], np.float64)


def _perplexity(text: str | None, scorer: Scorer, cut: Callable[[str], Sequence[str]]) -> float:
    log10, words = 0.0, 0
    for line in (text or "").split("\n"):
        pieces = cut(normalise_line(line))
        if pieces:
            log10 += scorer.score(" ".join(pieces))
            words += len(pieces) + 1
    return 10.0 ** min(-log10 / words, 300.0) if words else math.nan


def bucket_ordinals(
    values: npt.NDArray[np.float64], head_max: float, middle_max: float
) -> npt.NDArray[np.float64]:
    """Buckets of perplexities: 0 head, 1 middle, 2 tail; NaN stays NaN.

    Raises:
        ConfigError: the bounds are not in order.
    """
    if head_max > middle_max:
        raise ConfigError(
            f"head_max ({head_max:g}) is above middle_max ({middle_max:g}): low perplexity is head"
        )
    buckets = np.where(values <= head_max, HEAD, np.where(values <= middle_max, MIDDLE, TAIL))
    return np.where(np.isnan(values), np.nan, buckets)


def percentile_bounds(
    values: npt.NDArray[np.float64], head: float = 30.0, middle: float = 60.0
) -> tuple[float, float]:
    """Bounds for `bucket_ordinals` from the measured perplexities of a language.

    Args:
        values: perplexities, NaN = not measured.
        head: percentage of documents in head.
        middle: percentage of documents in head or middle. CCNet has 30 and 60.

    Raises:
        ConfigError: nothing is measured.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        raise ConfigError("no document has a perplexity, so there are no percentiles of it")
    low, high = np.percentile(known, [head, middle])
    return float(low), float(high)


@cache
def load_kenlm(path: Path) -> Scorer:
    """Load a KenLM model, once per process.

    Raises:
        ConfigError: the package `kenlm` is not installed.
        InputError: the file is missing, or KenLM does not understand it.
    """
    try:
        import kenlm
    except ImportError as error:
        raise ConfigError(
            "perplexity needs the package kenlm: pip install 'mapneo[perplexity]', "
            "or leave `perplexity` out of [measure.scores]"
        ) from error
    if not path.is_file():
        raise InputError(f"KenLM model {path} is missing: correct its path")
    try:
        return cast(Scorer, kenlm.Model(str(path)))
    except (OSError, RuntimeError) as error:
        raise InputError(f"KenLM can't read {path}: {error}") from error


@cache
def _cutter(path: Path | None) -> Callable[[str], Sequence[str]]:
    if path is None:
        return str.split
    from sentencepiece import SentencePieceProcessor

    if not path.is_file():
        raise InputError(f"SentencePiece model {path} is missing: correct its path")
    try:
        processor = SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise InputError(f"SentencePiece can't read {path}: {error}") from error
    return cast(Callable[[str], Sequence[str]], processor.EncodeAsPieces)
