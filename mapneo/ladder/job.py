"""The stages of a ladder, and the runs that they are spread over.

    shared/      fetch → extract → measure → judge → dedup → split → tokenizer → encode
    runs/NAME/   mix → pretrain_1 → score          (reads shared token files and held-out text)
    points

Each folder is a run of its own: the same stages as in `mapneo run`, the same manifests, the same
resume. Runs are made cheapest first; `points` follows the last.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mapneo.ablate.stage_score import Score
from mapneo.console import View
from mapneo.core.artifact import Artifact
from mapneo.core.canonical import Json
from mapneo.core.files import write_json
from mapneo.core.lock import exclusive
from mapneo.core.manifest import read_manifest
from mapneo.core.places import check_places, check_space
from mapneo.core.runner import Run
from mapneo.core.stage import Stage
from mapneo.curate.stage_dedup import Dedup
from mapneo.curate.stage_judge import Judge
from mapneo.curate.stage_measure import Measure
from mapneo.curate.stage_split import Split
from mapneo.ladder.config import LadderRecipe, PointsConfig
from mapneo.ladder.plan import SECONDS_PER_HOUR, PlannedRun, plan_runs
from mapneo.ladder.stage_points import RUN_STAGES, PointsStage
from mapneo.mix.stage import Mix
from mapneo.scaling.read import LADDER_STAGE
from mapneo.sources.stage_extract import Extract
from mapneo.sources.stage_fetch import Fetch
from mapneo.tokenizer.stage import Encode, TrainTokenizer
from mapneo.train.stage import Pretrain

RESOLVED_NAME = "ladder.resolved.json"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the runs: its name for people, and its stages."""

    title: str
    run: Run
    stages: tuple[Stage, ...]


@dataclass(frozen=True, kw_only=True)
class LadderJob:
    """A ladder's recipe and the directory it runs in."""

    recipe: LadderRecipe
    directory: Path

    def plan(self) -> dict[str, Json]:
        """What would be trained, what is done, and what the rest costs.

        Hours are those of finished runs where there are any (their FLOP per second), else those of
        the recipe's.

        Raises:
            ConfigError: the grid is empty or dearer than the budget.
        """
        planned = plan_runs(self.recipe)
        seconds = {run.name: self._seconds(run) for run in planned}
        done = [run for run in planned if seconds[run.name]]
        speed = self.recipe.ladder.flops_per_second
        if done:
            speed = sum(run.flops for run in done) / sum(seconds[run.name] for run in done)
        rows = []
        for run in planned:
            hours = (seconds[run.name] or run.flops / speed) / SECONDS_PER_HOUR
            rows.append({**run.as_json(), "hours": hours, "done": bool(seconds[run.name])})
        return {
            "runs": rows,
            "flops_per_second": speed,
            "compute": sum(run.compute for run in planned),
            "hours": sum(row["hours"] for row in rows),
            "hours_left": sum(row["hours"] for row in rows if not row["done"]),
        }

    def execute(self, view: View) -> list[Json]:
        """Bring every run up to date; returns the rows of `points/points.parquet`.

        Interrupted work goes on where it stopped; what is done is not done again.

        Raises:
            ConfigError: the grid is empty or dearer than the budget.
            LockError: another process writes this directory.
            StorageError: there is too little space.
            MapNeoError: whatever a stage has to say.
        """
        run = self.recipe.run
        planned = plan_runs(self.recipe)
        check_places(self.recipe.fetch.data, self.directory)
        check_space(self.directory, run.min_free_disk_gb)
        with ExitStack() as stack:
            stack.enter_context(exclusive(self.directory))
            write_json(self.directory / RESOLVED_NAME, self.recipe.model_dump(mode="json"))
            for part in self._parts(planned):
                view.title(part.title)
                for step in part.run.execute(part.stages, progress=view.begin):
                    view.end(step)
            rows: list[Json] = self._run("", {}).artifact(LADDER_STAGE).manifest.facts["rows"]
            return rows

    def _seconds(self, run: PlannedRun) -> float:
        """How long a finished training took; 0 if it is not done."""
        manifest = read_manifest(self.directory / "runs" / run.name / "pretrain_1")
        if manifest is None:
            return 0.0
        return float(manifest.facts["tokens"] / manifest.facts["tokens_per_s"])

    def _parts(self, planned: list[PlannedRun]) -> Iterator[Part]:
        """The runs in order. Each is made after those before it are done, as it reads them."""
        shared = self._shared()
        yield shared
        encode = shared.run.artifact("encode")
        given = {"tokenizer": shared.run.artifact("tokenizer"), "encode": encode, "heldout": encode}
        longest = max(planned, key=lambda run: run.tokens)
        # First, so that text too short for it is said now, not after hours of smaller runs.
        yield self._training(longest, given, "text for the longest run", only_mix=True)
        done = {"heldout": encode}
        for number, run in enumerate(planned, 1):
            part = self._training(run, given, f"run {number} of {len(planned)}")
            yield part
            done |= {f"{run.name}/{stage}": part.run.artifact(stage) for stage in RUN_STAGES}
        yield Part(
            title="points",
            run=self._run("", done),
            stages=(PointsStage(PointsConfig(), tuple(planned)),),
        )

    def _shared(self) -> Part:
        recipe = self.recipe
        return Part(
            title="shared: the text, the held-out text and the tokenizer",
            run=self._run("shared", {}),
            stages=(
                Fetch(recipe.fetch),
                Extract(recipe.extract),
                Measure(recipe.measure),
                Judge(recipe.judge),
                Dedup(recipe.dedup),
                Split(recipe.split),
                TrainTokenizer(recipe.tokenizer),
                Encode(recipe.encode),
            ),
        )

    def _training(
        self, run: PlannedRun, given: dict[str, Artifact], place: str, *, only_mix: bool = False
    ) -> Part:
        stages: tuple[Stage, ...] = (
            Mix(run.mix(self.recipe)),
            Pretrain(run.training(self.recipe), phase=1),
            Score(self.recipe.score),
        )
        return Part(
            title=(
                f"{place}: {run.parameters_without_embeddings:,} parameters, {run.tokens:,} tokens"
            ),
            run=self._run(f"runs/{run.name}", given),
            stages=stages[:1] if only_mix else stages,
        )

    def _run(self, folder: str, given: dict[str, Artifact]) -> Run:
        run = self.recipe.run
        return Run(
            directory=self.directory / folder, seed=run.seed, workers=run.workers, given=given
        )
