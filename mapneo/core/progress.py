"""What a stage says while it works: how far, how fast, and short notes."""

import logging
from typing import Protocol

_log = logging.getLogger("mapneo")


class Progress(Protocol):
    """Told by stages and the engine; shown by the command line, or by nobody."""

    def begin(self, total: int | None, unit: str) -> None:
        """A piece of work of `total` units (None: unknown) starts."""

    def advance(self, n: int = 1, **numbers: float) -> None:
        """`n` more units are done; `numbers` (loss, documents, …) are shown beside the bar."""

    def note(self, text: str) -> None:
        """One sentence worth reading, such as a compile pause or a resumed checkpoint."""


class QuietProgress:
    """Shows nothing but passes notes to the log: for library use and tests."""

    def begin(self, total: int | None, unit: str) -> None:
        """Do nothing."""

    def advance(self, n: int = 1, **numbers: float) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Log the note at INFO."""
        _log.info(text)
