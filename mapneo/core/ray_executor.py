"""The executor for clusters: Ray core tasks over files that all machines see.

Ray schedules, moves nothing but task descriptions and small records, and repeats the tasks of a
worker or a machine that is lost. Files are read and written by the tasks, as with the local
executor; the bytes are the same.
"""

import functools
import os
import pickle
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import mapneo
from mapneo.core.cache import kernel_cache_directory
from mapneo.core.errors import ConfigError, WorkerLostError
from mapneo.core.executor import LocalExecutor, in_flight, name_of
from mapneo.core.pools import Pool

T = TypeVar("T")
R = TypeVar("R")

MAX_RETRIES = 3
"""How often a task is repeated whose worker or machine was lost."""

OBJECT_STORE_BYTES = 100_000_000
"""Of a Ray that is started here: records are small, and containers have little shared memory."""

_TASKS_PER_CORE = 2
_MUST_AGREE = ("numba", "numpy", "pyarrow", "xxhash")
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
}


class RayExecutor:
    """Runs tasks on a Ray cluster, or on a Ray of this machine that it starts and stops."""

    def __init__(self, *, address: str = "", workers: int = 1) -> None:
        """Nothing starts yet.

        Args:
            address: of a running cluster (`auto`, `host:6379`); empty: one is started here.
            workers: tasks at once where Ray is started here; a cluster has its own number.
        """
        self._address = address
        self._workers = max(1, workers)
        self._ray: Any = None
        self._started = False

    def __enter__(self) -> "RayExecutor":
        """Connect when the first task comes: a run with nothing to do starts no Ray."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what was started, or leave the cluster."""
        if self._started:
            self._ray.shutdown()
        self._ray, self._started = None, False

    def run(self, work: Callable[[T], R], items: Sequence[T], *, pool: Pool) -> Iterator[R]:
        """As `Executor.run`.

        Raises:
            ConfigError: Ray is not installed, or there is no cluster at the address; or a machine
                of the cluster has other versions of the libraries that decide the bytes.
        """
        if pool == "inline":
            yield from LocalExecutor(1).run(work, items, pool=pool)
            return
        if not items:
            return
        ray = self._connected()
        call = ray.remote(num_cpus=1, max_retries=MAX_RETRIES, retry_exceptions=False)(_call)
        packed = ray.put((_versions(), bool(self._address), pickle.dumps(work)))
        running: set[Any] = set()

        def submit(item: T) -> Any:
            handle = call.remote(packed, item)
            running.add(handle)
            return handle

        try:
            for handle, item in in_flight(items, submit, self._wait, self._limit()):
                running.discard(handle)
                yield self._result(handle, item)
        finally:
            for handle in running:
                ray.cancel(handle, force=True)

    def _connected(self) -> Any:
        if self._ray is None:
            ray = _import_ray()
            if not ray.is_initialized():
                _start(ray, self._address, self._workers)
                self._started = True
            self._ray = ray
        return self._ray

    def _limit(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1))) * _TASKS_PER_CORE

    def _wait(self, handles: Collection[Any]) -> Collection[Any]:
        ray, listed = self._ray, list(handles)
        done, others = ray.wait(listed, num_returns=1)
        more = ray.wait(others, num_returns=len(others), timeout=0)[0] if others else []
        return [*done, *more]

    def _result(self, handle: Any, item: object) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(handle)
        except errors.RayTaskError as error:
            # Ray's error holds the worker's traceback; ours is the sentence that was raised there.
            raise error.cause from None
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError) as error:
            raise WorkerLostError.at(name_of(item), tries=MAX_RETRIES + 1) from error


def _import_ray() -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise ConfigError(
            f"run.executor = 'ray' needs a package that is not installed ({error}): "
            "pip install 'mapneo[cluster]', or choose run.executor = 'local'"
        ) from error
    return ray


def _start(ray: Any, address: str, workers: int) -> None:
    # A Ray that is started here inherits the environment; machines of a cluster have their own.
    options: dict[str, Any] = {
        "address": address,
        "runtime_env": {"env_vars": {"PYTHONPATH": _python_path()}},
    }
    if not address:
        options = {
            "address": "local",
            "num_cpus": workers,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(**options, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"can't join the Ray cluster at {address or 'this machine'} ({first}): start it with "
            "`ray start --head`, correct run.ray_address, or leave it empty"
        ) from error
    finally:
        # Ray replaces them; Ctrl-C and `kill` must go on to mean what they meant.
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _python_path() -> str:
    """This mapneo first, at the same path on every machine, then what the user has set."""
    home = str(Path(mapneo.__file__).parent.parent)
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([home, *(part for part in before if part and part != home)])


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    return (
        ("mapneo", mapneo.__version__),
        *((name, metadata.version(name)) for name in _MUST_AGREE),
    )


def _call(packed: tuple[tuple[tuple[str, str], ...], bool, bytes], item: T) -> Any:
    """What runs in a worker of Ray."""
    wanted, on_cluster, work = packed
    if wanted != _versions():
        raise ConfigError(
            f"{os.uname().nodename} has {dict(_versions())}, but the run was started with "
            f"{dict(wanted)}: install the same versions on all machines, or the bytes may differ"
        )
    if on_cluster:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(kernel_cache_directory()))
    return _unpacked(work)(item)


@functools.lru_cache(maxsize=4)
def _unpacked(work: bytes) -> Callable[[Any], Any]:
    """The work itself; its modules, and numba with them, are imported here and not before."""
    return cast(Callable[[Any], Any], pickle.loads(work))
