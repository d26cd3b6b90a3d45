"""The page of a crawl: one HTML file that needs nothing else."""

import base64
import hashlib
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from mapneo.core.files import write_text
from mapneo.sources.crawl.config import CrawlRecipe
from mapneo.sources.crawl.outcomes import ENDINGS, in_words
from mapneo.sources.crawl.table import Totals

_STATES = ("done", "skipped", "failed", "queued")


def write_page(path: Path, recipe: CrawlRecipe, ending: str, totals: Totals) -> None:
    """Write what was fetched, what was not, and why."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    folder = resources.files(__package__).joinpath("templates")
    style = folder.joinpath("crawl.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sections = [(state, _rows(state, totals)) for state in _STATES if state in totals.states]
    page = templates.get_template("crawl.html").render(
        name=recipe.crawl.name,
        seeds=recipe.crawl.seeds,
        agent=recipe.agent.header,
        ending=ENDINGS[ending],
        totals=totals,
        sections=sections,
        most=max((host.stored for host in totals.by_host), default=0),
        style=Markup(style),  # noqa: S704 - ours; escaping would break it and its hash
        style_hash=digest,
    )
    write_text(path, page)


def _rows(state: str, totals: Totals) -> list[tuple[str, str, int, list[str]]]:
    """Reasons of a state, most frequent first: name, words, addresses, some of them."""
    found = [
        (name.partition(".")[2], count, list(totals.samples[name]))
        for name, count in totals.reasons.items()
        if name.startswith(f"{state}.")
    ]
    found.sort(key=lambda row: (-row[1], row[0]))
    return [(reason, in_words(reason), count, urls) for reason, count, urls in found]
