"""Scaling laws: the loss of a model of N parameters after D tokens, as pure functions.

A law is a class: its parameters, its formula in `loss`, and how the formula reads as a power of a
sum of terms (`Term`), which is what the solver fits. A new law of that kind is one more small class
in `LAWS`. All logarithms are natural, D is in tokens, and N counts what the points count.

The NEO paper compares a third law, its "SMS law" (Eq. 6). Our sources name it but do not give its
form, so it is not here.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from mapneo.core.errors import ConfigError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_EXPONENT = 3.0
"""Exponents are looked for from 0 to here, by every law."""
MIN_POWER = 1e-3
"""A power of the whole sum is at least this: at 0 the sum has no meaning."""


@dataclass(frozen=True, kw_only=True)
class Centre:
    """Means of ln N and ln D, which fits are centred on so that float64 loses no digits."""

    log_parameters: float
    log_tokens: float


@dataclass(frozen=True, kw_only=True)
class Term:
    """s · b · z^-x: coefficient b >= 0, s = 1 or -ln D, z = N or D with an exponent, or nothing."""

    axis: Literal["none", "parameters", "tokens"] = "none"
    exponent: str | None = None
    is_minus_log_tokens: bool = False


class Law(ABC):
    """L(N, D) = (Σ_k s_k · (b_k · z_k^-x_k)^(1/γ))^γ with γ = 1, or the exponent named `power`."""

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    terms: ClassVar[tuple[Term, ...]]
    exponents: ClassVar[tuple[str, ...]]
    power: ClassVar[str | None] = None
    parameter_names: ClassVar[tuple[str, ...]]
    """Names in the formula, in the order of tables and JSON."""
    least_sizes: ClassVar[int]
    """Different N without which the parameters can't be told apart."""
    least_token_counts: ClassVar[int]
    """Different D, likewise."""

    @abstractmethod
    def loss(self, parameters: Mapping[str, float], n: Floats, d: Floats) -> Floats:
        """The formula. n: parameters, d: tokens, of shapes that broadcast; returns the loss."""

    @abstractmethod
    def natural(self, theta: Floats, centre: Centre) -> dict[str, Floats]:
        """Parameters by name, each (...), from the solver's theta (..., p).

        A parameter that has no value there (the scale of a power of 0) is NaN.
        """

    def notes(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        """What a reader must know of the law at these parameters before using it."""
        return ()

    @property
    def size(self) -> int:
        """Number of free parameters, p."""
        return len(self.terms) + len(self.exponents)

    def form(self, *, exponents_from: int = 0) -> Ints:
        """(K, 3) int64 for the kernels: axis, column, place of the exponent or -1."""
        axes = ("none", "parameters", "tokens")
        return np.array(
            [
                [
                    axes.index(term.axis),
                    int(term.is_minus_log_tokens),
                    -1
                    if term.exponent is None
                    else exponents_from + self.exponents.index(term.exponent),
                ]
                for term in self.terms
            ],
            dtype=np.int64,
        )

    def power_place(self, *, exponents_from: int = 0) -> int:
        """Place of the power among the exponents, or -1."""
        return -1 if self.power is None else exponents_from + self.exponents.index(self.power)

    def log_loss(self, theta: Floats, centre: Centre, n: Floats, d: Floats) -> Floats:
        """Logarithm of the loss at points n, d (m,) for each of thetas (..., p): (..., m)."""
        return self.log_loss_each(theta[..., None, :], centre, n, d)

    def log_loss_each(self, theta: Floats, centre: Centre, n: Floats, d: Floats) -> Floats:
        """Logarithm of the loss of thetas (..., p) at n and d of shapes that broadcast with (...).

        NaN where the sum is not above 0, as can happen to laws with a falling logarithm.
        """
        one = np.ones(theta.shape[:-1])
        gamma = one if self.power is None else self._exponent(theta, self.power)
        shifted = {
            "parameters": np.log(n) - centre.log_parameters,
            "tokens": np.log(d) - centre.log_tokens,
        }
        total: Floats = np.zeros(np.broadcast_shapes(one.shape, np.shape(n), np.shape(d)))
        for place, term in enumerate(self.terms):
            part = theta[..., place] ** (1 / gamma)
            if term.exponent is not None:
                kappa = self._exponent(theta, term.exponent) / gamma
                part = part * np.exp(-kappa * shifted[term.axis])
            if term.is_minus_log_tokens:
                part = part * -np.log(d)
            total = total + part
        result: Floats = gamma * np.log(np.where(total > 0, total, np.nan))
        return result

    def _exponent(self, theta: Floats, name: str) -> Floats:
        return theta[..., len(self.terms) + self.exponents.index(name)]


class Chinchilla(Law):
    """L = E + A/N^α + B/D^β. Source: Hoffmann et al. 2022 (arXiv 2203.15556), Eq. 2."""

    name = "chinchilla"
    formula = "E + A/N^alpha + B/D^beta"
    source = "Hoffmann et al. 2022, arXiv 2203.15556, Eq. 2"
    terms = (
        Term(axis="parameters", exponent="alpha"),
        Term(axis="tokens", exponent="beta"),
        Term(),
    )
    exponents = ("alpha", "beta")
    parameter_names = ("A", "B", "E", "alpha", "beta")
    least_sizes = 3
    least_token_counts = 3

    def loss(self, parameters: Mapping[str, float], n: Floats, d: Floats) -> Floats:
        """E + A/N^α + B/D^β."""
        p = parameters
        result: Floats = p["E"] + p["A"] / n ** p["alpha"] + p["B"] / d ** p["beta"]
        return result

    def natural(self, theta: Floats, centre: Centre) -> dict[str, Floats]:
        """A, B, E, α, β."""
        a, b, e, alpha, beta = np.moveaxis(theta, -1, 0)
        return {
            "A": a * np.exp(alpha * centre.log_parameters),
            "B": b * np.exp(beta * centre.log_tokens),
            "E": e,
            "alpha": alpha,
            "beta": beta,
        }


class Neo(Law):
    """L = A/N^α + B/D^β + E - d·ln D, with d >= 0. Source: MAP-Neo (arXiv 2405.19327), §8.

    The base of the logarithm is not stated there; it is natural here, and another base changes d
    alone. With d = 0 it is Chinchilla's law.
    """

    name = "neo"
    formula = "A/N^alpha + B/D^beta + E - d*ln(D)"
    source = "MAP-Neo, arXiv 2405.19327, §8"
    terms = (*Chinchilla.terms, Term(is_minus_log_tokens=True))
    exponents = ("alpha", "beta")
    parameter_names = ("A", "B", "E", "d", "alpha", "beta")
    least_sizes = 3
    least_token_counts = 4

    def loss(self, parameters: Mapping[str, float], n: Floats, d: Floats) -> Floats:
        """A/N^α + B/D^β + E - d·ln D."""
        return Chinchilla().loss(parameters, n, d) - parameters["d"] * np.log(d)

    def natural(self, theta: Floats, centre: Centre) -> dict[str, Floats]:
        """A, B, E, d, α, β."""
        chinchilla = Chinchilla().natural(np.delete(theta, 3, axis=-1), centre)
        return {**chinchilla, "d": theta[..., 3]}

    def notes(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        """Saturation of the best N, and loss without a lower bound; or that d has collapsed."""
        if parameters["d"] == 0:
            return ("d is 0: on these points the law is Chinchilla's",)
        largest = neo_largest_best_parameters(parameters)
        return (
            "the best N for a compute budget never exceeds (alpha A / d)^(1/alpha) = "
            f"{largest:.3g}, however large the budget",
            "the loss falls without bound as D grows: do not use it far beyond the points' D",
        )


class OpenAI(Law):
    """L = ((N_c/N)^(α_N/α_D) + D_c/D)^α_D. Source: Kaplan et al. 2020, Eq. 1.5."""

    name = "openai"
    formula = "((N_c/N)^(alpha_N/alpha_D) + D_c/D)^alpha_D"
    source = "Kaplan et al. 2020, arXiv 2001.08361, Eq. 1.5"
    terms = (
        Term(axis="parameters", exponent="alpha_N"),
        Term(axis="tokens", exponent="alpha_D"),
    )
    exponents = ("alpha_N", "alpha_D")
    power = "alpha_D"
    parameter_names = ("N_c", "D_c", "alpha_N", "alpha_D")
    least_sizes = 2
    least_token_counts = 2

    def loss(self, parameters: Mapping[str, float], n: Floats, d: Floats) -> Floats:
        """((N_c/N)^(α_N/α_D) + D_c/D)^α_D."""
        p = parameters
        inside = (p["N_c"] / n) ** (p["alpha_N"] / p["alpha_D"]) + p["D_c"] / d
        result: Floats = inside ** p["alpha_D"]
        return result

    def natural(self, theta: Floats, centre: Centre) -> dict[str, Floats]:
        """N_c, D_c, α_N, α_D; N_c is NaN where α_N is 0 or N plays no part."""
        p, q, alpha_n, alpha_d = np.moveaxis(theta, -1, 0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            n_c = np.exp(centre.log_parameters + np.log(p) / alpha_n)
            d_c = np.exp(centre.log_tokens + np.log(q) / alpha_d)
        return {
            "N_c": np.where((p > 0) & np.isfinite(n_c), n_c, np.nan),
            "D_c": np.where(np.isfinite(d_c), d_c, np.nan),
            "alpha_N": alpha_n,
            "alpha_D": alpha_d,
        }

    def notes(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        """That the law has no floor."""
        return ("the law has no irreducible loss: it falls to 0 as N and D grow",)


LAWS: Mapping[str, Law] = {law.name: law for law in (Neo(), Chinchilla(), OpenAI())}
"""All laws, by name."""


def named_laws(names: Sequence[str]) -> tuple[Law, ...]:
    """Laws by name, without repetition, in the order given.

    Raises:
        ConfigError: there is no such law.
    """
    unknown = [name for name in names if name not in LAWS]
    if unknown or not names:
        hint = "; the paper's SMS law has no known form" if "sms" in unknown else ""
        raise ConfigError(
            f"there is no law {', '.join(unknown) or '(none named)'}: laws are {', '.join(LAWS)}"
            + hint
        )
    return tuple(LAWS[name] for name in dict.fromkeys(names))


def neo_largest_best_parameters(parameters: Mapping[str, float]) -> float:
    """(αA/d)^(1/α): the N that NEO's best N for a budget tends to; infinite where d is 0.

    Along D = C/(6N) the derivative by ln N is βB/D^β + d - αA/N^α: the d stays as C grows.
    """
    p = parameters
    if p["d"] <= 0 or p["alpha"] <= 0:
        return float("inf")
    return float(np.exp(np.log(p["alpha"] * p["A"] / p["d"]) / p["alpha"])) if p["A"] > 0 else 0.0
