"""Worker pools that leave nothing behind: not on failure, not when the parent is killed."""

import concurrent.futures
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Pool = Literal["threads", "processes", "inline"]
"""Where tasks run; `inline`: one after the other in this thread, for tasks that use every core."""


@contextmanager
def pool_executor(pool: Pool, workers: int) -> Iterator[concurrent.futures.Executor]:
    """A pool that, when a task fails or the user interrupts, drops what has not started.

    After a failure it waits for what runs, so that nothing is written behind the back of whoever
    goes on from there; an interrupt does not wait.
    """
    executor: concurrent.futures.Executor
    if pool == "threads":
        executor = concurrent.futures.ThreadPoolExecutor(workers)
    else:
        executor = concurrent.futures.ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_end_with_parent,
            initargs=(os.getpid(),),
        )
    try:
        yield executor
    except BaseException as error:
        executor.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    executor.shutdown(wait=True)


def _end_with_parent(parent: int) -> None:
    """Make a worker end when its parent was killed, so that no orphan goes on writing."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
