"""`metrics.jsonl`: a line per step and per held-out measurement, the truth behind every curve."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from mapneo.core.canonical import Json


class Metrics:
    """Appends lines; a resumed run first drops what it will compute again."""

    def __init__(self, path: Path, *, last_step: int) -> None:
        """Keep the lines up to `last_step` (0: none) and open the file for more."""
        kept = _lines_until(path, last_step) if path.exists() else []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._file.writelines(kept)
        self.sync()

    def write(self, line: Mapping[str, Json]) -> None:
        """Append one line; it survives the end of this process."""
        self._file.write(json.dumps(line, sort_keys=True) + "\n")
        self._file.flush()

    def sync(self) -> None:
        """Bring all lines to the disk: before a checkpoint refers to them."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Bring all lines to the disk and close."""
        self.sync()
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, Json]]:
    """All lines of a `metrics.jsonl`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _lines_until(path: Path, last_step: int) -> list[str]:
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        # A kill may cut the last line; whatever it was, it is newer than the checkpoint.
        if not line.endswith("\n") or json.loads(line)["step"] > last_step:
            break
        kept.append(line)
    return kept
