"""Kernels: good first parameters for a fit, from a grid of exponents.

At given exponents a law is linear in its coefficients once both sides are raised to 1/γ, so a few
rounds of weighted least squares with coefficients >= 0 give the best of each node of the grid.
"""

import numpy as np

from mapneo.scaling.laws import Floats, Ints
from mapneo.text.kernel import kernel

_ROUNDS = 3
_RIDGE = 1e-13


@kernel
def node_columns(nodes: Floats, form: Ints, power: int, rows: Floats) -> Floats:
    """Each term without its coefficient, over L^(1/γ), at each node: (G, K, n).

    nodes (G, X): exponents. form (K, 3), rows (4, n): as in `solver`, with places of exponents and
    power counted from the first exponent.
    """
    out = np.empty((nodes.shape[0], form.shape[0], rows.shape[1]))
    for node in range(nodes.shape[0]):
        gamma = nodes[node, power] if power >= 0 else 1.0
        for k in range(form.shape[0]):
            for i in range(rows.shape[1]):
                log_value = -rows[3, i] / gamma
                if form[k, 0] > 0:
                    log_value -= nodes[node, form[k, 2]] / gamma * rows[form[k, 0] - 1, i]
                value = np.exp(min(log_value, 600.0))
                out[node, k, i] = value * -rows[2, i] if form[k, 1] == 1 else value
    return out


@kernel
def _solve(a: Floats, b: Floats, chosen: int, out: Floats) -> bool:
    """Gauss elimination on the chosen rows and columns; False if a pivot vanishes."""
    places = np.empty(b.shape[0], dtype=np.int64)
    m = 0
    for k in range(b.shape[0]):
        if chosen >> k & 1:
            places[m] = k
            m += 1
    matrix = np.empty((m, m + 1))
    for i in range(m):
        for j in range(m):
            matrix[i, j] = a[places[i], places[j]]
        matrix[i, i] *= 1.0 + _RIDGE
        matrix[i, m] = b[places[i]]
    for i in range(m):
        if not abs(matrix[i, i]) > 1e-300:
            return False
        for j in range(i + 1, m):
            factor = matrix[j, i] / matrix[i, i]
            for c in range(i, m + 1):
                matrix[j, c] -= factor * matrix[i, c]
    out[:] = 0.0
    for i in range(m - 1, -1, -1):
        total = matrix[i, m]
        for j in range(i + 1, m):
            total -= matrix[i, j] * out[places[j]]
        out[places[i]] = total / matrix[i, i]
    return True


@kernel
def _nonnegative(a: Floats, b: Floats, trial: Floats, best: Floats) -> None:
    """Least x'ax/2 - b'x over x >= 0, into `best`: every subset of at most four is tried."""
    best[:] = 0.0
    lowest = 0.0
    for chosen in range(1, 1 << b.shape[0]):
        if not _solve(a, b, chosen, trial):
            continue
        value = 0.0
        feasible = True
        for k in range(b.shape[0]):
            feasible = feasible and trial[k] >= 0.0
            value -= 0.5 * b[k] * trial[k]
        if feasible and value < lowest:
            lowest = value
            best[:] = trial


@kernel
def _fit_node(
    table: Floats, gamma: float, weights: Floats, delta: float, c: Floats, trial: Floats
) -> float:
    """Coefficients of one node into `c` (K,); returns the weighted sum of Huber's function.

    table (K, n): a node's columns. Rounds of least squares, each row divided by its last residual.
    """
    terms, n = table.shape
    a, b = np.empty((terms, terms)), np.empty(terms)
    pull = weights.copy()
    total = np.inf
    for _ in range(_ROUNDS):
        a[:, :], b[:] = 0.0, 0.0
        for i in range(n):
            if pull[i] == 0.0:
                continue
            for k in range(terms):
                value = pull[i] * table[k, i]
                b[k] += value
                for j in range(k + 1):
                    a[k, j] += value * table[j, i]
        for k in range(terms):
            for j in range(k):
                a[j, k] = a[k, j]
        _nonnegative(a, b, trial, c)
        total, away, counted = 0.0, 0.0, 0.0
        for i in range(n):
            s = 0.0
            for k in range(terms):
                s += c[k] * table[k, i]
            if not s > 0.0:
                return np.inf
            # pull holds the residual until its mean is known
            r = abs(gamma * np.log(s))
            total += weights[i] * (0.5 * r * r if r <= delta else delta * (r - 0.5 * delta))
            away += weights[i] * r
            counted += weights[i]
            pull[i] = r
        floor = max(delta, 0.3 * away / counted)
        for i in range(n):
            pull[i] = weights[i] / max(pull[i], floor)
    return total


@kernel
def best_nodes(
    table: Floats,
    nodes: Floats,
    places: Ints,
    power: int,
    weights: Floats,
    delta: float,
    out: Floats,
) -> None:
    """The best nodes of the grid, none a neighbour of a better one, for each of B weightings.

    table (G, K, n) from `node_columns`; nodes (G, X); places (G, X) int64: their place in the grid;
    weights (B, n); out (B, M, K + X): filled best first; where nodes run out, the best is repeated.
    """
    terms, grid = table.shape[1], nodes.shape[0]
    coefficients, trial = np.empty((grid, terms)), np.empty(terms)
    values = np.empty(grid)
    for b in range(weights.shape[0]):
        for node in range(grid):
            gamma = nodes[node, power] if power >= 0 else 1.0
            values[node] = _fit_node(
                table[node], gamma, weights[b], delta, coefficients[node], trial
            )
        order = np.argsort(values, kind="mergesort")
        taken = np.empty(out.shape[1], dtype=np.int64)
        count = 0
        for node in order:
            apart = values[node] < np.inf
            for t in range(count):
                apart = apart and np.max(np.abs(places[node] - places[taken[t]])) > 1
            if apart and count < out.shape[1]:
                taken[count] = node
                count += 1
        for m in range(out.shape[1]):
            node = taken[m] if m < count else order[0]
            gamma = nodes[node, power] if power >= 0 else 1.0
            out[b, m, :terms] = coefficients[node] ** gamma
            out[b, m, terms:] = nodes[node]
