"""The stages of an ablation, and the runs that they are spread over.

    shared/   fetch → extract → measure → judge → dedup → split → pool → tokenizer → encode
    arms/A/   judge → dedup → split → encode                  (reads pool and tokenizer)
    arms/A/seed-N/   mix → pretrain_1 → score                 (reads the arm and held-out text)
    compare

Each folder is a run of its own: the same stages as in `mapneo run`, the same manifests. Shared
`judge` drops other languages only; shared `split` sets the held-out groups aside.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from mapneo.ablate.config import AblationRecipe, Arm, PoolConfig
from mapneo.ablate.stage_compare import (
    ARM_STAGES,
    RESULT_FILE,
    SEED_STAGES,
    Compare,
    seed_folder,
)
from mapneo.ablate.stage_pool import Pool
from mapneo.ablate.stage_reserve import Reserve
from mapneo.ablate.stage_score import Score
from mapneo.console import View
from mapneo.core.artifact import Artifact
from mapneo.core.canonical import Json
from mapneo.core.files import read_json, write_json
from mapneo.core.lock import exclusive
from mapneo.core.places import check_local, check_places, check_space
from mapneo.core.run_config import chosen_executor
from mapneo.core.runner import Run
from mapneo.core.stage import Stage
from mapneo.curate.stage_dedup import Dedup
from mapneo.curate.stage_judge import Judge, JudgeConfig
from mapneo.curate.stage_measure import Measure
from mapneo.curate.stage_split import Split, SplitConfig
from mapneo.mix.stage import Mix
from mapneo.sources.stage_extract import Extract
from mapneo.sources.stage_fetch import Fetch
from mapneo.tokenizer.stage import Encode, TrainTokenizer
from mapneo.train.stage import Pretrain

RESOLVED_NAME = "ablation.resolved.json"

_NOTHING_HELD_OUT = SplitConfig(heldout_frac=0, min_documents=0)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the runs: its name for people, and its stages."""

    title: str
    run: Run
    stages: tuple[Stage, ...]

    def artifacts(self, *names: str) -> dict[str, Artifact]:
        """Finished stages of the run."""
        return {name: self.run.artifact(name) for name in names}


@dataclass(frozen=True, kw_only=True)
class AblationJob:
    """An ablation recipe and the directory it runs in."""

    recipe: AblationRecipe
    directory: Path

    def execute(self, view: View) -> Json:
        """Bring every run up to date; returns what `compare/ablation.json` holds.

        Interrupted work goes on where it stopped; what is done is not done again.

        Raises:
            LockError: another process writes this directory.
            StorageError: there is too little space.
            MapNeoError: whatever a stage has to say.
        """
        run = self.recipe.run
        check_places(self.recipe.fetch.data, self.directory)
        check_space(self.directory, run.min_free_disk_gb)
        check_local(self.directory, "an ablation trains models and")
        with ExitStack() as stack:
            stack.enter_context(exclusive(self.directory))
            executor = stack.enter_context(chosen_executor(run))
            write_json(self.directory / RESOLVED_NAME, self.recipe.model_dump(mode="json"))
            for part in self._parts():
                view.title(part.title)
                whole = replace(part.run, executor=executor)
                for step in whole.execute(part.stages, progress=view.begin):
                    view.end(step)
            return read_json(self.directory / "compare" / RESULT_FILE)

    def _parts(self) -> Iterator[Part]:
        """The runs in order. Each is made after those before it are done, as it reads them."""
        shared = self._shared()
        yield shared
        common = shared.artifacts("pool", "tokenizer", "split")
        heldout = shared.run.artifact("encode")
        done = {name: common[name] for name in ("pool", "split")}
        for arm in self.recipe.ablate.arms:
            whole = self._arm(arm, common)
            yield whole
            found = whole.artifacts(*ARM_STAGES)
            done |= {f"{arm.name}/{stage}": artifact for stage, artifact in found.items()}
            given = {
                "tokenizer": common["tokenizer"],
                "encode": found["encode"],
                "heldout": heldout,
            }
            for seed in self.recipe.ablate.seeds:
                training = self._training(arm, seed, given)
                yield training
                prefix = f"{arm.name}/{seed_folder(seed)}"
                done |= {f"{prefix}/{k}": v for k, v in training.artifacts(*SEED_STAGES).items()}
        yield self._comparison(done)

    def _shared(self) -> Part:
        recipe = self.recipe
        wanted = tuple(f"none-{language}" for language in recipe.ablate.languages)
        return Part(
            title="shared: the pool, the held-out text and the tokenizer",
            run=self._run("shared", recipe.run.seed, {}),
            stages=(
                Fetch(recipe.fetch),
                Extract(recipe.extract),
                Measure(recipe.measure),
                Judge(JudgeConfig(rulesets=wanted)),
                Dedup(recipe.dedup),
                Reserve(recipe.heldout),
                Pool(PoolConfig()),
                TrainTokenizer(recipe.tokenizer),
                Encode(recipe.encode),
            ),
        )

    def _arm(self, arm: Arm, common: dict[str, Artifact]) -> Part:
        given = {"measure": common["pool"], "tokenizer": common["tokenizer"]}
        return Part(
            title=f"arm {arm.name}",
            run=self._run(f"arms/{arm.name}", self.recipe.run.seed, given),
            stages=(
                Judge(arm.judge()),
                Dedup(self.recipe.dedup),
                Split(_NOTHING_HELD_OUT),
                Encode(self.recipe.encode),
            ),
        )

    def _training(self, arm: Arm, seed: int, given: dict[str, Artifact]) -> Part:
        return Part(
            title=f"arm {arm.name}, seed {seed}",
            run=self._run(f"arms/{arm.name}/{seed_folder(seed)}", seed, given),
            stages=(
                Mix(self.recipe.mix_config()),
                Pretrain(self.recipe.pretrain, phase=1),
                Score(self.recipe.score),
            ),
        )

    def _comparison(self, done: dict[str, Artifact]) -> Part:
        ablate = self.recipe.ablate
        arms = tuple(arm.name for arm in ablate.arms)
        return Part(
            title="comparison",
            run=self._run("", self.recipe.run.seed, done),
            stages=(Compare(self.recipe.compare, arms, ablate.seeds),),
        )

    def _run(self, folder: str, seed: int, given: dict[str, Artifact]) -> Run:
        return Run(
            directory=self.directory / folder,
            seed=seed,
            workers=self.recipe.run.workers,
            given=given,
            on_corrupt_shard=self.recipe.run.on_corrupt_shard,
        )
