"""Command-line options as the settings of a recipe that they stand for."""

import json
from collections.abc import Sequence
from pathlib import Path


def override_list(
    settings: Sequence[str],
    *,
    data: Path | None,
    name: str | None,
    workers: int | None,
    noncommercial: bool,
    executor: str | None = None,
    ray_address: str | None = None,
    against: Sequence[Path] = (),
) -> list[str]:
    """Command-line options as the settings they stand for."""
    result = []
    if data is not None:
        result += [f"fetch.data={json.dumps(str(data.absolute()))}", "fetch.sources=[]"]
    if name is not None:
        result.append(f"run.name={json.dumps(name)}")
    if workers is not None:
        result.append(f"run.workers={workers}")
    if executor is not None:
        result.append(f"run.executor={json.dumps(executor)}")
    if ray_address is not None:
        result.append(f"run.ray_address={json.dumps(ray_address)}")
    if noncommercial:
        result.append('fetch.allow=["permissive", "share-alike", "noncommercial"]')
    if against:
        result.append(f"dedup.against={json.dumps([str(run.absolute()) for run in against])}")
    return [*result, *settings]
