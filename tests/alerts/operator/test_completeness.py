"""Missing numbers are counted, shown, and an alarm when they last longer than usual."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.ledger import Ledger, alarms, crawl_runs, refused_pages
from alerts.operator import measure_completeness, update_gap_alarm
from alerts.recording import QuestionReading, RecordingRules, record_readings
from crawler.records import Question
from tests.support.samples import make_question


def record(ledger: Ledger, now: datetime, *records: Question) -> None:
    with ledger.writing() as connection:
        readings = [QuestionReading(one) for one in records]
        record_readings(connection, readings, now, RecordingRules())


def list_alarms(ledger: Ledger, now: datetime) -> list[str]:
    with ledger.writing() as connection:
        update_gap_alarm(connection, "london", now)
        return [one.reason for one in alarms.list_open(connection) if one.kind == "gaps"]


def test_the_months_of_a_source(ledger: Ledger, now: datetime) -> None:
    odd = make_question(4, suspect=("no title",))
    record(ledger, now, make_question(1), make_question(2), odd)
    with ledger.writing() as connection:
        refused_pages.record_refusal(connection, "london:/9", "london", "https://x", 403, now)
        found = measure_completeness(connection, "london")
    july = next(month for month in found.months if month.known)
    assert (july.known, july.expected, july.unreadable) == (3, 4, 1)
    assert sum(month.refused for month in found.months) == 1
    assert found.describe_gaps() == "2026/0003"


def test_an_alarm_when_a_number_is_missing_for_longer_than_usual(
    ledger: Ledger, now: datetime
) -> None:
    with ledger.writing() as connection:
        crawl_runs.start_run(connection, "london", now, "regular")
    record(ledger, now, make_question(1), make_question(3))
    later = now + timedelta(days=2)
    record(ledger, later, make_question(5))
    assert list_alarms(ledger, later + timedelta(days=6)) == []
    [reason] = list_alarms(ledger, later + timedelta(days=8))
    assert reason == "missing for longer than 7 days: 2026/0004"  # 2026/0002 never came at all
    record(ledger, later + timedelta(days=9), make_question(4))
    assert list_alarms(ledger, later + timedelta(days=9)) == []
