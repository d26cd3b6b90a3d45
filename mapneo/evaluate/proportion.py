"""How sure a share of right answers is: Wilson's interval, and what guessing would reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """A share with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def proportion(successes: int, trials: int) -> Proportion:
    """Share of `successes` among at least one of `trials`, with Wilson's score interval.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    interval = binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return Proportion(value=successes / trials, low=float(interval.low), high=float(interval.high))


def chance(options: Sequence[int]) -> float:
    """Share of right answers to expect from guessing, given the options of each item."""
    return sum(1 / number for number in options) / len(options)
