"""The table of bits per byte: held-out text by language and category, model by model."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from mapneo.core.canonical import Json
from mapneo.evaluate.compressors import Compressed
from mapneo.evaluate.scores import Scores
from mapneo.evaluate.statistics import bits_per_byte_interval

ALL_CATEGORIES = "all"


def bits_per_byte_rows(
    scores: Scores,
    compressed: Mapping[tuple[str, str], Compressed],
    *,
    seed: int,
    resamples: int,
) -> list[dict[str, Json]]:
    """Rows of `bits_per_byte.json`: each language and category, and each language as a whole."""
    groups = scores.groups()
    rows = []
    for language in sorted({language for language, _ in groups}):
        categories = [category for found, category in groups if found == language]
        for category in (ALL_CATEGORIES, *categories):
            whole = category == ALL_CATEGORIES
            chosen = scores.where(language, None if whole else category)
            parts = [compressed[language, part] for part in (categories if whole else [category])]
            models = _models(scores, chosen, seed=seed, resamples=resamples)
            rows.append(
                {
                    "language": language,
                    "category": category,
                    "documents": int(chosen.sum()),
                    "bytes": int(scores.bytes[chosen].sum()),
                    "models": models | _compressors(parts),
                }
            )
    return rows


def _models(
    scores: Scores, chosen: npt.NDArray[np.bool_], *, seed: int, resamples: int
) -> dict[str, Json]:
    models: dict[str, Json] = {}
    for model, nats in scores.nats.items():
        interval = bits_per_byte_interval(
            nats[chosen], scores.bytes[chosen], seed=seed, resamples=resamples
        )
        numbers = asdict(interval)
        models[model] = {"bits_per_byte": numbers.pop("value"), **numbers}
    return models


def _compressors(parts: list[Compressed]) -> dict[str, Json]:
    size = sum(part.bytes for part in parts)
    sizes = {
        "xz": sum(part.xz_bytes for part in parts),
        "xz_primed": sum(part.xz_primed_bytes for part in parts),
    }
    return {
        name: {"bits_per_byte": 8 * value / size, "low": None, "high": None}
        for name, value in sizes.items()
    }
