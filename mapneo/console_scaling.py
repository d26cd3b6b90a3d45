"""How `mapneo scaling` looks in a terminal: fits, predictions, choices."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from mapneo.core.canonical import Json

_CURVE_ROWS = 9


def print_report(report: Mapping[str, Json], console: Console | None = None) -> None:
    """Points, a table of agreement, and each law's parameters with what is to be known of them."""
    points = report["points"]
    lines = [
        f"{points['n']} points of {points['runs']} runs: N {_span(points['parameters_range'])} "
        f"({_counted(points['parameters_count'])}), D {_span(points['tokens_range'])}; loss: "
        f"{points['loss']}"
    ]
    console = _say(lines, console)
    console.print(_agreement(report["laws"]))
    for name, law in report["laws"].items():
        console.print(f"\n[bold]{name}[/]  L = {law['formula']}", soft_wrap=True)
        console.print(_parameters(law, report["level"]))
        _say([f"  · {line}" for line in (*law["remarks"], *law["notes"])], console)
    if report["chosen"]:
        console.print(f"\nnearest to the held-out points: [bold]{report['chosen']}[/]")


def print_predictions(answer: Mapping[str, Json], console: Console | None = None) -> None:
    """Losses with intervals, then curves."""
    console = _say([f"law: {answer['law']}; N: {_counted(answer['parameters_count'])}"], console)
    if answer["predictions"]:
        table = _table("N", "D", "loss", "of the law", "of one run", "")
        for row in answer["predictions"]:
            table.add_row(*_prediction(row))
        console.print(table)
    for curve in answer["iso_flop"]:
        console.print(_curve(curve, f"{curve['compute']:.4g} FLOP", ("tokens", "loss")))
    for curve in answer["iso_loss"]:
        console.print(_curve(curve, f"loss {curve['loss']:.5g}", ("tokens",)))
    _say([f"  · {line}" for line in answer["notes"]], console)


def print_best(answer: Mapping[str, Json], console: Console | None = None) -> None:
    """The optimum with its intervals, and what was written into a recipe."""
    table = _table("", "best", "interval")
    for name in ("parameters", "tokens", "loss"):
        interval = answer["intervals"][name]
        table.add_row(name, _number(answer[name]), _ends(interval))
    table.add_row("compute", f"{_number(answer['compute'])} FLOP", "")
    console = _say([f"law: {answer['law']}; N: {_counted(answer['parameters_count'])}"], console)
    console.print(table)
    beyond = [f"extrapolated: {line}" for line in answer["beyond"]]
    _say([f"  · {line}" for line in (*beyond, *answer["notes"])], console)
    if "recipe" in answer:
        chosen = answer["recipe"]
        _say(
            [
                f"{chosen['file']}: {_number(chosen['parameters_without_embeddings'])} parameters "
                f"without embeddings, {_number(chosen['tokens'])} tokens in "
                f"{' + '.join(str(steps) for steps in chosen['steps'])} steps of "
                f"{_number(chosen['batch_tokens'])} tokens, peak learning rate {chosen['peak']:g}"
            ],
            console,
        )


def print_next(answer: Mapping[str, Json], console: Console | None = None) -> None:
    """The target as it is known now, and the candidates."""
    target = answer["target"]
    console = _say(
        [
            f"law: {answer['law']}; the loss at N {_number(target['parameters'])}, "
            f"D {_number(target['tokens'])} is {target['loss']:.4f} ({_ends(target['interval'])})"
        ],
        console,
    )
    table = _table("N", "D", "FLOP", "interval left")
    for row in answer["candidates"]:
        table.add_row(
            _number(row["parameters"]),
            _number(row["tokens"]),
            _number(row["compute"]),
            f"{row['width_left']:.0%}",
        )
    console.print(table)


def _agreement(laws: Mapping[str, Json]) -> Table:
    table = _table("law", "points", "n", "objective", "Huber mean", "R²", "mean relative error")
    for name, law in laws.items():
        table.add_row(name, "all", str(law["n"]), f"{law['objective']:.6g}", *_scores(law))
        for part in ("train", "held_out") if law["held_out"] else ():
            scored = law["held_out"][part]
            table.add_row("", part.replace("_", "-"), str(scored["n"]), "", *_scores(scored))
    return table


def _scores(scored: Mapping[str, Json]) -> list[str]:
    return [
        f"{scored['huber_mean']:.3g}",
        "–" if scored["r2"] is None else f"{scored['r2']:.4f}",
        f"{scored['mean_relative_error']:.2%}",
    ]


def _parameters(law: Mapping[str, Json], level: float) -> Table:
    table = _table("parameter", "value", f"{level:.0%} interval")
    for name, value in law["parameters"].items():
        table.add_row(name, _number(value), _ends(law["intervals"][name]))
    return table


def _prediction(row: Mapping[str, Json]) -> list[str]:
    return [
        _number(row["parameters"]),
        _number(row["tokens"]),
        f"{row['loss']:.4f}",
        _ends(row["interval"]),
        _ends(row["run_interval"]),
        "; ".join(f"extrapolated: {line}" for line in row["beyond"]),
    ]


def _curve(curve: Mapping[str, Json], title: str, names: Sequence[str]) -> Table:
    table = _table("N", *names, "")
    table.title, table.title_justify = title, "left"
    step = max(1, (len(curve["parameters"]) - 1) // (_CURVE_ROWS - 1))
    for place in range(0, len(curve["parameters"]), step):
        cells = [_number(curve[name][place]) for name in ("parameters", *names)]
        table.add_row(*cells, "extrapolated" if curve["is_beyond_points"][place] else "")
    return table


def _ends(interval: Mapping[str, Json]) -> str:
    return f"{_number(interval['low'])} to {_number(interval['high'])}"


def _span(ends: Sequence[float]) -> str:
    return f"{ends[0]:.3g} to {ends[1]:.3g}"


def _counted(counts: str) -> str:
    return "embeddings not stated" if counts == "not stated" else counts


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"


def _say(lines: Sequence[str], console: Console | None) -> Console:
    console = console or Console(highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)
    return console


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
