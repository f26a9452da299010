"""The memory of the crawl's process, and the extension that ends a crawl with too much of it.

The figures are the kernel's for this process. ``getrusage``, which Scrapy's extension uses, still
counts the memory of the parent at the time of the fork, so under a large daemon every crawl would
end at once.
"""

from __future__ import annotations

import resource
from pathlib import Path

from scrapy.extensions.memusage import MemoryUsage

_PROC_STATUS = Path("/proc/self/status")


def read_peak_megabytes() -> int:
    """Return the largest resident memory of this process so far."""
    return _read_status_bytes("VmHWM") // 1024**2


class MemoryGuard(MemoryUsage):
    """Scrapy's memory extension, with the memory that this process has now."""

    def get_virtual_size(self) -> int:
        """Return the resident memory in bytes."""
        return _read_status_bytes("VmRSS")


def _read_status_bytes(field: str) -> int:
    """Return a field of ``/proc/self/status`` in bytes.

    Where there is no such file, return the largest resident memory.
    """
    if not _PROC_STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    line = next(x for x in _PROC_STATUS.read_text().splitlines() if x.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
