"""How a run looks in a terminal: a live line per stage there, plain lines elsewhere."""

import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from mapneo.core.canonical import Json
from mapneo.core.errors import MapNeoError
from mapneo.core.manifest import Manifest
from mapneo.core.progress import Progress as ProgressProtocol
from mapneo.core.runner import Step

PLAIN_EVERY_SECONDS = 10.0


class View(Protocol):
    """Shows stages as they begin and end."""

    def title(self, text: str) -> None:
        """Several runs follow each other; this names the next."""

    def begin(self, step: Step) -> ProgressProtocol:
        """A stage starts; gives its reporter."""

    def work(self, name: str) -> ProgressProtocol:
        """Work that is no stage starts; gives its reporter."""

    def end(self, step: Step) -> None:
        """A stage is done, now or from before."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def choose_view(*, json_output: bool) -> View:
    """A live view on a terminal, plain lines elsewhere; with `--json` both go to stderr."""
    console = Console(stderr=json_output, highlight=False)
    return LiveView(console) if console.is_terminal else PlainView(console)


def human(value: float, unit: str = "") -> str:
    """A number with a thousands suffix: 1,234 → `1.23k`."""
    for limit, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{suffix}{unit}"
    return f"{value:.3g}{unit}"


def summary(manifest: Manifest) -> str:
    """One line of what a stage did: counts, seconds, peak memory."""
    counts = manifest.counts
    parts = []
    if counts.documents_in:
        parts.append(f"{counts.documents_in:,} in, {counts.kept:,} kept")
        dropped, errors = sum(counts.dropped.values()), sum(counts.errors.values())
        parts += [f"{dropped:,} dropped"] if dropped else []
        parts += [f"{errors:,} errors"] if errors else []
    parts.append(f"{manifest.seconds:.1f} s")
    parts.append(f"{human(manifest.peak_memory_bytes, 'B')} peak")
    return ", ".join(parts)


def _numbers(numbers: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.5g}" for name, value in numbers.items())


class PlainView:
    """A line when a stage starts and ends, and one every ten seconds in between."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console

    def title(self, text: str) -> None:
        """Print the name of what follows."""
        self._console.print(f"== {text}", soft_wrap=True, markup=False)

    def begin(self, step: Step) -> ProgressProtocol:
        """Print the stage's name and why it runs."""
        self._console.print(f"{step.stage.name}: {'; '.join(step.reasons)}", soft_wrap=True)
        return self.work(step.stage.name)

    def work(self, name: str) -> ProgressProtocol:
        """A reporter that prints a line every ten seconds."""
        return _PlainProgress(self._console, name)

    def end(self, step: Step) -> None:
        """Print the stage's summary."""
        if step.manifest is not None:
            word = "up to date" if step.state == "done" else "done"
            self._console.print(
                f"{step.stage.name}: {word} ({summary(step.manifest)})", soft_wrap=True
            )

    def close(self) -> None:
        """Nothing to put back."""


class _PlainProgress:
    def __init__(self, console: Console, stage: str) -> None:
        self._console, self._stage = console, stage
        self.begin(None, "")

    def begin(self, total: int | None, unit: str) -> None:
        self._total, self._unit, self._done = total, unit, 0
        self._started = self._said = time.monotonic()

    def advance(self, n: int = 1, **numbers: float) -> None:
        self._done += n
        now = time.monotonic()
        if now - self._said < PLAIN_EVERY_SECONDS:
            return
        self._said = now
        rate = self._done / (now - self._started)
        of = f"/{self._total:,}" if self._total else ""
        eta = f", {(self._total - self._done) / rate:.0f} s left" if self._total and rate else ""
        self._console.print(
            f"{self._stage}: {self._done:,}{of} {self._unit}, {human(rate)}/s{eta}  "
            f"{_numbers(numbers)}".rstrip(),
            soft_wrap=True,
        )

    def note(self, text: str) -> None:
        self._console.print(f"{self._stage}: {text}", soft_wrap=True)


class LiveView:
    """A bar for the running stage, with rate and time left; finished stages stay above it."""

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[numbers]}"),
            console=console,
            transient=True,
        )
        self._bars.start()

    def title(self, text: str) -> None:
        """Print the name of what follows."""
        self._bars.print(f"[bold]{escape(text)}")

    def begin(self, step: Step) -> ProgressProtocol:
        """Start a bar."""
        self._bars.print(f"[dim]{step.stage.name}: {'; '.join(step.reasons)}", soft_wrap=True)
        return self.work(step.stage.name)

    def work(self, name: str) -> ProgressProtocol:
        """Start a bar without a heading."""
        return _LiveProgress(self._bars, name)

    def end(self, step: Step) -> None:
        """Replace the bar by a line that stays."""
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        if step.manifest is not None:
            mark = "[dim]=" if step.state == "done" else "[green]✓"
            self._bars.print(f"{mark}[/] {step.stage.name:<12} {summary(step.manifest)}")

    def close(self) -> None:
        """Stop drawing."""
        self._bars.stop()


class _LiveProgress:
    def __init__(self, bars: Progress, stage: str) -> None:
        self._bars = bars
        self._task = bars.add_task(stage, total=None, state="", numbers="")
        self.begin(None, "")

    def begin(self, total: int | None, unit: str) -> None:
        self._unit, self._started, self._done = unit, time.monotonic(), 0
        self._bars.reset(self._task, total=total, state="", numbers="")

    def advance(self, n: int = 1, **numbers: float) -> None:
        self._done += n
        rate = self._done / max(time.monotonic() - self._started, 1e-9)
        state = f"{self._done:,} {self._unit}, {human(rate)}/s"
        self._bars.update(self._task, advance=n, state=state, numbers=_numbers(numbers))

    def note(self, text: str) -> None:
        self._bars.print(f"[dim]  {text}", soft_wrap=True)


def print_steps(steps: list[Step]) -> None:
    """Table of stages: name, state, and why or what came of it."""
    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "state", ""):
        table.add_column(heading)
    for step in steps:
        detail = summary(step.manifest) if step.manifest else "; ".join(step.reasons)
        table.add_row(step.stage.name, step.state, detail)
    Console(highlight=False).print(table)


def step_json(step: Step) -> Json:
    """A step for `--json`."""
    manifest = step.manifest
    return {
        "stage": step.stage.name,
        "state": step.state,
        "reasons": list(step.reasons),
        "counts": None if manifest is None else manifest.counts.as_json(),
        "outputs_digest": None if manifest is None else manifest.outputs_digest,
        "seconds": None if manifest is None else manifest.seconds,
        "peak_memory_bytes": None if manifest is None else manifest.peak_memory_bytes,
    }


def print_summary(directory: Path, steps: list[Step]) -> None:
    """One screen at the end of a run: stages, time, and the page's address."""
    console = Console(highlight=False)
    ran = [step for step in steps if step.state == "run" and step.manifest is not None]
    seconds = sum(step.manifest.seconds for step in ran if step.manifest is not None)
    if ran:
        console.print(f"\n{len(ran)} of {len(steps)} stages ran, {seconds:.0f} s in all")
    else:
        console.print("nothing to do: every stage is up to date")
    page = (directory / "report" / "index.html").resolve()
    if page.exists():
        console.print(f"page: {page.as_uri()}", soft_wrap=True)
    if any(step.stage.name == "sft_2" and step.manifest is not None for step in steps):
        console.print(f"talk to it: mapneo chat {directory}", soft_wrap=True)


def print_manifest(manifest: Manifest) -> None:
    """The parts of a manifest that people ask for first."""
    console = Console(highlight=False)
    console.print(f"[bold]{manifest.stage}[/] version {manifest.version}: {summary(manifest)}")
    console.print(f"started {manifest.started}, {manifest.shards} shards, seed {manifest.seed}")
    for kind, numbers in (("dropped", manifest.counts.dropped), ("error", manifest.counts.errors)):
        for reason, count in sorted(numbers.items(), key=lambda item: (-item[1], item[0])):
            console.print(f"  {kind} {count:>9,}  {reason}")
    tables = {"settings": manifest.config, "inputs": manifest.inputs, "versions": manifest.versions}
    for title, values in tables.items():
        console.print(f"[bold]{title}[/]")
        for key, value in values.items():
            console.print(f"  {key} = {value}", soft_wrap=True, markup=False)
    size = sum(record.size_bytes for record in manifest.outputs.values())
    console.print(f"[bold]outputs[/] {len(manifest.outputs)} files, {human(size, 'B')}")
    console.print(f"  digest {manifest.outputs_digest}")


def print_rows(rows: Sequence[Mapping[str, Json]]) -> None:
    """Rows of equal keys as a table."""
    table = Table(box=None, pad_edge=False)
    headings = list(rows[0]) if rows else []
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(str(row[heading]) for heading in headings))
    Console(highlight=False).print(table)


class Talker(Protocol):
    """Answers messages in pieces."""

    forgotten: int

    def reply(self, text: str) -> Iterator[str]:
        """The answer's pieces as they come."""

    def reset(self) -> None:
        """Forget the conversation."""


def converse(session: Talker, *, name: str) -> None:
    """Read a message per line and print the answers as they come, until `/quit` or end of input.

    A message that can't be answered is explained, and the conversation goes on.
    """
    if isinstance(sys.stdin, io.TextIOWrapper):
        # What a terminal or a pipe sends need not be UTF-8; a wrong byte is no reason to end.
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    is_terminal = sys.stdin.isatty()
    console = Console(highlight=False, soft_wrap=True)
    if is_terminal:
        console.print(f"[dim]{name}: /reset forgets the conversation, /quit ends it[/]")
    for line in _lines("> " if is_terminal else ""):
        text = line.strip()
        if text == "/quit":
            return
        if text == "/reset":
            session.reset()
        elif text:
            _answer(session, text, console)


def _answer(session: Talker, text: str, console: Console) -> None:
    before = session.forgotten
    try:
        for piece in session.reply(text):
            console.print(piece, end="", markup=False)
            console.file.flush()
    except MapNeoError as error:
        console.print(f"error: {error}", end="", markup=False)
    console.print()
    if session.forgotten > before:
        console.print(f"[dim](the first {session.forgotten} turns no longer fit)[/]")


def _lines(prompt: str) -> Iterator[str]:
    while True:
        try:
            yield input(prompt)
        except EOFError:
            return
