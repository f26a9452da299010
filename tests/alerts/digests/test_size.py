"""However much there is to tell, a digest is an email that mail programs show whole."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from alerts.digests import DigestSettings, compose_due_digests
from alerts.digests.digest import build_digest
from alerts.digests.entries import DigestMatch, Entry, EntryOutline, load_entry, outline_entry
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.pending_items import DueMatch, PendingItems
from alerts.digests.render import DigestEnvelope, render_digest
from alerts.digests.subscriber_digest import compose_digest
from alerts.ledger import Ledger
from alerts.ledger.due_subscriptions import PendingMatch
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import (
    Change,
    ChangeKind,
    Frequency,
    NumberedChange,
    SubscribedTopic,
    Subscriber,
)
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe
from crawler.records import Question
from tests.support.samples import make_answer, make_question

IDENTITY = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://demo.example")
ADA = Subscriber(1, "ada@demo.example", "B-Dg-tSS9p9aqYTmJawR5g", "Europe/London", 7)
#: Bytes of a part of an email as sent. Gmail cuts off what comes after 102 kB.
MOST = 90_000
#: The longest title of an ASCII page, and others whose characters have nine bytes as sent.
LONG_TITLE = " ".join(["Rail replacement ferries between Northbank and Southbank"] * 20)
MULTI_BYTE_TITLE = " ".join(["羅斯海渡輪服務"] * 200)


def compose_one(ledger: Ledger, now: datetime, questions: list[Question], *queries: str) -> bytes:
    """The bytes of the one digest that a subscriber gets about ``questions``."""
    with ledger.writing() as connection:
        for query in queries:
            request = SubscriptionRequest(query, Frequency.IMMEDIATE, "all", "command")
            defaults = SubscriberDefaults("Europe/London", 7)
            subscribe(connection, "ada@demo.example", request, defaults, now)
        readings = [QuestionReading(question) for question in questions]
        record_readings(connection, readings, now, RecordingRules())
    TopicMatcher(ledger).match_new_changes()
    assert compose_due_digests(ledger, DigestSettings(Templates(), IDENTITY), now) == 1
    with ledger.reading() as connection:
        return decompress_body(connection.execute(message.select()).one().body)


def split_parts(email: bytes) -> Iterator[bytes]:
    """The plain text and the HTML, as sent."""
    found = re.search(rb'boundary="([^"]+)"', email)
    assert found
    _, plain, html, _ = email.split(b"--" + found[1])
    yield from (plain, html)


def compose_without_ledger(now: datetime, questions: list[Question], *queries: str) -> bytes:
    """The bytes of the digest of a subscriber with some alerts, each of which all questions meet.

    To record two thousand questions takes a minute, and says nothing about the digest.
    """
    changes = {
        n: NumberedChange(n, now, None, Change(ChangeKind.ANSWERED, str(n), question))
        for n, question in enumerate(questions, 1)
    }
    matches = [
        DueMatch(PendingMatch(1, key, SubscribedTopic(query, "VRU"), n), now, Frequency.DAILY)
        for n in changes
        for key, query in enumerate(queries, 1)
    ]
    pending = PendingItems(ADA, tuple(matches), (), ())
    context = DigestSettings(Templates(), IDENTITY).create_context(now)
    composed = compose_digest(pending, changes, context, lambda *_: set())
    assert composed.message
    return composed.message.body


@pytest.mark.slow
@pytest.mark.parametrize("title", [LONG_TITLE, MULTI_BYTE_TITLE], ids=["ascii", "multi-byte"])
def test_two_thousand_entries_of_the_longest_titles_fit(now: datetime, title: str) -> None:
    answer = make_answer(f"VRU. {title}")
    questions = [make_question(n, answer, title=f"{n} {title}") for n in range(1, 2001)]
    email = compose_without_ledger(now, questions, "VRU")
    for part in split_parts(email):
        assert len(part) < MOST
        assert part.index(b"/u/") < 20_000
        assert part.index(b"/m/") < 20_000
        text = quopri.decodestring(part).decode()
        left_out = re.search(r"And ([0-9]+) more, for which an email has no room", text)
        assert left_out
        shown = set(re.findall(r"demo\.example/question/london:/questions/[0-9]+", text))
        assert len(shown) + int(left_out[1]) == 2000
        assert len(shown) > 10
        assert "https://demo.example/d/" in text


@pytest.mark.slow
def test_hundreds_of_alerts_with_the_longest_queries_fit(now: datetime) -> None:
    queries = [f"{n} {'羅斯海渡輪服務' * 60}" for n in range(300)]
    questions = [make_question(n, make_answer("VRU."), words="VRU.") for n in range(1, 30)]
    email = compose_without_ledger(now, questions, *queries)
    for part in split_parts(email):
        assert len(part) < MOST
        text = quopri.decodestring(part).decode()
        assert "280 more alerts have news" in text
        assert " and 294 more." in " ".join(text.split())
        assert "Question 1" in text


def test_each_topic_shows_its_first_entries(now: datetime) -> None:
    """A busy topic leaves room for the others."""
    busy = [make_question(n, make_answer("VRU.")) for n in range(1, 60)]
    changes = [
        NumberedChange(n, now, None, Change(ChangeKind.ANSWERED, str(n), question))
        for n, question in enumerate(busy, 1)
    ]
    topics = SubscribedTopic("VRU", "VRU"), SubscribedTopic("quiet", "VRU")
    last = changes[-1]
    matches = [DigestMatch(topics[0], change, 1) for change in changes[:-1]]
    outlines = [outline_entry([match]) for match in (*matches, DigestMatch(topics[1], last, 2))]
    prepared = []

    def get_entry(outline: EntryOutline) -> Entry:
        prepared.append(outline)
        return load_entry(outline)

    envelope = DigestEnvelope(IDENTITY, ADA, IDENTITY.build_links(ADA.token, now), now)
    renderer = EntryRenderer(Templates(), IDENTITY, get_entry)
    rendered = render_digest(build_digest(outlines), envelope, renderer)
    assert f"{last.change.after.id}\n" in rendered.text.partition("quiet\n=====")[2]
    assert rendered.text.count("Read the thread") == 20
    assert len(prepared) == 59  # 20 in full, and 39 as titles


@pytest.mark.slow
def test_only_what_is_shown_is_prepared(now: datetime) -> None:
    answer = make_answer(f"VRU. {LONG_TITLE}")
    questions = [make_question(n, answer, title=f"{n} {LONG_TITLE}") for n in range(1, 301)]
    matches = [
        DigestMatch(
            SubscribedTopic("VRU", "VRU"),
            NumberedChange(n, now, None, Change(ChangeKind.ANSWERED, str(n), question)),
        )
        for n, question in enumerate(questions, 1)
    ]
    prepared = []

    def get_entry(outline: EntryOutline) -> Entry:
        prepared.append(outline)
        return load_entry(outline)

    digest = build_digest(outline_entry([match]) for match in matches)
    envelope = DigestEnvelope(IDENTITY, ADA, IDENTITY.build_links(ADA.token, now), now)
    renderer = EntryRenderer(Templates(), IDENTITY, get_entry)
    rendered = render_digest(digest, envelope, renderer)
    shown = set(re.findall(r"demo\.example/question/london:/questions/[0-9]+", rendered.text))
    assert len(prepared) <= len(shown) + 2  # the first that had no room, in full and as a title


def test_a_few_entries_are_shown_in_full_and_need_no_links_at_the_top(
    ledger: Ledger, now: datetime
) -> None:
    email = compose_one(ledger, now, [make_question(n, words="VRU.") for n in range(1, 4)], "VRU")
    for part in split_parts(email):
        assert len(re.findall(rb"/u/[\w-]+[^\w/-]", part)) == 1  # beside the one of the topic
        assert b"no room" not in part


@pytest.mark.slow
def test_one_entry_that_is_too_long_by_itself_is_shown_by_its_title(
    ledger: Ledger, now: datetime
) -> None:
    queries = [f'VRU OR "{chr(0x7F85 + n) * 60}"' for n in range(150)]
    email = compose_one(ledger, now, [make_question(1, words="VRU.")], *queries)
    assert all(len(part) < MOST for part in split_parts(email))
    assert b"Question 1" in email
