"""The pictures of one law: loss by tokens, residuals, iso-FLOP curves, held-out points."""

from dataclasses import dataclass

import numpy as np

from mapneo.report.charts.draw import Chart
from mapneo.report.charts.scaling import Line, Plane, Spot, plane
from mapneo.report.strings import Strings
from mapneo.scaling.bootstrap import Draws, percentiles
from mapneo.scaling.judge import Judged
from mapneo.scaling.laws import Floats
from mapneo.scaling.points import Points, distinct
from mapneo.scaling.predict import iso_flop

MOST_SIZES = 7
ISO_CURVES = 5
_CURVE_POINTS = 41
_NEAR_FLOP = 1.25


@dataclass(frozen=True, kw_only=True)
class SizeGroup:
    """Points of one size, or of near sizes where there are too many to draw each."""

    parameters: float
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]
    strength: float


def law_charts(draws: Draws, judged: Judged) -> dict[str, Chart]:
    """Charts of a law by the name of their file."""
    say = Strings()
    return {
        "loss": _loss(draws, say),
        "residuals-by-parameters": _residuals(draws, say, by_tokens=False),
        "residuals-by-tokens": _residuals(draws, say, by_tokens=True),
        "iso-flop": _iso_flop(draws, say),
        "held-out": _held_out(judged, say),
    }


def size_groups(points: Points) -> list[SizeGroup]:
    """A group per size, or at most seven of equal width in ln N; smallest first."""
    sizes = distinct(points.parameters)
    logs = np.log(points.parameters)
    if len(sizes) > MOST_SIZES:
        edges = np.linspace(logs.min(), logs.max(), MOST_SIZES + 1)
        place = np.clip(np.searchsorted(edges, logs, "right") - 1, 0, MOST_SIZES - 1)
    else:
        place = np.argmin(np.abs(logs[:, None] - np.log(sizes)), axis=1)
    places = sorted(set(place.tolist()))
    last = max(len(places) - 1, 1)
    return [
        SizeGroup(
            parameters=float(np.exp(logs[place == each].mean())),
            chosen=place == each,
            strength=number / last,
        )
        for number, each in enumerate(places)
    ]


def _loss(draws: Draws, say: Strings) -> Chart:
    points = draws.fit.points
    lines, spots = [], []
    for group in size_groups(points):
        d = points.tokens[group.chosen]
        at = np.geomspace(d.min(), max(d.max(), d.min() * 1.01), _CURVE_POINTS)
        n = np.full(len(at), group.parameters)
        ends = [percentiles(column) for column in draws.predict(n, at).T]
        lines.append(
            Line(
                x=at.tolist(),
                y=draws.fit.predict(n, at).tolist(),
                low=[end.low for end in ends],
                high=[end.high for end in ends],
                label=_short(group.parameters),
                strength=group.strength,
            )
        )
        spots += _spots(d, points.loss[group.chosen], group.strength)
    axes = Plane(x_title=str(say("scaling.tokens")), y_title=points.loss_name, is_y_log=True)
    name = draws.fit.law.name
    return plane(
        lines,
        spots,
        axes,
        title=str(say("scaling.loss_title", law=name)),
        text=str(say("scaling.loss_text")),
    )


def _residuals(draws: Draws, say: Strings, *, by_tokens: bool) -> Chart:
    points, residuals = draws.fit.points, draws.fit.residuals
    x = points.tokens if by_tokens else points.parameters
    spots = []
    for group in size_groups(points):
        spots += _spots(x[group.chosen], residuals[group.chosen], group.strength)
    axes = Plane(
        x_title=str(say("scaling.tokens") if by_tokens else say("scaling.parameters")),
        y_title=str(say("scaling.residual")),
        has_zero_line=True,
    )
    return plane(
        [],
        spots,
        axes,
        title=str(say("scaling.residuals_title", law=draws.fit.law.name, axis=axes.x_title)),
        text=str(say("scaling.residuals_text")),
    )


def _iso_flop(draws: Draws, say: Strings) -> Chart:
    points = draws.fit.points
    lines, spots = [], []
    low, high = np.quantile(np.log(points.compute), [0.1, 0.95])
    n = np.geomspace(points.parameters.min(), points.parameters.max(), _CURVE_POINTS)
    for number, compute in enumerate(np.exp(np.linspace(low, high, ISO_CURVES))):
        strength = number / (ISO_CURVES - 1)
        d, loss = iso_flop(draws.fit, float(compute), n)
        # A curve is drawn where its tokens are those of points, give or take a factor of two.
        near = (d >= points.tokens.min() / 2) & (d <= points.tokens.max() * 2) & np.isfinite(loss)
        if near.sum() < 2:
            continue
        x, y = n[near], loss[near]
        lines.append(Line(x=x.tolist(), y=y.tolist(), label=f"{compute:.1e}", strength=strength))
        lowest = int(np.argmin(y))
        if 0 < lowest < len(y) - 1:
            spots.append(Spot(x=float(x[lowest]), y=float(y[lowest]), is_filled=False))
        close = np.abs(np.log(points.compute / compute)) < np.log(_NEAR_FLOP)
        spots += _spots(points.parameters[close], points.loss[close], strength)
    axes = Plane(x_title=str(say("scaling.parameters")), y_title=points.loss_name, is_y_log=True)
    return plane(
        lines,
        spots,
        axes,
        title=str(say("scaling.iso_flop_title", law=draws.fit.law.name)),
        text=str(say("scaling.iso_flop_text")),
    )


def _held_out(judged: Judged, say: Strings) -> Chart:
    fit = judged.fit
    spots = []
    for points, is_filled in ((fit.points, True), (judged.held_points, False)):
        predicted = fit.predict(points.parameters, points.tokens)
        spots += [
            Spot(x=float(loss), y=float(guess), is_filled=is_filled, strength=1.0)
            for loss, guess in zip(points.loss, predicted, strict=True)
        ]
    axes = Plane(
        x_title=str(say("scaling.measured")),
        y_title=str(say("scaling.predicted")),
        is_y_log=True,
        has_diagonal=True,
    )
    return plane(
        [],
        spots,
        axes,
        title=str(say("scaling.held_out_title", law=fit.law.name)),
        text=str(say("scaling.held_out_text")),
    )


def _spots(x: Floats, y: Floats, strength: float) -> list[Spot]:
    return [Spot(x=float(a), y=float(b), strength=strength) for a, b in zip(x, y, strict=True)]


def _short(parameters: float) -> str:
    for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if parameters >= limit:
            return f"{parameters / limit:.3g}{suffix}"
    return f"{parameters:.3g}"
