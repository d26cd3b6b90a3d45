import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.sources.crawl.directives import (
    TdmRule,
    Wishes,
    _matches,
    parse_tdm_file,
    robots_directives,
    tdm_rule,
)
from mapneo.sources.crawl.page import read_page
from mapneo.sources.crawl.robots import Robots
from mapneo.sources.crawl.scope import resolve_link


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["noindex, NoFollow"], {"noindex", "nofollow"}),
        (["none"], {"noindex", "nofollow"}),
        (["otherbot: noai"], set()),
        (["otherbot: noai, noindex"], set()),
        (["testbot: noai"], {"noai"}),
        (["otherbot: noindex, testbot: noai"], {"noai"}),
        (["max-snippet: 20, noai"], {"noai"}),
        (["unavailable_after: 25 Jun 2027 15:00:00 PST"], set()),
        (["noai", "noimageai"], {"noai", "noimageai"}),
        ([""], set()),
    ],
)
def test_headers(values, found):
    assert robots_directives(values, "testbot") == found


def test_a_reservation_stands_whatever_another_place_says():
    wishes = Wishes().with_tdm("1", "http://p/", "file").with_tdm("0", None, "header")
    assert (wishes.tdm, wishes.tdm_policy, wishes.tdm_where) == (True, "http://p/", "file")
    assert Wishes().with_tdm("0", None, "file").with_tdm("1", None, "meta").tdm is True
    assert Wishes().with_tdm("perhaps", None, "meta").tdm is None


def test_tdm_file():
    body = json.dumps(
        [
            {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://p.org/"},
            {"location": "/open/*", "tdm-reservation": 0},
            {"location": "/*.pdf$", "tdm-reservation": "1"},
            {"location": 7, "tdm-reservation": 1},
            {"location": "/x"},
            "text",
        ]
    )
    rules = parse_tdm_file(body.encode())
    assert len(rules) == 3
    assert tdm_rule(rules, "http://a.org/x").reserved
    assert not tdm_rule(rules, "http://a.org/open/x").reserved
    assert tdm_rule((), "http://a.org/x") is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff\xfe", b"3", b"null"])
def test_what_is_no_tdm_file_says_nothing(body):
    assert parse_tdm_file(body) == ()


@given(st.text("ab/*$", max_size=8), st.text("ab/", max_size=8))
def test_patterns_match_as_the_expressions_they_stand_for(location, path):
    is_whole = location.endswith("$")
    pieces = (location[:-1] if is_whole else location).split("*")
    twin = ".*".join(map(re.escape, pieces)) + (r"\Z" if is_whole else "")
    assert _matches(location, path) == (re.match(twin, path) is not None)


def test_equal_patterns_reserve():
    rules = (TdmRule("/a", False, None), TdmRule("/a", True, None))
    assert tdm_rule(rules, "http://a.org/a").reserved


PAGE = b"""<!doctype html><base href="/sub/"><meta name="Robots" content="NOAI">
<meta name=testbot content=noindex><meta name=otherbot content=nofollow>
<meta name="tdm-reservation" content="0"><link rel="canonical" href="real">
<link rel=stylesheet href=style.css><link rel=next href=2>
<a href=" one ">1</a><a href=one#part>1</a><area href=/two><iframe src=three></iframe>
<a rel="nofollow ugc" href=four>4</a><a href="javascript:x()">5</a><a>6</a>"""


def read(body, **more):
    values = {"wishes": Wishes(), "product": "testbot", "charset": None, "max_links": 9}
    return read_page(resolve_link("http://a.org/x", ""), body, **values | more, ignore=())


def test_page():
    facts = read(PAGE)
    assert facts.wishes.robots == {"noai", "noindex"}
    assert facts.wishes.tdm is False
    assert facts.canonical.url == "http://a.org/sub/real"
    urls = [link.url.removeprefix("http://a.org/") for link in facts.links]
    assert urls == ["sub/2", "sub/one", "two", "sub/three"]
    assert len(read(PAGE, max_links=2).links) == 2


@given(st.binary(max_size=200))
def test_any_bytes_are_a_page(body):
    read(b"<a href=x>" + body)


def test_robots():
    text = b"""User-agent: testbot\nDisallow: /a\nAllow: /a/b\nCrawl-delay: 2\nRequest-rate: 1/5
User-agent: *\nDisallow: /"""
    robots = Robots(text, "testbot")
    assert not robots.allows("http://a.org/a/c")
    assert robots.allows("http://a.org/a/b/c")
    assert robots.allows("http://a.org/c")
    assert robots.delay_seconds == 5
    assert not Robots(text, "other").allows("http://a.org/c")
    assert Robots(b"", "testbot").allows("http://a.org/")
    assert Robots(b"\xff\xfe\x00" * 300_000, "testbot").delay_seconds is None
