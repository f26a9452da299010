"""A ledger restored from a backup, a mail server that is down for a day, a second daemon."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery import ChannelTable, ChannelUnavailable, SentLog, compute_sent_key, deliver_due
from alerts.delivery.channels import smtp
from alerts.delivery.sent_log import SENT_KEY_BYTES
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, alarms, messages
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.operator import update_mail_alarms
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe
from crawler.records import encode_record
from tests.support.postgres import create_database, find_server_programs
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder, count_sent_links
from tests.support.smtp_server import run_smtp_server

pytestmark = pytest.mark.process

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
IDENTITY = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")


def count_sent(service: ServiceFolder, *numbers: int, status: int = 0) -> Counter[int]:
    """Ingest some questions; return how often each question has been sent so far."""
    lines = b"\n".join(
        encode_record(make_question(n, make_answer("More benches."))) for n in numbers
    )
    (service.folder / "records.jsonl").write_bytes(lines)
    service.run("ingest", "--as-new", "records.jsonl", expect=status)
    sent: Counter[int] = Counter()
    for mail in service.emails:
        for line in str(mail.get_body(("plain",))).splitlines():
            if line.startswith("https://replica.example/questions/"):
                sent[int(line.rpartition("/")[2])] += 1
    return sent


class BackedUpService(ServiceFolder):
    """A service whose ledger its operator backs up and restores with the database's own means."""

    def __init__(self, folder: Path, postgres_url: str | None) -> None:
        self.url = postgres_url
        extra = f'[ledger]\nurl = "{postgres_url}"\n' if postgres_url else ""
        super().__init__(folder, QUIET + extra)

    def back_up(self) -> None:
        """Copy the ledger to a file."""
        if self.url:
            self._run_postgres("pg_dump", "--clean", "--file", "backup", self.url)
            return
        with closing(sqlite3.connect(self.folder / "var" / "ledger.sqlite3")) as ledger:
            ledger.execute("VACUUM INTO ?", (str(self.folder / "backup"),))

    def restore(self) -> None:
        """Put the ledger back as it was when it was copied."""
        if self.url:
            options = ("--single-transaction", "--set", "ON_ERROR_STOP=1")
            self._run_postgres("psql", *options, "--file", "backup", self.url)
            return
        ledger = self.folder / "var" / "ledger.sqlite3"
        for name in ("ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm"):
            ledger.with_name(name).unlink(missing_ok=True)
        shutil.copy(self.folder / "backup", ledger)

    def _run_postgres(self, program: str, *arguments: str) -> None:
        programs = find_server_programs()
        assert programs is not None
        command = [str(programs / program), *arguments]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BackedUpService]:
    if request.param == "sqlite":
        yield BackedUpService(tmp_path, None)
        return
    with create_database(request.getfixturevalue("postgres_server"), "template1") as url:
        yield BackedUpService(tmp_path, url)


def test_a_ledger_from_a_backup_sends_nothing_twice(service: BackedUpService) -> None:
    """The outbox in it is a day old, and the questions of that day are found again."""
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    assert count_sent(service, 1) == {1: 1}
    service.back_up()
    assert count_sent(service, 1, 2, 3) == {1: 1, 2: 1, 3: 1}
    service.restore()
    assert count_sent(service, 1, 2, 3) == {1: 1, 2: 1, 3: 1}
    assert count_sent(service, 1, 2, 3, 4) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert service.run("digest", "--dry-run").stdout == "No digest is due.\n"


def test_an_alert_made_after_the_restore_sends_nothing_again(service: BackedUpService) -> None:
    """It matches what the other alert was sent by the ledger that was lost."""
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    assert count_sent(service, 1) == {1: 1}
    service.back_up()
    assert count_sent(service, 1, 2, 3) == {1: 1, 2: 1, 3: 1}
    service.restore()
    service.run("subscribe", "ada@demo.example", "more", "--every", "immediate")
    service.run("subscribe", "vera@demo.example", "more", "--every", "immediate")
    assert count_sent(service, 1, 2, 3, 4) == {1: 1, 2: 2, 3: 2, 4: 2}  # Vera had none of them
    service.run("once")
    assert service.run("digest", "--dry-run").stdout == "No digest is due.\n"


def test_an_outbox_from_a_backup_is_not_sent_again(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    sent_log = SentLog(tmp_path / "sent")
    with ledger.writing() as connection:
        wish = SubscriptionRequest("benches", Frequency.IMMEDIATE, "all", "command")
        subscribe(connection, "ada@demo.example", wish, SubscriberDefaults("Europe/London", 7), now)
        record_readings(
            connection,
            [QuestionReading(make_question(1, make_answer("Benches.")))],
            now,
            RecordingRules(),
        )
    TopicMatcher(ledger).match_new_changes()
    compose_due_digests(ledger, DigestSettings(Templates(), IDENTITY), now)
    with ledger.reading() as connection:
        [entry] = messages.get(connection, [1])
    sent_log.add(entry.sent_log_data, now)  # by the ledger that was lost

    with run_smtp_server() as server:
        channels = ChannelTable((smtp.SmtpSettings("127.0.0.1", server.port, "none"),))
        sent_log = SentLog(tmp_path / "sent")
        assert deliver_due(ledger, channels, lambda: now, sent_log=sent_log) == {"sent": 1}
        assert server.messages == []


@given(st.lists(st.text(max_size=9), max_size=30), st.text(max_size=9))
def test_the_sent_log_contains_what_was_added_and_nothing_else(
    added: list[str], other: str
) -> None:
    now = datetime.fromisoformat("2026-07-16T12:00+00:00")
    with tempfile.TemporaryDirectory() as folder:
        sent_log = SentLog(Path(folder) / "sent")
        keys = [compute_sent_key("a@b", topic, "q", "asked", "d") for topic in added]
        assert len(b"".join(keys)) == SENT_KEY_BYTES * len(keys)
        sent_log.add(b"".join(keys), now)
        again = SentLog(Path(folder) / "sent")
        for one in (sent_log, again):
            assert all(one.contains(each, now + timedelta(days=7)) for each in keys)
            assert one.contains(b"".join(keys), now) is bool(keys)
            assert one.contains(compute_sent_key("a@b", other, "q", "asked", "d"), now) is (
                other in added
            )
        late = SentLog(Path(folder) / "sent")
        assert not any(late.contains(each, now + timedelta(days=10)) for each in keys)


def test_the_files_of_earlier_versions_are_taken_over_once(tmp_path: Path, now: datetime) -> None:
    """Each held the keys of a day; half a key at the end, from a full disk, is ignored."""
    old, recent = (compute_sent_key("a@b", topic, "q", "asked", "d") for topic in ("s", "t"))
    (tmp_path / f"{now - timedelta(days=9):%Y-%m-%d}.sent").write_bytes(old)
    (tmp_path / f"{now - timedelta(days=1):%Y-%m-%d}.sent").write_bytes(recent + b"abc")
    log = SentLog(tmp_path)
    assert log.contains(recent, now)
    assert not log.contains(recent, now + timedelta(days=8))  # its day is remembered too
    assert not log.contains(old, now)
    assert not list(tmp_path.glob("*.sent"))
    log.close()
    assert SentLog(tmp_path).contains(recent, now)


def test_the_sent_log_keeps_nine_days_and_believes_eight(tmp_path: Path, now: datetime) -> None:
    keys = [compute_sent_key("a@b", str(n), "q", "asked", "d") for n in range(30)]
    log = SentLog(tmp_path)
    for day, key in enumerate(keys):
        log.add(key, now + timedelta(days=day))
        assert log.find(keys, now + timedelta(days=day)) == set(keys[max(0, day - 8) : day + 1])
    log.close()
    assert count_keys(tmp_path) == 10  # nine when it was pruned, and then one was added


@given(
    offsets=st.lists(st.sampled_from((-3650, -400, -9, 0, 0, 0, 9, 400, 3650)), max_size=7),
    rest=st.integers(0, 7),
)
def test_a_clock_that_was_ahead_makes_the_sent_log_forget_nothing(
    offsets: list[int], rest: int
) -> None:
    """A day for each offset, by which the clock is wrong on that day, and then right ones."""
    start = datetime.fromisoformat("2026-07-16T12:00+00:00")
    right = [0, *offsets, *([0] * rest)][:8]
    with tempfile.TemporaryDirectory() as folder:
        log = SentLog(Path(folder))
        sent = []
        for day, offset in enumerate(right):
            key = compute_sent_key("a@b", str(day), "q", "asked", "d")
            log.add(key, start + timedelta(days=day + offset))
            sent += [key] if offset >= 0 else []
        assert log.find(sent, start + timedelta(days=len(right) - 1)) == set(sent)
        log.close()


def count_keys(folder: Path) -> int:
    with sqlite3.connect(folder / "sent.sqlite3") as file:
        [count] = file.execute("SELECT count(*) FROM sent").fetchone()
    file.close()
    return int(count)


def test_a_sent_log_that_is_no_database_is_one_clear_error(tmp_path: Path, now: datetime) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    (tmp_path / "var" / "sent").mkdir(parents=True)
    (tmp_path / "var" / "sent" / "sent.sqlite3").write_text("not a database " * 100)
    failed = service.run("once", "--no-crawl", expect=65)
    assert "sent.sqlite3 cannot be used: file is not a database" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_several_threads_add_to_the_sent_log(tmp_path: Path, now: datetime) -> None:
    log = SentLog(tmp_path)
    keys = [compute_sent_key("a@b", str(n), "q", "asked", "d") for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: log.add(key, now), keys))
    assert log.contains(b"".join(keys), now)


def test_a_mail_server_that_is_down_for_a_day(ledger: Ledger, now: datetime) -> None:
    """Hourly digests queue up, an alarm is raised after an hour, all are sent in order."""
    with ledger.writing() as connection:
        wish = SubscriptionRequest("benches", Frequency.HOURLY, "all", "command")
        subscribe(connection, "ada@demo.example", wish, SubscriberDefaults("Europe/London", 7), now)
    with run_smtp_server() as server:
        channels = ChannelTable(
            (smtp.SmtpSettings("127.0.0.1", server.port, "none", timeout_seconds=5),)
        )
        server.script = {"banner": "421 away"}
        warned: list[int] = []
        for hour in range(24):
            moment = now + timedelta(hours=hour)
            with ledger.writing() as connection:
                new = make_question(hour, make_answer("Benches."))
                record_readings(connection, [QuestionReading(new)], moment, RecordingRules())
            TopicMatcher(ledger).match_new_changes()
            compose_due_digests(ledger, DigestSettings(Templates(), IDENTITY), moment)
            with pytest.raises(ChannelUnavailable) as shut:
                deliver_due(ledger, channels, lambda: moment)  # noqa: B023  # called at once
            with ledger.writing() as connection:
                update_mail_alarms(connection, 0, str(shut.value), moment)
                if any(a.kind == "queue" for a in alarms.list_open(connection)):
                    warned.append(hour)
        assert warned[0] == 2
        assert warned[-1] == 23
        server.script = {}
        later = now + timedelta(hours=24)
        # One connection, so that the order in which they arrive is the order of sending.
        alone = ChannelTable((smtp.SmtpSettings("127.0.0.1", server.port, "none", connections=1),))
        assert deliver_due(ledger, alone, lambda: later) == {"sent": 24}
        with ledger.writing() as connection:
            update_mail_alarms(connection, 0, None, later)
            assert alarms.list_open(connection) == []
        bodies = [str(mail.get_payload(0)) for mail in server.parsed_messages]
        order = [body.partition("/questions/")[2].split()[0] for body in bodies]
        assert order == [str(hour) for hour in range(24)]


def test_a_second_daemon_exits_at_once_and_the_first_stops_on_sigterm(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    with service.running("-vv", "run") as first:
        assert first.stderr is not None
        for line in first.stderr:  # until it is at work
            if "a job starts: job=match" in line:
                break
        service.run("run", expect=75)
        service.run("once", "--no-crawl", expect=75)
        began = time.monotonic()
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=90) == 0
        assert time.monotonic() - began < 30
    assert count_sent_links(service.emails) == {}


def test_the_sent_log_tells_nothing_without_the_key_of_the_ledger(
    tmp_path: Path, now: datetime
) -> None:
    """An earlier log, whose keys anybody can compute from an address, is converted once."""
    [known, later] = (compute_sent_key("a@b", topic, "q", "asked", "d") for topic in ("s", "t"))
    log = SentLog(tmp_path, b"key")
    log.add(later, now)
    log.close()
    with closing(sqlite3.connect(tmp_path / "sent.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM sent")
        connection.execute("PRAGMA user_version = 0")
        connection.execute("INSERT INTO sent VALUES (?, ?)", (known, now.toordinal()))
    for _ in range(2):
        log = SentLog(tmp_path, b"key")
        assert log.contains(known, now)
        log.close()
    log.add(later, now)
    log.close()
    with closing(sqlite3.connect(tmp_path / "sent.sqlite3")) as connection:
        kept = {key for (key,) in connection.execute("SELECT key FROM sent")}
    assert len(kept) == 2
    assert not kept & {known, later}
    assert not SentLog(tmp_path, b"another").contains(known, now)
