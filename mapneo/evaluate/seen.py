"""The token windows that a model was trained on, each once, with how often it was seen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapneo.evaluate.ngram import Ints
from mapneo.mix import BucketName, Quotas
from mapneo.train.data import TokenWindows
from mapneo.train.windows import Order, Window


@dataclass(frozen=True, kw_only=True)
class SeenWindows:
    """(W, seq_len + 1) distinct windows, and (W,) how often training showed each."""

    tokens: Ints
    times: Ints


def seen_windows(
    encode: Path, quotas: Quotas, skipped: Mapping[int, tuple[int, ...]], *, max_tokens: int
) -> SeenWindows:
    """Windows of all phases, in the order drawn, until `max_tokens` tokens were shown.

    Args:
        encode: Folder of the `encode` artifact.
        quotas: The mixture.
        skipped: Positions that the run left out, by phase.
        max_tokens: Stop after so many; a window holds seq_len.
    """
    left = max_tokens // quotas.seq_len
    times: Counter[tuple[BucketName, int]] = Counter()
    rows: list[Ints] = []
    for phase in quotas.phases:
        order = Order(quotas, phase.phase, skipped.get(phase.phase, ()))
        drawn = order.locate_many(range(min(left, order.samples)))
        left -= len(drawn)
        fresh: list[Window] = []
        for window in drawn:
            name = (order.buckets[window.bucket].name, window.window)
            if name not in times:
                fresh.append(window)
            times[name] += 1
        rows.append(TokenWindows(encode, order).batch(fresh).numpy())
    # A Counter keeps the order in which windows were first drawn, which is that of the rows.
    return SeenWindows(tokens=np.concatenate(rows), times=np.array(list(times.values())))
