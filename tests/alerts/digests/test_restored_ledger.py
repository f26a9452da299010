"""A ledger from a backup: a subscriber is sent no change again, for whichever topic."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from alerts.delivery import ChannelTable, SentLog, SentLogError, deliver_due
from alerts.delivery.channels import maildir
from alerts.delivery.sent_log import SENT_KEY_BYTES
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, open_ledger
from alerts.ledger.schema import change, digest_item, message, subscription
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe
from tests.support.empty_ledger import open_empty_ledger
from tests.support.examples import count_examples
from tests.support.samples import make_answer, make_question
from tests.support.service import get_plain_text, read_emails

IDENTITY = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")
EMAIL = "ada@demo.example"
HOUR = timedelta(hours=1)
#: Each matches every question of this test.
TOPICS = ("benches", "green OR benches", "benches OR trees", "benches OR word3")


class World:
    """A ledger that is backed up and restored, beside a sent log and a Maildir that are not."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.folder = folder
        self.now = now
        self.asked = 0
        self.file = folder / "ledger.sqlite3"
        self.ledger = open_empty_ledger(self.file)
        self.known: set[int] = set()  #: what the digests in the backup contain

    def _open(self) -> Ledger:
        return open_ledger(f"sqlite:///{self.file}")

    def subscribe(self, topic: str, frequency: Frequency) -> None:
        with self.ledger.writing() as connection:
            wish = SubscriptionRequest(topic, frequency, "all", "command")
            subscribe(connection, EMAIL, wish, SubscriberDefaults("Europe/London", 7), self.now)

    def read(self, *questions: int, answered: bool = False) -> None:
        answers = [make_answer("There are more benches.")] if answered else []
        with self.ledger.writing() as connection:
            made = [make_question(n, *answers, words="Where are the benches?") for n in questions]
            readings = [QuestionReading(question) for question in made]
            record_readings(connection, readings, self.now, RecordingRules(as_new=True))
        self.asked = max((self.asked, *questions))

    def round(self) -> None:
        sent_log = SentLog(self.folder / "sent")
        TopicMatcher(self.ledger).match_new_changes()
        settings = DigestSettings(Templates(), IDENTITY, sent_log=sent_log)
        compose_due_digests(self.ledger, settings, self.now)
        channels = ChannelTable((maildir.MaildirSettings(self.folder / "mail"),))
        deliver_due(self.ledger, channels, lambda: self.now, sent_log=sent_log)
        sent_log.close()

    def back_up(self) -> None:
        (self.folder / "backup").unlink(missing_ok=True)
        with sqlite3.connect(self.file) as file:
            file.execute("VACUUM INTO ?", (str(self.folder / "backup"),))
        file.close()
        self.known = set(self.list_digested())

    def list_digested(self) -> list[int]:
        """The questions in the digests that the ledger has."""
        wanted = select(change.c.question_id).join(digest_item)
        with self.ledger.reading() as connection:
            return [int(key.rpartition("/")[2]) for key in connection.execute(wanted).scalars()]

    def restore(self) -> None:
        """Bring the backup back."""
        self.ledger.engine.dispose()
        for end in ("-wal", "-shm"):
            self.file.with_name(self.file.name + end).unlink(missing_ok=True)
        shutil.copy(self.folder / "backup", self.file)
        self.ledger = self._open()

    def read_again(self) -> None:
        """Read all that the source has: it shows its questions as before."""
        self.read(*range(1, self.asked + 1))

    @property
    def sent(self) -> Counter[int]:
        """In how many messages each question arrived."""
        return Counter(
            int(line.rpartition("/")[2])
            for mail in read_emails(self.folder / "mail")
            for line in get_plain_text(mail).splitlines()
            if line.startswith("https://replica.example/questions/")
        )


@pytest.fixture
def world(tmp_path: Path, now: datetime) -> World:
    """A subscriber with one alert that is sent at once."""
    made = World(tmp_path, now)
    made.subscribe(TOPICS[0], Frequency.IMMEDIATE)
    return made


def test_nothing_is_composed_while_the_log_cannot_be_read(world: World) -> None:
    """As nobody can say what was sent; it concerns all digests, so it ends the round."""
    world.read(1)
    log = world.folder / "sent" / "sent.sqlite3"
    log.parent.mkdir()
    log.write_bytes(b"no database" * 1000)
    with pytest.raises(SentLogError, match="cannot be used: file is not a database"):
        world.round()
    log.unlink()
    world.round()
    assert world.sent == {1: 1}


@pytest.mark.slow
def test_a_topic_of_after_the_restore_brings_nothing_again(world: World) -> None:
    world.back_up()
    world.read(1, 2)
    world.round()
    assert world.sent == {1: 1, 2: 1}
    world.restore()
    world.subscribe(TOPICS[1], Frequency.HOURLY)
    world.read(1, 2, 3)
    for _ in range(3):
        world.now += HOUR
        world.round()
    assert world.sent[1] == world.sent[2] == 1
    assert world.sent[3] >= 1


@pytest.mark.slow
def test_another_alert_that_is_due_later_brings_nothing_again(world: World) -> None:
    """The weekly alert waits for its day; what it would show was sent before the restore."""
    world.subscribe(TOPICS[1], Frequency.WEEKLY)
    world.read(1)
    world.round()  # the first digest of an alert is sent at once
    world.back_up()
    world.now += HOUR
    world.read(2, 3)
    world.round()
    assert world.sent == {1: 1, 2: 1, 3: 1}
    world.restore()
    world.read_again()
    world.now += timedelta(days=7)
    world.round()
    assert world.sent == {1: 1, 2: 1, 3: 1}


@pytest.mark.slow
def test_without_a_restore_each_alert_shows_a_change_at_its_own_time(world: World) -> None:
    world.subscribe(TOPICS[1], Frequency.WEEKLY)
    world.read(1)
    world.round()  # the first digest of each alert is sent at once, and shows it once
    assert world.sent == {1: 1}
    world.now += HOUR
    world.read(2)
    world.round()
    assert world.sent[2] == 1
    world.now += timedelta(days=7)
    world.round()
    assert world.sent == {1: 1, 2: 2}


@pytest.mark.slow
def test_what_the_backup_has_sent_is_shown_by_the_other_alert_once(world: World) -> None:
    """The weekly copy is due as ever, unless the ledger that was lost has sent it too."""
    world.subscribe(TOPICS[1], Frequency.WEEKLY)
    world.read(1)
    world.round()
    world.now += HOUR
    world.read(2)
    world.round()
    world.back_up()
    assert world.sent[2] == 1
    world.now += timedelta(days=6)
    for _ in range(2):
        world.now += timedelta(days=1)
        world.round()
        assert world.sent[2] == 2
        world.restore()
        world.read_again()
        world.round()
        assert world.sent[2] == 2


@pytest.mark.slow
def test_a_followed_question_ends_with_an_answer_that_was_sent(world: World) -> None:
    """Its answer came for a query, and then the ledger was lost."""
    world.read(1)
    world.round()
    wish = SubscriptionRequest(
        "Question 1", Frequency.WEEKLY, "all", "command", question_id=make_question(1).id
    )
    world.back_up()
    world.now += HOUR
    world.read(1, answered=True)
    world.round()
    assert world.sent == {1: 2}
    world.restore()
    with world.ledger.writing() as connection:
        subscribe(connection, EMAIL, wish, SubscriberDefaults("Europe/London", 7), world.now)
    world.read(1, answered=True)
    world.round()
    assert world.sent == {1: 2}
    with world.ledger.reading() as connection:
        ended = select(subscription.c.is_finished).where(subscription.c.frequency == "weekly")
        assert connection.execute(ended).scalar_one()


@pytest.mark.slow
def test_a_log_of_an_earlier_version_has_no_keys_for_changes_alone(world: World) -> None:
    """Both topics are pending at once: what was sent for one is not sent for the other."""
    world.back_up()
    world.read(1, 2)
    TopicMatcher(world.ledger).match_new_changes()
    compose_due_digests(world.ledger, DigestSettings(Templates(), IDENTITY), world.now)
    with world.ledger.writing() as connection:
        data = connection.execute(select(message.c.sent_log_data)).scalar_one()
        old = data[:SENT_KEY_BYTES] + data[2 * SENT_KEY_BYTES : 3 * SENT_KEY_BYTES]
        connection.execute(update(message).values(sent_log_data=old))
    world.round()
    assert world.sent == {1: 1, 2: 1}
    world.restore()
    world.subscribe(TOPICS[1], Frequency.IMMEDIATE)
    world.read(1, 2, 3)
    world.round()
    assert world.sent == {1: 1, 2: 1, 3: 1}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(count_examples(80)))
def test_nothing_is_lost_and_nothing_comes_again(world: World, seed: int) -> None:
    """Questions, rounds, topics, backups and restores in any order."""
    chance = random.Random(seed)  # noqa: S311  # the order, not secrets
    world.back_up()
    for _ in range(40):
        world.now += chance.choice([timedelta(minutes=5), HOUR, 5 * HOUR])
        step = chance.choice(["read", "read", "round", "round", "topic", "back up", "restore"])
        if step == "read":
            world.read(world.asked + 1)
        elif step == "topic":
            frequency = chance.choice([Frequency.IMMEDIATE, Frequency.HOURLY, Frequency.DAILY])
            world.subscribe(chance.choice(TOPICS[1:]), frequency)
        elif step == "back up":
            world.back_up()
        elif step == "restore":
            before = world.sent
            world.restore()
            if chance.random() < 0.5:
                world.subscribe(chance.choice(TOPICS[1:]), Frequency.HOURLY)
            world.read_again()
            for _ in range(3):
                world.now += HOUR
                world.round()
            again = {n for n, times in world.sent.items() if before[n] and times > before[n]}
            assert again <= world.known
        else:
            world.round()
    world.now += timedelta(days=2)
    world.round()
    assert set(world.sent) == set(range(1, world.asked + 1))
    assert max(world.sent.values(), default=0) <= len(TOPICS)
