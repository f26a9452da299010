"""What memory the crawl's process holds, and the guard that ends a crawl which holds too much.

From the kernel's own account of this process. ``getrusage``, which Scrapy's guard goes by, goes on
counting what the parent held when it started us: a daemon that had grown would have stopped every
crawl at its first breath.
"""

from __future__ import annotations

import resource
from pathlib import Path

from scrapy.extensions.memusage import MemoryUsage

_PROC_STATUS = Path("/proc/self/status")


def read_peak_megabytes() -> int:
    """The most memory that this process held."""
    return _read_status_bytes("VmHWM") // 1024**2


class MemoryGuard(MemoryUsage):
    """Scrapy's guard, by what this process holds now."""

    def get_virtual_size(self) -> int:
        """Its resident memory, in bytes."""
        return _read_status_bytes("VmRSS")


def _read_status_bytes(field: str) -> int:
    """A field of the kernel's account; where there is none, the most that was ever held."""
    if not _PROC_STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    line = next(x for x in _PROC_STATUS.read_text().splitlines() if x.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
