"""Paused crawls and deliveries, the publication delay and captures, on a replica of the source."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from alerts.ledger import pauses, questions
from alerts.operator import build_status
from alerts.web import create_app
from scheduler.config import load_config
from scheduler.crawls import run_crawl
from scheduler.jobs import run_pipeline, sync_config
from scheduler.service import Service as Jobs
from scheduler.service import open_service
from scheduler.web import build_web_context, serve
from tests.support.service import (
    RunningReplica,
    ServiceFolder,
    build_config,
    read_emails,
    run_replica,
)

pytestmark = pytest.mark.process


def open_jobs(folder: Path, source: RunningReplica) -> Jobs:
    ServiceFolder(folder, build_config(source.url))
    jobs = open_service(load_config(folder / "config.toml"), lambda: source.now)
    sync_config(jobs)
    return jobs


def pause(jobs: Jobs, activity: pauses.PausedActivity, source: str | None = None) -> None:
    with jobs.ledger.writing() as connection:
        pauses.add(connection, activity, source, jobs.clock())


def resume(jobs: Jobs, activity: pauses.PausedActivity, source: str | None = None) -> None:
    with jobs.ledger.writing() as connection:
        pauses.remove(connection, activity, source)


def test_nothing_is_requested_or_sent_while_paused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_replica() as source:
        jobs = open_jobs(tmp_path, source)
        run_crawl(jobs, "london")
        run_pipeline(jobs)
        source.go_to_stage(1)
        pause(jobs, "crawl", "london")
        assert source.requests
        assert "paused since" in run_crawl(jobs, "london").reason
        assert source.requests == []
        resume(jobs, "crawl", "london")
        pause(jobs, "delivery")
        assert run_crawl(jobs, "london").verdict == "ok"
        assert run_pipeline(jobs).digests == 1
        assert read_emails(tmp_path / "var" / "mail") == []
        with jobs.ledger.reading() as connection:
            status = build_status(connection, jobs.config.source_hosts, jobs.clock())
        assert [paused.label for paused in status.paused] == ["deliveries"]
        assert status.messages == {"queued": 1}
        resume(jobs, "delivery")
        assert run_pipeline(jobs).deliveries == {"sent": 1}
        assert len(read_emails(tmp_path / "var" / "mail")) == 1
        jobs.ledger.engine.dispose()


def test_the_status_shows_the_delay_from_publication_to_email(tmp_path: Path) -> None:
    with run_replica() as source:
        jobs = open_jobs(tmp_path, source)
        run_crawl(jobs, "london")
        run_pipeline(jobs)
        source.go_to_stage(1)
        before = source.now
        run_crawl(jobs, "london")
        source.now = before + timedelta(minutes=3)
        run_pipeline(jobs)
        with jobs.ledger.reading() as connection:
            [found] = build_status(connection, jobs.config.source_hosts, jobs.clock()).sources
        assert found.delay is not None
        # The last crawl that had not found them was the baseline's.
        last = (source.world.stages[0] + timedelta(minutes=3)).total_seconds() / 60
        assert found.delay.median == pytest.approx(last, abs=0.2)
        assert found.delay.p95 == pytest.approx(last, abs=0.2)
        assert found.reading_delay is not None
        assert found.reading_delay.median == pytest.approx(last - 3, abs=0.2)
        jobs.ledger.engine.dispose()


def test_the_archived_copy_of_a_page_is_served(tmp_path: Path) -> None:
    """The page of a question serves the bytes that the crawl archived."""
    with run_replica() as source:
        jobs = open_jobs(tmp_path, source)
        run_crawl(jobs, "london")
        with jobs.ledger.reading() as connection:
            [identity, *_] = questions.list_identities(
                connection, "london", source.now.date() - timedelta(days=99), source.now.date()
            )
            stored = questions.find(connection, identity)
        assert stored is not None
        assert stored.capture is not None
        assert stored.record.url is not None
        with serve(create_app(build_web_context(jobs))) as url:
            kept = urlopen(f"{url}/capture/{identity}").read()
        assert kept == urlopen(stored.record.url).read()
        jobs.ledger.engine.dispose()
