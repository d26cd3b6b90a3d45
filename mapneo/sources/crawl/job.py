"""A crawl in its folder: begin or go on, fetch, then write the table and the page.

<output>/<name>/recipe.json      the resolved recipe
<output>/<name>/frontier.sqlite  every address and where it stands
<output>/<name>/warc/*.warc.gz   what was fetched
<output>/<name>/crawl.parquet    one row per address
<output>/<name>/index.html       what was fetched, what not, and why
"""

import datetime
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mapneo
from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError, Interrupted, StorageError
from mapneo.core.files import read_json, storage_error, write_json
from mapneo.core.lock import exclusive
from mapneo.core.progress import Progress
from mapneo.core.recipe import read_toml, validate, with_overrides
from mapneo.sources.crawl.addresses import AddressPolicy
from mapneo.sources.crawl.answers import info_record
from mapneo.sources.crawl.archive import Archive, Record
from mapneo.sources.crawl.config import CrawlRecipe
from mapneo.sources.crawl.crawler import Crawler
from mapneo.sources.crawl.frontier import Frontier
from mapneo.sources.crawl.optout import read_opt_outs
from mapneo.sources.crawl.report import write_page
from mapneo.sources.crawl.scope import Scope
from mapneo.sources.crawl.table import Totals, write_outcomes

_CHANGEABLE = ("budget", "politeness", "output", "network")
"""Tables that may change while a crawl is under way; what is met under others would differ."""


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """How a crawl stands: why it ended, what it counted, and where its page is."""

    ending: str
    totals: Totals
    page: Path

    def as_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {
            "ending": self.ending,
            "page": str(self.page),
            "states": dict(self.totals.states),
            "reasons": dict(self.totals.reasons),
            "hosts": self.totals.hosts,
            "bytes": self.totals.wire_bytes,
            "seconds": self.totals.seconds,
        }


def read_crawl_recipe(path: Path, overrides: Sequence[str] = ()) -> CrawlRecipe:
    """Read a crawl's recipe; opt-out lists lie relative to its folder.

    Raises:
        InputError: there is no such file.
        ConfigError: a key or value is wrong; all mistakes are named.
    """
    values = read_toml(path)
    scope = values.get("scope")
    if isinstance(scope, dict) and isinstance(scope.get("opt_out"), list):
        scope["opt_out"] = [str((path.parent / str(each)).resolve()) for each in scope["opt_out"]]
    return validate(CrawlRecipe, with_overrides(values, overrides), str(path))


def run_crawl(recipe: CrawlRecipe, output: Path, progress: Progress) -> Crawled:
    """Begin the crawl, or go on with it; once in a process, as Scrapy can't start twice.

    Raises:
        ConfigError: the recipe differs from the one it began with.
        LockError: another process is at it.
        StorageError: the disk is full.
        Interrupted: a signal asked to stop; what was in flight has been stored.
    """
    folder = output / recipe.crawl.name
    with exclusive(folder):
        _keep_recipe(recipe, folder / "recipe.json")
        frontier = Frontier(folder / "frontier.sqlite")
        try:
            ending = _fetch(recipe, frontier, folder, progress)
            frontier.set_fact("ending", ending)
            frontier.commit()
            totals = write_outcomes(frontier, folder / "crawl.parquet")
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"{folder / 'frontier.sqlite'} can't be written ({error}): check space and "
                "permissions, then run the same command again"
            ) from error
        except OSError as error:
            raise storage_error(error, folder) from error
        finally:
            frontier.close()
        page = folder / "index.html"
        write_page(page, recipe, ending, totals)
    return Crawled(ending=ending, totals=totals, page=page)


def _keep_recipe(recipe: CrawlRecipe, path: Path) -> None:
    """Write the recipe down; refuse one under which earlier pages would not have been met."""
    values = recipe.model_dump(mode="json")
    if path.exists():
        before = validate(CrawlRecipe, read_json(path), str(path)).model_dump(mode="json")
        changed = [
            name
            for name in values
            if name not in _CHANGEABLE and _compared(values[name]) != _compared(before[name])
        ]
        if changed:
            raise ConfigError(
                f"[{changed[0]}] differs from what the crawl in {path.parent} began with: give it "
                f"another crawl.name, or put it back; only {', '.join(_CHANGEABLE)} and "
                "scope.opt_out may change while it is under way"
            )
    write_json(path, values)


def _compared(table: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in table.items() if name != "opt_out"}


def _fetch(recipe: CrawlRecipe, frontier: Frontier, folder: Path, progress: Progress) -> str:
    """Fetch until the crawl ends; gives the reason."""
    # Scrapy takes a second to import, which a mistake in the recipe need not wait for.
    from mapneo.sources.crawl.engine import fetch_all
    from mapneo.sources.crawl.resolver import Guard

    policy = AddressPolicy(recipe.network.allow_addresses)
    opt_outs = read_opt_outs(Path(path) for path in recipe.scope.opt_out)
    roll_bytes = round(recipe.output.warc_megabytes * 1e6)
    archive = Archive(folder / "warc", recipe.crawl.name, roll_bytes, _info(recipe), frontier)
    try:
        again = frontier.resume() + archive.requeued
        if again:
            progress.note(f"{again} pages were in flight when the crawl ended; they come again")
        scope = Scope(recipe, opt_outs, policy)
        crawl = Crawler(recipe, frontier, archive, scope, progress)
        if crawl.ledger.has_queue:
            fetch_all(recipe, crawl, Guard(policy, recipe.network.hosts))
        crawl.ledger.say()
    except Interrupted:
        archive.close()
        frontier.commit()
        raise
    except BaseException:
        frontier.rollback()
        archive.abandon()
        raise
    archive.close()
    frontier.commit()
    return crawl.ledger.ending or "finished"


def _info(recipe: CrawlRecipe) -> Record:
    fields = {
        "software": f"mapneo/{mapneo.__version__}",
        "format": "WARC file version 1.1",
        "http-header-user-agent": recipe.agent.header,
        "operator": recipe.agent.contact,
        "robots": "obey",
        "description": f"crawl {recipe.crawl.name} of {' '.join(recipe.crawl.seeds)}",
    }
    return info_record(fields, datetime.datetime.now(datetime.UTC))
