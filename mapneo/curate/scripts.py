"""Which script a document is written in, and whether its Chinese is simplified or traditional."""

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import COLUMNS

_MIN_TELLING_CHARS = 3
_MIN_SCRIPT_FRAC = 0.7


def scripts(languages: list[str], counts: npt.NDArray[np.float64]) -> list[str]:
    """ISO 15924 code of each document's script, from its character counts.

    Chinese is `Hans` or `Hant` if at least 70 % of the characters that only one of the two writes
    belong to it, and `Hani` if there are fewer than three such characters or they are mixed.
    Other text is `Latn` if most of its letters are Latin, else `Zyyy`.
    """
    return [_script(language, row) for language, row in zip(languages, counts, strict=True)]


def _script(language: str, row: npt.NDArray[np.float64]) -> str:
    if language != "zh":
        is_latin = row[COLUMNS.letters] > 0 and 2 * row[COLUMNS.latin] > row[COLUMNS.letters]
        return "Latn" if is_latin else "Zyyy"
    simplified, traditional = row[COLUMNS.simplified], row[COLUMNS.traditional]
    telling = simplified + traditional
    if telling < _MIN_TELLING_CHARS:
        return "Hani"
    if simplified >= _MIN_SCRIPT_FRAC * telling:
        return "Hans"
    return "Hant" if traditional >= _MIN_SCRIPT_FRAC * telling else "Hani"
