"""Feeds that several processes write at once: a file is never replaced by an older one."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from alerts.feeds import FeedContext, FeedFolder, list_waiting_feeds, publish_feed, publish_feeds
from alerts.feeds import folder as folder_module
from alerts.ledger import Ledger, feeds, open_ledger, topics
from alerts.subscribers import hide_topic, publish_topic
from crawler.storage import Folder, LocalFolder, parse_folder
from tests.alerts.feeds.test_publish import (
    IDENTITY,
    TEMPLATES,
    publish,
    read_state,
    read_titles,
    record,
)
from tests.support.object_store import run_object_store
from tests.support.samples import make_question

CONTEXT = FeedContext(IDENTITY, TEMPLATES)


class PausedFolder(FeedFolder):
    """A folder whose user does something else just before it takes hold of it, the first time."""

    def __init__(self, path: Path, act: Callable[[], object]) -> None:
        super().__init__(LocalFolder(path))
        self._act: Callable[[], object] | None = act

    @contextmanager
    def holding(self) -> Iterator[None]:
        act, self._act = self._act, None
        if act is not None:
            act()
        with super().holding():
            yield


def list_waiting(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        return list_waiting_feeds(connection, 10)


@pytest.mark.parametrize("name", ["VRU", "everything"])
def test_who_built_an_older_version_writes_the_newest(
    ledger: Ledger, ledger_url: str, now: datetime, tmp_path: Path, name: str
) -> None:
    """One process stops before it writes; meanwhile another writes what came since."""
    record(ledger, now, make_question(1, words="The VRU."))
    second = open_ledger(ledger_url)
    titles: list[list[str]] = []

    def overtake() -> None:
        record(second, now, make_question(2, words="The VRU."))
        assert publish_feed(second, FeedFolder(LocalFolder(tmp_path)), CONTEXT, name)
        titles.append(read_titles(tmp_path / f"{name}.atom.xml"))

    written = publish_feed(ledger, PausedFolder(tmp_path, overtake), CONTEXT, name)
    assert written
    assert titles == [["New question: Question 2", "New question: Question 1"]]
    assert read_titles(tmp_path / f"{name}.atom.xml") == titles[0]
    assert name not in list_waiting(ledger)
    second.close()


def test_a_feed_that_becomes_outdated_whenever_it_is_built_stays_marked(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    """It becomes outdated each time it is built: nothing is written, and it waits."""
    record(ledger, now, make_question(1, words="The VRU."))

    class Busy(FeedFolder):
        @contextmanager
        def holding(self) -> Iterator[None]:
            with ledger.writing() as connection:
                feeds.mark_outdated(connection, ["VRU"])
            with super().holding():
                yield

    assert not publish_feed(ledger, Busy(LocalFolder(tmp_path)), CONTEXT, "VRU")
    assert list(tmp_path.glob("VRU.*")) == []
    assert "VRU" in list_waiting(ledger)


def test_who_is_killed_before_it_records_leaves_the_feed_marked(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."))

    class Killed(FeedFolder):
        def write(self, files: object) -> None:
            self.folder.write("VRU.json", b"{}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_feed(ledger, Killed(LocalFolder(tmp_path)), CONTEXT, "VRU")
    assert "VRU" in list_waiting(ledger)
    assert publish_feed(ledger, FeedFolder(LocalFolder(tmp_path)), CONTEXT, "VRU")
    assert (tmp_path / "VRU.json").read_bytes() != b"{}"


def test_a_feed_hidden_and_published_again_meanwhile_is_written_again(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."))

    def hide_and_publish() -> None:
        with ledger.writing() as connection:
            hide_topic(connection, "VRU")
        record(ledger, now, make_question(2, words="The VRU."))

    assert publish_feed(ledger, PausedFolder(tmp_path, hide_and_publish), CONTEXT, "VRU")
    assert len(read_titles(tmp_path / "VRU.atom.xml")) == 2


def test_a_feed_hidden_meanwhile_is_not_written(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."))

    def hide() -> None:
        with ledger.writing() as connection:
            hide_topic(connection, "VRU")

    assert not publish_feed(ledger, PausedFolder(tmp_path, hide), CONTEXT, "VRU")
    assert list(tmp_path.glob("VRU.*")) == []


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_feed_published_again_just_when_it_is_found_private_has_files(
    ledger: Ledger, ledger_url: str, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."))
    second = open_ledger(ledger_url)
    published: list[str] = []

    def publish_again(_1: object, _2: object, statement: str, *_: object) -> None:
        if not published and statement.startswith(("DELETE FROM feed", "INSERT INTO withdrawn")):
            published.append("VRU")
            with second.writing() as connection:
                publish_topic(connection, "VRU", now)

    class Hidden(FeedFolder):
        def write(self, files: Mapping[str, bytes]) -> None:
            super().write(files)
            with second.writing() as connection:
                hide_topic(connection, "VRU")
            event.listen(ledger.engine, "before_cursor_execute", publish_again)

    assert not publish_feed(ledger, Hidden(LocalFolder(tmp_path)), CONTEXT, "VRU")
    assert published == ["VRU"]
    publish(ledger, tmp_path)
    assert len(read_titles(tmp_path / "VRU.atom.xml")) == 1
    second.close()


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_topic_hidden_while_it_is_matched_gets_no_feed(ledger: Ledger, now: datetime) -> None:
    record(ledger, now, make_question(1, words="The VRU."))
    with ledger.reading() as connection:
        topic = topics.find_by_slug(connection, "VRU")
    assert topic is not None

    def mark() -> None:
        with ledger.writing_shard() as connection:
            feeds.mark_matched(connection, 0, {topic.id})

    other = threading.Thread(target=mark)
    with ledger.writing() as connection:
        hide_topic(connection, "VRU")
        other.start()
        other.join(0.3)
        assert other.is_alive()  # it has seen a public topic, and waits for the row of its feed
    other.join()
    with ledger.reading() as connection:
        assert feeds.get(connection, "VRU") is None


@pytest.mark.slow
def test_several_at_once_publish_the_same_as_one(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    names = ("one", "many")
    record(ledger, now, *(make_question(n, words="The VRU on benches.") for n in range(1, 60)))
    publish(ledger, tmp_path / names[0])
    with ledger.writing() as connection:
        feeds.rewrite(connection)
    with ThreadPoolExecutor(3) as pool:
        list(
            pool.map(
                lambda _: publish_feeds(ledger, LocalFolder(tmp_path / names[1]), CONTEXT), range(3)
            )
        )
    one, many = (
        {name: body for name, (body, *_) in read_state(tmp_path / folder).items()}
        for folder in names
    )
    assert one == many
    assert "VRU.1.atom.xml" in one
    assert list_waiting(ledger) == []


def test_what_stands_still_in_the_folder_costs_the_others_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "_HOLD_TIMEOUT", 0.05)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(OSError, match="another process holds it") as caught:
        FeedFolder(LocalFolder(tmp_path)).holding().__enter__()
    assert caught.value.errno == errno.EAGAIN
    timer = threading.Timer(0.02, os.close, [descriptor])
    timer.start()
    with FeedFolder(LocalFolder(tmp_path)).holding():
        timer.join()


def test_nothing_outdated_is_found_by_reading_little(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."))
    publish(ledger, tmp_path)
    publish_topic_anew(ledger, now)
    publish(ledger, tmp_path)
    seen: list[str] = []

    def note(_1: object, _2: object, statement: str, *_: object) -> None:
        seen.append(statement)

    with ledger.writing():  # whoever wants to write would wait for it
        event.listen(ledger.engine, "before_cursor_execute", note)
        assert publish(ledger, tmp_path) == 0
    found = [one for one in seen if not one.startswith("BEGIN")]
    assert {one.split(None, 1)[0] for one in found} == {"SELECT"}
    assert len(found) <= 10


def publish_topic_anew(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        publish_topic(connection, "trams", now)


class StoreFolder(FeedFolder):
    """A folder in a store, whose user is overtaken between its last look and its write."""

    def __init__(self, folder: Folder, act: Callable[[], object]) -> None:
        super().__init__(folder)
        self._act: Callable[[], object] | None = act

    def write(self, files: Mapping[str, bytes]) -> None:
        act, self._act = self._act, None
        if act is not None:
            act()
        super().write(files)


@pytest.mark.slow
def test_who_is_overtaken_in_a_store_has_the_feed_written_again(
    ledger: Ledger, ledger_url: str, now: datetime
) -> None:
    """A store cannot be held, so an older file can replace a newer one, for a moment."""
    record(ledger, now, make_question(1, words="The VRU."))
    second = open_ledger(ledger_url)
    with run_object_store("feeds"):
        folder = parse_folder(f"s3://feeds/{uuid.uuid4()}")

        def overtake() -> None:
            record(second, now, make_question(2, words="The VRU."))
            assert publish_feed(second, FeedFolder(folder), CONTEXT, "VRU")
            assert b"Question 2" in (folder.read("VRU.json") or b"")

        assert not publish_feed(ledger, StoreFolder(folder, overtake), CONTEXT, "VRU")
        assert "VRU" in list_waiting(ledger)
        publish_feeds(ledger, folder, CONTEXT)
        assert b"Question 2" in (folder.read("VRU.json") or b"")
        assert "VRU" not in list_waiting(ledger)
    second.close()
