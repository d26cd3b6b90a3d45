"""TEMPORARY"""

from typing import NamedTuple
import numpy as np


class Dictionary(NamedTuple):
    x: np.ndarray


def no_dictionary():
    return Dictionary(np.zeros(0))


def default_dictionary():
    return Dictionary(np.zeros(0))
