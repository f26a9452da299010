"""What the metrics say of a ledger that has something of everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sqlalchemy import Connection, delete, insert, select, update

from alerts.ledger import Ledger, LedgerUnavailable, alarms, cluster_processes, jobs, pauses
from alerts.ledger.cluster_processes import ProcessRecord
from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.due_schema import due_subscriber
from alerts.ledger.due_subscribers import AT_ONCE
from alerts.ledger.schema import (
    crawl_run,
    held_change,
    message,
    subscriber,
    subscription,
    suppression,
)
from alerts.metrics import LEDGER_METRICS, PROCESS_METRICS, ServiceMetrics
from alerts.operator import BriefStatus, build_brief_status
from tests.support.outbox import queue_messages

NOW = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
PROC = Path("/proc/self/stat")  # where the client library finds what a process uses
ACCEPT = "application/openmetrics-text; version=1.0.0"


def read(ledger: Ledger, now: datetime = NOW) -> dict[str, Family]:
    """The metrics by name, as an outside parser reads them."""

    def read_status() -> BriefStatus:
        with ledger.reading() as connection:
            return build_brief_status(connection, {"london": "London Assembly"}, now)

    body, _ = ServiceMetrics(ledger, read_status).write(ACCEPT)
    parse: Callable[[str], Iterable[Family]] = text_string_to_metric_families
    return {family.name: family for family in parse(body.decode())}


def list_values(families: Mapping[str, Family], name: str) -> dict[tuple[str, ...], float]:
    """The values of a gauge, by those of its labels in alphabetical order of their names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for sample in families[f"watchword_{name}"].samples
    }


def ago(**period: float) -> datetime:
    return NOW - timedelta(**period)


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """Three messages, one sent; alarms, jobs, a pause; a change sent at once, and one held."""
    queue_messages(ledger, ago(minutes=20), "ada@x.example", "bea@x.example", "cat@x.example")
    with ledger.writing() as connection:
        _add_delivery(connection)
        _add_reading(connection)
        alarms.update_open(connection, "london", {"blocked": "403 for ada@x.example"}, (), NOW)
        alarms.update_open(connection, None, {"job ada@x.example": "no"}, (), NOW)
        pauses.add(connection, "crawl", "london", NOW)
        jobs.begin(connection, "round", ago(minutes=2))
        jobs.end_well(connection, "round", ago(minutes=1))
        jobs.fail(connection, "match", "a reason with ada@x.example", NOW, NOW, was_noted=False)
        cluster_processes.beat(connection, ProcessRecord("a:1", "work", "mail", NOW, NOW))
    return ledger


def _add_delivery(connection: Connection) -> None:
    ids = connection.execute(select(message.c.id).order_by(message.c.id)).scalars().all()
    is_first, is_second = message.c.id == ids[0], message.c.id == ids[1]
    sent = {"phase": "sent", "sent_at": ago(minutes=10)}
    connection.execute(update(message).where(is_first).values(sent))
    connection.execute(update(message).where(is_second).values(phase="in_doubt"))
    attempts = [("sent", 10), ("retry", 20), ("retry", 30), ("sent", 70)]
    for outcome, minutes in attempts:
        attempt = {"message_id": ids[0], "outcome": outcome, "attempted_at": ago(minutes=minutes)}
        connection.execute(insert(delivery_attempt).values(attempt))
    connection.execute(delete(due_subscriber))
    people = connection.execute(select(subscriber.c.id).order_by(subscriber.c.id)).scalars().all()
    due = zip(people, (AT_ONCE, ago(minutes=3), NOW + timedelta(hours=1)), strict=True)
    rows = [{"subscriber_id": one, "due_at": at} for one, at in due]
    connection.execute(insert(due_subscriber), rows)
    hashed = {"address_hash": "h", "reason": "bounces", "since": NOW}
    connection.execute(insert(suppression).values(hashed))


def _add_reading(connection: Connection) -> None:
    """A crawl that did not find the change, and one that did, which sent it at once."""
    connection.execute(update(subscription).values(frequency="immediate"))
    for start in (80, 25):
        run = {"source": "london", "started_at": ago(minutes=start), "is_complete": True}
        run |= {"finished_at": ago(minutes=start - 2), "verdict": "ok", "purpose": "regular"}
        connection.execute(insert(crawl_run).values(run))
    held: dict[str, object] = {"source": "london", "hold_reason": "flood", "kind": "answered"}
    held |= {"question_id": "london:/questions/1", "recorded_at": NOW, "after": "{}"}
    held["content_hash"] = "x"
    connection.execute(insert(held_change).values(held))


def test_gauges_say_what_is_in_the_ledger(filled: Ledger) -> None:
    families = read(filled)
    said = {
        name: list_values(families, name)
        for name in (family.removeprefix("watchword_") for family in families)
        if not name.startswith(("process", "http", "build", "publication"))
    }
    assert said["ledger_reachable"] == {(): 1}
    assert said["health_state"] == {("well",): 0, ("not_yet",): 0, ("trouble",): 1}
    assert said["alarms_open"] == {("blocked", "london"): 1, ("other", ""): 1}
    assert said["paused"] == {("crawl", "london"): 1}
    assert said["job_last_good_end_timestamp_seconds"] == {("round",): ago(minutes=1).timestamp()}
    assert said["job_failures_in_a_row"] == {("round",): 0, ("match",): 1}
    assert said["job_running"] == {("round",): 0, ("match",): 0}
    complete = said["source_last_complete_crawl_timestamp_seconds"]
    assert complete == {("london",): ago(minutes=23).timestamp()}
    assert said["source_questions"] == {("london", "unanswered"): 1}
    assert said["source_held_changes"] == {("answered", "london"): 1}
    assert said["source_refused_pages"] == {("london",): 0}
    waiting = {("queued",): 1, ("sending",): 0, ("handing_over",): 0, ("in_doubt",): 1}
    assert said["outbox_messages"] == waiting
    assert said["outbox_oldest_age_seconds"] == {one: 1200 * n for one, n in waiting.items()}
    attempts = {name: n for (name,), n in said["delivery_attempts_last_hour"].items() if n}
    assert attempts == {"sent": 1, "retry": 2}
    assert said["suppressed_addresses"] == {("bounces",): 1}
    assert said["subscribers"] == {
        ("confirmed",): 3,
        ("paused",): 0,
        ("suspended",): 0,
        ("pending",): 0,
    }
    assert (said["alerts"], said["topics"]) == ({(): 3}, {(): 1})
    assert (said["digests_due"], said["digests_lateness_seconds"]) == ({(): 2}, {(): 180})
    assert list_values(families, "processes") == {("work",): 1}


def test_the_delay_until_an_email_is_a_histogram_of_two_windows(filled: Ledger) -> None:
    delay = read(filled)["watchword_publication_to_inbox_delay_seconds"]
    assert delay.type == "gaugehistogram"
    day = {
        (sample.name.rpartition("_")[2], sample.labels.get("le", "")): sample.value
        for sample in delay.samples
        if sample.labels["window"] == "1d"
    }
    assert (day["gsum", ""], day["gcount", ""]) == (70 * 60, 1)
    assert (day["bucket", "3600.0"], day["bucket", "5400.0"], day["bucket", "+Inf"]) == (0, 1, 1)
    later = read(filled, NOW + timedelta(days=2))["watchword_publication_to_inbox_delay_seconds"]
    counts = {s.labels["window"]: s.value for s in later.samples if s.name.endswith("_gcount")}
    assert counts == {"1d": 0, "30d": 1}


def test_every_metric_is_defined_and_none_besides(filled: Ledger) -> None:
    read_from_ledger = {name for name in read(filled) if name.startswith("watchword_")}
    defined = {m.name.removesuffix("_total") for m in (*LEDGER_METRICS, *PROCESS_METRICS)}
    assert read_from_ledger == defined
    for name, family in read(filled).items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        known = [m for m in (*LEDGER_METRICS, *PROCESS_METRICS) if m.name.startswith(name)]
        assert labels <= {label for metric in known for label in metric.label_names}, name


def test_no_label_holds_an_address_or_a_sentence(filled: Ledger) -> None:
    values = [
        value
        for family in read(filled).values()
        for sample in family.samples
        for value in sample.labels.values()
    ]
    assert "other" in values  # the job whose name is an address
    assert not [value for value in values if "@" in value or value.count(" ") > 2]


def test_a_ledger_that_cannot_be_read_is_said_to_be_so(ledger: Ledger) -> None:
    def read_status() -> BriefStatus:
        raise LedgerUnavailable("no database")

    body, media_type = ServiceMetrics(ledger, read_status).write("text/plain")
    lines = body.decode().splitlines()
    assert "watchword_ledger_reachable 0.0" in lines
    assert not any(line.startswith("watchword_health_state") for line in lines)
    assert any(line.startswith("process_cpu_seconds_total ") for line in lines) or not PROC.exists()
    assert media_type.startswith("text/plain; version=0.0.4")
