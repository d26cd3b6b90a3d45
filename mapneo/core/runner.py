"""Decide which stages are done, say why the others are not, and run those.

Done means manifest: same fingerprint, and every output still has its size and time stamp. A stage's
fingerprint is made of its name, version, settings, seed, and the *contents* of what it reads, so a
stage that ran again and gave the same bytes does not wake those behind it.
"""

import datetime
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from mapneo.core.canonical import Json, changed_fields, digest
from mapneo.core.counts import Counts
from mapneo.core.engine import MARKER_FOLDER, WORK_FOLDER, Engine
from mapneo.core.errors import CorruptFileError, DataError, ManifestError
from mapneo.core.executor import Executor, LocalExecutor
from mapneo.core.files import remove_temporaries, sweep
from mapneo.core.machine import MemoryMeter, machine, versions
from mapneo.core.manifest import (
    MANIFEST_NAME,
    Manifest,
    outputs_digest,
    read_manifest,
    record_files,
)
from mapneo.core.progress import Progress
from mapneo.core.set_aside import (
    Named,
    changed_since,
    counted,
    damaged_shard,
    inherited,
    without,
)
from mapneo.core.stage import Artifact, Outcome, Stage, Work, reach_of
from mapneo.core.storage import delete, exists, is_remote, list_files

State = Literal["done", "run", "waits"]


@runtime_checkable
class ReadsOutside(Protocol):
    """A stage that reads files which no manifest describes, such as the user's own folder."""

    def outside(self) -> Json:
        """A cheap description (names, sizes, time stamps) that changes when those files change."""


@runtime_checkable
class ReadsManifests(Protocol):
    """A stage that shows what manifests say, times included, and so must follow each new one."""

    @property
    def reads_manifests(self) -> bool:
        """Whether a new manifest of an input wakes it though the bytes are the same."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One stage and what is to be done with it: nothing, run, or wait for an earlier one."""

    stage: Stage
    state: State
    reasons: tuple[str, ...]
    manifest: Manifest | None


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run directory with its seed, its number of workers, and who runs its tasks."""

    directory: Path
    seed: int
    workers: int
    executor: Executor | None = None
    """Runs the tasks of stages whose reach is `anywhere`; None: this machine does."""
    on_corrupt_shard: Literal["stop", "set_aside"] = "stop"
    """What a stage does about a shard of its input that can't be read."""
    given: Mapping[str, Artifact] = field(default_factory=dict)
    """Finished stages of other runs that stages of this one read, by the name they ask for."""

    def plan(self, stages: Sequence[Stage]) -> list[Step]:
        """What a run would do now. A stage behind one that must run waits to see its output."""
        steps: dict[str, Step] = {}
        for stage in stages:
            own = [name for name in stage.inputs if name in steps or name not in self.given]
            waiting = [name for name in own if steps[name].state != "done"]
            if waiting:
                old = self._old_manifest(stage)
                reasons = (f"after {', '.join(waiting)}", *self._changed(stage, old))
                step = Step(stage=stage, state="waits", reasons=reasons, manifest=None)
            else:
                inputs = {name: artifact.manifest for name, artifact in self.given.items()}
                inputs |= {name: s.manifest for name, s in steps.items() if s.manifest is not None}
                step = self._step(stage, {name: inputs[name] for name in stage.inputs})
            steps[stage.name] = step
        return list(steps.values())

    def execute(
        self, stages: Sequence[Stage], *, progress: Callable[[Step], Progress]
    ) -> Iterator[Step]:
        """Bring each stage up to date in order; yields the finished step of each.

        The caller holds the directory's lock. `progress(step)` gives the reporter of a stage.
        """
        artifacts = dict(self.given)
        for stage in stages:
            inputs = {name: artifacts[name] for name in stage.inputs}
            step = self._step(stage, _manifests(inputs))
            if step.manifest is None:
                manifest = self._run(stage, inputs, progress(step))
                step = Step(stage=stage, state="run", reasons=step.reasons, manifest=manifest)
            assert step.manifest is not None
            artifacts[stage.name] = Artifact(
                directory=self.directory / stage.name, manifest=step.manifest
            )
            yield step

    def artifact(self, name: str) -> Artifact:
        """A finished stage of this run.

        Raises:
            ManifestError: the stage is not done.
        """
        manifest = read_manifest(self.directory / name)
        if manifest is None:
            raise ManifestError(
                f"{self.directory / name} has no {MANIFEST_NAME}: the stage has not finished; "
                "run the recipe first"
            )
        return Artifact(directory=self.directory / name, manifest=manifest)

    def step(self, stage: Stage) -> Step:
        """What a run would do with one stage now, given what the stages before it left.

        Raises:
            ManifestError: one of those is not done.
        """
        return self._step(stage, {name: self.artifact(name).manifest for name in stage.inputs})

    def _step(self, stage: Stage, inputs: Mapping[str, Manifest]) -> Step:
        old = self._old_manifest(stage)
        if old is None:
            reasons = self._unfinished(stage)
            return Step(stage=stage, state="run", reasons=reasons, manifest=None)
        if old.fingerprint == self._fingerprint(stage, inputs):
            touched = old.touched_outputs(self.directory / stage.name)
            retry = self._to_try_again(old, inputs)
            if not touched and not retry:
                return Step(stage=stage, state="done", reasons=(), manifest=old)
            reasons = _few(touched, "of its files were changed or removed")
            reasons += _few(retry, "files that it had set aside are to be read again")
            return Step(stage=stage, state="run", reasons=reasons, manifest=None)
        reasons = self._changed(stage, old) + tuple(
            f"{name} gave other contents"
            for name in stage.inputs
            if old.inputs.get(name) != inputs[name].outputs_digest
        )
        reasons = reasons or ("files outside the run, or records of other stages, changed",)
        return Step(stage=stage, state="run", reasons=reasons, manifest=None)

    def _to_try_again(self, old: Manifest, inputs: Mapping[str, Manifest]) -> list[str]:
        """Files that the stage has set aside itself and that are to be read after all."""
        known = inherited(inputs.values())
        own = {name: facts for name, facts in old.set_aside.items() if name not in known}
        if self.on_corrupt_shard == "stop":
            return sorted(own)
        folders = {name: self.directory / name for name in inputs}
        folders |= {name: artifact.directory for name, artifact in self.given.items()}
        return changed_since(folders, own)

    def _old_manifest(self, stage: Stage) -> Manifest | None:
        return read_manifest(self.directory / stage.name)

    def _unfinished(self, stage: Stage) -> tuple[str, ...]:
        markers = list_files(self.directory / stage.name / MARKER_FOLDER)
        return (f"goes on: {len(markers)} pieces are there",) if markers else ("not done yet",)

    def _changed(self, stage: Stage, old: Manifest | None) -> tuple[str, ...]:
        if old is None:
            return ()
        before = {**old.config, "(version)": old.version, "(seed)": old.seed}
        after = {
            **stage.config.model_dump(mode="json"),
            "(version)": stage.version,
            "(seed)": self.seed,
        }
        return tuple(f"{stage.name}.{line}" for line in changed_fields(before, after))

    def _fingerprint(self, stage: Stage, inputs: Mapping[str, Manifest]) -> str:
        return digest(
            {
                "key": self._stage_key(stage),
                "config": stage.config.model_dump(mode="json"),
                "inputs": {name: inputs[name].outputs_digest for name in stage.inputs},
                "outside": stage.outside() if isinstance(stage, ReadsOutside) else None,
                "manifests": [digest(inputs[name].as_json()) for name in stage.inputs]
                if isinstance(stage, ReadsManifests) and stage.reads_manifests
                else None,
            }
        )

    def _stage_key(self, stage: Stage) -> Json:
        return [stage.name, stage.version, self.seed]

    def _executor(self, stage: Stage) -> Executor:
        if self.executor is not None and reach_of(stage) == "anywhere":
            return self.executor
        return LocalExecutor(self.workers)

    def _run(self, stage: Stage, inputs: Mapping[str, Artifact], progress: Progress) -> Manifest:
        _make_ready(self.directory / stage.name)
        fingerprint = self._fingerprint(stage, _manifests(inputs))
        started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        clock = time.monotonic()
        with MemoryMeter() as meter:
            engine, outcome, aside = self._work_through(stage, inputs, progress, fingerprint)
        outcome.counts.check(stage.name)
        _check_something_is_left(stage.name, outcome.counts, self.directory / stage.name)
        return self._finish(
            stage,
            engine,
            outcome,
            Manifest(
                stage=stage.name,
                version=stage.version,
                fingerprint=fingerprint,
                config=stage.config.model_dump(mode="json"),
                inputs={name: inputs[name].manifest.outputs_digest for name in stage.inputs},
                seed=self.seed,
                counts=counted(outcome.counts, len(aside)),
                facts=outcome.facts,
                outputs={},
                outputs_digest="",
                shards=len(engine.records),
                versions=versions(),
                machine=machine(),
                started=started,
                seconds=round(time.monotonic() - clock, 3),
                peak_memory_bytes=meter.peak_bytes,
                set_aside={**inherited(_manifests(inputs).values()), **aside},
            ),
        )

    def _work_through(
        self, stage: Stage, inputs: Mapping[str, Artifact], progress: Progress, fingerprint: str
    ) -> tuple[Engine, Outcome, Named]:
        """Run the stage, from the start again for each shard that it must do without.

        What it has done by then is found done. Returns what it set aside itself, too.
        """
        before = inherited(_manifests(inputs).values())
        aside: dict[str, Mapping[str, Json]] = {}
        while True:
            output = self.directory / stage.name
            engine = Engine(
                output=output,
                stage_key=self._stage_key(stage),
                executor=self._executor(stage),
                progress=progress,
            )
            work = Work(
                output=output,
                inputs=without(inputs, {**before, **aside}),
                engine=engine,
                progress=progress,
                seed=self.seed,
                fingerprint=fingerprint,
            )
            try:
                return engine, stage.run(work), aside
            except CorruptFileError as error:
                damaged = damaged_shard(work.inputs, error)
                if damaged is None or self.on_corrupt_shard == "stop":
                    raise
                aside[damaged.name] = damaged.facts
                progress.note(f"{error.path} can't be read: its shard is set aside")

    def _finish(self, stage: Stage, engine: Engine, outcome: Outcome, draft: Manifest) -> Manifest:
        """Sweep out files of older fingerprints, then write the manifest, last."""
        output = self.directory / stage.name
        outputs = {
            name: record
            for shard in engine.records.values()
            for name, record in shard.files.items()
            if not name.startswith(f"{WORK_FOLDER}/")
        }
        outputs |= record_files(output, outcome.files)
        markers = {
            f"{MARKER_FOLDER}/{shard}.json"
            for shard in engine.records
            if not shard.startswith(f"{WORK_FOLDER}/")
        }
        sweep(output, keep={*outputs, *markers})
        fields = {**vars(draft), "outputs": outputs, "outputs_digest": outputs_digest(outputs)}
        manifest = Manifest(**fields)
        manifest.write(output)
        return manifest


def _few(names: Sequence[str], what: str) -> tuple[str, ...]:
    if not names:
        return ()
    return (f"{len(names)} {what}: {', '.join(names[:3])}{' …' if len(names) > 3 else ''}",)


def _make_ready(output: Path) -> None:
    """Take away the old manifest, first, and what a killed writer left."""
    if is_remote(output):
        delete(output, [name for name in (MANIFEST_NAME,) if exists(output / name)])
        return
    output.mkdir(parents=True, exist_ok=True)
    (output / MANIFEST_NAME).unlink(missing_ok=True)
    remove_temporaries(output)


def _manifests(artifacts: Mapping[str, Artifact]) -> dict[str, Manifest]:
    return {name: artifact.manifest for name, artifact in artifacts.items()}


def _check_something_is_left(stage: str, counts: Counts, output: Path) -> None:
    if counts.kept or not counts.documents_in:
        return
    reasons = Counter({**counts.dropped, **counts.errors}).most_common(5)
    raise DataError(
        f"{stage} kept none of {counts.documents_in} documents: "
        + ", ".join(f"{reason} {number}" for reason, number in reasons)
        + f"; each of them is listed with its reason below {output}"
    )
