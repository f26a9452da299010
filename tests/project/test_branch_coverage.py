"""What `make test` measures: in the processes that run tests, and in the crawls that they fork."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.paths import REPOSITORY

#: A test that crawls, and runs little else.
CRAWLING = "tests/scheduler/test_faults.py::test_parse_reads_a_url"


@pytest.mark.process
@pytest.mark.slow
def test_a_run_that_covers_too_little_fails_and_counts_its_crawls() -> None:
    arguments = ["-p", "tests.support.branch_coverage", "-n", "1", "-q", CRAWLING]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=REPOSITORY,
        env=ours,
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )
    assert "1 passed" in done.stdout, done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    total = re.search(r"^Coverage of lines and branches: (\S+) %, of 95.0 %$", done.stdout, re.M)
    assert total is not None
    assert 10 < float(total[1]) < 95
    crawl = re.search(r"^crawler/fetching/crawl_process.py +\d+ +(\d+) ", done.stdout, re.M)
    assert crawl is not None
    assert int(crawl[1]) < 10  # lines that no crawl ran
