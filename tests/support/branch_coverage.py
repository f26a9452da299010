"""Branch coverage of the packages: ``python -m pytest -p tests.support.branch_coverage``.

SlipCover places its probes in the code of a module when it is imported, so this plugin has to be
loaded before the packages are. The processes of pytest-xdist send what they have run to the one
that started them, and crawls leave it in a folder: see `tests.support.measured_fork_server`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import slipcover

from tests.support.coverage_probes import (
    FOLDER_OF_CRAWLS,
    UNFINISHED,
    WANTED,
    is_xdist_worker,
    place_probes,
)

#: The name under which a process of pytest-xdist sends what it has run.
_SENT = "branch coverage"

_RAN_HERE = place_probes(*WANTED["source"], finds_unimported=not is_xdist_worker())
_FOLDER = None if is_xdist_worker() else tempfile.TemporaryDirectory(prefix="watchword-coverage-")
if _FOLDER:
    os.environ[FOLDER_OF_CRAWLS] = _FOLDER.name
#: What processes of pytest-xdist have sent.
_received: list[str] = []
_report: list[str] = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a process of pytest-xdist has run."""
    if sent := getattr(node, "workeroutput", {}).get(_SENT):
        _received.append(sent)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Send what was run, or add it up, and fail the run if that is too little."""
    if is_xdist_worker():
        output: dict[str, str] = session.config.workeroutput  # type: ignore[attr-defined]
        output[_SENT] = json.dumps(_RAN_HERE.get_coverage())
    elif _add_up() < WANTED["fail-under"] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the report."""
    for line in _report:
        terminalreporter.write_line(line)


def _add_up() -> float:
    """Write the report of what all processes have run; return the percentage."""
    coverage = _RAN_HERE.get_coverage()
    for other in _list_others():
        slipcover.merge_coverage(coverage, json.loads(other))
    table = StringIO()
    slipcover.print_coverage(coverage, outfile=table, skip_covered=True, missing_width=60)
    total: float = coverage["summary"]["percent_covered"]
    _report.append(table.getvalue())
    _report.append(f"Coverage of lines and branches: {total:.2f} %, of {WANTED['fail-under']} %")
    return total


def _list_others() -> Iterator[str]:
    """What other processes have run. Crawls that ran the same left one file."""
    yield from _received
    assert _FOLDER is not None
    with _FOLDER as folder:
        for file in Path(folder).iterdir():
            if file.suffix != UNFINISHED:
                yield file.read_text()
