import shutil
import subprocess
import threading

import pytest

from mapneo.core.cache import cache_directory
from mapneo.core.errors import FetchError
from mapneo.core.files import sha256_file
from mapneo.sources import clients
from mapneo.sources.cache import cache_use, clear_cache
from mapneo.sources.catalogue import Source, load_catalogue
from mapneo.sources.clients import NotOfferedError
from mapneo.sources.fetch import fetch_archive, fetch_source
from tests.sources.archives import make_sdist, make_tar


def make_source(**changes):
    fields = {
        "name": "docs",
        "ecosystem": "npm",
        "package": "pack",
        "version": "1.0",
        "sha256": "0" * 64,
        "root": "package",
        "include": ("*.md",),
        "reader": "text",
        "category": "web",
        "licence": "MIT",
        "licence_class": "permissive",
        "publish": "text",
        "language": "en",
    }
    return Source(**{**fields, **changes})


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts a shell script in the place of a client; returns a function that writes it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def write(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


@pytest.fixture
def archive(tmp_path):
    return make_tar(tmp_path / "pack-1.0.tgz", {"package/a.md": b"A", "package/b.txt": b"B"})


def pack_script(archive, log="/dev/null"):
    find_folder = 'while [ "$1" != --pack-destination ]; do shift; done'
    return f'echo run >> {log}\n{find_folder}\ncp {archive} "$2"'


def test_second_fetch_needs_no_client(tmp_path, fake, archive):
    cache = tmp_path / "cache"
    fake("npm", pack_script(archive))
    source = make_source(sha256=sha256_file(archive))
    first = fetch_source(source, cache)
    assert [(file.path, file.size_bytes) for file in first.files] == [("a.md", 1)]
    fake("npm", "exit 1")
    assert fetch_source(source, cache) == first
    assert (first.folder / "a.md").read_bytes() == b"A"
    assert [use.relative for use in cache_use(cache)][0] == "archives/npm/pack-1.0"
    clear_cache(cache)
    assert cache_use(cache) == []


def test_archives_are_shared_by_sources_of_one_package(tmp_path, fake, archive):
    fake("npm", pack_script(archive, tmp_path / "log"))
    sha256 = sha256_file(archive)
    fetch_source(make_source(sha256=sha256), tmp_path / "cache")
    other = make_source(name="other", include=("*.txt",), sha256=sha256)
    assert [file.path for file in fetch_source(other, tmp_path / "cache").files] == ["b.txt"]
    assert (tmp_path / "log").read_text() == "run\n"


def test_two_at_once_fetch_once(tmp_path, fake, archive):
    fake("npm", "sleep 0.2\n" + pack_script(archive, tmp_path / "log"))
    source = make_source(sha256=sha256_file(archive))
    threads = [
        threading.Thread(target=fetch_source, args=(source, tmp_path / "cache")) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "log").read_text() == "run\n"


def test_interrupted_unpacking_and_download_are_done_again(tmp_path, fake, archive):
    cache = tmp_path / "cache"
    fake("npm", pack_script(archive))
    source = make_source(sha256=sha256_file(archive))
    first = fetch_source(source, cache)
    (first.folder.parent / "index.json").unlink()
    (first.folder / "a.md").write_bytes(b"half")
    assert fetch_source(source, cache) == first
    assert (first.folder / "a.md").read_bytes() == b"A"
    (cache / "archives/npm/pack-1.0/archive.json").unlink()
    assert fetch_archive(source, cache).sha256 == source.sha256


def test_wrong_hash_keeps_nothing(tmp_path, fake, archive):
    fake("npm", pack_script(archive))
    with pytest.raises(FetchError, match=r"npm package pack 1\.0: .* pinned is 0000"):
        fetch_source(make_source(), tmp_path / "cache")
    assert cache_use(tmp_path / "cache") == []


def test_changed_cached_archive_is_noticed_and_removed(tmp_path, fake, archive):
    cache = tmp_path / "cache"
    fake("npm", pack_script(archive))
    source = make_source(sha256=sha256_file(archive))
    path = fetch_archive(source, cache).path
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(FetchError, match="has changed since it was fetched"):
        fetch_source(source, cache)
    assert [file.path for file in fetch_source(source, cache).files] == ["a.md"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("npm error code ENOTFOUND", "no way to the package registry"),
        ("npm error code E404 not found", r"the client said: npm error code E404"),
        ("npm error code EINTEGRITY", "not the pinned archive"),
    ],
)
def test_failing_client_is_named_with_a_remedy(tmp_path, fake, said, message):
    fake("npm", f"echo '{said}' >&2; exit 1")
    with pytest.raises(FetchError, match=rf"npm package pack 1\.0.*{message}"):
        fetch_source(make_source(), tmp_path / "cache")


def test_a_missing_npm_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotOfferedError, match="this system has no npm"):
        fetch_source(make_source(), tmp_path / "cache")


def test_missing_pip_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(clients.importlib.util, "find_spec", lambda name: None)
    source = make_source(ecosystem="pypi", distribution="wheel")
    with pytest.raises(FetchError, match="python -m ensurepip"):
        fetch_source(source, tmp_path / "cache")


def apt_source():
    return make_source(ecosystem="apt", version=None, sha256=None)


def test_system_without_apt_offers_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(clients.NotOfferedError, match="this system has no apt-get"):
        fetch_source(apt_source(), tmp_path / "cache")


def test_package_unknown_to_apt_is_not_offered(tmp_path, fake):
    fake("dpkg-deb", "exit 1")
    fake(
        "apt-get",
        'case "$*" in *update*) exit 0;; esac; echo "E: Unable to locate package" >&2; exit 100',
    )
    with pytest.raises(clients.NotOfferedError, match="no pack"):
        fetch_source(apt_source(), tmp_path / "cache")


def test_apt_without_network_is_an_error(tmp_path, fake):
    fake("dpkg-deb", "exit 1")
    fake(
        "apt-get", 'echo "E: Unable to locate package; Temporary failure resolving x" >&2; exit 100'
    )
    with pytest.raises(FetchError, match="no way to the package registry"):
        fetch_source(apt_source(), tmp_path / "cache")


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb to build a package")
def test_debian_package_is_unpacked_and_its_version_recorded(tmp_path, fake):
    build = tmp_path / "build"
    (build / "DEBIAN").mkdir(parents=True)
    (build / "DEBIAN/control").write_text(
        "Package: pack\nVersion: 1:2.0-3\nArchitecture: all\nMaintainer: a\nDescription: d\n"
    )
    (build / "package").mkdir()
    (build / "package/a.md").write_text("A")
    deb = tmp_path / "pack_1%3a2.0-3_all.deb"
    subprocess.run(["dpkg-deb", "-b", str(build), str(deb)], check=True, capture_output=True)
    fake("apt-get", f"cp {deb} .")
    found = fetch_source(apt_source(), tmp_path / "cache")
    assert found.version == "1:2.0-3"
    assert [file.path for file in found.files] == ["a.md"]
    assert found.archive_sha256 == sha256_file(deb)


def test_sdist_is_downloaded_without_running_it(tmp_path, monkeypatch):
    store = tmp_path / "store"
    store.mkdir()
    sdist = make_sdist(store, "pack", "1.0", {"doc/a.md": b"A"})
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(store))
    source = make_source(
        ecosystem="pypi", distribution="sdist", root="pack-1.0/doc", sha256=sha256_file(sdist)
    )
    assert [file.path for file in fetch_source(source, tmp_path / "cache").files] == ["a.md"]
    assert not (store / "setup-was-run").exists()
    wrong = source.model_copy(update={"sha256": "1" * 64})
    with pytest.raises(FetchError, match="not the pinned archive"):
        fetch_source(wrong, tmp_path / "other")


def test_cache_is_where_it_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MAPNEO_CACHE", str(tmp_path / "named"))
    assert cache_directory() == tmp_path / "named"
    assert cache_directory(tmp_path / "chosen") == tmp_path / "chosen"
    monkeypatch.delenv("MAPNEO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "mapneo"


@pytest.mark.network
def test_a_real_sdist_and_a_real_npm_package_are_what_the_catalogue_says(tmp_path):
    for name in ("mpmath", "linux-command-zh"):
        assert len(fetch_source(load_catalogue()[name], tmp_path).files) > 50
