"""A crawl that is killed at random moments ends with the same ledger as an undisturbed one.

``WATCHWORD_KILLS=200`` kills 200 times; the default is a few.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.rendering import find_shipped_templates
from crawler.replica import build_large_world, create_site
from scheduler.web import serve
from tests.support.service import ServiceFolder

KILLS = int(os.environ.get("WATCHWORD_KILLS", "4"))
QUESTIONS = max(60, 6 * KILLS)


def stored(service: ServiceFolder) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return every record, and every change without its number and time."""
    path = service.folder / "var" / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as ledger:
        records = ledger.execute("select id, record from question order by id").fetchall()
        changes = ledger.execute(
            "select question_id, kind, content_hash, silence_reason, after from change"
            " order by 1, 2, 3"
        ).fetchall()
        assert ledger.execute("select count(*) from held_change").fetchone() == (0,)
    return records, changes


@pytest.mark.usefixtures("new_python")
@pytest.mark.timeout(60 + 10 * KILLS)
def test_killed_at_random_moments(tmp_path: Path) -> None:
    start = datetime.now(UTC)
    site = create_site(build_large_world(start, QUESTIONS), lambda: start, find_shipped_templates())
    chance = random.Random(15)  # noqa: S311  # moments to kill at, not secrets
    with serve(site) as url:
        section = f'[sources.london]\nurl = "{url}"\ndelay_seconds = 0.01\ndays_back = 2000\n'
        whole = ServiceFolder(tmp_path / "whole", section)
        whole.run("once")
        site.state.requests.clear()
        service = ServiceFolder(tmp_path / "killed", section)
        killed = 0
        for _ in range(KILLS):
            process = service.start("once")
            with process:
                time.sleep(chance.uniform(0.5, 2.0))
                process.kill()
                killed += process.wait() == -9
        service.run("once")
    fetched = Counter(r for r in site.state.requests if "/find-an-answer/" in r)
    assert stored(service) == stored(whole)
    assert len(fetched) == len(stored(whole)[0])
    assert max(fetched.values()) <= 1 + killed
    print(f"{killed} killed; {fetched.total() - len(fetched)} pages fetched again")  # noqa: T201  # with -s
