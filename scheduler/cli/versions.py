"""The versions that belong into a report of a fault."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

#: Packages whose version changes what the service does; psycopg only where it is installed.
_PACKAGES = ("Scrapy", "Twisted", "SQLAlchemy", "psycopg", "Starlette", "uvicorn", "click")


def describe_versions() -> str:
    """Return the version of the program on the first line, and of what it runs on."""
    lines = [
        f"watchword {version('watchword')}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
    ]
    for name in _PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return "\n".join([*lines, f"{platform.system()} {platform.release()} ({platform.machine()})"])
