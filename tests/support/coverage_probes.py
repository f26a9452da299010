"""What is measured of branch coverage, and how: `branch_coverage` is the plugin for pytest."""

from __future__ import annotations

import os
import tomllib

import slipcover

from tests.support.paths import REPOSITORY

#: What ``make test`` asks for.
WANTED = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["slipcover"]
#: The variable that names the folder into which crawls write what they have run. Those that begin
#: with ``WATCHWORD_`` are the config's.
FOLDER_OF_CRAWLS = "COVERAGE_OF_CRAWLS"
#: How the name of a file in it ends that is being written.
UNFINISHED = ".part"
#: Hits until SlipCover takes the probes that have nothing new to say out of the code. It would look
#: for that code in all modules and in all frames of all threads, whatever they do at that moment.
_NEVER = -1


def is_xdist_worker() -> bool:
    """Return whether this is a process in which pytest-xdist runs tests."""
    return "PYTEST_XDIST_WORKER" in os.environ


def place_probes(*packages: str, finds_unimported: bool = False) -> slipcover.Slipcover:
    """Measure the modules of some packages that are imported from now on.

    Args:
        packages: Their names.
        finds_unimported: Whether modules that nobody imports are reported as well.
    """
    sources = [str(REPOSITORY / name) for name in packages]
    omitted = [f"{REPOSITORY}/{pattern}" for pattern in WANTED["omit"]]
    measured = slipcover.Slipcover(
        branch=True,
        d_miss_threshold=_NEVER,
        source=sources if finds_unimported else None,
        omit=omitted,
        exclude_also=WANTED["exclude-also"],
    )
    matcher = slipcover.FileMatcher(sources=sources, omit=omitted)
    slipcover.ImportManager(measured, matcher).__enter__()
    return measured
