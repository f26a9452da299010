"""The state at the foot of every page: what it says, how often it is read, what it costs."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from alerts.ledger import LedgerUnavailable
from alerts.operator import BriefStatus, FooterReader, Health
from alerts.operator.footer import summarise_status
from alerts.operator.health import Finding
from alerts.operator.status import SourceReading

NOW = datetime.fromisoformat("2026-07-16T12:00:00+00:00")


def read_source(name: str, last_good: datetime | None) -> SourceReading:
    return SourceReading(
        source=name, site_name=f"www.{name}.example", last_good=last_good, verdict="ok", reason=""
    )


SOURCES = (
    read_source("one", NOW - timedelta(hours=20)),
    read_source("two", NOW - timedelta(minutes=5)),
)


def test_well_names_when_a_source_was_last_read() -> None:
    found = summarise_status(BriefStatus(NOW, SOURCES, ()))
    assert (found.state, found.last_read) == (Health.WELL, NOW - timedelta(minutes=5))


def test_trouble_names_the_source_and_since_when_it_is_not_read() -> None:
    finding = Finding(Health.TROUBLE, "one", "blocked", "the source blocks us", "403 ada@x.example")
    found = summarise_status(BriefStatus(NOW, SOURCES, (finding,)))
    assert found.site_name == "www.one.example"
    assert found.not_read_since == NOW - timedelta(hours=20)
    assert found.finding is not None
    assert found.finding.label == "the source blocks us"
    assert "403" not in str(found)  # reasons are the operator's
    assert found.source_states == {"one": Health.TROUBLE, "two": Health.WELL}


def test_what_keeps_most_from_readers_comes_first() -> None:
    findings = (
        Finding(Health.TROUBLE, "the service", "queue", "messages are not being delivered", ""),
        Finding(Health.TROUBLE, "two", "gaps", "numbers of questions are missing", ""),
        Finding(Health.TROUBLE, "one", "blocked", "the source blocks us", ""),
    )
    assert summarise_status(BriefStatus(NOW, SOURCES, findings)).site_name == "www.one.example"
    found = summarise_status(BriefStatus(NOW, SOURCES, findings[1:2]))
    assert found.site_name == "www.two.example"
    assert found.not_read_since is None  # it is read, and numbers are missing in it


def test_a_fault_of_the_service_names_no_source() -> None:
    finding = Finding(Health.NOT_YET, "the service", "paused", "deliveries are paused", "")
    found = summarise_status(BriefStatus(NOW, SOURCES, (finding,)))
    assert (found.state, found.site_name, found.not_read_since) == (Health.NOT_YET, None, None)


def test_it_is_read_once_a_minute() -> None:
    reads: list[int] = []

    def read() -> BriefStatus:
        reads.append(1)
        return BriefStatus(NOW, SOURCES, ())

    reader = FooterReader(read)
    for _ in range(100):
        assert reader.read() is not None
    assert len(reads) == 1
    again = FooterReader(read, max_age=0.0)
    again.read()
    again.read()
    assert len(reads) == 3


def test_while_one_thread_reads_the_others_go_on() -> None:
    may_end, has_begun = threading.Event(), threading.Event()

    def read() -> BriefStatus:
        has_begun.set()
        may_end.wait(10)
        return BriefStatus(NOW, SOURCES, ())

    reader = FooterReader(read)
    first = threading.Thread(target=reader.read)
    first.start()
    assert has_begun.wait(10)
    assert reader.read() is None
    may_end.set()
    first.join(10)
    assert reader.read() is not None


def test_a_ledger_that_cannot_be_read_breaks_no_page(caplog: pytest.LogCaptureFixture) -> None:
    def read() -> BriefStatus:
        raise LedgerUnavailable("the disk is gone")

    assert FooterReader(read).read() is None
    assert "the disk is gone" in caplog.text
