"""How a command ends: known failures as one sentence, with the exit code that is documented."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapneo.core.errors import Interrupted, MapNeoError
from mapneo.core.files import storage_error


@contextmanager
def explained() -> Iterator[None]:
    """Turn known failures into a sentence on stderr and an exit code."""
    try:
        yield
    except MapNeoError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from error
    except Interrupted as stop:
        sys.stderr.write("stopped; the same command goes on from here\n")
        raise SystemExit(stop.exit_code) from stop
    except OSError as error:
        known = storage_error(error, Path(str(error.filename or "the run's folder")))
        sys.stderr.write(f"error: {known}\n")
        code = known.exit_code if isinstance(known, MapNeoError) else MapNeoError.exit_code
        raise SystemExit(code) from error
