"""Only its own user can read what the program creates; only feeds are for everybody."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.paths import WATCHWORD_COMMAND
from tests.support.private_keys import write_key
from tests.support.service import ServiceFolder, build_config, run_replica

pytestmark = pytest.mark.process


@contextmanager
def usual_umask() -> Iterator[None]:
    """The umask of most systems: everybody may read."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def list_modes(folder: Path) -> dict[str, int]:
    """The permissions of all that is in a folder."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


def test_what_the_program_creates_is_private_except_for_feeds(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, "", is_new=True)
    with usual_umask(), run_replica() as replica:
        (tmp_path / "config.toml").write_text(build_config(replica.url))
        service.run_process("once")
        replica.go_to_stage(2)
        service.run_process("once")
    modes = list_modes(tmp_path / "var")
    feeds = {name: mode for name, mode in modes.items() if name.startswith("feeds")}
    assert {name for name, mode in modes.items() if mode & 0o077} == feeds.keys()
    assert feeds.pop("feeds") == 0o755
    assert len(feeds) > 3
    assert set(feeds.values()) == {0o644}
    kinds = ("ledger.sqlite3", "mail/new/", "sent/", "captures/")
    for kind in kinds:
        assert any(name.startswith(kind) for name in modes), kind
    # A web server of another user passes through this folder to the feeds, and cannot list it.
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o711


def test_a_folder_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, "[sources.london]\nurl = 'http://127.0.0.1:1'\n", is_new=True)
    for folder in (tmp_path / "var", tmp_path / "var" / "feeds"):
        folder.mkdir()
        folder.chmod(0o750)
    service.run_process("once", "--no-crawl", "--quiet")
    assert list_modes(tmp_path)["var"] == 0o750
    assert list_modes(tmp_path)["var/feeds"] == 0o750


def test_what_the_user_asks_for_has_their_own_permissions(tmp_path: Path) -> None:
    with usual_umask():
        subprocess.run(
            [WATCHWORD_COMMAND, "demo", "--once", "--out", tmp_path / "out"],
            check=True,
            capture_output=True,
        )
    assert list_modes(tmp_path)["out/summary.json"] == 0o644


def test_files_that_others_can_read_are_named(tmp_path: Path) -> None:
    """The config with a secret in it, a secret's own file, a key, the ledger, the Maildir."""
    write_key(tmp_path / "dkim.pem", "rsa")
    (tmp_path / "imap").write_text("a password")
    text = (
        '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
        f'[web]\noperator_password = "{"x" * 16}"\n[imap]\npassword_file = "imap"\n'
        '[[mail.dkim]]\nselector = "a"\nkey = "dkim.pem"\n'
    )
    service = ServiceFolder(tmp_path, text, is_new=True)
    service.run("once", "--no-crawl")
    names = ["config.toml", "imap", "dkim.pem", "var/ledger.sqlite3", "var/sent", "var/mail"]
    for name in names:
        if not (tmp_path / name).exists():
            (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    warned = service.run("once", "--no-crawl").stderr
    shown = service.run("status", expect=None).stdout
    for name in names:
        line = f"{tmp_path / name} can be read by other users of this machine: chmod o-rwx"
        assert line in warned
        assert f"WARNING: {line}" in shown
    for name in names:
        (tmp_path / name).chmod(0o750)
    assert service.run("once", "--no-crawl").stderr == ""
    assert service.run_json("status", "--json")["warnings"] == []


def test_a_config_without_secrets_may_be_read_by_everybody(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, '[sources.london]\nurl = "http://127.0.0.1:1"\n', is_new=True)
    (tmp_path / "config.toml").chmod(0o644)
    assert service.run("once", "--no-crawl").stderr == ""
