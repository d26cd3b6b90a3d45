"""How good a model is: bits per byte of held-out text beside baselines that need no network.

Modules that load torch are imported when the stage runs.

>>> import numpy as np
>>> windows = np.array([[0, 1, 2, 0, 1, 2, 0]])
>>> bigram = fit_ngrams(windows, np.array([1]), orders=[2], vocabulary=4)[2]
>>> starts = np.array([True, False, False])
>>> bigram.nats(np.array([0, 1, 2]), starts).sum() < bigram.nats(np.array([0, 2, 1]), starts).sum()
np.True_
"""

from mapneo.evaluate.compressors import Compressed, compress, xz_size
from mapneo.evaluate.config import EvaluateConfig
from mapneo.evaluate.ngram import NgramModel, fit_ngrams
from mapneo.evaluate.statistics import (
    Interval,
    bits_per_byte,
    bits_per_byte_interval,
    paired_difference,
)

__all__ = [
    "Compressed",
    "EvaluateConfig",
    "Interval",
    "NgramModel",
    "bits_per_byte",
    "bits_per_byte_interval",
    "compress",
    "fit_ngrams",
    "paired_difference",
    "xz_size",
]
