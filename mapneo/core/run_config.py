"""The recipe's table `run`: what concerns a run as a whole, and who runs its tasks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pydantic import Field

from mapneo.core.config import Config
from mapneo.core.executor import Executor, LocalExecutor
from mapneo.core.ray_executor import RayExecutor


class RunConfig(Config):
    """What concerns the run as a whole."""

    name: str = Field(pattern=r"^\w[\w.-]*$")
    """Folder below `--runs`."""
    seed: int = Field(default=42, ge=0, lt=2**63)
    """Start of all chance."""
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Tasks at once in data stages; changes no output."""
    executor: Literal["local", "ray"] = "local"
    """Who runs the tasks of data stages: this machine, or Ray; changes no output."""
    ray_address: str = ""
    """Of a running Ray cluster, `auto` or `host:6379`; empty: a Ray is started here."""
    on_corrupt_shard: Literal["stop", "set_aside"] = "stop"
    """A stage that meets a damaged shard stops, or goes on without it and says so."""
    min_free_disk_gb: float = Field(default=1.0, ge=0)
    """The run does not start with less free space (10^9 bytes)."""


@contextmanager
def chosen_executor(config: RunConfig) -> Iterator[Executor]:
    """The executor that the recipe asks for; what it started is stopped at the end."""
    if config.executor == "local":
        yield LocalExecutor(config.workers)
        return
    with RayExecutor(address=config.ray_address, workers=config.workers) as executor:
        yield executor
