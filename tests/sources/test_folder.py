"""What lies in the user's folder is read or is a counted row; nothing stops the listing."""

import os
import subprocess
from pathlib import Path

import pytest

from mapneo.core.errors import InputError
from mapneo.sources import folder as folder_module
from mapneo.sources.file_types import UNKNOWN
from mapneo.sources.folder import NOT_READ, folder_digest, hash_files, list_folder
from mapneo.sources.readers import READERS
from mapneo.sources.stage_fetch import FetchConfig

from .test_stages import rows, run


def readers(folder: Path) -> dict[str, str]:
    return {file.path: file.reader for file in list_folder(folder)}


@pytest.fixture
def web(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "a.txt").write_text("text")
    return folder


def add_trouble(folder: Path, elsewhere: Path) -> dict[str, str]:
    """Fill `folder` with what can't be read; returns the kind expected for each path."""
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("x")
    (folder / ".DS_Store").write_text("x")
    (folder / "loop").symlink_to(folder)
    (folder / "gone.txt").symlink_to(elsewhere / "nowhere")
    (folder / "self.txt").symlink_to("self.txt")
    (folder / "zero.txt").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.txt")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_text("x")
    return {
        ".git": "hidden",
        ".DS_Store": "hidden",
        "loop": "linked_folder",
        "gone.txt": "dangling_link",
        "self.txt": "dangling_link",
        "zero.txt": "special_file",
        "pipe.txt": "special_file",
        "caf\\xe9.txt": "undecodable_name",
    }


def test_each_trouble_is_one_row_of_its_kind_and_the_rest_is_read(tmp_path, web):
    expected = add_trouble(web, tmp_path)
    assert readers(web) == {"a.txt": "text", **expected}
    job = run(tmp_path, FetchConfig(data=web))
    errors = rows(job, "extract", "errors")
    assert {row["doc_id"]: row["kind"] for row in errors} == {
        f"web/{path}": kind for path, kind in expected.items()
    }
    assert all(row["message"] == NOT_READ[row["kind"]] for row in errors)
    counts = job.artifact("extract").manifest.counts
    assert (counts.documents_in, counts.kept) == (9, 1)


def test_names_that_users_have(web):
    names = ["-rf.txt", "with space.txt", "line\nend.txt", "😀.txt", "x" * 251 + ".txt", "{0}.txt"]
    for name in names:
        (web / name).write_text("x")
    assert readers(web) == dict.fromkeys([*names, "a.txt"], "text")


def test_a_link_to_a_file_is_that_file(tmp_path, web):
    (tmp_path / "b.html").write_text("<p>x")
    (web / "link.html").symlink_to(tmp_path / "b.html")
    assert readers(web)["link.html"] == "html"


def test_folders_nested_deeper_than_the_interpreters_stack(web):
    here = os.open(web, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("n", dir_fd=here)
        inner = os.open("n", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("deep.txt", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    try:
        assert readers(web)["n/" * 1500 + "deep.txt"] == "text"
    finally:  # pytest's own cleaning up is not so deep
        subprocess.run(["rm", "-rf", web / "n"], check=True)


def test_a_file_without_permission_is_a_row_and_wakes_the_stage_when_it_is_given(web, monkeypatch):
    before = folder_digest(web)
    monkeypatch.setattr(folder_module.os, "access", lambda path, mode: False)
    assert readers(web) == {"a.txt": "unreadable_file"}
    assert folder_digest(web) != before


def test_a_folder_without_permission_is_a_row(web, monkeypatch):
    (web / "closed").mkdir()
    real = os.scandir

    def refuse(path):
        if str(path).rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(folder_module.os, "scandir", refuse)
    assert readers(web) == {"a.txt": "text", "closed": "unreadable_folder"}


def test_a_data_folder_that_can_not_be_opened_is_an_input_error(web, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(folder_module.os, "scandir", refuse)
    with pytest.raises(InputError, match="web can't be read"):
        list_folder(web)


def test_a_file_that_vanishes_before_it_is_hashed_becomes_a_row(tmp_path, web, monkeypatch):
    (web / "b.txt").write_text("text")
    found = list_folder(web)
    (web / "b.txt").unlink()
    assert set(hash_files(found, {})) == {"a.txt"}
    real = folder_module.sha256_file

    def fail(path):
        if path.name == "a.txt":
            raise OSError(5, "Input/output error")
        return real(path)

    (web / "b.txt").write_text("text")
    monkeypatch.setattr(folder_module, "sha256_file", fail)
    job = run(tmp_path, FetchConfig(data=web))
    (error,) = rows(job, "extract", "errors")
    assert (error["doc_id"], error["kind"]) == ("web/a.txt", "unreadable_file")


def test_touching_what_is_not_read_wakes_nothing(web):
    (web / ".git").mkdir()
    before = folder_digest(web)
    (web / ".git/index").write_text("x")
    os.utime(web / ".git", (1, 1))
    assert folder_digest(web) == before


def test_kinds_of_unread_files_are_no_readers():
    assert not set(NOT_READ) & {*READERS, UNKNOWN}
