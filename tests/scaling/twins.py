"""Slow, obvious twins of the kernels, from the laws' own formulas."""

import numpy as np
from scipy.optimize import minimize

DELTA = 1e-3


def huber(residuals, delta=DELTA):
    size = np.abs(residuals)
    return np.where(size <= delta, 0.5 * residuals**2, delta * (size - 0.5 * delta))


def objective(law, parameters, points, delta=DELTA, weights=1.0):
    """Sum over the rows, straight from the formula."""
    with np.errstate(all="ignore"):
        predicted = law.loss(parameters, points.parameters, points.tokens)
        residuals = np.log(predicted) - np.log(points.loss)
    if not np.isfinite(residuals).all():
        return np.inf
    return float((weights * huber(residuals, delta)).sum())


def scipy_best(law, points, starts, delta=DELTA):
    """Lowest objective of scipy's L-BFGS-B with numeric gradients, from the given starts.

    Coefficients are searched by their logarithms, d and exponents as they are.
    """
    straight = {*law.exponents, "d"}
    names = law.parameter_names

    def parameters(x):
        return {
            name: value if name in straight else np.exp(value)
            for name, value in zip(names, x, strict=True)
        }

    def value(x):
        found = objective(law, parameters(x), points, delta)
        return found * 1e3 if np.isfinite(found) else 1e9

    bounds = [
        ((1e-3, 3.0) if name in law.exponents else (0.0, None)) if name in straight else (-50, 60)
        for name in names
    ]
    best = np.inf
    for start in starts:
        x = [start[name] if name in straight else np.log(max(start[name], 1e-12)) for name in names]
        found = minimize(value, x, method="L-BFGS-B", bounds=bounds, options={"maxfun": 4000})
        best = min(best, found.fun / 1e3)
    return best
