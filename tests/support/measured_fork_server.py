"""The fork server, with the branch coverage of the crawls that it forks.

``python -P -m tests.support.measured_fork_server ADDRESS``
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import slipcover

from tests.support.coverage_probes import FOLDER_OF_CRAWLS, UNFINISHED, place_probes

#: The name of the program whose coverage is measured.
_CRAWL = "crawler.fetching"


def main() -> None:
    """Measure the crawler in what is forked, and serve."""
    measured = place_probes("crawler")
    atexit.register(_leave_report, measured, Path(os.environ[FOLDER_OF_CRAWLS]))
    server = import_module("tests.support.fork_server")  # which imports the crawler
    server.main()


def _leave_report(measured: slipcover.Slipcover, folder: Path) -> None:
    """Write what a crawl has run, when it ends."""
    if sys.argv[0] != _CRAWL:
        return
    report = json.dumps(measured.get_coverage()).encode()
    unfinished = folder / f"{os.getpid()}{UNFINISHED}"
    with suppress(OSError):  # of a crawl that a test lets write only short files
        unfinished.write_bytes(report)
        unfinished.rename(folder / hashlib.sha256(report).hexdigest())


if __name__ == "__main__":
    main()
