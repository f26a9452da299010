"""What the operator has put on hold stays so, for the daemon and for once, until it is lifted; and
how long a page takes to become an email. All of it over a replica of the source.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from alerts.ledger import holds as halts
from alerts.ledger import questions
from alerts.web.app import create_app
from scheduler.config.load import load
from scheduler.jobs import crawl, follow_config, go_round
from scheduler.service import Service as Jobs
from scheduler.service import open_service
from scheduler.status import status_of
from scheduler.web.serve import serve
from scheduler.web.site import site_of
from tests.support.service import Replica, Service, config_for, read_mails, replica


def opened(folder: Path, source: Replica) -> Jobs:
    Service(folder, config_for(source.url))
    jobs = open_service(load(folder / "config.toml"), lambda: source.now)
    follow_config(jobs)
    return jobs


def put(jobs: Jobs, name: str) -> None:
    with jobs.ledger.writing() as connection:
        halts.put(connection, name, jobs.clock())


def lift(jobs: Jobs, name: str) -> None:
    with jobs.ledger.writing() as connection:
        halts.lift(connection, name)


def test_nothing_is_asked_or_sent_while_it_is_on_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with replica() as source:
        jobs = opened(tmp_path, source)
        crawl(jobs, "london")
        go_round(jobs)
        source.go_to(1)
        put(jobs, halts.crawl_of("london"))
        assert source.requests
        assert "on hold since" in crawl(jobs, "london").reason
        assert source.requests == []
        lift(jobs, halts.crawl_of("london"))
        put(jobs, halts.DELIVERY)
        assert crawl(jobs, "london").verdict == "ok"
        assert go_round(jobs).digests == 1
        assert read_mails(tmp_path / "var" / "mail") == []
        with jobs.ledger.reading() as connection:
            status = status_of(connection, jobs.config, jobs.clock())
        assert set(status.halted) == {halts.DELIVERY}
        assert status.messages == {"queued": 1}
        lift(jobs, halts.DELIVERY)
        assert go_round(jobs).deliveries == {"sent": 1}
        assert len(read_mails(tmp_path / "var" / "mail")) == 1
        jobs.ledger.engine.dispose()


def test_the_status_says_how_long_a_page_takes_to_become_an_email(tmp_path: Path) -> None:
    with replica() as source:
        jobs = opened(tmp_path, source)
        crawl(jobs, "london")
        go_round(jobs)
        source.go_to(1)
        before = source.now
        crawl(jobs, "london")
        source.now = before + timedelta(minutes=3)
        go_round(jobs)
        with jobs.ledger.reading() as connection:
            [found] = status_of(connection, jobs.config, jobs.clock()).sources
        assert found.delay is not None
        # The last crawl that had not found them was the baseline's.
        last = (source.world.stages[0] + timedelta(minutes=3)).total_seconds() / 60
        assert found.delay.median == pytest.approx(last, abs=0.2)
        assert found.delay.p95 == pytest.approx(last, abs=0.2)
        jobs.ledger.engine.dispose()


def test_a_page_leads_to_its_capture(tmp_path: Path) -> None:
    """From the crawl that archives it, over the ledger, to the bytes that were served."""
    with replica() as source:
        jobs = opened(tmp_path, source)
        crawl(jobs, "london")
        with jobs.ledger.reading() as connection:
            [identity, *_] = questions.identities(
                connection, "london", source.now.date() - timedelta(days=99), source.now.date()
            )
            stored = questions.find(connection, identity)
        assert stored is not None
        assert stored.capture is not None
        assert stored.record.url is not None
        with serve(create_app(site_of(jobs))) as url:
            kept = urlopen(f"{url}/capture/{identity}").read()
        assert kept == urlopen(stored.record.url).read()
        jobs.ledger.engine.dispose()
