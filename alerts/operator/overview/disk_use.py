"""How much room the service takes on its disks, and how long what is free will last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

#: What was added in a month is what is added in the next.
_PERIOD = timedelta(days=30)
#: A forecast needs some days of growth: the first crawl alone fills the archive.
_MIN_AGE = timedelta(days=7)


class StoredPart(msgspec.Struct, frozen=True):
    """Files of one kind."""

    label: str  #: ``Database``
    path: Path  #: a folder, or a file that others may stand beside with the same beginning
    grows: bool = False  #: with every crawl: its growth says how long the free room lasts
    limit: int | None = None  #: bytes; what is beyond them is deleted


class PartUse(msgspec.Struct, frozen=True):
    """How much room the files of one kind take."""

    label: str
    size: int  #: bytes
    a_day: int | None  #: bytes added a day in the last 30 days; None where that is not known
    limit: int | None = None  #: bytes; it takes no more


class DiskUse(msgspec.Struct, frozen=True):
    """How much room there is, and what takes it."""

    total: int  #: bytes, of the disk of the first part
    free: int
    parts: tuple[PartUse, ...]

    @property
    def used_percent(self) -> int:
        """How much of the disk is used, by everything on it."""
        return round(100 * (self.total - self.free) / self.total) if self.total else 0

    @property
    def own_percent(self) -> float:
        """How much of the disk the service's own files take."""
        own = sum(part.size for part in self.parts)
        return round(100 * own / self.total, 1) if self.total else 0.0

    @property
    def days_left(self) -> int | None:
        """For how many days the free room lasts; None where nothing is known to grow."""
        free, growing = self.free, [part for part in self.parts if part.a_day]
        for part in growing:
            if part.limit is not None and part.limit - part.size < free:
                free -= max(part.limit - part.size, 0)  # it takes that, and no more
        growth = sum(part.a_day or 0 for part in growing if part.limit is None)
        return int(free / growth) if growth else None


def measure_disk(parts: Sequence[StoredPart], now: datetime) -> DiskUse:
    """Return how much room the parts take. It looks at each file, so ask seldom.

    Args:
        parts: What the service stores; there must be one at least.
        now: Aware, in UTC.
    """
    usage = shutil.disk_usage(_find_existing(parts[0].path))
    return DiskUse(usage.total, usage.free, tuple(_measure(part, now) for part in parts))


def _find_existing(path: Path) -> Path:
    return next(one for one in (path, *path.absolute().parents) if one.exists())


def _measure(part: StoredPart, now: datetime) -> PartUse:
    found = list(_list_files(part.path))
    size = sum(status.st_size for status in found)
    times = [status.st_mtime for status in found]
    if not part.grows or not times or now.timestamp() - min(times) < _MIN_AGE.total_seconds():
        return PartUse(part.label, size, None, part.limit)
    since = max(min(times), (now - _PERIOD).timestamp())
    added = sum(status.st_size for status in found if status.st_mtime > since)
    days = (now.timestamp() - since) / timedelta(days=1).total_seconds()
    return PartUse(part.label, size, round(added / days), part.limit)


def _list_files(path: Path) -> Iterator[os.stat_result]:
    """Give the files in a folder, or those whose name begins with that of a file."""
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                yield from _stat(Path(folder) / name)
        return
    for beside in path.parent.glob(f"{path.name}*") if path.parent.is_dir() else ():
        if beside.is_file():
            yield from _stat(beside)


def _stat(path: Path) -> Iterator[os.stat_result]:
    try:
        yield path.stat()
    except OSError:  # it was deleted meanwhile
        return
