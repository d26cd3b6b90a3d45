"""Stage `mix`: decide how many windows of which bucket each phase sees."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow.compute as pc

from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.errors import DataError
from mapneo.core.files import write_json
from mapneo.core.stage import Outcome, Work
from mapneo.core.tables import read_table
from mapneo.mix.config import MixConfig
from mapneo.mix.plan import plan_mixture
from mapneo.mix.quotas import BucketName, Quotas, TokenFile, write_quotas

QUOTAS_NAME = "quotas.json"
PLAN_NAME = "plan.json"


@dataclass(frozen=True)
class Mix:
    """Reads the token index, writes `quotas.json` and `plan.json`."""

    config: MixConfig
    name: ClassVar[str] = "mix"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("encode",)

    def run(self, work: Work) -> Outcome:
        """Resolve the mixture; no token is read or copied."""
        encode = work.inputs["encode"]
        facts = encode.manifest.facts
        payload = {"seed": work.seed, **{k: facts[k] for k in ("vocabulary", "token_bytes", "eod")}}
        task = Task(shard="mix", inputs=tuple(encode.files("index/*.parquet")), payload=payload)
        [record] = work.engine.map_shards([task], mix_task, config=self.config, pool="threads")
        for warning in record.facts["warnings"]:
            work.progress.note(warning)
        return Outcome(facts=record.facts)


def mix_task(task: Task, config: MixConfig, output: Path) -> ShardOutcome:
    """Plan the mixture over the index files in `task`."""
    plan = plan_mixture(config, token_files([file.path for file in task.inputs]))
    quotas = Quotas(
        seq_len=config.seq_len,
        seed=task.payload["seed"],
        token_bytes=task.payload["token_bytes"],
        vocabulary=task.payload["vocabulary"],
        eod=task.payload["eod"],
        phases=plan.phases,
    )
    write_quotas(output / QUOTAS_NAME, quotas)
    write_json(output / PLAN_NAME, plan.as_json())
    return ShardOutcome(
        files=(QUOTAS_NAME, PLAN_NAME),
        facts={
            "seq_len": config.seq_len,
            "windows": [phase.windows for phase in plan.phases],
            "tokens": [phase.windows * config.seq_len for phase in plan.phases],
            "warnings": list(plan.warnings),
        },
    )


def token_files(index_paths: list[Path]) -> dict[BucketName, list[TokenFile]]:
    """Token files by bucket, in the order of `index_paths`, from the token indexes.

    Raises:
        DataError: a token file holds documents of two buckets.
    """
    columns = ["file", "source", "language", "category"]
    files: dict[BucketName, list[TokenFile]] = {}
    for path in index_paths:
        index = read_table(path, columns=[*columns, "length_tokens"])
        sums = index.group_by(columns).aggregate([("length_tokens", "sum")]).sort_by("file")
        if len(pc.unique(sums["file"])) != sums.num_rows:
            raise DataError(f"{path}: a token file holds documents of two sources: encode again")
        for row in sums.to_pylist():
            tokens = row.pop("length_tokens_sum")
            file = TokenFile(file=row.pop("file"), tokens=tokens)
            files.setdefault(BucketName(**row), []).append(file)
    return files
