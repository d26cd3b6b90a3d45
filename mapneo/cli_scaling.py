"""`mapneo scaling`: verbs that parse, call and print, and nothing else."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mapneo import console, pipeline
from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.options import override_list

if TYPE_CHECKING:
    from mapneo.scaling.study import Study

app = typer.Typer(
    help="Scaling laws: a ladder of runs, fits with intervals, predictions, choices.",
    no_args_is_help=True,
)

Sources = Annotated[
    list[Path],
    typer.Argument(help="Points: CSV or Parquet files, finished ladders, or runs."),
]
Law = Annotated[
    str, typer.Option(help="`neo`, `chinchilla`, `openai`, or `auto`: the best on held-out points.")
]
Delta = Annotated[
    float, typer.Option(min=0, help="Huber's δ on ln L; 0 minimises absolute residuals.")
]
DropHighest = Annotated[int, typer.Option(min=0, help="Leave out this many highest losses.")]
DrawCount = Annotated[int, typer.Option(min=2, help="Resamples behind the intervals.")]
Seed = Annotated[int, typer.Option(min=0, help="Seeds the resampling.")]
By = Annotated[
    Literal["auto", "rows", "runs"],
    typer.Option(help="Resample rows, whole runs, or runs where one has several rows."),
]
HoldOutBy = Annotated[
    Literal["compute", "parameters", "tokens"], typer.Option(help="What the K highest are of.")
]
Laws = Annotated[
    str, typer.Option("--law", help="Laws, joined by commas: `neo`, `chinchilla`, `openai`.")
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="`parameters=NAME`, `tokens=…`, `compute=…`, `loss=…` or `run=…`: headings to use.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Extrapolate = Annotated[
    bool, typer.Option("--extrapolate", help="Allow an optimum outside the fitted points.")
]


def _names(listed: str) -> list[str]:
    """What stands between commas."""
    return [name.strip() for name in listed.split(",")]


@app.command(
    epilog=(
        "Examples:\n\n`mapneo scaling fit points.csv --law neo,chinchilla,openai --json`\n\n"
        "`mapneo scaling fit runs/ladder --hold-out-top 1 --hold-out-by parameters --profile`"
    )
)
def fit(
    sources: Sources,
    law: Laws = "neo,chinchilla,openai",
    delta: Delta = 1e-3,
    hold_out_top: Annotated[
        int, typer.Option(min=0, help="Judge by the points with the K highest values.")
    ] = 0,
    hold_out_by: HoldOutBy = "compute",
    profile: Annotated[bool, typer.Option("--profile", help="Profile the exponents.")] = False,
    drop_highest: DropHighest = 0,
    draws: DrawCount = 4000,
    seed: Seed = 0,
    by: By = "auto",
    column: Column = None,
    as_json: AsJson = False,
) -> None:
    """Fit laws to points: parameters, intervals, agreement, and what the points leave open."""
    from mapneo.console_scaling import print_report
    from mapneo.scaling.laws import named_laws
    from mapneo.scaling.study import HoldOut

    laws = named_laws(_names(law))
    held = HoldOut(count=hold_out_top, by=hold_out_by) if hold_out_top else None
    study = _study(sources, column, delta, drop_highest, draws, seed, by)
    report = study.report(laws, hold_out=held, profiles=profile)
    _print_json(report) if as_json else print_report(report)


@app.command(
    epilog=(
        "Examples:\n\n`mapneo scaling predict points.csv --parameters 7e9 --tokens 1.4e12`\n\n"
        "`mapneo scaling predict runs/ladder --law neo --iso-flop 1e15 --json`"
    )
)
def predict(
    sources: Sources,
    parameters: Annotated[
        list[float] | None, typer.Option(help="N; may be repeated, one for each --tokens.")
    ] = None,
    tokens: Annotated[list[float] | None, typer.Option(help="D; may be repeated.")] = None,
    iso_flop: Annotated[
        list[float] | None, typer.Option(help="Loss along all N and D of this compute.")
    ] = None,
    iso_loss: Annotated[
        list[float] | None, typer.Option(help="D by N that gives this loss.")
    ] = None,
    law: Law = "auto",
    delta: Delta = 1e-3,
    drop_highest: DropHighest = 0,
    draws: DrawCount = 4000,
    seed: Seed = 0,
    by: By = "auto",
    column: Column = None,
    as_json: AsJson = False,
) -> None:
    """The loss at N and D with its interval; curves of equal compute and equal loss."""
    from mapneo.console_scaling import print_predictions
    from mapneo.scaling.answers import prediction_answer

    pairs = _pairs(parameters or [], tokens or [])
    study = _study(sources, column, delta, drop_highest, draws, seed, by)
    answer = prediction_answer(
        study, law, points=pairs, iso_flop=iso_flop or [], iso_loss=iso_loss or []
    )
    _print_json(answer) if as_json else print_predictions(answer)


@app.command(
    epilog=(
        "Examples:\n\n`mapneo scaling choose points.csv --budget 1e21`\n\n"
        "`mapneo scaling choose runs/ladder --budget 1e16 --extrapolate --recipe recipes/tiny.toml "
        "--output mine.toml`"
    )
)
def choose(
    sources: Sources,
    budget: Annotated[
        float | None, typer.Option(help="Compute in FLOP: 6·N·D, and serving if it is stated.")
    ] = None,
    max_tokens: Annotated[
        float | None, typer.Option(help="Tokens of training data that there are.")
    ] = None,
    max_parameters: Annotated[
        float | None, typer.Option(help="N that inference can bear, at 2·N FLOP a token.")
    ] = None,
    served_tokens: Annotated[
        float, typer.Option(min=0, help="Tokens served in the model's life, within the budget.")
    ] = 0.0,
    extrapolate: Extrapolate = False,
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe whose pre-training is to be set to the choice.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Where the changed recipe goes.")] = None,
    law: Law = "auto",
    delta: Delta = 1e-3,
    drop_highest: DropHighest = 0,
    draws: DrawCount = 4000,
    seed: Seed = 0,
    by: By = "auto",
    column: Column = None,
    as_json: AsJson = False,
) -> None:
    """The best N and D for a budget of compute, data or inference; written into a recipe."""
    from mapneo.console_scaling import print_best
    from mapneo.ladder.choice import write_choice
    from mapneo.scaling.answers import best_answer
    from mapneo.scaling.budget import Budget

    if (recipe is None) != (output is None):
        raise ConfigError("--recipe and --output go together: what to change, and where to put it")
    asked = Budget(
        compute=budget,
        max_tokens=max_tokens,
        max_parameters=max_parameters,
        served_tokens=served_tokens,
    )
    study = _study(sources, column, delta, drop_highest, draws, seed, by)
    answer = best_answer(study, law, asked, extrapolate=extrapolate)
    if recipe is not None and output is not None:
        answer["recipe"] = write_choice(recipe, output, answer, study.points.counts)
    _print_json(answer) if as_json else print_best(answer)


@app.command(
    "next",
    epilog=(
        "Examples:\n\n`mapneo scaling next runs/ladder --budget 1e14 "
        "--target-parameters 4e6 --target-tokens 8e7`"
    ),
)
def next_(
    sources: Sources,
    budget: Annotated[float, typer.Option(help="FLOP that the next run may cost.")],
    target_parameters: Annotated[float, typer.Option(help="N of the prediction to be narrowed.")],
    target_tokens: Annotated[float, typer.Option(help="D of that prediction.")],
    law: Law = "auto",
    delta: Delta = 1e-3,
    drop_highest: DropHighest = 0,
    draws: DrawCount = 4000,
    seed: Seed = 0,
    by: By = "auto",
    column: Column = None,
    as_json: AsJson = False,
) -> None:
    """Which run within a budget would narrow the interval of a prediction most."""
    from mapneo.console_scaling import print_next
    from mapneo.scaling.answers import next_answer

    study = _study(sources, column, delta, drop_highest, draws, seed, by)
    target = (target_parameters, target_tokens)
    answer = next_answer(study, law, compute=budget, target=target)
    _print_json(answer) if as_json else print_next(answer)


@app.command(epilog="Examples:\n\n`mapneo scaling plot points.csv --output pictures`")
def plot(
    sources: Sources,
    output: Annotated[Path, typer.Option(help="Folder for index.html and the SVG files.")],
    law: Laws = "neo,chinchilla,openai",
    delta: Delta = 1e-3,
    hold_out_top: Annotated[
        int, typer.Option(min=0, help="Hold out the K highest values; 0: a fifth of the points.")
    ] = 0,
    hold_out_by: HoldOutBy = "compute",
    drop_highest: DropHighest = 0,
    draws: DrawCount = 1000,
    seed: Seed = 0,
    by: By = "auto",
    column: Column = None,
    as_json: AsJson = False,
) -> None:
    """Draw the points, the fits with intervals, residuals, iso-FLOP curves and held-out points."""
    from mapneo.report.scaling import write_pictures
    from mapneo.scaling.judge import default_hold_out
    from mapneo.scaling.laws import named_laws
    from mapneo.scaling.study import HoldOut

    laws = named_laws(_names(law))
    study = _study(sources, column, delta, drop_highest, draws, seed, by)
    held = HoldOut(count=hold_out_top or default_hold_out(study.points), by=hold_out_by)
    written = write_pictures(study, laws, held, output)
    rows: list[dict[str, Json]] = [{"file": str(path)} for path in written]
    _print_json(rows) if as_json else console.print_rows(rows)


@app.command(
    epilog=(
        "Examples:\n\n`mapneo scaling ladder recipes/scaling/ladder.toml --dry-run`\n\n"
        "`timeout 1h mapneo scaling ladder recipes/scaling/ladder.toml` (again: goes on)"
    )
)
def ladder(
    recipe: Annotated[Path, typer.Argument(help="The ladder's recipe (TOML).")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings that override it: `table.key=value`.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the ladder's folder.")] = None,
    runs: Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.")] = Path(
        "runs"
    ),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Tasks at once in data stages.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan with its cost, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a ladder of sizes and token counts; interrupted work goes on where it stopped."""
    from mapneo.ladder.config import LadderRecipe
    from mapneo.ladder.job import LadderJob
    from mapneo.ladder.show import print_plan, print_points

    overrides = override_list(
        settings or [], data=None, name=name, workers=workers, noncommercial=False
    )
    resolved = pipeline.read_recipe(recipe, overrides, LadderRecipe)
    job = LadderJob(recipe=resolved, directory=runs / resolved.run.name)
    if dry_run:
        plan = job.plan()
        _print_json(plan) if as_json else print_plan(plan)
        return
    view = console.choose_view(json_output=as_json)
    try:
        rows = job.execute(view)
    finally:
        view.close()
    _print_json(rows) if as_json else print_points(rows, job.directory)


def _study(
    sources: list[Path],
    column: list[str] | None,
    delta: float,
    drop_highest: int,
    draws: int,
    seed: int,
    by: Literal["auto", "rows", "runs"],
) -> "Study":
    from mapneo.scaling.read import columns_of, read_all
    from mapneo.scaling.study import Study

    points = read_all(sources, columns_of(column or [])).without_highest_losses(drop_highest)
    return Study(points=points, delta=delta, draws=draws, seed=seed, by=by)


def _pairs(parameters: list[float], tokens: list[float]) -> list[tuple[float, float]]:
    if len(parameters) != len(tokens):
        raise ConfigError(
            f"{len(parameters)} values of --parameters and {len(tokens)} of --tokens: give one of "
            "each for a prediction"
        )
    return list(zip(parameters, tokens, strict=True))


def _print_json(value: Json) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True))
