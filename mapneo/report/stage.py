"""Stage `report`: one self-contained page about a run, and the source of every figure on it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mapneo.core.canonical import Json
from mapneo.core.errors import InputError
from mapneo.core.files import atomic_file, write_json
from mapneo.core.stage import Config, Outcome, Work

PAGE_NAME = "index.html"
NUMBERS_NAME = "numbers.json"


class ReportConfig(Config):
    """What the page shows beside the run itself."""

    title: str | None = None
    """Name of the run on the page; by default the name of its folder."""
    claims: Path | None = None
    """A claims file such as `docs/claims.toml`; without one the page says so."""


@dataclass(frozen=True)
class Report:
    """Reads all manifests and the small files beside them, writes `index.html`."""

    config: ReportConfig
    inputs: tuple[str, ...]
    """All stages of the run but itself, in order."""
    name: ClassVar[str] = "report"
    reads_manifests: ClassVar[bool] = True
    version: ClassVar[int] = 1

    def outside(self) -> Json:
        """Digest of the claims file, so that a new result in it makes a new page."""
        if self.config.claims is None:
            return None
        try:
            return hashlib.sha256(self.config.claims.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(
                f"report.claims: can't read {self.config.claims} ({error.strerror}); "
                "check the path, or leave the key out"
            ) from error

    def run(self, work: Work) -> Outcome:
        """Write the page and `numbers.json`.

        Raises:
            InputError: the claims file can't be read.
        """
        # Imported here so that planning a run needs neither templates nor the drawing library.
        from mapneo.report.collect import collect
        from mapneo.report.page import render

        collected = collect(
            {name: artifact.directory for name, artifact in work.inputs.items()},
            run_name=self.config.title or work.output.parent.name,
            claims_file=self.config.claims,
        )
        page = render(collected)
        with atomic_file(work.output / PAGE_NAME) as temporary:
            temporary.write_text(page, encoding="utf-8")
        write_json(work.output / NUMBERS_NAME, collected.numbers)
        figures = len(collected.numbers["figures"])
        return Outcome(
            facts={"page_bytes": len(page.encode()), "figures": figures},
            files=(PAGE_NAME, NUMBERS_NAME),
        )
