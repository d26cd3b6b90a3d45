import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.sources.crawl.addresses import AddressPolicy
from mapneo.sources.crawl.config import CrawlRecipe
from mapneo.sources.crawl.optout import OptOuts
from mapneo.sources.crawl.scope import Scope, resolve_link, trap_counters

AGENT = {"product": "testbot", "contact": "test@example.org"}


def scope(seed="http://a.org/docs/", **tables):
    values = {"crawl": {"name": "t", "seeds": [seed]}, "agent": AGENT, **tables}
    return Scope(CrawlRecipe.model_validate(values), OptOuts(["a.org/out"]), AddressPolicy())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://A.org", "http://a.org/"),
        ("http://a.org:80/x#top", "http://a.org/x"),
        ("http://a.org/x?b=1&a=2", "http://a.org/x?a=2&b=1"),
        ("http://a.org/%7ex", "http://a.org/~x"),
        ("http://a.org/x?utm_source=y", "http://a.org/x"),
        ("http://a.org/x;jsessionid=7A?b=1", "http://a.org/x?b=1"),
        ("http://user:pw@a.org/x", "http://a.org/x"),
        ("http://a.org/一", "http://a.org/%E4%B8%80"),
    ],
)
def test_equal_addresses_share_a_key(one, other):
    ignore = ("utm_source",)
    assert resolve_link(one, "", ignore=ignore).key == resolve_link(other, "", ignore=ignore).key


@pytest.mark.parametrize("reference", ["mailto:a@b.c", "javascript:x()", "ftp://a.org/", "data:,x",
                                       "http://[::1", "http://a.org:x/"])  # fmt: skip
def test_what_is_no_web_address(reference):
    assert resolve_link("http://a.org/", reference) is None


@given(st.text(max_size=40))
def test_any_text_as_a_reference(text):
    link = resolve_link("http://a.org/b/", text)
    if link is not None:
        assert link.url.isascii()
        assert not any(char.isspace() for char in link.url)
        again = resolve_link(link.url, "")
        assert again is None or again.origin == link.origin


@pytest.mark.parametrize(
    ("url", "tables", "reason"),
    [
        ("http://a.org/x", {}, None),
        ("http://b.org/x", {}, "other_host"),
        ("http://sub.a.org/x", {}, "other_host"),
        ("http://sub.a.org/x", {"scope": {"hosts": ["*.a.org"]}}, None),
        ("http://a.org/x", {"scope": {"paths": ["/docs/"]}}, "other_path"),
        ("http://a.org/docs/x", {"scope": {"paths": ["/docs/"]}}, None),
        ("http://a.org/x.pdf", {"scope": {"allow": [r"\.html$"]}}, "not_allowed"),
        ("http://a.org/x?print=1", {"scope": {"deny": ["print="]}}, "denied"),
        ("http://a.org/out/1", {}, "opted_out"),
        ("http://10.0.0.1/", {"scope": {"hosts": ["10.0.0.1"]}}, "private_address"),
        ("http://a.org/" + "x" * 3000, {}, "trap_long_url"),
        ("http://a.org/a/b/a/b/a/b/a/b", {}, "trap_repeated_path"),
        ("http://a.org/x?" + "&".join(f"a{n}=1" for n in range(9)), {}, "trap_parameters"),
    ],
)
def test_refusals(url, tables, reason):
    assert scope(**tables).refusal(resolve_link(url, "")) == reason


def test_a_calendar_counts_as_one_directory():
    july = trap_counters(resolve_link("http://a.org/cal/2026/07/04?day=1", ""))
    assert july == [("directory", "a.org/cal/#/#/"), ("query", "a.org/cal/2026/07/04")]
    assert trap_counters(resolve_link("http://a.org/cal/2025/6/9", ""))[0] == july[0]
