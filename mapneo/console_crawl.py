"""How a finished crawl looks in a terminal."""

from rich.console import Console

from mapneo.console import human
from mapneo.sources.crawl.job import Crawled
from mapneo.sources.crawl.outcomes import ENDINGS, in_words

_SHOWN_REASONS = 12


def print_crawled(crawled: Crawled) -> None:
    """Why the crawl ended, its counts with reasons, and the page's address."""
    console = Console(highlight=False, soft_wrap=True)
    totals = crawled.totals
    size = human(totals.wire_bytes, "B")
    console.print(
        f"{sum(totals.types.values()):,} pages stored, {size} received from {totals.hosts:,} hosts "
        f"in {totals.seconds:.0f} s; {ENDINGS[crawled.ending]}"
    )
    reasons = sorted(totals.reasons.items(), key=lambda item: (-item[1], item[0]))
    for name, count in reasons[:_SHOWN_REASONS]:
        state, _, reason = name.partition(".")
        console.print(f"  {state:<8}{count:>9,}  {reason}: {in_words(reason)}", markup=False)
    if len(reasons) > _SHOWN_REASONS:
        console.print(f"  … {len(reasons) - _SHOWN_REASONS} more reasons on the page")
    console.print(f"page: {crawled.page.resolve().as_uri()}")
