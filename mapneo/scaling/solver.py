"""Kernels: robust fits of ln L = γ · ln Σ_k s_k · (b_k · exp(-x_k · z_k))^(1/γ), to the last digit.

Every law of this room is of that form (`laws.Term`): term k has a coefficient b_k >= 0, a column
s_k (1, or -ln D), an axis z_k (ln N or ln D less its mean, or none) with an exponent x_k, and the
whole has a power γ (1, or one of the exponents). What is minimised is the weighted sum of Huber's
function of the residuals of ln L, over a box. Inside, c_k = b_k^(1/γ) and κ_k = x_k / γ.

    nodes of exponents ──weighted least squares──> coefficients ──best, apart──> starts
    starts ──damped Newton steps, exact second derivatives, projected to the box──> optimum

At fixed exponents the problem is linear in the coefficients (variable projection), so a grid of
exponents is a safe net; Newton's steps then end at the optimum itself, where BFGS stops early in
the long flat valley between a coefficient and its exponent. Weights count how often a resample
draws a row, so thousands of resamples share one table of logarithms.
"""

import numpy as np

from mapneo.scaling.laws import Floats, Ints
from mapneo.text.kernel import kernel

MAX_TERMS = 4
_MAX_STEPS = 300
_TINY = 1e-300


@kernel
def _inner(theta: Floats, form: Ints, power: int, c: Floats, kappa: Floats) -> float:
    """Coefficients and exponents inside the power, into `c` and `kappa`; returns the power γ."""
    gamma = theta[power] if power >= 0 else 1.0
    for k in range(form.shape[0]):
        c[k] = theta[k] ** (1.0 / gamma) if power >= 0 else theta[k]
        kappa[k] = theta[form[k, 2]] / gamma if form[k, 2] >= 0 else 0.0
    return gamma


@kernel
def _huber(r: float, delta: float) -> float:
    size = abs(r)
    return 0.5 * r * r if size <= delta else delta * (size - 0.5 * delta)


@kernel
def _sum_of_terms(
    i: int, form: Ints, c: Floats, kappa: Floats, rows: Floats, part: Floats
) -> float:
    """S at row i; each term without its coefficient into `part`."""
    total = 0.0
    for k in range(form.shape[0]):
        value = 1.0
        if form[k, 0] > 0:
            value = np.exp(-kappa[k] * rows[form[k, 0] - 1, i])
        if form[k, 1] == 1:
            value *= -rows[2, i]
        part[k] = value
        total += c[k] * value
    return total


@kernel
def _derivatives(
    theta: Floats, form: Ints, power: int, rows: Floats, weights: Floats, delta: float, sums: Floats
) -> float:
    """Objective, its gradient and Hessian in the coordinates (c, κ, γ); infinite outside the law.

    theta (p,): coefficients, then exponents. form (K, 3): axis (0 none, 1 N, 2 D), column (0: ones,
    1: -ln D), place of the exponent in theta or -1. power: place of γ in theta or -1. rows (4, n):
    centred ln N, centred ln D, ln D, ln L. Rows of weight 0 are left out. Written into sums
    (2 + m, m) with m = 2K + 1: the gradient, sums of squared derivatives (for damping), and the
    lower half of the Hessian.
    """
    terms = form.shape[0]
    size = 2 * terms + 1
    c, kappa, part = np.zeros(MAX_TERMS), np.zeros(MAX_TERMS), np.zeros(MAX_TERMS)
    slope = np.zeros(size)
    gamma = _inner(theta, form, power, c, kappa)
    sums[:, :] = 0.0
    g, scale, h = sums[0], sums[1], sums[2:]
    total = 0.0
    for i in range(rows.shape[1]):
        weight = weights[i]
        if weight == 0.0:
            continue
        s = _sum_of_terms(i, form, c, kappa, rows, part)
        if not (s > _TINY and s < np.inf):
            return np.inf
        log_s = np.log(s)
        r = gamma * log_s - rows[3, i]
        total += weight * _huber(r, delta)
        inside = abs(r) <= delta
        first = weight * (r if inside else (delta if r > 0 else -delta))
        for k in range(terms):
            slope[k] = gamma * part[k] / s
            slope[terms + k] = 0.0
            if form[k, 2] >= 0:
                z = rows[form[k, 0] - 1, i]
                slope[terms + k] = -c[k] * z * slope[k]
                # Second derivatives of S itself, over S: only (c, κ) and (κ, κ) of one term.
                cross = -z * slope[k] * first
                h[terms + k, k] += cross
                h[terms + k, terms + k] -= c[k] * z * cross
        slope[2 * terms] = log_s if power >= 0 else 0.0
        bend = (weight if inside else 0.0) - first / gamma
        for a in range(size):
            g[a] += first * slope[a]
            scale[a] += weight * slope[a] * slope[a]
            scaled = bend * slope[a]
            for b in range(a + 1):
                h[a, b] += scaled * slope[b]
        if power >= 0:
            # F = γ q: what the product of slopes above says of γ is put right here.
            last = 2 * terms
            for b in range(last):
                h[last, b] += first / gamma * slope[b] * (1.0 + log_s)
            h[last, last] += first / gamma * log_s * log_s
    return total


@kernel
def _outer(theta: Floats, form: Ints, power: int, sums: Floats, model: Floats) -> None:
    """From (c, κ, γ) to theta: c_k = b_k^(1/γ), κ_k = x_k / γ, γ = 1 or one of the exponents.

    sums as in `_derivatives`; written into model (2 + p, p): gradient, damping, Hessian.
    """
    terms, size, p = form.shape[0], sums.shape[1], theta.shape[0]
    g, scale, h = sums[0], sums[1], sums[2:]
    grad, diag, hess = model[0], model[1], model[2:]
    jac = np.zeros((size, p))
    for a in range(size):
        for b in range(a):
            h[b, a] = h[a, b]
    gamma = theta[power] if power >= 0 else 1.0
    for k in range(terms):
        jac[k, k] = 1.0
        if power >= 0:
            b = max(theta[k], _TINY)
            c = b ** (1.0 / gamma)
            jac[k, k], jac[k, power] = c / (gamma * b), -c * np.log(b) / gamma**2
        if form[k, 2] >= 0:
            jac[terms + k, form[k, 2]] += 1.0 / gamma
            if power >= 0:
                jac[terms + k, power] -= theta[form[k, 2]] / gamma**2
    if power >= 0:
        jac[2 * terms, power] = 1.0
    for a in range(p):
        grad[a], diag[a] = 0.0, 0.0
        for i in range(size):
            grad[a] += jac[i, a] * g[i]
            diag[a] += jac[i, a] * jac[i, a] * scale[i]
        for b in range(p):
            total = 0.0
            for i in range(size):
                if jac[i, a] == 0.0:
                    continue
                for j in range(size):
                    total += jac[i, a] * h[i, j] * jac[j, b]
            hess[a, b] = total
    if power >= 0:
        for k in range(terms):
            # What the first derivatives above do not say: the maps are curved.
            b = max(theta[k], _TINY)
            log_b, c = np.log(b), b ** (1.0 / gamma)
            hess[k, k] += g[k] * c * (1.0 / gamma - 1.0) / (gamma * b * b)
            cross = -g[k] * c * (log_b / gamma + 1.0) / (gamma * gamma * b)
            hess[k, power] += cross
            hess[power, k] += cross
            hess[power, power] += g[k] * c * log_b * (log_b / gamma + 2.0) / gamma**3
            place = form[k, 2]
            if place >= 0:
                cross = -g[terms + k] / gamma**2
                hess[place, power] += cross
                hess[power, place] += cross
                hess[power, power] += 2.0 * theta[place] / gamma**3 * g[terms + k]


@kernel
def _solve_positive(a: Floats, b: Floats, out: Floats) -> bool:
    """Cholesky in place: a x = b into `out`; False if `a` is not positive definite."""
    n = b.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= a[i, k] * a[j, k]
            if i == j:
                if not total > 1e-14 * abs(a[i, i]) + _TINY:
                    return False
                a[i, i] = np.sqrt(total)
            else:
                a[i, j] = total / a[j, j]
    for i in range(n):
        total = b[i]
        for k in range(i):
            total -= a[i, k] * out[k]
        out[i] = total / a[i, i]
    for i in range(n - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, n):
            total -= a[k, i] * out[k]
        out[i] = total / a[i, i]
    return True


@kernel
def _step(
    theta: Floats, low: Floats, high: Floats, model: Floats, damping: float, trial: Floats
) -> float:
    """A damped Newton step, projected to the box, into `trial`.

    Returns the decrease it promises, or -1 if the damped Hessian is not positive definite.
    """
    p = theta.shape[0]
    grad, diag, hess = model[0], model[1], model[2:]
    free = np.empty(p, dtype=np.int64)
    count, largest = 0, 0.0
    for a in range(p):
        largest = max(largest, diag[a])
        held = (theta[a] <= low[a] and grad[a] >= 0) or (theta[a] >= high[a] and grad[a] <= 0)
        if not held:
            free[count] = a
            count += 1
    if count == 0:
        return 0.0
    matrix, right, step = np.empty((count, count)), np.empty(count), np.zeros(count)
    for i in range(count):
        a = free[i]
        right[i] = -grad[a]
        for j in range(count):
            matrix[i, j] = hess[a, free[j]]
        matrix[i, i] += damping * max(diag[a], 1e-12 * largest)
    if not _solve_positive(matrix, right, step):
        return -1.0
    trial[:] = theta
    for i in range(count):
        a = free[i]
        trial[a] = min(max(theta[a] + step[i], low[a]), high[a])
    promise = 0.0
    for i in range(count):
        a = free[i]
        move = trial[a] - theta[a]
        promise -= grad[a] * move
        for j in range(count):
            promise -= 0.5 * move * hess[a, free[j]] * (trial[free[j]] - theta[free[j]])
    return promise


@kernel
def minimise(
    theta: Floats,
    box: Floats,
    form: Ints,
    power: int,
    rows: Floats,
    weights: Floats,
    delta: float,
) -> float:
    """Descend from theta (changed in place) to a local optimum in the box; returns the objective.

    box (2, p): bounds. Marquardt's damping is lowered after steps that keep their promise and
    raised after others. Infinite where the start lies outside the law's domain.
    """
    p, size = theta.shape[0], 2 * form.shape[0] + 1
    sums, model, trial = np.empty((2 + size, size)), np.empty((2 + p, p)), np.empty(p)
    now = _derivatives(theta, form, power, rows, weights, delta, sums)
    if now == np.inf:
        return now
    _outer(theta, form, power, sums, model)
    damping, small = 1e-4, 0
    for _ in range(_MAX_STEPS):
        promise = _step(theta, box[0], box[1], model, damping, trial)
        if promise < 0.0:
            damping = max(damping * 8.0, 1e-12)
            if damping > 1e20:
                break
            continue
        if promise <= 1e-15 * now:
            break
        then = _derivatives(trial, form, power, rows, weights, delta, sums)
        if then < now:
            gain = (now - then) / promise
            small = small + 1 if now - then <= 1e-13 * now else 0
            theta[:] = trial
            now = then
            damping = damping * 0.1 if gain > 0.5 else (damping if gain > 0.1 else damping * 4.0)
            _outer(theta, form, power, sums, model)
            if small >= 3:
                break
        else:
            damping = max(damping * 8.0, 1e-12)
            if damping > 1e20:
                break
    return now


@kernel
def descend(
    starts: Floats,
    box: Floats,
    form: Ints,
    power: int,
    rows: Floats,
    weights: Floats,
    deltas: Floats,
) -> tuple[Floats, Floats]:
    """Best of several descents, for each of B weightings of the rows.

    starts (B, S, p); weights (B, n); else as in `minimise`. deltas (T,): Huber's δ, from coarse to
    fine; each stage goes on where the last one ended. Returns objectives (B, S) at the last δ and
    the points reached (B, S, p).
    """
    ends = starts.copy()
    reached = np.full(starts.shape[:2], np.inf)
    for b in range(starts.shape[0]):
        for s in range(starts.shape[1]):
            for delta in deltas:
                reached[b, s] = minimise(ends[b, s], box, form, power, rows, weights[b], delta)
    return reached, ends
