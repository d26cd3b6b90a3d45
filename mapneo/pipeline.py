"""START HERE: the stages, in order, and what feeds what.

    fetch → extract → measure → judge → dedup → split → tokenizer → encode → mix
      → pretrain_1 → pretrain_2
      → conversations → sft_1 → sft_2 → preference_0 → reward → preference_1 → dpo_1 → answers
      → evaluate (on held-out text) → report

A recipe without a table `conversations` goes from pretrain_2 to evaluate.

A recipe has one table per stage. `stages(recipe)` gives the stages; a stage names what it reads in
its `inputs`, and `run(work)` is all it does. `Job` is a recipe in a run directory.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import model_validator

from mapneo.align.config import (
    AnswersConfig,
    ConversationsConfig,
    DpoConfig,
    PreferenceConfig,
    RewardConfig,
    SftConfig,
)
from mapneo.align.stage_answers import AnswersStage
from mapneo.align.stage_conversations import Conversations
from mapneo.align.stage_dpo import Dpo
from mapneo.align.stage_preference import Preference
from mapneo.align.stage_reward import Reward
from mapneo.align.stage_sft import Sft
from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError, FloorError, ManifestError
from mapneo.core.executor import Executor
from mapneo.core.files import read_json, write_json
from mapneo.core.lock import exclusive
from mapneo.core.manifest import MANIFEST_NAME, Manifest, read_manifest
from mapneo.core.places import check_places, check_reach, check_space
from mapneo.core.recipe import read_toml, validate, with_overrides
from mapneo.core.run_config import RunConfig, chosen_executor
from mapneo.core.runner import Run, Step
from mapneo.core.stage import Config, Stage
from mapneo.core.storage import exists
from mapneo.curate.stage_dedup import Dedup, DedupConfig
from mapneo.curate.stage_judge import Judge, JudgeConfig
from mapneo.curate.stage_measure import Measure, MeasureConfig, measure_what_is_judged
from mapneo.curate.stage_split import Split, SplitConfig
from mapneo.evaluate.config import EvaluateConfig
from mapneo.evaluate.stage import Evaluate
from mapneo.mix.config import MixConfig
from mapneo.mix.stage import Mix
from mapneo.report.stage import Report, ReportConfig
from mapneo.sources.sets import from_folder
from mapneo.sources.stage_extract import Extract, ExtractConfig
from mapneo.sources.stage_fetch import Fetch, FetchConfig
from mapneo.tokenizer.config import EncodeConfig, TokenizerConfig
from mapneo.tokenizer.stage import Encode, TrainTokenizer
from mapneo.train.config import PretrainConfig
from mapneo.train.stage import Pretrain

if TYPE_CHECKING:
    from mapneo.console import View

R = TypeVar("R", bound=Config)

RESOLVED_NAME = "recipe.resolved.json"
PATH_KEYS = (
    ("fetch", "data"),
    ("fetch", "cache"),
    ("report", "claims"),
    ("dedup", "against"),
)


ALIGNMENT = ("sft_1", "sft_2", "preference_0", "reward", "preference_1", "dpo_1", "answers")
"""Tables that a recipe with `conversations` has, stated or with their defaults."""


class Recipe(Config):
    """A whole run. Every table may be left out but `run`, `fetch`, `mix` and `pretrain_*`.

    Without `conversations` the run ends with the pre-trained model and its evaluation.
    """

    run: RunConfig
    fetch: FetchConfig
    extract: ExtractConfig = ExtractConfig()
    measure: MeasureConfig = MeasureConfig()
    judge: JudgeConfig = JudgeConfig()
    dedup: DedupConfig = DedupConfig()
    split: SplitConfig = SplitConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    encode: EncodeConfig = EncodeConfig()
    mix: MixConfig
    pretrain_1: PretrainConfig
    pretrain_2: PretrainConfig
    conversations: ConversationsConfig | None = None
    sft_1: SftConfig | None = None
    sft_2: SftConfig | None = None
    preference_0: PreferenceConfig | None = None
    reward: RewardConfig | None = None
    preference_1: PreferenceConfig | None = None
    dpo_1: DpoConfig | None = None
    answers: AnswersConfig | None = None
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="before")
    @classmethod
    def _measure_what_is_judged(cls, values: Any) -> Any:
        return measure_what_is_judged(values)

    @model_validator(mode="before")
    @classmethod
    def _whole_alignment_or_none(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        if values.get("conversations") is not None:
            return {**{name: {} for name in ALIGNMENT}, **values}
        lonely = [name for name in ALIGNMENT if values.get(name) is not None]
        if lonely:
            raise ValueError(
                f"the tables {', '.join(lonely)} need a table `conversations`, from which they "
                "learn: add it, or remove them"
            )
        return values

    @model_validator(mode="after")
    def _windows_agree(self) -> Self:
        if len(self.mix.phases) != 2:
            raise ValueError(
                f"mix.phases has {len(self.mix.phases)} phases, but two are trained: "
                "pretrain_1 and pretrain_2"
            )
        for number, phase in enumerate((self.pretrain_1, self.pretrain_2)):
            planned = self.mix.phases[number].windows
            if phase.steps * phase.windows != planned:
                raise ValueError(
                    f"pretrain_{number + 1} takes {phase.steps} steps × {phase.windows} windows = "
                    f"{phase.steps * phase.windows}, but mix.phases[{number}].windows = {planned}"
                )
        return self


def stages(recipe: Recipe) -> list[Stage]:
    """The whole way, in order."""
    made: list[Stage] = [
        Fetch(recipe.fetch),
        Extract(recipe.extract),
        Measure(recipe.measure),
        Judge(recipe.judge),
        Dedup(recipe.dedup),
        Split(recipe.split),
        TrainTokenizer(recipe.tokenizer),
        Encode(recipe.encode),
        Mix(recipe.mix),
        Pretrain(recipe.pretrain_1, phase=1),
        Pretrain(recipe.pretrain_2, phase=2),
        *_alignment(recipe),
    ]
    trained = ("pretrain_1", "pretrain_2", "sft_1", "sft_2", "dpo_1")
    evaluate = Evaluate(
        recipe.evaluate, tuple(stage.name for stage in made if stage.name in trained)
    )
    return [*made, evaluate, Report(recipe.report, (*(stage.name for stage in made), "evaluate"))]


def _alignment(recipe: Recipe) -> list[Stage]:
    """From the pre-trained model to one that answers, if the recipe says so."""
    if recipe.conversations is None:
        return []
    assert recipe.sft_1
    assert recipe.sft_2
    assert recipe.preference_0
    assert recipe.reward
    assert recipe.preference_1
    assert recipe.dpo_1
    assert recipe.answers
    return [
        Conversations(recipe.conversations),
        Sft(recipe.sft_1, number=1),
        Sft(recipe.sft_2, number=2),
        Preference(recipe.preference_0, number=0),
        Reward(recipe.reward),
        Preference(recipe.preference_1, number=1),
        Dpo(recipe.dpo_1, number=1),
        AnswersStage(recipe.answers),
    ]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A recipe, the directory it runs in, and the stage after which to stop (None: the end)."""

    recipe: Recipe
    directory: Path
    until: str | None = None

    def plan(self) -> list[Step]:
        """What `execute` would do now, and why."""
        check_places(self.recipe.fetch.data, self.directory)
        return self._run().plan(self._stages())

    def execute(self, view: "View") -> list[Step]:
        """Bring every stage up to date; returns the finished steps.

        Raises:
            ConfigError: the directory lies inside the user's data folder.
            LockError: another run writes this directory.
            StorageError: there is too little space.
            MapNeoError: whatever a stage has to say.
        """
        chosen = self._stages()
        check_places(self.recipe.fetch.data, self.directory)
        check_space(self.directory, self.recipe.run.min_free_disk_gb)
        check_reach(self.directory, chosen)
        with ExitStack() as stack:
            stack.enter_context(exclusive(self.directory))
            executor = stack.enter_context(chosen_executor(self.recipe.run))
            resolved = self.recipe.model_dump(mode="json")
            if _read_resolved(self.directory) != resolved:
                write_json(self.directory / RESOLVED_NAME, resolved)
            steps = []
            for step in self._run(executor).execute(chosen, progress=view.begin):
                view.end(step)
                steps.append(step)
            return steps

    def check_floors(self) -> None:
        """Raise FloorError if the recipe asserts quality floors and the model missed one."""
        asserting = {"evaluate": self.recipe.evaluate.assert_floors}
        if self.recipe.answers is not None:
            asserting["answers"] = self.recipe.answers.assert_floors
        missed: list[str] = []
        for name in sorted(name for name, asserts in asserting.items() if asserts):
            manifest = read_manifest(self.directory / name)
            missed += manifest.facts["missed"] if manifest is not None else []
        if missed:
            raise FloorError(
                "the run is complete, but the model missed "
                f"{len(missed)} quality floors: {'; '.join(missed)}. Train longer, on more text, "
                "or set evaluate.assert_floors and answers.assert_floors to false"
            )

    def _run(self, executor: Executor | None = None) -> Run:
        run = self.recipe.run
        return Run(
            directory=self.directory,
            seed=run.seed,
            workers=run.workers,
            executor=executor,
            on_corrupt_shard=run.on_corrupt_shard,
        )

    def _stages(self) -> list[Stage]:
        every = stages(self.recipe)
        if self.until is None:
            return every
        names = [stage.name for stage in every]
        if self.until not in names:
            raise ConfigError(f"there is no stage `{self.until}`; stages: {', '.join(names)}")
        return every[: names.index(self.until) + 1]


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; `overrides` are `table.key=value` settings that win over the file.

    Raises: as `read_recipe`.
    """
    return read_recipe(path, overrides, Recipe)


def read_recipe(path: Path, overrides: Sequence[str], kind: type[R]) -> R:
    """Read a recipe of a kind, with overrides.

    Relative paths in the file start at the file's folder; those in overrides where you are.

    Raises:
        InputError: there is no such file.
        ConfigError: a key or value is wrong; all mistakes are named.
    """
    values = read_toml(path)
    for table, key in PATH_KEYS:
        settings = values.get(table)
        if isinstance(settings, dict) and key in settings:
            settings[key] = _from_folder(path.parent, settings[key])
    fetch = values.get("fetch")
    if isinstance(fetch, dict) and isinstance(fetch.get("sets"), list):
        fetch["sets"] = [from_folder(path.parent, table) for table in fetch["sets"]]
    return validate(kind, with_overrides(values, overrides), str(path))


def _from_folder(folder: Path, value: Json) -> Json:
    """A path, or each path of a list, made absolute; what is no string stays for the check."""
    if isinstance(value, list):
        return [_from_folder(folder, each) for each in value]
    return str((folder / value).resolve()) if isinstance(value, str) else value


def open_job(directory: Path) -> Job:
    """The job that a run directory belongs to.

    Raises:
        ManifestError: it is not a run directory.
    """
    resolved = _read_resolved(directory)
    if resolved is None:
        raise ManifestError(f"{directory} is not a run: it has no {RESOLVED_NAME}")
    recipe = validate(Recipe, resolved, str(directory / RESOLVED_NAME))
    return Job(recipe=recipe, directory=directory)


def _read_resolved(directory: Path) -> Json:
    path = directory / RESOLVED_NAME
    return read_json(path) if exists(path) else None


def stage_manifest(directory: Path) -> Manifest:
    """The manifest of a finished stage.

    Raises:
        ManifestError: the folder has none.
    """
    manifest = read_manifest(directory)
    if manifest is None:
        raise ManifestError(f"{directory} has no {MANIFEST_NAME}: give the folder RUN/STAGE")
    return manifest
