"""What the page of a subscriber's alerts shows, read from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from sqlalchemy import Connection

from alerts.digests import NextDigest, find_next_digest
from alerts.feeds import FeedMetadata, define_private_feed, define_topic_feed
from alerts.ledger import (
    alert_activity,
    bounces,
    questions,
    subscriptions,
    topics,
    word_index,
)
from alerts.ledger.bounces import Suppression
from alerts.ledger.subscriptions import Subscription
from alerts.model import Subscriber
from alerts.rendering import describe_schedule
from alerts.subscribers import UndoableChange, list_restorable, list_undoable
from alerts.web.context import WebContext
from crawler.records import Question

_YEAR = timedelta(days=365)
_DAYS_A_MONTH = 365.25 / 12
#: Edit forms on one page; each has 2 kB, and a page is to stay below 60 kB. With more alerts, each
#: form is on the page that its link "Edit" opens.
_MAX_FORMS = 8
#: Of the time zones, those that are named after a city or are universal.
_ZONE_REGIONS = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


class AlertFeed(msgspec.Struct, frozen=True):
    """The feed of an alert."""

    metadata: FeedMetadata
    is_own: bool  #: the topic is private, and the address the subscriber's own


class AlertRow(msgspec.Struct, frozen=True):
    """One alert, and what it brings."""

    alert: Subscription
    schedule: str  #: ``Daily, at 07:00``
    feed: AlertFeed
    waiting: int  #: questions for its next digest
    per_month: float | None  #: questions on average; None where nothing can be said yet
    last_sent: datetime | None
    question: Question | None = None  #: that is followed
    days_unanswered: int | None = None  #: of that question, if it is overdue
    has_form: bool = True  #: the form to edit it is on the page


class AlertsView(msgspec.Struct, frozen=True):
    """Everything on the page."""

    subscriber: Subscriber
    now: datetime  #: in the subscriber's time zone
    rows: tuple[AlertRow, ...]
    next_digest: NextDigest
    undoable: tuple[UndoableChange, ...]
    restorable: tuple[Subscription, ...]  #: what ended last, for longer than it can be undone
    suppression: Suppression | None


def load_alerts_view(
    connection: Connection, site: WebContext, subscriber: Subscriber, editing: int = 0
) -> AlertsView:
    """Return what a subscriber's page shows.

    Args:
        connection: The ledger.
        site: What pages are made with.
        subscriber: Whose page it is.
        editing: The topic of the alert whose form is asked for; 0 for none.
    """
    now = site.clock()
    alerts = subscriptions.list_active(connection, subscriber.id)
    undoable = list_undoable(connection, subscriber.id, now)
    ended = {key for one in undoable if one.action == "unsubscribe" for key in one.subscription_ids}
    restorable = list_restorable(connection, subscriber.id)
    next_digest = find_next_digest(connection, subscriber, now, site.batch_interval)
    return AlertsView(
        subscriber=subscriber,
        now=now.astimezone(ZoneInfo(subscriber.zone)),
        rows=_build_rows(connection, site, alerts, next_digest.waiting, subscriber, editing),
        next_digest=next_digest,
        undoable=tuple(undoable),
        restorable=tuple(one for one in restorable if one.id not in ended),
        suppression=bounces.find_suppression(connection, subscriber.email),
    )


def _build_rows(
    connection: Connection,
    site: WebContext,
    alerts: Sequence[Subscription],
    waiting: Mapping[int, int],
    subscriber: Subscriber,
    editing: int,
) -> tuple[AlertRow, ...]:
    feeds = describe_feeds(connection, site, alerts)
    rates = _find_rates(connection, alerts, site.clock())
    last_sent = alert_activity.find_last_sent(connection, subscriber.id)
    has_room = len(alerts) <= _MAX_FORMS
    rows = (
        AlertRow(
            alert=one,
            schedule=describe_schedule(one.frequency, subscriber.hour),
            feed=feeds[one.topic_id],
            waiting=waiting.get(one.id, 0),
            per_month=rates.get(one.topic_id),
            last_sent=last_sent.get(one.id),
            has_form=has_room or one.topic_id == editing,
        )
        for one in alerts
    )
    return tuple(_add_question(connection, site, row) for row in rows)


def _add_question(connection: Connection, site: WebContext, row: AlertRow) -> AlertRow:
    """Return a row with the question that is followed, if any is."""
    stored = questions.find(connection, row.alert.question_id) if row.alert.question_id else None
    if stored is None:
        return row
    record, days = stored.record, None
    if record.status != "answered" and record.meeting and record.meeting.date:
        days = (site.clock().date() - record.meeting.date).days
    is_overdue = days is not None and days > site.overdue_days
    return msgspec.structs.replace(
        row, question=record, days_unanswered=days if is_overdue else None
    )


def _find_rates(
    connection: Connection, alerts: Sequence[Subscription], now: datetime
) -> dict[int, float]:
    """Return how many questions a month each topic matches, where that can be said.

    It cannot for a young archive, and for a topic that was not yet matched with all of it.
    """
    first_day, today = word_index.get_first_day(connection), now.date()
    begin = max(today - _YEAR, first_day or today)
    days = (today - begin).days
    if days < _DAYS_A_MONTH:
        return {}
    queries = [one.topic_id for one in alerts if one.kind == "query"]
    counts = alert_activity.count_questions_since(connection, queries, begin)
    return {key: count * _DAYS_A_MONTH / days for key, count in counts.items()}


def describe_feeds(
    connection: Connection, site: WebContext, alerts: Sequence[Subscription]
) -> dict[int, AlertFeed]:
    """Return the feed of each alert by its topic: the public one, or the subscriber's own."""
    found: dict[int, AlertFeed] = {}
    for alert in alerts:
        topic = topics.get(connection, alert.topic_id)
        if topic.is_published or alert.feed_key is None:
            found[topic.id] = AlertFeed(define_topic_feed(topic).metadata, is_own=False)
            continue
        token = site.token_signer.issue_lasting("feed", alert.feed_key)
        own = define_private_feed(topic, alert.query, token)
        found[topic.id] = AlertFeed(own.metadata, is_own=True)
    return found


@lru_cache(1)
def list_zones() -> tuple[str, ...]:
    """Return the time zones to choose from."""
    names = available_timezones()
    return (*sorted(name for name in names if name.startswith(_ZONE_REGIONS)), "UTC")
