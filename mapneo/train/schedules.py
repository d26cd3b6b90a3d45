"""Learning-rate schedules. `t` is the number of the update, 1 for the first.

So a warm-up of t_w updates reaches the peak in update t_w, and a schedule of n updates ends on its
last value in update n. Source of the formulas: MAP-Neo paper §6 as digested in recipe §5.
"""

import math
from typing import Annotated, Literal

from pydantic import Field

from mapneo.core.stage import Config


class Cosine(Config):
    """Linear warm-up, cosine to a floor, then the floor."""

    kind: Literal["cosine"] = "cosine"
    peak: float = Field(gt=0)
    """Highest rate (η_a), reached in update `warmup_steps`."""
    floor: float = Field(default=0.0, ge=0)
    """Lowest rate (η_b), reached in update `end_step` and kept."""
    warmup_start: float = Field(default=0.0, ge=0)
    """Rate that the warm-up's line starts from at t = 0 (the paper: the floor)."""
    warmup_steps: int = Field(default=0, ge=0)
    """Updates of the linear warm-up (t_w)."""
    end_step: int = Field(ge=1)
    """Update at which the cosine reaches the floor (t_c)."""

    def rate(self, t: int) -> float:
        """η_b + ½(η_a − η_b)(1 + cos(π(t − t_w)/(t_c − t_w))) after the warm-up's line."""
        if t < self.warmup_steps:
            return self.warmup_start + (self.peak - self.warmup_start) * t / self.warmup_steps
        if t >= self.end_step:
            return self.floor
        progress = (t - self.warmup_steps) / (self.end_step - self.warmup_steps)
        return self.floor + 0.5 * (self.peak - self.floor) * (1 + math.cos(math.pi * progress))


class HalfLife(Config):
    """Exponential decay that halves the rate every `half_life_steps` updates, down to a floor."""

    kind: Literal["half_life"] = "half_life"
    peak: float = Field(gt=0)
    """Rate at t = 0 (η_c)."""
    half_life_steps: float = Field(gt=0)
    """Updates in which the rate halves (T)."""
    floor: float = Field(default=0.0, ge=0)
    """Rate below which it does not fall."""

    def rate(self, t: int) -> float:
        """max(floor, η_c · 0.5^(t/T))."""
        return max(self.floor, self.peak * math.pow(0.5, t / self.half_life_steps))


class Constant(Config):
    """The same rate throughout."""

    kind: Literal["constant"] = "constant"
    peak: float = Field(gt=0)
    """The rate."""

    def rate(self, t: int) -> float:
        """The rate, whatever `t`."""
        return self.peak


Schedule = Annotated[Cosine | HalfLife | Constant, Field(discriminator="kind")]
