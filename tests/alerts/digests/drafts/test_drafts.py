"""Digests that other processes write ahead are those that one process would compose."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Socket
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select, update

from alerts.delivery import ChannelTable, SentLog
from alerts.delivery.channels import webhook
from alerts.digests import DigestSettings, compose_due_digests, preview_due_digests
from alerts.digests.batch import compose_batch
from alerts.digests.drafts import DigestRun, DraftSettings, draft_in_processes
from alerts.digests.drafts.draft import DraftBatch, write_drafts
from alerts.ledger import Ledger, due_subscribers, notices, subscriptions
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message, subscriber
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, SigningKey
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings, take_down
from alerts.rendering import Templates
from alerts.secret import Secret
from alerts.subscribers import SubscriberDefaults, end_alerts, set_schedule, subscribe
from tests.support.empty_ledger import open_empty_ledger
from tests.support.samples import make_question

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = START + timedelta(days=40)  # every frequency has been due since
ZONES = ("Europe/London", "Asia/Kathmandu", "Pacific/Auckland")
CHANNELS = ChannelTable((webhook.WebhookSettings(Secret("d2F0Y2h3b3Jk" * 4)),))
DEFAULTS = SubscriberDefaults("UTC", 7, CHANNELS)
SETTINGS = DigestSettings(
    Templates(),
    MailIdentity(
        *("Watchword", "w@demo.example", "leave@demo.example", "https://x.example"),
        signing_keys=(SigningKey("key", "demo.example", Ed25519PrivateKey.generate()),),
        token_secret=b"secret of the tests, 32 bytes long",
    ),
    min_drafted=1,
    batch_size=3,
)


def fill(ledger: Ledger) -> None:
    """Let 15 subscribers of all frequencies and three time zones wait for all kinds of digests."""
    frequencies = list(Frequency)
    questions = [make_question(n, words=f"Benches and trees {n}.") for n in range(1, 6)]
    record(ledger, START, questions[4])
    with ledger.writing() as connection:
        for number in range(15):
            every = frequencies[number % len(frequencies)]
            email = f"reader{number}@demo.example" if number else "https://hooks.example/a"
            for word in ("benches", "trees")[: 1 + number % 2]:
                request = SubscriptionRequest(word, every, "all", "command")
                subscribe(connection, email, request, DEFAULTS, START)
            if number % 3 == 0:
                followed = SubscriptionRequest(
                    "trees", every, "all", "page", overdue_days=5, question_id=questions[4].id
                )
                subscribe(connection, email, followed, DEFAULTS, START)
            person = subscriptions.find_subscriber_by_email(connection, email)
            assert person is not None
            set_schedule(connection, person, ZONES[number % 3], number, START)
    record(ledger, START + timedelta(hours=1), *questions[:4])
    with ledger.writing() as connection:
        notices.add(connection, "london", "x.example", "unavailable", START, START)


def record(ledger: Ledger, now: datetime, *questions: object) -> None:
    with ledger.writing() as connection:
        readings = [QuestionReading(one) for one in questions]  # type: ignore[arg-type]
        record_readings(connection, readings, now, RecordingRules(as_new=True))
    TopicMatcher(ledger).match_new_changes()


def list_expected(ledger: Ledger, settings: DigestSettings = SETTINGS) -> dict[str, bytes]:
    """Return the digests that this process would compose, by their Message-IDs."""
    with ledger.reading() as connection:
        found = [one.message for one in preview_due_digests(connection, settings, LATER)]
    return {one.message_id: one.body for one in found}


def list_composed(ledger: Ledger) -> dict[str, bytes]:
    with ledger.reading() as connection:
        rows = connection.execute(select(message.c.message_id, message.c.body)).all()
    assert len(rows) == len({row.message_id for row in rows})
    return {row.message_id: decompress_body(row.body) for row in rows}


def begin(ledger: Ledger) -> list[int]:
    """Find what has become due with the time; return the subscribers to look at."""
    compose_due_digests(ledger, SETTINGS, LATER, pieces=["begin"])
    with ledger.reading() as connection:
        return due_subscribers.list_waiting(connection, LATER, limit=100)


@pytest.mark.process
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_any_number_of_processes_writes_the_same_bytes(
    ledger: Ledger, processes: int, caplog: pytest.LogCaptureFixture
) -> None:
    fill(ledger)
    begin(ledger)
    expected, steps = list_expected(ledger), []
    settings = msgspec.structs.replace(SETTINGS, processes=processes)
    with caplog.at_level(logging.INFO, "watchword.compose"):
        made = compose_due_digests(
            ledger, settings, LATER, on_progress=lambda done, total: steps.append((done, total))
        )
    assert made == len(expected) == 15
    assert list_composed(ledger) == expected
    assert steps == [(n, 15) for n in range(1, 16)]
    told = "digests were written ahead in other processes: digests=15"
    assert (told in caplog.messages) is (processes > 1)
    assert compose_due_digests(ledger, settings, LATER) == 0


# ------------------------------------------------------------------ what has changed since


def change_frequency(connection: Connection, keys: list[int]) -> None:
    person = subscriptions.get_subscribers(connection, keys[:1])[0]
    set_schedule(connection, person, "Asia/Tokyo", 3, LATER)


def end_one(connection: Connection, keys: list[int]) -> None:
    end_alerts(connection, keys[2], None, LATER)


def change_address(connection: Connection, keys: list[int]) -> None:
    with due_subscribers.changing(connection, keys[3:4]):
        mine = subscriber.c.id == keys[3]
        connection.execute(update(subscriber).where(mine).values(email="new@demo.example"))


def take_one_down(connection: Connection, _keys: list[int]) -> None:
    take_down(connection, make_question(5).id, "by order", LATER)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "kept"),
    [(change_frequency, 14), (end_one, 14), (change_address, 14), (take_one_down, 0)],
)
def test_a_draft_that_holds_no_more_is_written_again(
    ledger: Ledger, change: Callable[[Connection, list[int]], None], kept: int
) -> None:
    fill(ledger)
    keys = begin(ledger)
    run, drafted = DigestRun(SETTINGS, LATER), draft_here(ledger, keys)
    assert len(drafted.drafts) == 15
    with ledger.writing() as connection:
        change(connection, keys)
    expected = list_expected(ledger)
    with ledger.writing_shard() as connection:
        compose_batch(connection, keys, run, drafted)
    assert list_composed(ledger) == expected
    assert run.drafts_used == kept


def draft_here(ledger: Ledger, keys: list[int]) -> DraftBatch:
    with ledger.reading() as connection:
        return write_drafts(connection, keys, DigestRun(SETTINGS, LATER))


@pytest.mark.slow
def test_a_draft_of_what_the_sent_log_has_is_not_sent(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    keys = begin(ledger)
    drafted = draft_here(ledger, keys)
    first = drafted.drafts[0].composed.message
    assert first is not None
    sent_log = SentLog(tmp_path / "sent", b"secret")
    sent_log.add(first.sent_log_data, LATER)
    run = DigestRun(msgspec.structs.replace(SETTINGS, sent_log=sent_log), LATER)
    with ledger.writing_shard() as connection:
        compose_batch(connection, keys, run, drafted)
    sent_log.close()
    assert run.drafts_used == 14
    assert list_composed(ledger).get(first.message_id) != first.body


# ------------------------------------------------------------------ processes that end


def list_writers() -> list[int]:
    """Return the processes that this one has started to write digests."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
            if int(stat[1]) == os.getpid() and b"drafts.draft_process" in command:
                found.append(int(folder.name))
    return found


class _Stopped(Exception):
    pass


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with due digests, on SQLite alone: the database makes no difference."""
    opened = open_empty_ledger(tmp_path / "ledger.sqlite3")
    fill(opened)
    begin(opened)
    yield opened
    opened.close()


@pytest.mark.process
@pytest.mark.usefixtures("new_python")  # the processes are told by their command lines
@pytest.mark.parametrize("killed", [1, 2])
def test_killed_processes_lose_and_double_nothing(waiting: Ledger, killed: int) -> None:
    expected = list_expected(waiting)
    victims: list[int] = []

    def kill(_done: int, _total: int) -> None:
        if not victims:
            victims.extend(list_writers()[:killed])
            for victim in victims:
                os.kill(victim, signal.SIGKILL)

    settings = msgspec.structs.replace(SETTINGS, processes=2, batch_size=1)
    assert compose_due_digests(waiting, settings, LATER, on_progress=kill) == 15
    assert len(victims) == killed
    assert list_composed(waiting) == expected
    assert list_writers() == []


@pytest.mark.process
@pytest.mark.usefixtures("new_python")
def test_an_error_ends_the_processes(waiting: Ledger) -> None:
    seen: list[int] = []

    def fail(_done: int, _total: int) -> None:
        seen.extend(list_writers())
        raise _Stopped

    settings = msgspec.structs.replace(SETTINGS, processes=2)
    with pytest.raises(_Stopped) as stopped:
        compose_due_digests(waiting, settings, LATER, on_progress=fail)
    assert len(seen) == 2
    assert list_writers() == []
    assert stopped.value.__traceback__ is not None  # its frames hold the processes, which ended


@pytest.mark.process
@pytest.mark.usefixtures("new_python")
def test_a_process_that_stands_still_is_not_waited_for(waiting: Ledger) -> None:
    keys = begin(waiting)
    start = DraftSettings.build(waiting, SETTINGS, LATER)
    found: list[tuple[int, bool]] = []
    for batch, drafts in draft_in_processes(start, ([key] for key in keys), 1, patience=4):
        if not found:
            os.kill(list_writers()[0], signal.SIGSTOP)
        found.append((batch[0], drafts is not None))
    assert sorted(key for key, _ in found) == keys
    assert found[0][1]
    assert not found[-1][1]
    assert list_writers() == []


@pytest.fixture
def alone(waiting: Ledger) -> Iterator[tuple[Socket, subprocess.Popen[bytes]]]:
    """A process that writes digests, and the socket to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "alerts.digests.drafts.draft_process"),
                str(theirs.fileno()),
            ],
            pass_fds=[theirs.fileno()],
        )
    with Socket(ours.detach()) as connection:
        connection.send(DraftSettings.build(waiting, SETTINGS, LATER))
        yield connection, process
    process.kill()
    process.wait()


@pytest.mark.process
def test_a_process_ends_with_the_one_that_started_it(
    waiting: Ledger, alone: tuple[Socket, subprocess.Popen[bytes]]
) -> None:
    """The system closes the socket of a process that is killed."""
    connection, process = alone
    connection.send(tuple(begin(waiting)))
    time.sleep(0.01)
    connection.close()
    assert process.wait(30) == 0
