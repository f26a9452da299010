"""The processor time of a PostgreSQL server, and the load of the machine."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.postgres import RunningCluster


def read_server_seconds(server: RunningCluster) -> float:
    """Return the processor time of all processes of a server so far, in seconds.

    The server's first process adds up those of its children that have ended (proc(5)).
    """
    ticks, main_process = 0, server.find_pid()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(path.parent.name) == main_process:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == main_process:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def describe_load() -> str:
    """Return how busy the machine has been in the last minute: ``load 3.1 on 2 cores``."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
