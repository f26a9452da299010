"""Disks that are full: a ledger on such a disk cannot even note that its jobs fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

#: Bytes. SQLite makes the index of its log in pieces of 32 KiB, and needs room for a page more.
_LEAST_ROOM = 64 * 1024


def list_full_folders(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return the folders whose disk has no room; one that does not exist counts as its parent."""
    return tuple(folder for folder in folders if _is_full(folder))


def _is_full(folder: Path) -> bool:
    existing = next((one for one in (folder, *folder.parents) if one.exists()), None)
    return existing is not None and shutil.disk_usage(existing).free < _LEAST_ROOM
