"""Telling processes apart, also those of other machines and those that have ended."""

from __future__ import annotations

import os
from pathlib import Path

#: Of a process that has ended and that its parent has not asked about yet (proc(5)).
_ENDED_STATES = ("Z", "X")


def describe_process() -> str:
    """Return what tells this process from every other one of this machine, and from earlier ones.

    It is "unknown" where the kernel does not say it.
    """
    return _describe_pid(os.getpid()) or "unknown"


def has_ended(description: str) -> bool:
    """Return whether a process is known to have ended. One of another machine is not."""
    place, _, rest = description.rpartition(" pid ")
    pid = rest.partition(" ")[0]
    here = _describe_place()
    if not here or place != here or not pid.isdigit():
        return False
    return _describe_pid(int(pid)) != description


def _describe_pid(pid: int) -> str | None:
    """Return the description of a process of this machine; None if there is none."""
    place = _describe_place()
    try:
        # The fields after the name, which may hold spaces: the first is the state, the 20th
        # the time of the start.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in _ENDED_STATES:
        return None
    return f"{place} pid {pid} started {fields[19]}" if place else None


def _describe_place() -> str | None:
    """Return what tells this start of this machine, and its space of process ids, from others."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"boot {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None
