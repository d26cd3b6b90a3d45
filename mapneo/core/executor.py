"""Who runs tasks: the seam between the engine and threads, processes, or a cluster.

An executor knows nothing of stages, shards or markers. It is given one pure function and many
items, calls the function once or more for each, wherever it likes, and yields what it returns.
`LocalExecutor` is the default; `core/ray_executor.py` is the other; docs/scaling-out.md shows how
to add a third.
"""

import concurrent.futures
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, TypeVar

from mapneo.core.errors import WorkerLostError
from mapneo.core.pools import Pool, pool_executor

T = TypeVar("T")
R = TypeVar("R")
H = TypeVar("H", bound=Hashable)

_WAITING_PER_WORKER = 4
"""Tasks handed over per worker: enough that none idles, few enough that millions need no memory."""


class Executor(Protocol):
    """Calls a function for many items and yields the results as they come."""

    def run(self, work: Callable[[T], R], items: Sequence[T], *, pool: Pool) -> Iterator[R]:
        """Yield `work(item)` of every item, in any order.

        Args:
            work: can be pickled; called twice for one item, it leaves the same files twice.
            items: can be pickled each; only a bounded number is under way.
            pool: what the work needs: see `Pool`. `inline` work runs alone, in this process.

        Whoever stops listening (an error, an interrupt) closes the iterator: what has not started
        is dropped then, and nothing goes on in the background for long.

        Raises:
            WorkerLostError: the worker of an item died, again and again.
            Exception: whatever `work` raised, as it raised it.
        """


def name_of(item: object) -> str:
    """How messages call an item: its shard, if it has one."""
    return str(getattr(item, "shard", item))


def in_flight(
    items: Sequence[T],
    submit: Callable[[T], H],
    wait: Callable[[Collection[H]], Collection[H]],
    limit: int,
) -> Iterator[tuple[H, T]]:
    """Hand over items so that `limit` are under way; yield each with its handle when finished.

    Args:
        items: in the order they are to start.
        submit: starts one and gives a handle.
        wait: blocks until one or more handles are finished, and gives those.
        limit: how many at most are under way.
    """
    running: dict[H, T] = {}
    left = iter(items)
    while True:
        while len(running) < limit and (item := next(left, None)) is not None:
            running[submit(item)] = item
        if not running:
            return
        for handle in wait(running.keys()):
            yield handle, running.pop(handle)


class LocalExecutor:
    """Threads over nogil kernels, or processes where a library holds the interpreter."""

    def __init__(self, workers: int) -> None:
        """`workers`: tasks at once; with one, everything runs in the calling thread."""
        self._workers = max(1, workers)

    def run(self, work: Callable[[T], R], items: Sequence[T], *, pool: Pool) -> Iterator[R]:
        """As `Executor.run`."""
        workers = min(self._workers, len(items))
        if workers <= 1 or pool == "inline":
            for item in items:
                yield work(item)
            return
        with pool_executor(pool, workers) as executor:
            tasks = in_flight(
                items,
                lambda item: executor.submit(work, item),
                first_finished,
                workers * _WAITING_PER_WORKER,
            )
            for future, item in tasks:
                try:
                    result = future.result()
                except BrokenProcessPool as error:
                    # All that were under way fail together; whose worker died is not told.
                    raise WorkerLostError.at(f"{name_of(item)} or a shard beside it") from error
                yield result


def first_finished(
    futures: Collection["concurrent.futures.Future[R]"],
) -> Collection["concurrent.futures.Future[R]"]:
    """Wait for one or more of the futures; for `in_flight`."""
    return concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_COMPLETED).done
