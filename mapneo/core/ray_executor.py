"""The executor for clusters: Ray core tasks over files that all machines see.

Ray schedules, moves nothing but task descriptions and small records, and repeats the tasks of a
worker or a machine that is lost. Files are read and written by the tasks, as with the local
executor; the bytes are the same.
"""

import functools
import logging
import os
import pickle
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import mapneo
from mapneo.core.cache import kernel_cache_directory
from mapneo.core.errors import ConfigError, WorkerLostError
from mapneo.core.executor import LocalExecutor, first_finished, in_flight, name_of
from mapneo.core.pools import Pool

T = TypeVar("T")
R = TypeVar("R")

_log = logging.getLogger("mapneo")

MAX_RETRIES = 3
"""How often a task is repeated whose worker or machine was lost."""

OBJECT_STORE_BYTES = 100_000_000
"""Of a Ray that is started here: records are small, and containers have little shared memory."""

_TASKS_PER_CORE = 2
_KNOCK_SECONDS = 10
_CANCEL_SECONDS = 60
_MUST_AGREE = ("numba", "numpy", "pyarrow", "xxhash")
_QUIET = {
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
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
        running: dict[Future[Any], Any] = {}

        def submit(item: T) -> Future[Any]:
            handle = call.remote(packed, item)
            # A future, because `ray.wait` would not let a signal through before a task has ended.
            future: Future[Any] = handle.future()
            running[future] = handle
            return future

        try:
            for future, item in in_flight(items, submit, first_finished, self._limit()):
                del running[future]
                yield self._result(future, item)
        except BaseException as error:
            for handle in running.values():
                ray.cancel(handle, force=True)
            if isinstance(error, Exception):
                # Nothing may be written behind the back of whoever goes on from here.
                wait(running, timeout=_CANCEL_SECONDS)
            raise

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

    def _result(self, future: "Future[Any]", item: object) -> Any:
        errors = self._ray.exceptions
        try:
            return future.result()
        except errors.RayTaskError as error:
            # Ray's error holds the worker's traceback; ours is the sentence that was raised there.
            raise error.cause from None
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError) as error:
            raise WorkerLostError.at(name_of(item), tries=MAX_RETRIES + 1) from error
        except errors.RayError as error:
            reason = " ".join(str(error).split())
            raise WorkerLostError(
                f"Ray could not run {name_of(item)} ({reason[:300]}): look after the cluster and "
                "run the same command again; finished shards are kept"
            ) from error


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
    # Ray prints what happens to its workers on stdout, which belongs to the command's own output.
    # It offers no switch for that (2.60).
    if hasattr(ray._private.worker, "print_to_stdstream"):
        ray._private.worker.print_to_stdstream = _to_log
    return ray


def _to_log(data: Mapping[str, Any], **_options: Any) -> None:
    for line in data["lines"]:
        _log.info("ray: %s", line)


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
    else:
        _knock(address)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(**options, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, error) from error
    finally:
        # Ray replaces them; Ctrl-C and `kill` must go on to mean what they meant.
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _knock(address: str) -> None:
    """Ray would try a wrong address for many minutes."""
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> ConfigError:
    reason = str(error).strip().splitlines()[0]
    return ConfigError(
        f"can't join a Ray cluster at {address or 'this machine'} ({reason}): start it with "
        "`ray start --head`, correct run.ray_address, or leave it empty"
    )


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
