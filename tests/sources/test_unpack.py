import contextlib
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.core.errors import FetchError
from mapneo.sources.unpack import Limits, Wanted, unpack
from tests.sources.archives import make_tar, make_zip

ALL = Wanted(root="", include=("*",))
DOCS = Wanted(root="pack-1.0/doc", include=("*.html",), exclude=("search.html",))
MAKERS = [(make_tar, "a.tar.gz"), (make_zip, "a.whl")]


def files_below(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_takes_only_wanted_files_below_the_root(tmp_path, make, name):
    members = {
        "pack-1.0/doc/a.html": b"A",
        "pack-1.0/doc/deep/b.html": b"B",
        "pack-1.0/doc/search.html": b"no",
        "pack-1.0/doc/a.png": b"no",
        "pack-1.0/other/a.html": b"no",
    }
    found = unpack(make(tmp_path / name, members), tmp_path / "out", DOCS, Limits())
    assert [(file.path, file.size_bytes) for file in found] == [("a.html", 1), ("deep/b.html", 1)]
    assert files_below(tmp_path / "out") == {"a.html": b"A", "deep/b.html": b"B"}
    # printf A | sha256sum
    assert found[0].sha256.startswith("559aead08264d5795d3909718cdd05ab")


@pytest.mark.parametrize(("make", "name"), MAKERS)
@pytest.mark.parametrize(
    "member", ["../evil.txt", "/etc/evil.txt", "ok/../../evil.txt", "..\\evil"]
)
def test_path_out_of_the_archive_condemns_it(tmp_path, make, name, member):
    archive = make(tmp_path / name, {"fine.txt": b"x", member: b"evil"})
    with pytest.raises(FetchError, match="points out of the archive"):
        unpack(archive, tmp_path / "out" / "deep", ALL, Limits())
    assert not [path for path in tmp_path.rglob("*evil*") if path.is_file()]


@pytest.mark.parametrize(("make", "name"), MAKERS)
@pytest.mark.parametrize("target", ["/etc", "../../outside", "a/../../../outside"])
def test_link_pointing_out_condemns_the_archive(tmp_path, make, name, target):
    archive = make(tmp_path / name, {"fine.txt": b"x"}, links={"sub/link": target})
    with pytest.raises(FetchError, match=r"link to .* outside"):
        unpack(archive, tmp_path / "out", ALL, Limits())


def test_file_written_through_a_link_stays_inside(tmp_path):
    archive = tmp_path / "a.tar"
    outside = tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(archive, "w") as bundle:
        link = tarfile.TarInfo("dir")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        bundle.addfile(link)
        bundle.addfile(tarfile.TarInfo("dir/file.txt"))
    wanted = Wanted(root="", include=("dir/*.txt",))
    assert [file.path for file in unpack(archive, tmp_path / "out", wanted, Limits())]
    assert not list(outside.iterdir())


def test_links_inside_are_not_made(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", {"a.txt": b"x"}, links={"b.txt": "a.txt"})
    assert [file.path for file in unpack(archive, tmp_path / "out", ALL, Limits())] == ["a.txt"]


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_bomb_stops_at_the_limit(tmp_path, make, name):
    archive = make(tmp_path / name, {"bomb.txt": bytes(5_000_000)})
    assert archive.stat().st_size < 10_000
    with pytest.raises(FetchError, match="more than 1000000 bytes"):
        unpack(archive, tmp_path / "out", ALL, Limits(max_member_bytes=1_000_000))


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_many_members_together_stop_at_the_limit(tmp_path, make, name):
    archive = make(tmp_path / name, {f"{n}.txt": bytes(1000) for n in range(20)})
    with pytest.raises(FetchError, match="unpacks to more"):
        unpack(archive, tmp_path / "out", ALL, Limits(max_written_bytes=10_000))
    with pytest.raises(FetchError, match="more than any of its kind"):
        unpack(archive, tmp_path / "out", ALL, Limits(max_members=10))


def test_lying_zip_header_is_not_believed(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a.txt": bytes(100_000)})
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as bundle:
        start = bundle.start_dir
    data[start + 24 : start + 28] = (10).to_bytes(4, "little")
    archive.write_bytes(data)
    with pytest.raises(FetchError, match="damaged"):
        unpack(archive, tmp_path / "out", ALL, Limits())


@pytest.mark.parametrize("name", ["a.tar.gz", "a.whl", "a.deb"])
def test_damaged_archive_is_named(tmp_path, name):
    archive = tmp_path / name
    archive.write_bytes(b"\x1f\x8bnot an archive at all" * 40)
    with pytest.raises(FetchError, match=rf"{name} is damaged"):
        unpack(archive, tmp_path / "out", ALL, Limits())


def test_truncated_tar_is_damaged(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", {f"{n}.txt": b"%d" % n * 5000 for n in range(50)})
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(FetchError, match="damaged"):
        unpack(archive, tmp_path / "out", ALL, Limits())


def test_archive_without_a_wanted_file_says_so(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", {"pack-2.0/doc/a.html": b"x"})
    with pytest.raises(FetchError, match="changed its layout"):
        unpack(archive, tmp_path / "out", DOCS, Limits())


@given(name=st.text(alphabet="ab./\\:", min_size=1, max_size=12))
def test_no_member_name_lands_outside(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("names")
    archive = make_tar(folder / "a.tar", {"ok.txt": b"x", name: b"y"})
    with contextlib.suppress(FetchError, OSError):
        unpack(archive, folder / "in" / "out", ALL, Limits())
    outside = [p for p in folder.rglob("*") if p.is_file() and "out" not in p.parts]
    assert outside == [archive]
