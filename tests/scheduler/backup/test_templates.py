"""Templates of the operator's own, in a backup and out of it."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from scheduler.backup.errors import BackupDamaged
from scheduler.backup.settings_files import AddedFiles
from tests.support.backed_up_service import BackedUpService
from tests.support.smtp_server import SmtpServer, run_smtp_server


def serve_own_templates(folder: Path, server: SmtpServer) -> BackedUpService:
    """Make a service whose templates are in the folder ``mine``, which is empty."""
    service = BackedUpService(folder, server)
    config = service.folder / "config.toml"
    config.write_text(f'templates = "mine"\n{config.read_text()}')
    (service.folder / "mine").mkdir()
    return service


@pytest.mark.process
def test_they_are_restored_as_files(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        service = serve_own_templates(tmp_path / "service", server)
        (service.folder / "mine" / "mail").mkdir()
        (service.folder / "mine" / "mail" / "head.html").write_text("<!-- ours -->")
        (tmp_path / "style.css").write_text("p { color: teal }")
        (service.folder / "mine" / "mail" / "style.css").symlink_to(tmp_path / "style.css")
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "foot.html").write_text("<!-- all of us -->")
        (service.folder / "mine" / "shared").symlink_to(tmp_path / "shared")
        add_what_is_no_template(service.folder / "mine")
        service.run("backup", "../backups")
        service.run("restore", "../backups", "--to", "../trial")
    mine = tmp_path / "trial" / "mine"
    mail = mine / "mail"
    assert (mine / "shared" / "foot.html").read_text() == "<!-- all of us -->"
    assert sorted(path.name for path in mine.rglob("*") if not path.is_dir()) == [
        "foot.html",
        "head.html",
        "style.css",
    ]
    assert (mail / "head.html").read_text() == "<!-- ours -->"
    assert (mail / "style.css").read_text() == "p { color: teal }"
    assert not (mail / "style.css").is_symlink()


def add_what_is_no_template(folder: Path) -> None:
    """Add a link as an editor makes it while a file is open, circles of links, and a pipe."""
    (folder / "mail" / ".#head.html").symlink_to("ada@desk.4711")
    (folder / "mail" / "up").symlink_to("..")
    (folder / "other").mkdir()
    (folder / "other" / "there").symlink_to("../again")
    (folder / "again").mkdir()
    (folder / "again" / "back").symlink_to("../other")
    os.mkfifo(folder / "mail" / "pipe")


@pytest.mark.process
def test_a_folder_without_templates_is_restored_as_one(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        service = serve_own_templates(tmp_path / "service", server)
        service.run("backup", "../backups")
        service.run("restore", "../backups", "--to", "../trial")
    assert list((tmp_path / "trial" / "mine").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside.html", tarfile.REGTYPE),
        ("mail/../../outside.html", tarfile.REGTYPE),
        ("/outside.html", tarfile.REGTYPE),
        ("link.html", tarfile.SYMTYPE),
        ("pipe.html", tarfile.FIFOTYPE),
    ],
)
def test_nothing_else_is_unpacked(tmp_path: Path, name: str, kind: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, "/etc/passwd", 2
    with tarfile.open(tmp_path / "templates.tar", "w") as archive:
        archive.addfile(member, io.BytesIO(b"ok"))
    with pytest.raises(BackupDamaged, match="no template"):
        AddedFiles().add_templates(tmp_path / "templates.tar", tmp_path / "into" / "mine")
    assert not list(tmp_path.rglob("*.html"))
