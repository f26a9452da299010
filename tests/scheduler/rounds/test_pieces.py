"""A backlog is divided among workers, and a piece that fails holds up no other."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.feeds import FeedContext, list_waiting_shares, publish_feeds
from alerts.ledger import Ledger, cluster_processes, publication, topics
from alerts.ledger.cluster_processes import ProcessRecord
from alerts.matching import TopicMatcher
from alerts.recording import QuestionReading, RecordingRules, record_readings
from crawler.storage import LocalFolder
from scheduler.config import parse_config
from scheduler.service import Service, open_service
from scheduler.tasks import TASKS
from scheduler.tasks.task import Task
from tests.support.empty_ledger import place_empty_ledger
from tests.support.outbox import queue_messages
from tests.support.samples import make_question
from tests.support.web_client import FEED_IDENTITY, TEMPLATES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("waiting", "pieces"), [(0, []), (1, ["1"]), (20, ["1"]), (21, ["1", "2"])]
)
def test_there_is_a_piece_for_each_worker_that_has_work(
    ledger: Ledger,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    waiting: int,
    pieces: list[str],
) -> None:
    monkeypatch.setattr("scheduler.tasks.deliver._MESSAGES_A_WORKER", 20)  # of 250
    if waiting:
        queue_messages(ledger, now, *(f"a{number}@demo.example" for number in range(waiting)))
    with ledger.reading() as connection:
        assert TASKS["deliver"].list_waiting(connection, now) == pieces


@pytest.mark.slow
def test_a_process_delivers_in_one_piece_at_a_time(tmp_path: Path, now: datetime) -> None:
    """A second piece would take connections that are another process's part."""
    service = open_service(parse_config("", tmp_path, "config.toml", {}), clock=lambda: now)
    queue_messages(service.ledger, now, "ada@demo.example")
    with service.delivering:
        assert TASKS["deliver"].run(service, "2") == {}
    assert TASKS["deliver"].run(service, "1") == {"sent": 1}
    service.ledger.close()


def test_processes_that_take_jobs_from_a_queue_are_counted(ledger: Ledger, now: datetime) -> None:
    known = [
        ProcessRecord("a:1", "work", "crawl, deliver", now, now),
        ProcessRecord("a:2", "work", "deliver", now, now),
        ProcessRecord("a:3", "work", "compose", now, now),
        ProcessRecord("a:4", "schedule", "", now, now),
        ProcessRecord("b:1", "work", "deliver", now, now - timedelta(minutes=4)),
    ]
    with ledger.writing() as connection:
        for record in known:
            cluster_processes.beat(connection, record)
    with ledger.reading() as connection:
        assert cluster_processes.count_workers(connection, "deliver", now) == 2


def put_topics(ledger: Ledger, now: datetime, number: int) -> None:
    """Add public topics, which all match one question, and match it."""
    words = [f"word{n}" for n in range(number)]
    with ledger.writing() as connection:
        found = {topics.ensure(connection, word, word, now).id: word for word in words}
        publication.set_in_config(connection, dict.fromkeys(found, "public"))
        for topic_id, word in found.items():
            publication.publish_named(connection, topic_id, word, now)
        reading = QuestionReading(make_question(1, words=" ".join(words)))
        record_readings(connection, [reading], now, RecordingRules())
    TopicMatcher(ledger).match_new_changes()


@pytest.mark.slow
def test_feeds_are_divided_among_workers_and_each_is_written_once(
    ledger: Ledger, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.feeds.publish._FEEDS_A_SHARE", 20)  # of 100: fewer to write
    put_topics(ledger, now, 46)
    with ledger.reading() as connection:
        shares = list_waiting_shares(connection)
    assert [(share.number, share.of) for share in shares] == [(1, 2), (2, 2)]
    context = FeedContext(FEED_IDENTITY, TEMPLATES)
    written = [publish_feeds(ledger, LocalFolder(tmp_path), context, share) for share in shares]
    assert sum(written) == 47  # with the feed of everything
    assert min(written) > 12
    assert len(list(tmp_path.glob("*.atom.xml"))) == 47
    with ledger.reading() as connection:
        assert list_waiting_shares(connection) == []
    assert publish_feeds(ledger, LocalFolder(tmp_path), context) == 0


def test_a_piece_that_fails_holds_up_no_other(tmp_path: Path) -> None:
    done: list[str] = []

    def run(_service: Service, key: str) -> Counter[str]:
        if key != "2":
            raise ValueError(f"piece {key}")
        done.append(key)
        return Counter(pieces=1)

    task = Task("words", 0, lambda _connection, _now: ["1", "2", "3"], run)
    place_empty_ledger(tmp_path / "ledger.sqlite3")
    service = open_service(
        parse_config(
            f'[ledger]\nurl = "sqlite:///{tmp_path}/ledger.sqlite3"\n', tmp_path, "config.toml", {}
        )
    )
    with pytest.raises(ValueError, match="piece 1"):
        task.run_waiting(service)
    assert done == ["2"]
    service.ledger.close()
