"""Folders on this machine and in a real object store behave alike."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawler.storage import Folder, FolderError, LocalFolder, RemoteFolder, parse_folder
from tests.support.object_store import ObjectStore, run_object_store


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with run_object_store("tests") as running:
        yield running


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "local":
        return parse_folder(str(tmp_path / "new" / "folder"))
    request.getfixturevalue("store")
    return parse_folder(f"s3://tests/{uuid.uuid4()}/folder/")


@pytest.mark.slow
def test_a_missing_folder_is_empty(folder: Folder) -> None:
    assert list(folder.list_files()) == []
    assert folder.find("a") is None
    assert folder.read("a") is None
    folder.delete("a")
    with pytest.raises(FileNotFoundError), folder.open("a"):
        pass


@pytest.mark.slow
def test_a_file_is_replaced_listed_and_deleted(folder: Folder) -> None:
    folder.create()
    for name, content in (("b.json", b"2"), ("a é.xml", b"1"), ("b.json", b"33")):
        folder.write(name, content)
    assert folder.read("b.json") == b"33"
    found = list(folder.list_files())
    assert [(file.name, file.size) for file in found] == [("a é.xml", 1), ("b.json", 2)]
    now = datetime.now(UTC)
    assert all(abs(now - file.modified_at) < timedelta(minutes=1) for file in found)
    assert folder.find("b.json") == found[1]
    folder.delete("b.json")
    assert [file.name for file in folder.list_files()] == ["a é.xml"]


@pytest.mark.slow
def test_the_version_of_a_file_tells_that_it_was_replaced(folder: Folder) -> None:
    folder.create()
    versions = []
    for content in (b"one", b"two"):
        folder.write("a", content)
        file = folder.find("a")
        assert file is not None
        versions.append(file.version)
        assert folder.find("a") == file
    assert versions[0] != versions[1]


@pytest.mark.slow
def test_a_file_is_read_from_any_place(folder: Folder) -> None:
    folder.create()
    content = os.urandom(1_000_000)
    folder.write("pages", content)
    with folder.open("pages") as file:
        file.seek(700_000)
        assert file.read(10) == content[700_000:700_010]
        file.seek(3)
        assert file.read(1) == content[3:4]


@pytest.mark.slow
def test_files_below_another_folder_are_not_ours(folder: Folder) -> None:
    folder.create()
    folder.write("a", b"")
    other = parse_folder(f"{folder}/below")
    other.create()
    other.write("b", b"")
    assert "b" not in [file.name for file in folder.list_files()]


@pytest.mark.slow
def test_a_file_of_this_machine_is_put_below_a_name(folder: Folder, tmp_path: Path) -> None:
    assert folder.list_folders() == []
    source = tmp_path / "large"
    source.write_bytes(os.urandom(3_000_000))
    for name in ("b", "a"):
        below = folder.enter(name)
        below.create()
        below.upload("part", source)
        assert below.read("part") == source.read_bytes()
    assert folder.list_folders() == ["a", "b"]
    assert list(folder.list_files()) == []


def test_what_is_public_can_be_read_by_others(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        folder = LocalFolder(tmp_path / "above" / "feeds")
        folder.create(is_public=True)
        folder.write("open", b"", is_public=True)
        folder.write("closed", b"")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()}
    assert modes == {"open": 0o644, "closed": 0o600}
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o755
    assert stat.S_IMODE(folder.path.parent.stat().st_mode) == 0o711


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    folder.write("a", b"old")
    with pytest.raises(OSError, match=r"a/b|b"):
        folder.write("missing/b", b"new")
    assert folder.read("a") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_drafts_of_processes_that_were_killed_are_deleted(tmp_path: Path) -> None:
    old, new = tmp_path / ".a.xml.12ab.new", tmp_path / ".a.xml.34cd.new"
    old.write_bytes(b"half a fi")
    new.write_bytes(b"half a fi")
    os.utime(old, (0, 0))
    LocalFolder(tmp_path).write("a.xml", b"whole")
    assert sorted(tmp_path.iterdir()) == [new, tmp_path / "a.xml"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://key:secret@tests/feeds", "without password"),
        ("s3://tests/feeds?endpoint=x", "without password"),
        ("s3:///feeds", "with a bucket"),
    ],
)
def test_a_wrong_url_is_refused(url: str, reason: str) -> None:
    with pytest.raises(FolderError, match=reason):
        parse_folder(url)


@pytest.mark.parametrize(
    ("url", "reason"), [("xyz://tests/feeds", "no store"), ("gs://tests/feeds", "pip install")]
)
def test_a_store_that_cannot_be_used_is_known_at_once(url: str, reason: str) -> None:
    folder = parse_folder(url)
    assert isinstance(folder, RemoteFolder)
    with pytest.raises(FolderError, match=reason):
        folder.check()


@pytest.mark.slow
def test_a_missing_bucket_is_an_error_of_the_system(store: ObjectStore) -> None:
    folder = parse_folder("s3://nowhere/feeds")
    with pytest.raises(OSError, match="s3://nowhere/feeds"):
        folder.write("a", b"")


@pytest.mark.slow
def test_a_store_that_does_not_answer_is_an_error_of_the_system(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    folder = parse_folder("s3://tests/feeds")
    with pytest.raises(OSError, match="s3://tests/feeds"):
        folder.write("a", b"")
    with pytest.raises(OSError, match="s3://tests/feeds"):
        folder.read("a")


def test_folders_of_one_place_are_equal(tmp_path: Path) -> None:
    """So a config that was read twice is the same."""
    local, remote = LocalFolder(tmp_path), RemoteFolder("s3://tests/feeds")
    assert {local, LocalFolder(str(tmp_path))} == {local}
    assert {remote, RemoteFolder("s3://tests/feeds/")} == {remote}
    assert local != remote
    assert (repr(local), repr(remote)) == (
        f"LocalFolder({str(tmp_path)!r})",
        "RemoteFolder('s3://tests/feeds')",
    )
    assert (str(remote), remote.path) == ("s3://tests/feeds", None)
    remote.create(is_public=True)
