"""Which script a document is written in, and whether its Chinese is simplified or traditional."""

from mapneo.curate.signals import Counts

_MIN_TELLING_CHARS = 3
_MIN_SCRIPT_FRAC = 0.7


def scripts(languages: list[str], counts: Counts) -> list[str]:
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
