"""What a crawl has spent of its budgets, and what is said of it while it runs."""

import time

from mapneo.core.progress import Progress
from mapneo.sources.crawl.config import BudgetConfig
from mapneo.sources.crawl.frontier import Frontier
from mapneo.sources.crawl.pacing import Turns

_SAY_SECONDS = 0.5


class Ledger:
    """Counts pages, bytes and hours; knows when a run ends, and why."""

    def __init__(
        self, budget: BudgetConfig, frontier: Frontier, turns: Turns, progress: Progress
    ) -> None:
        """Count what earlier runs left."""
        self._budget, self._frontier, self._turns = budget, frontier, turns
        self._progress = progress
        self.ending = ""
        self.stored = sum(host.stored for host in turns.hosts.values())
        self.bytes = int(frontier.fact("bytes", 0))
        self._seconds_before = float(frontier.fact("seconds", 0.0))
        self._started = time.time()
        self._said, self._unsaid = 0.0, 0
        progress.begin(max(0, budget.pages - self.stored), "pages")

    def has_room(self, now: float) -> bool:
        """Whether another request fits the budgets; if none ever will, the run ends."""
        budget = self._budget
        if self.stored >= budget.pages:
            self.ending = "pages"
        elif budget.megabytes is not None and self.bytes >= budget.megabytes * 1e6:
            self.ending = "megabytes"
        elif budget.hours is not None and self._seconds(now) >= budget.hours * 3600:
            self.ending = "hours"
        return not self.ending and self.stored + self._turns.active < budget.pages

    def give_up(self, ending: str) -> None:
        """The run ends for a reason that is no budget."""
        self.ending = self.ending or ending

    @property
    def has_queue(self) -> bool:
        """Whether addresses wait at a host that may be asked."""
        return not self.ending and self._turns.queued > 0

    def received(self, wire_bytes: int) -> None:
        """Bytes of a page have come."""
        self.bytes += wire_bytes
        self._frontier.set_fact("bytes", self.bytes)

    def stored_one(self) -> None:
        """A page is stored."""
        self.stored += 1
        self._unsaid += 1

    def note_time(self, now: float) -> None:
        """Write down how long the crawl has been at work; say how far it is."""
        self._frontier.set_fact("seconds", self._seconds(now))
        if now - self._said >= _SAY_SECONDS:
            self._said = now
            self.say()

    def say(self) -> None:
        """Tell the progress what has been done since the last time."""
        busy = sum(1 for host in self._turns.hosts.values() if host.queued or host.active)
        self._progress.advance(
            self._unsaid,
            MB=self.bytes / 1e6,
            hosts=len(self._turns.hosts),
            busy=busy,
            queue=self._turns.queued,
        )
        self._unsaid = 0

    def _seconds(self, now: float) -> float:
        return self._seconds_before + now - self._started
