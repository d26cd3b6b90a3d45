import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.core.errors import ConfigError, InputError
from mapneo.curate.url_keys import entry_key, probe_keys, split_url
from mapneo.curate.url_lists import UrlLists, compile_url_lists, look_up
from mapneo.curate.url_sources import (
    ALIASES,
    DEFAULT_CATEGORIES,
    WHITE_CATEGORIES,
    UrlListSource,
)

# Category "adult" is number 0 of the default set: as an id it would be falsy.
LISTS = {
    "adult/domains": "bad.org\n10.1.2.3\nxxx\nwww.Dirty.example.\nbücher.de\n.leading.org\n",
    "adult/urls": "x.org/a\ny.org/dir/\nz.org\nq.org/p?id=1\ntilde.org/%7Eme\nport.org:8080/in\n",
    "gambling/domains": "bad.org\nbet.com\n",
    "child/domains": "kids.org\n",
    "press/urls": "news.org/front\n",
    "README": "not a list\n",
    "adult/usage": "black\n",
}


def make_folder(root: Path, files: dict[str, str] = LISTS) -> UrlListSource:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return UrlListSource(path=root)


def make_tar(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return path


def names(lists: UrlLists, *urls: str | None) -> list[list[str] | None]:
    return look_up(pa.array(urls, pa.string()), lists)[0].to_pylist()


@pytest.fixture
def lists(tmp_path) -> UrlLists:
    return compile_url_lists([make_folder(tmp_path / "lists")])


@pytest.mark.parametrize(
    "url",
    [
        "http://dirty.example/",
        "https://user:secret@WWW.DIRTY.EXAMPLE:443/a?b#c",
        "https://deep.down.dirty.example./x",
        "//dirty.example",
        "dirty.example:8080/x",
        "https://any.thing.xxx/",
        "http://10.1.2.3/login",
        "http://bücher.de/",
        "http://xn--bcher-kva.de",
        "http://leading.org",
        "http://x.org/a",
        "HTTP://X.org:80/A/",
        "x.org/a/b",
        "x.org/a?b=c",
        "x.org/a#top",
        "https://y.org/dir/page.html",
        "https://y.org/dir",
        "http://z.org",
        "http://z.org/",
        "http://q.org/p?id=1&page=2",
        "http://tilde.org/~me/cv",
        "http://port.org:8080/in/there",
    ],
)
def test_spellings_that_are_held(lists, url):
    assert names(lists, url) == [["adult"]]


@pytest.mark.parametrize(
    "url",
    [
        "http://x.org/abc",
        "http://x.org/",
        "http://notdirty.example/",
        "http://dirty.example.com/",
        "http://xxx.org/",
        "http://1.10.1.2.3.net/",
        "http://110.1.2.3/",
        "http://sub.z.org.uk/",
        "http://z.org/page",
        "http://q.org/p?id=12",
        "http://port.org/in",
        "http://other.org/?u=http://dirty.example/",
        "http://dirty.example@safe.org/",
        "http://kids.org/",
        "http://news.org/front",
    ],
)
def test_urls_that_are_clean(lists, url):
    categories, hits = look_up(pa.array([url]), lists)
    assert categories.to_pylist() == [[]]
    assert hits.tolist() == [0.0]


def test_no_url_or_no_host_is_not_measured(lists):
    urls = [None, "", "mailto:me@bad.org", "docs/page.html", "http://", "http://a b.org/", "x:y:z"]
    categories, hits = look_up(pa.array(urls), lists)
    assert categories.null_count == len(urls)
    assert np.isnan(hits).all()


def test_all_categories_of_a_page_are_named_and_counted_once(lists):
    categories, hits = look_up(
        pa.chunked_array([["http://a.bad.org/x"], ["http://bet.com"]]), lists
    )
    assert categories.to_pylist() == [["adult", "gambling"], ["gambling"]]
    assert hits.tolist() == [2.0, 1.0]


def test_no_rows_and_no_entries(lists, tmp_path):
    assert look_up(pa.array([], pa.string()), lists)[1].shape == (0,)
    empty = compile_url_lists([make_folder(tmp_path / "empty", {"adult/domains": "\n# none\n"})])
    assert look_up(pa.array(["http://bad.org"]), empty)[1].tolist() == [0.0]


def test_aliases_are_one_category(tmp_path):
    files = {"porn/domains": "a.org\nb.org\n", "adult/domains": "a.org\n", "ads/domains": "c.org\n"}
    lists = compile_url_lists([make_folder(tmp_path, files)], ["porn", "publicite"])
    categories, hits = look_up(pa.array(["http://a.org", "http://b.org", "http://c.org"]), lists)
    assert categories.to_pylist() == [["adult"], ["adult"], ["publicite"]]
    assert hits.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("category", sorted(WHITE_CATEGORIES))
def test_white_categories_never_count(tmp_path, category):
    with pytest.raises(ConfigError, match=category):
        compile_url_lists([make_folder(tmp_path)], [category])


def test_default_set_is_consistent():
    assert not WHITE_CATEGORIES.intersection(DEFAULT_CATEGORIES)
    assert not set(ALIASES).intersection(DEFAULT_CATEGORIES)
    assert list(DEFAULT_CATEGORIES) == sorted(DEFAULT_CATEGORIES)


def test_unknown_category_names_what_there_is(tmp_path):
    with pytest.raises(ConfigError, match=r"wine.*adult, child, gambling"):
        compile_url_lists([make_folder(tmp_path)], ["wine"])


def test_layouts_give_the_same_lists(tmp_path):
    expected = compile_url_lists([make_folder(tmp_path / "plain")])
    packed = {
        f"blacklists/{name}.gz": gzip.compress(text.encode(), mtime=0)
        for name, text in LISTS.items()
    }
    links = {"blacklists/porn": "adult"}
    tar = make_tar(tmp_path / "blacklists.tar.gz", packed, links)
    root = tmp_path / "gz"
    for name, data in packed.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "blacklists/porn").symlink_to("adult")
    for path in (tar, root):
        found = compile_url_lists([UrlListSource(path=path)])
        assert found.hashes.tolist() == expected.hashes.tolist()
        assert names(found, "http://bad.org") == [["adult", "gambling"]]


def test_flat_files_are_categories(tmp_path):
    make_folder(tmp_path, {"gambling.txt": "bet.com\nbig.org/casino\n", "adult": "bad.org\n"})
    lists = compile_url_lists([UrlListSource(path=tmp_path)])
    urls = ["http://a.bet.com", "http://big.org/casino/1", "http://big.org", "http://bad.org"]
    assert names(lists, *urls) == [["gambling"], ["gambling"], [], ["adult"]]
    one = compile_url_lists([UrlListSource(path=tmp_path / "gambling.txt")])
    assert names(one, *urls) == [["gambling"], ["gambling"], [], []]


def test_lists_without_a_category_folder_need_a_name(tmp_path):
    tar = make_tar(tmp_path / "flat.tar.gz", {"domains": b"bad.org\n", "urls": b"x.org/a\n"})
    with pytest.raises(ConfigError, match="flat.tar.gz:domains lies in no category folder"):
        compile_url_lists([UrlListSource(path=tar)])
    lists = compile_url_lists([UrlListSource(path=tar, category="blocked")], [])
    assert names(lists, "http://bad.org/x", "http://x.org/a/b") == [["blocked"], ["blocked"]]


@pytest.mark.parametrize("bad", [b"two words.org\n", b"\xff\xfe.org\n", b"http:///path\n"])
def test_a_wrong_file_is_named_with_its_line(tmp_path, bad):
    (tmp_path / "adult").mkdir()
    (tmp_path / "adult/domains").write_bytes(b"# comment\nfine.org\n" + bad)
    with pytest.raises(InputError, match=r"adult/domains, line 3: not a domain or URL \(1 of 2"):
        compile_url_lists([UrlListSource(path=tmp_path)])


def test_a_few_bad_lines_are_counted_not_fatal(tmp_path):
    lines = [f"site{k}.org" for k in range(200)] + ["two words"]
    source = make_folder(tmp_path, {"adult/domains": "\n".join(lines)})
    lists = compile_url_lists([source])
    assert lists.rejected == ((str(tmp_path / "adult/domains"), 1),)
    assert lists.hashes.size == 200


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        compile_url_lists([UrlListSource(path=tmp_path / "none")])
    (tmp_path / "adult").mkdir()
    (tmp_path / "adult/domains.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="domains.gz can't be read"):
        compile_url_lists([UrlListSource(path=tmp_path)])


def test_cache_is_named_by_content_and_bytes_are_equal(tmp_path):
    source = make_folder(tmp_path / "lists")
    first = compile_url_lists([source], cache=tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    before = file.read_bytes()
    again = compile_url_lists([source], cache=tmp_path / "cache")
    assert again.hashes.tolist() == first.hashes.tolist()
    assert (again.categories, again.rejected) == (first.categories, first.rejected)
    first.save(tmp_path / "copy.npz")
    assert (tmp_path / "copy.npz").read_bytes() == before
    (source.path / "adult/domains").write_text("new.org\n")
    changed = compile_url_lists([source], cache=tmp_path / "cache")
    assert names(changed, "http://new.org", "http://10.1.2.3") == [["adult"], []]
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_damaged_or_foreign_file_is_refused(tmp_path, lists):
    path = tmp_path / "lists.npz"
    lists.save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"lists\.npz can't be read"):
        UrlLists.load(path)
    with pytest.raises(InputError, match="is missing"):
        UrlLists.load(tmp_path / "other.npz")


LABEL = st.text("ab-1", min_size=1, max_size=3)
HOSTS = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
PATHS = st.text("/ab?#&=", max_size=8).map(lambda text: text and "/" + text.lstrip("/"))


def is_held(url: str, domains: set[str], pages: set[str]) -> bool:
    """Slow twin: every entry is held against the URL."""
    host, _, rest = url.partition("/")
    rest = "/" + rest
    if any(host == domain or host.endswith("." + domain) for domain in domains):
        return True
    for page in pages:
        page_host, _, page_rest = page.partition("/")
        start = ("/" + page_rest).rstrip("/")
        if page_host != host:
            continue
        if not start:
            if rest.lstrip("/")[:1] in ("", "?", "#"):
                return True
            continue
        if rest.rstrip("/") == start:
            return True
        if rest.startswith(start) and rest[len(start)] in "/?#&":
            return True
    return False


@given(
    st.sets(HOSTS, max_size=3),
    st.sets(st.tuples(HOSTS, PATHS).map("".join), max_size=4),
    st.tuples(HOSTS, PATHS).map("".join),
)
def test_keys_agree_with_a_walk_over_all_entries(domains, pages, url):
    if url.startswith("www.") or "." not in url.partition("/")[0]:
        return
    keys = {entry_key(d, is_page_list=False) for d in domains}
    keys |= {entry_key(p, is_page_list=True) for p in pages}
    probes = probe_keys("http://" + url, max(map(len, filter(None, keys)), default=0))
    assert probes is not None
    assert bool(keys.intersection(probes)) == is_held(url, domains, pages)


@given(st.text(max_size=40))
def test_any_text_is_a_key_or_none(text):
    for url in (text, "http://" + text, "http://x.org/" + text):
        parts = split_url(url)
        if parts is not None:
            assert "".join(parts).isascii()
            again = split_url("".join(parts))
            assert again is not None
            assert split_url("".join(again)) == again


def test_long_urls_take_few_probes():
    url = "http://" + "a." * 200_000 + "org/" + "b/" * 200_000
    assert probe_keys(url, 100) is None
    probes = probe_keys("http://x.org/" + "b/" * 200_000, 100)
    assert probes is not None
    assert len(probes) < 60
