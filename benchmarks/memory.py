"""The peak of a process's own memory."""

from __future__ import annotations

from pathlib import Path


def read_peak_megabytes() -> int:
    """Return the most memory that this process has had since its program started.

    ``ru_maxrss`` would not do: a process inherits it from the one that made it, which may have
    filled a ledger. The kernel counts ``VmHWM`` anew when a program starts (proc(5)).
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024
