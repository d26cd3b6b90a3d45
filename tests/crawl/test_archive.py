"""The frontier and the WARC files together, cut off wherever a kill can cut."""

import pytest
from fastwarc.warc import ArchiveIterator

from mapneo.core.errors import InputError, ManifestError
from mapneo.sources.crawl.archive import Archive, Record
from mapneo.sources.crawl.frontier import Frontier, NewPage
from mapneo.sources.crawl.scope import resolve_link

INFO = Record(kind="warcinfo", fields={"WARC-Record-ID": "<urn:uuid:0>"}, block=b"software: x\r\n")


def record(name, size=300):
    fields = {"WARC-Record-ID": f"<urn:uuid:{name}>", "WARC-Target-URI": f"http://a.org/{name}"}
    return Record(kind="resource", fields=fields, block=name.encode() * size)


def names(folder):
    found = []
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as handle:
            for each in ArchiveIterator(handle, verify_digests=True):
                found.append(each.headers.get("WARC-Target-URI", "info"))
    return found


@pytest.fixture
def frontier(tmp_path):
    opened = Frontier(tmp_path / "frontier.sqlite")
    yield opened
    opened.close()


def open_archive(tmp_path, frontier, roll_bytes=1 << 30):
    return Archive(tmp_path / "warc", "t", roll_bytes, INFO, frontier)


def page(frontier, name, **more):
    link = resolve_link(f"http://a.org/{name}", "")
    host, _ = frontier.host_id("a.org", 0)
    origin, _ = frontier.origin_id(link.origin, host)
    values = {"link": link, "host_id": host, "origin_id": origin, "depth": 0}
    return frontier.add(NewPage(**values | more)), host


def test_what_is_not_committed_is_cut_off(tmp_path, frontier):
    archive = open_archive(tmp_path, frontier)
    archive.append([record("a"), record("b")])
    frontier.commit()
    archive.append([record("c")])
    frontier.rollback()
    archive.abandon()
    assert len(names(tmp_path / "warc")) == 4
    archive = open_archive(tmp_path, frontier)
    archive.append([record("d")])
    frontier.commit()
    archive.close()
    assert names(tmp_path / "warc") == ["info", *(f"http://a.org/{each}" for each in "abd")]


def test_files_that_were_never_committed_go(tmp_path, frontier):
    archive = open_archive(tmp_path, frontier, roll_bytes=10)
    archive.append([record("a")])
    frontier.commit()
    archive.append([record("b")])
    frontier.rollback()
    archive.abandon()
    assert len(list((tmp_path / "warc").iterdir())) == 2
    open_archive(tmp_path, frontier, roll_bytes=10).close()
    assert names(tmp_path / "warc") == ["info", "http://a.org/a"]


def test_taking_back_what_was_appended(tmp_path, frontier):
    archive = open_archive(tmp_path, frontier)
    archive.append([record("a")])
    frontier.rollback()
    archive.cut_back()
    place = archive.append([record("b")])
    frontier.commit()
    archive.close()
    assert names(tmp_path / "warc") == ["info", "http://a.org/b"]
    data = (tmp_path / "warc" / place.file).read_bytes()
    assert data[place.offset :][:2] == b"\x1f\x8b"


@pytest.mark.parametrize("damage", ["short", "zeros", "gone"])
def test_what_a_failing_machine_lost_is_fetched_again(tmp_path, frontier, damage):
    archive = open_archive(tmp_path, frontier)
    host = 0
    for name in "abc":
        _, host = page(frontier, name)
        task = frontier.take(host)
        place = archive.append([record(name)])
        frontier.settle(
            task.page_id, "done", "stored", warc_file=place.file, warc_offset=place.offset,
            warc_bytes=place.length,
        )  # fmt: skip
        frontier.commit()
        if name == "a":
            archive.sync()
            frontier.commit()
    archive.abandon()
    path = tmp_path / "warc" / place.file
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
        with pytest.raises(InputError, match="missing"):
            open_archive(tmp_path, frontier)
        return
    cut = place.offset + 20
    path.write_bytes(data[:cut] + (b"\0" * (len(data) - cut) if damage == "zeros" else b""))
    archive = open_archive(tmp_path, frontier)
    assert archive.requeued == 1
    archive.close()
    assert names(tmp_path / "warc") == ["info", "http://a.org/a", "http://a.org/b"]
    assert frontier.take(host).link.url == "http://a.org/c"
    assert frontier.take(host) is None


def test_frontier_hands_out_each_address_once_in_order_of_depth(frontier):
    assert page(frontier, "deep", depth=3)[0]
    added, host = page(frontier, "near", depth=1)
    assert added
    assert not page(frontier, "near", depth=0)[0]
    page(frontier, "far", depth=9)
    frontier.move_up(resolve_link("http://a.org/far", ""), 2)
    page(frontier, "out", refusal="denied")
    taken = [frontier.take(host).link.url for _ in range(3)]
    assert taken == [f"http://a.org/{name}" for name in ("near", "far", "deep")]
    assert frontier.take(host) is None


def test_what_failed_comes_behind_what_did_not(frontier):
    _, host = page(frontier, "a")
    task = frontier.take(host)
    frontier.retry(task, "timeout")
    page(frontier, "b", depth=9)
    assert frontier.take(host).link.url == "http://a.org/b"
    again = frontier.take(host)
    assert (again.link.url, again.attempts) == ("http://a.org/a", 1)


def test_in_flight_is_queued_again_until_it_seems_the_cause(tmp_path, frontier):
    _, host = page(frontier, "a")
    for _ in range(10):
        assert frontier.take(host) is not None
        frontier.commit()
        assert frontier.resume() == 1
    frontier.take(host)
    assert frontier.resume() == 0
    assert next(frontier.select("SELECT reason FROM pages"))["reason"] == "interrupted"


def test_limits_of_counters(frontier):
    assert [frontier.count_up("query", "x", 2) for _ in range(4)] == [True, True, False, False]


def test_a_file_that_is_no_frontier(tmp_path):
    (tmp_path / "f").write_bytes(b"no database" * 100)
    with pytest.raises(ManifestError, match="frontier"):
        Frontier(tmp_path / "f")
