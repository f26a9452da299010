"""A damaged row of the ledger costs only itself, and the operator hears of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from crawler.records import encode_record
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder

pytestmark = pytest.mark.process

PEOPLE = [f"reader{number}@demo.example" for number in range(3)]


@pytest.fixture
def service(tmp_path: Path) -> ServiceFolder:
    made = ServiceFolder(
        tmp_path, '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
    )
    for number, who in enumerate(PEOPLE):
        made.run("subscribe", who, f"benches OR word{number}", "--every", "immediate")
    made.run("once", "--no-crawl")
    return made


@pytest.mark.parametrize(
    ("statement", "is_told"),
    [
        ("UPDATE subscription SET frequency = 'never' WHERE id = 1", True),
        ("UPDATE subscription SET updates = 'what' WHERE id = 1", True),
        ("UPDATE subscription SET last_due_at = 'a day' WHERE id = 1", False),
        ("UPDATE subscription SET created_at = 'a day' WHERE id = 1", False),
        ("UPDATE subscription SET sent_up_to = 999999 WHERE id = 1", True),
        ("UPDATE topic_range SET matched_up_to = 999999", False),
        ("UPDATE subscriber SET hour = 99 WHERE id = 1", True),
        ("UPDATE subscriber SET created_at = 'a day' WHERE id = 1", False),
        ("UPDATE subscriber SET paused_until = 'a day' WHERE id = 1", True),
    ],
)
def test_it_stops_nobody_else(service: ServiceFolder, statement: str, is_told: bool) -> None:
    ledger = service.folder / "var" / "ledger.sqlite3"
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute(statement)
    record = make_question(1, make_answer("There are more benches."))
    (service.folder / "records.jsonl").write_bytes(encode_record(record))
    said = service.run("ingest", "--as-new", "records.jsonl").stderr
    said += service.run("once", "--no-crawl").stderr
    assert "Traceback" not in said
    assert {str(mail["To"]) for mail in service.emails} >= set(PEOPLE[1:])
    if is_told:
        status = service.run("status", expect=1).stdout
        assert "the ledger holds damaged rows" in status


def test_a_fault_before_the_round_begins_is_shown(service: ServiceFolder) -> None:
    ledger = service.folder / "var" / "ledger.sqlite3"
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("DROP TABLE clock_reading")
    service.run("once", "--no-crawl", expect=1)
    assert "clock_reading" in service.run("status", expect=1).stdout


@pytest.mark.parametrize("damage", ["after = '{\"id\": 7'", "kind = 'of_a_later_version'"])
def test_a_change_that_cannot_be_read_costs_only_itself(
    service: ServiceFolder, damage: str
) -> None:
    for number in (1, 2):
        record = make_question(number, words=f"Benches at stop {number}.")
        (service.folder / "records.jsonl").write_bytes(encode_record(record))
        service.run("ingest", "--as-new", "records.jsonl")
        ledger = service.folder / "var" / "ledger.sqlite3"
        with closing(sqlite3.connect(ledger)) as connection, connection:
            connection.execute(f"UPDATE change SET {damage} WHERE seq = 1")  # noqa: S608  # ours
        assert "Traceback" not in service.run("once", "--no-crawl").stderr
    assert {str(mail["To"]) for mail in service.emails if "stop 2." in mail.as_string()} >= set(
        PEOPLE
    )
    feed = (service.folder / "var" / "feeds" / "everything.rss.xml").read_text()
    assert ["stop 1." in feed, "stop 2." in feed] == [False, True]
    status = service.run("status", expect=1).stdout
    assert "the ledger holds damaged rows, which are passed over: 1 changes" in status
