"""Checks of files and disks: who can read secrets, what can be written, how much room is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from scheduler.config import Config
from scheduler.doctor.examination import Examination
from scheduler.doctor.report import CheckResult, failed, ok, warning
from scheduler.exposed_files import list_exposed_files

#: Bytes: the ledger of a year and its log take less, and captures stay below their own limit.
_LITTLE_ROOM = 1_000_000_000
#: Bytes: a crawl, a digest round and SQLite's log must fit.
_LEAST_ROOM = 100_000_000


def check_exposed_files(examination: Examination) -> Iterator[CheckResult]:
    """Check that other users of this machine can read no secrets."""
    exposed = list_exposed_files(examination.config)
    for sentence in exposed:
        detail, _, command = sentence.partition(": ")
        yield failed("files.secrets", detail, command)
    if not exposed:
        yield ok("files.secrets", "no other user can read the secrets and the data")


def check_folders(examination: Examination) -> Iterator[CheckResult]:
    """Check that the service can write where it must, and that there is room."""
    folders = _list_folders(examination.config)
    for folder in folders:
        existing = next(one for one in (folder, *folder.absolute().parents) if one.exists())
        if not os.access(existing, os.W_OK | os.X_OK):
            detail = f"{folder} cannot be written by this user"
            yield failed("files.folders", detail, f"chown it, or run as the owner of {existing}")
    yield from _check_room(folders)


def _list_folders(config: Config) -> tuple[Path, ...]:
    """Return the folders on this machine that the service writes to."""
    found = [*config.health_limits.folders, config.archive.path.path, config.ledger.compiled.path]
    return tuple(dict.fromkeys(folder for folder in found if folder is not None))


def _check_room(folders: tuple[Path, ...]) -> Iterator[CheckResult]:
    by_disk: dict[int, tuple[Path, int]] = {}
    for folder in folders:
        existing = next(one for one in (folder, *folder.absolute().parents) if one.exists())
        by_disk.setdefault(existing.stat().st_dev, (existing, shutil.disk_usage(existing).free))
    for folder, free in by_disk.values():
        room = f"{free / 1e9:.1f} GB free at {folder}"
        advice = "make room: archive.max_gigabytes limits the captures, `watchword prune` the past"
        if free < _LEAST_ROOM:
            yield failed("files.disk", room, advice)
        elif free < _LITTLE_ROOM:
            yield warning("files.disk", room, advice)
        else:
            yield ok("files.disk", room)
