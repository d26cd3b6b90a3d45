"""One tree of errors, each with the exit code that `mapneo` ends with.

MapNeoError (1)
├── ConfigError (2)     a recipe or an option is wrong
├── InputError (3)      a file the user named is missing, unreadable or empty
├── FetchError (4)      a package could not be had: no network, wrong hash, unsafe archive
├── StorageError (5)    disk full or not writable
├── LockError (6)       another run is writing the same directory
├── ManifestError (7)   an artifact is missing, half-written or does not match its manifest
│   └── CorruptFileError    a table is there and can't be read
├── DataError (8)       a stage was left without the data it needs, or its counts do not add up
│   └── WorkerLostError     a worker died over a task, not once but again
├── TrainingError (9)   the loss is not a number, a checkpoint is torn
└── FloorError (10)     the run finished and a quality floor asked for by the recipe was not met

Interrupted (130)       the user or the system asked the command to stop; not an error

A message says what was expected, what came, where, and what to do.
"""


class MapNeoError(Exception):
    """Base of all errors that carry a message for the user instead of a traceback."""

    exit_code = 1


class ConfigError(MapNeoError):
    """A recipe key, value or command-line option is wrong."""

    exit_code = 2


class InputError(MapNeoError):
    """A file or folder the user named is missing, unreadable or empty."""

    exit_code = 3


class FetchError(MapNeoError):
    """A package could not be fetched, verified or unpacked safely."""

    exit_code = 4


class StorageError(MapNeoError):
    """The disk is full, or a path can't be written."""

    exit_code = 5


class LockError(MapNeoError):
    """Another process is writing the same run directory."""

    exit_code = 6


class ManifestError(MapNeoError):
    """An artifact is missing, half-written, or differs from what its manifest says."""

    exit_code = 7


class CorruptFileError(ManifestError):
    """A table is there and can't be read; `path` is its place, as text."""

    def __init__(self, path: str, reason: str) -> None:
        """`reason`: what the library that reads it says."""
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """One sentence; the arguments stay apart, so that the error survives pickling."""
        return f"{self.path} can't be read ({self.reason}): delete it and run the stage again"


class DataError(MapNeoError):
    """A stage has no data to work on, or documents went missing between in and out."""

    exit_code = 8


class WorkerLostError(DataError):
    """The process that ran a task died, without an error that could be shown."""

    @staticmethod
    def at(shard: str, *, tries: int = 1) -> "WorkerLostError":
        """The error for a shard after so many tries."""
        times = "" if tries == 1 else f", {tries} times"
        return WorkerLostError(
            f"the worker process died while it worked on {shard}{times}: most likely the memory "
            "did not suffice; use fewer workers (run.workers) or smaller shards, and run the same "
            "command again; finished shards are kept"
        )


class TrainingError(MapNeoError):
    """Training can't go on: loss is not finite, or no usable checkpoint is left."""

    exit_code = 9


class FloorError(MapNeoError):
    """The run finished, but a quality floor that the recipe asserts was not met."""

    exit_code = 10


class Interrupted(BaseException):
    """SIGINT or SIGTERM came. Not an Exception, so nothing on the way takes it for a failure."""

    exit_code = 130
