"""Deleting old backups, and never the last good one."""

from __future__ import annotations

from datetime import datetime

from crawler.event_log import get_logger
from scheduler.backup.errors import BackupDamaged
from scheduler.backup.manifest import BackupManifest
from scheduler.backup.place import BackupPlace

log = get_logger("watchword.backup")


def delete_old_backups(place: BackupPlace, keep: int, now: datetime) -> list[str]:
    """Delete backups beyond the newest good ones; return the names of those that went.

    One that lacks a file is not good: it is not counted, and goes when enough newer ones are good.
    If a manifest cannot be read, no capture is deleted, because it may belong to that backup.

    Args:
        place: Where the backups are; the caller holds its lock.
        keep: How many good ones to keep, at least one.
        now: Aware, in UTC.
    """
    assert keep >= 1
    kept: list[BackupManifest] = []
    deleted, is_readable = [], True
    for name in reversed(place.list_names()):
        if sum(map(place.is_whole, kept)) >= keep:
            place.delete(name)
            deleted.append(name)
            continue
        try:
            kept.append(place.read_manifest(name))
        except BackupDamaged as error:
            log.warning("a backup cannot be read", reason=error)
            is_readable = False
    for name in place.list_abandoned(now):
        place.delete(name)
    if is_readable:
        captures = {one.stored for manifest in kept for one in manifest.captures}
        place.delete_captures(captures, now)
    return deleted
