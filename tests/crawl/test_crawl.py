"""Crawls of real sites on loopback, each in a process of its own."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter

import pyarrow.parquet as pq
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from tests.crawl.conftest import HOSTS, finish, start
from tests.crawl.server import PAGES


def outcomes(folder):
    rows = pq.read_table(folder / "t" / "crawl.parquet").to_pylist()
    return {row["url"]: row for row in rows}


def records(folder, kind=WarcRecordType.response):
    """(url, payload) of the records of the WARC set; digests are verified on the way."""
    found = []
    for path in sorted((folder / "t" / "warc").glob("*.warc.gz")):
        with path.open("rb") as handle:
            # A record with a wrong digest would be left out.
            for record in ArchiveIterator(handle, record_types=kind, verify_digests=True):
                found.append((record.headers["WARC-Target-URI"], record.reader.read()))
    return found


@pytest.fixture(scope="module")
def crawled(site, tmp_path_factory):
    """All sites, by the command line."""
    folder = tmp_path_factory.mktemp("crawl")
    (folder / "no.txt").write_text("# opted out\nhttp://docs.test/zh/7.html\n")
    hosts = [*HOSTS, "127.0.0.2"]
    recipe = site.recipe(folder / "r.toml", hosts, '[scope]\nopt_out = ["no.txt"]\n')
    words = [sys.executable, "-m", "mapneo.cli", "crawl", str(recipe), "--output", str(folder)]
    result = subprocess.run([*words, "--json"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder, json.loads(result.stdout), outcomes(folder), site.requests()


def test_every_address_has_one_outcome_and_counts_add_up(crawled):
    _, summary, rows, _ = crawled
    assert summary["ending"] == "finished"
    pages = [row for row in rows.values() if row["kind"] == "page"]
    assert Counter(row["state"] for row in pages) == summary["states"]
    reasons = Counter(f"{row['state']}.{row['reason']}" for row in pages)
    assert reasons == summary["reasons"]
    assert "queued" not in summary["states"]


def test_nothing_is_asked_for_twice_but_what_failed(crawled):
    _, _, rows, requests = crawled
    asked = Counter(f"http://{host}{path}" for host, path, _, _ in requests)
    again = {url: count for url, count in asked.items() if count > 1}
    assert again == {
        "http://traps.test/drip": 2,
        "http://traps.test/lie": 2,
        "http://traps.test/busy": 2,
        "http://broken.test/robots.txt": 2,
    }
    assert {agent for _, _, agent, _ in requests} == {"testbot/1.0 (test@example.org)"}
    attempts = {url: rows[url]["attempts"] for url in again}
    assert attempts == again | {"http://traps.test/busy": 1}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://docs.test/", "stored"),
        ("http://docs.test/private/closed.html", "robots"),
        ("http://docs.test/private/open.html", "stored"),
        ("http://docs.test/old.html", "redirect"),
        ("http://docs.test/missing.html", "http_404"),
        ("http://docs.test/picture.png", "content_type"),
        ("http://docs.test/zh/7.html", "opted_out"),
        ("http://elsewhere.test/", "other_host"),
        ("http://127.0.0.2/", "private_address"),
        ("http://broken.test/", "robots_unreachable"),
        ("http://patient.test/", "crawl_delay"),
        ("http://traps.test/loop/5", "too_many_redirects"),
        ("http://traps.test/drip", "timeout"),
        ("http://traps.test/lie", "truncated"),
        ("http://traps.test/bomb", "unpacked_too_large"),
        ("http://traps.test/corrupt", "undecodable"),
        ("http://traps.test/busy", "stored"),
        ("http://traps.test/a/a/a/a/", "trap_repeated_path"),
        ("http://traps.test/calendar/2028/7", "too_deep"),
        ("http://asks.test/noai.html", "noai"),
        ("http://asks.test/header.html", "noai"),
        ("http://asks.test/other.html", "stored"),
        ("http://asks.test/noindex.html", "stored"),
        ("http://asks.test/tdm.html", "tdm_reserved"),
        ("http://asks.test/tdm-header.html", "tdm_reserved"),
        ("http://asks.test/closed/1.html", "tdm_reserved"),
        ("http://asks.test/real.html", "stored"),
    ],
)
def test_outcome_of(crawled, url, reason):
    assert crawled[2][url]["reason"] == reason


def test_what_is_forbidden_is_never_asked_for(crawled):
    _, _, _, requests = crawled
    asked = {f"http://{host}{path}" for host, path, _, _ in requests}
    for url in ("docs.test/private/closed.html", "docs.test/zh/7.html", "asks.test/closed/1.html",
                "broken.test/", "patient.test/", "asks.test/behind.html"):  # fmt: skip
        assert f"http://{url}" not in asked


def test_requests_of_pages_are_recorded(crawled):
    _, _, rows, _ = crawled
    noindex, tdm = rows["http://asks.test/noindex.html"], rows["http://asks.test/tdm.html"]
    closed = rows["http://asks.test/closed/1.html"]
    assert noindex["noindex"]
    assert not noindex["noai"]
    assert noindex["tdm_reserved"] is False
    assert (tdm["tdm_reserved"], tdm["tdm_where"]) == (True, "meta")
    assert tdm["tdm_policy"] == "https://asks.test/terms.json"
    assert (closed["tdm_where"], closed["tdm_policy"]) == ("file", "https://p.test/")
    assert rows["http://asks.test/canonical.html"]["canonical"] == "http://asks.test/real.html"


def test_hosts_are_asked_as_slowly_as_they_wish(crawled):
    _, _, _, requests = crawled
    slow = [moment for host, _, _, moment in requests if host == "slow.test"]
    assert len(slow) == 6
    # The server's clock starts when a request arrives; the crawler's, when it leaves.
    assert min(b - a for a, b in zip(slow[1:], slow[2:], strict=False)) > 0.3
    busy = [moment for _, path, _, moment in requests if path == "/busy"]
    assert busy[1] - busy[0] > 0.9


def test_a_page_with_ten_thousand_links_gives_the_first_ones(crawled):
    _, _, rows, _ = crawled
    many = rows["http://traps.test/many"]
    assert (many["links"], many["links_left_out"]) == (300, 9700)
    leaves = [row for url, row in rows.items() if "/leaf/" in url]
    assert Counter(row["reason"] for row in leaves) == {"stored": 90, "trap_directory": 210}


def test_warc_holds_what_the_table_says(crawled):
    folder, _, rows, _ = crawled
    stored = {url: row for url, row in rows.items() if row["reason"] == "stored"}
    found = records(folder)
    assert {url for url, _ in found} == stored.keys()
    assert len(found) == len(stored)
    for url, payload in found:
        assert hashlib.sha256(payload).hexdigest() == stored[url]["sha256"]
    copies = {url for url, row in rows.items() if row["reason"] == "copy"}
    assert {url for url, _ in records(folder, WarcRecordType.revisit)} == copies
    assert len(records(folder, WarcRecordType.metadata)) == len(stored) + len(copies)
    for url, row in list(stored.items())[:20]:
        with (folder / "t" / "warc" / row["warc_file"]).open("rb") as handle:
            handle.seek(row["warc_offset"])
            record = next(ArchiveIterator(handle, parse_http=False))
            assert record.headers["WARC-Target-URI"] == url


def test_links_are_read_in_the_pages_own_encoding(crawled):
    # The header says UTF-8, the bytes are GBK; browsers write a query in the page's encoding.
    assert "http://docs.test/zh/1.html?%B4%CA=%D6%B5" in crawled[2]


def test_the_page_needs_nothing_else_and_names_reasons(crawled):
    folder = crawled[0]
    page = (folder / "t" / "index.html").read_text()
    assert "<script" not in page
    assert 'src="' not in page
    assert "robots.txt forbids it" in page
    assert "http://docs.test/private/closed.html" in page


def test_going_on_after_the_end_asks_for_nothing(crawled, site):
    folder = crawled[0]
    before = len(site.requests())
    assert finish(start(folder / "r.toml", folder)) == "finished"
    assert len(site.requests()) == before


def test_killed_stopped_by_a_budget_and_resumed_is_as_if_undisturbed(crawled, site, tmp_path):
    folder, _, _, requests = crawled
    undisturbed = [row for row in requests if row[0] == "docs.test"]
    (tmp_path / "no.txt").write_text((folder / "no.txt").read_text())
    more = '[scope]\nopt_out = ["no.txt"]\n'
    recipe = site.recipe(tmp_path / "r.toml", ["docs.test"], more)
    site.forget()
    process = start(recipe, tmp_path)
    while len(site.requests()) < PAGES and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert finish(start(recipe, tmp_path, "budget.pages=60")) == "pages"
    reasons = Counter(row["reason"] for row in outcomes(tmp_path).values())
    assert reasons["stored"] == 60
    assert reasons["budget"] > 10
    assert finish(start(recipe, tmp_path)) == "finished"
    whole = [row for row in records(folder) if row[0].startswith("http://docs.test/")]
    assert sorted(records(tmp_path)) == sorted(whole)
    asked = Counter(path for _, path, _, _ in site.requests())
    assert asked.total() - len(undisturbed) <= 4  # those in flight: per_host = 4
    assert max(asked.values()) <= 2


def test_a_name_of_this_machine_is_refused_unless_allowed(site, tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        f'[crawl]\nname = "t"\nseeds = ["http://localhost:{site.port}/"]\n'
        '[agent]\nproduct = "testbot"\ncontact = "test@example.org"\n'
    )
    site.forget()
    assert finish(start(recipe, tmp_path)) == "finished"
    assert not site.requests()
    assert outcomes(tmp_path)[f"http://localhost:{site.port}/"]["reason"] == "private_address"
