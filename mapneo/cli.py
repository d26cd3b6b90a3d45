"""The `mapneo` command: verbs that parse, call and print, and nothing else."""

import json
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

import mapneo
from mapneo import cli_scaling, console, pipeline
from mapneo.console_judge import print_rejudged
from mapneo.core.canonical import Json
from mapneo.core.errors import Interrupted
from mapneo.core.files import write_text
from mapneo.core.runner import Step
from mapneo.core.storage import place
from mapneo.curate.rejudge import rejudge
from mapneo.curate.wish import Wish
from mapneo.explained import explained
from mapneo.options import override_list
from mapneo.sources import browse

app = typer.Typer(
    help="From raw bilingual pages to a model that answers, and a page that explains it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    epilog=(
        "Exit codes: 0 done · 1 other error · 2 recipe or option · 3 input file · 4 fetching · "
        "5 storage · 6 run is locked · 7 broken artifact · 8 no data · 9 training · "
        "10 quality floor not met · 130 interrupted"
    ),
)

app.add_typer(cli_scaling.app, name="scaling")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
RunsFolder = Annotated[
    Path,
    typer.Option(
        "--runs", parser=place, metavar="PLACE", help="Folder that holds the runs, or s3://…"
    ),
]
RunFolder = Annotated[Path, typer.Argument(parser=place, metavar="RUN", help="A run's folder.")]
RUNS = Path("runs")
CRAWLS = Path("crawls")


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"mapneo {mapneo.__version__}")
        raise typer.Exit


@app.command(
    epilog=(
        "Examples:\n\n"
        "`mapneo run recipes/tiny.toml`\n\n"
        "`mapneo run recipes/tiny.toml --data ~/pages --name mine`\n\n"
        "`mapneo run recipes/tiny.toml --dry-run judge.overrides.en_word_count_min.min=30`"
    )
)
def run(
    recipe: Annotated[Path, typer.Argument(help="The recipe (TOML).")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings that override it: `table.key=value`.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Your own folder of HTML, PDF, JSONL, text or code."),
    ] = None,
    allow_noncommercial: Annotated[
        bool,
        typer.Option(
            "--allow-noncommercial", help="Also use sources with non-commercial or unclear terms."
        ),
    ] = False,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            parser=place,
            metavar="RUN",
            help="An earlier run: what is a copy of a document there is dropped.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run's folder.")] = None,
    runs: RunsFolder = RUNS,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Tasks at once in data stages.")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(help="Who runs data stages: local, or ray.")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster: auto, or host:6379.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Stop after this stage.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run, and why.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run what is not done yet of a recipe; interrupted work goes on where it stopped."""
    overrides = override_list(
        settings or [],
        data=data,
        name=name,
        workers=workers,
        noncommercial=allow_noncommercial,
        executor=executor,
        ray_address=ray_address,
        against=against or [],
    )
    resolved = pipeline.load_recipe(recipe, overrides)
    job = pipeline.Job(recipe=resolved, directory=runs / resolved.run.name, until=until)
    if dry_run:
        _print_steps(job.plan(), as_json=as_json)
        return
    view = console.choose_view(json_output=as_json)
    try:
        steps = list(job.execute(view))
    finally:
        view.close()
    if as_json:
        _print_json([console.step_json(step) for step in steps])
    else:
        console.print_summary(job.directory, steps)
    job.check_floors()


@app.command(
    epilog=(
        "Examples:\n\n`mapneo ablate recipes/ablate/profiles.toml`\n\n"
        "`mapneo ablate recipes/ablate/profiles.toml --name longer pretrain.steps=600`"
    )
)
def ablate(
    recipe: Annotated[Path, typer.Argument(help="The ablation recipe (TOML).")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings that override it: `table.key=value`.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the ablation's folder.")] = None,
    runs: RunsFolder = RUNS,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Tasks at once in data stages.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare sets of rules by the models they make; interrupted work goes on where it stopped."""
    from mapneo.ablate.config import AblationRecipe
    from mapneo.ablate.job import AblationJob
    from mapneo.ablate.show import print_comparison

    overrides = override_list(
        settings or [], data=None, name=name, workers=workers, noncommercial=False
    )
    resolved = pipeline.read_recipe(recipe, overrides, AblationRecipe)
    job = AblationJob(recipe=resolved, directory=runs / resolved.run.name)
    view = console.choose_view(json_output=as_json)
    try:
        result = job.execute(view)
    finally:
        view.close()
    _print_json(result) if as_json else print_comparison(result)


@app.command(epilog="Examples:\n\n`mapneo status runs/tiny`\n\n`mapneo status runs/tiny --json`")
def status(
    run: RunFolder,
    as_json: AsJson = False,
) -> None:
    """Which stages of a run are done, which would run, and why."""
    _print_steps(pipeline.open_job(run).plan(), as_json=as_json)


@app.command(
    epilog="Examples:\n\n`mapneo show runs/tiny/judge`\n\n`mapneo show runs/tiny/dedup --json`"
)
def show(
    stage: Annotated[
        Path, typer.Argument(parser=place, metavar="STAGE", help="A stage's folder: RUN/STAGE.")
    ],
    as_json: AsJson = False,
) -> None:
    """The manifest of one stage: settings, counts with reasons, outputs, origin."""
    manifest = pipeline.stage_manifest(stage)
    _print_json(manifest.as_json()) if as_json else console.print_manifest(manifest)


@app.command(
    epilog=(
        "Examples:\n\n`mapneo fetch --list`\n\n`mapneo fetch python-docs china-law`\n\n"
        "`mapneo fetch --cache`\n\n`mapneo fetch --clear`"
    )
)
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Sources of the catalogue.")] = None,
    list_sources: Annotated[bool, typer.Option("--list", help="List the catalogue.")] = False,
    cache: Annotated[
        bool, typer.Option("--cache", help="Say where the cache is, and its size.")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Empty the cache.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch real material by name into the cache; finished downloads are not fetched again."""
    rows = browse.rows(names or [], listing=list_sources, cache=cache, clear=clear)
    _print_json(rows) if as_json else console.print_rows(rows)


@app.command(
    epilog=(
        "Examples:\n\n`mapneo crawl recipes/crawl/site.toml`\n\n"
        "`mapneo crawl recipes/crawl/site.toml budget.pages=500 --output ~/crawls`\n\n"
        "The pages are in OUTPUT/NAME/warc; `mapneo run … --data OUTPUT/NAME/warc` reads them."
    )
)
def crawl(
    recipe: Annotated[Path, typer.Argument(help="The crawl's recipe (TOML).")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings that override it: `table.key=value`.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder that holds the crawls.")] = CRAWLS,
    as_json: AsJson = False,
) -> None:
    """Fetch websites into WARC files, politely; interrupted work goes on where it stopped."""
    from mapneo.console_crawl import print_crawled
    from mapneo.sources.crawl.job import read_crawl_recipe, run_crawl

    resolved = read_crawl_recipe(recipe, settings or [])
    view = console.choose_view(json_output=as_json)
    try:
        crawled = run_crawl(resolved, output, view.work(resolved.crawl.name))
    finally:
        view.close()
    _print_json(crawled.as_json()) if as_json else print_crawled(crawled)


@app.command(
    epilog=(
        "Examples:\n\n`mapneo chat runs/tiny`\n\n"
        "`mapneo chat runs/tiny --stage sft_2 --temperature 0.7`\n\n"
        "`echo '37加45等于多少？' | mapneo chat runs/tiny`"
    )
)
def chat(
    run: RunFolder,
    stage: Annotated[
        str | None, typer.Option(help="Whose model; by default the newest that can chat.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="A system message.")] = None,
    temperature: Annotated[float, typer.Option(min=0, help="0: the most probable answer.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer in tokens.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Seeds the sampling.")] = 0,
) -> None:
    """Talk to a run's model; /reset forgets the conversation, /quit or end of input ends it."""
    from mapneo.align.chat import Chat
    from mapneo.model.generate import Sampling

    sampling = Sampling(max_new_tokens=max_tokens, temperature=temperature, seed=seed)
    session = Chat(run, stage=stage, system=system, sampling=sampling)
    console.converse(session, name=f"{run.name}/{session.stage}")


@app.command(
    epilog=(
        "Examples:\n\n`mapneo judge runs/tiny --set en_word_count_min.min=30 --sample 20`\n\n"
        "`mapneo judge runs/tiny --ruleset matrix-en --ruleset tiny-zh --json`\n\n"
        "`mapneo judge runs/tiny --exempt 'books-*:en_word_count_max' --patch judge.toml`"
    )
)
def judge(
    run: RunFolder,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="`RULE.min=VALUE`, `RULE.max=VALUE` or `RULE.report_only=true`."
        ),
    ] = None,
    rulesets: Annotated[
        list[str] | None, typer.Option("--ruleset", help="Judge by this instead of the run's own.")
    ] = None,
    exempt: Annotated[
        list[str] | None, typer.Option(help="`SOURCE:RULE`: the source's documents pass the rule.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Show this many documents that flip, each way.")
    ] = 0,
    patch: Annotated[
        Path | None, typer.Option(help="Write the new [judge] table here, not to the screen.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What other rules would keep and drop of a finished run; it stays as it is."""
    wish = Wish(
        settings=tuple(settings or ()), rulesets=tuple(rulesets or ()), exempt=tuple(exempt or ())
    )
    found = rejudge(run, wish, samples=sample)
    if patch is not None:
        write_text(patch, found.patch)
    _print_json(found.as_json()) if as_json else print_rejudged(found, patch)


def _print_steps(steps: list[Step], *, as_json: bool) -> None:
    if as_json:
        _print_json([console.step_json(step) for step in steps])
    else:
        console.print_steps(steps)


def _print_json(value: Json) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted


def _wait_politely() -> None:
    """Let threads that wait for each other sleep soon instead of spinning.

    Beside another busy program, long spinning makes training collapse; when alone, a short spin
    costs nothing (docs/experiments.md). libgomp reads this once, when torch loads it.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def main() -> None:
    """Entry point of the `mapneo` script."""
    _wait_politely()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    with explained():
        app(standalone_mode=True)


if __name__ == "__main__":
    main()
