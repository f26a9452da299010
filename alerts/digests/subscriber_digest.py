"""One subscriber's digest, from what is pending for them to the bytes that go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from alerts.delivery import SentLog, compute_sent_key
from alerts.digests.cache import EntryCache
from alerts.digests.digest import Digest, build_digest
from alerts.digests.entries import (
    DigestMatch,
    OverdueQuestion,
    build_overdue_entry,
    group_by_question,
)
from alerts.digests.json_body import describe_digest
from alerts.ledger.due_subscriptions import PendingMatch
from alerts.ledger.followed_questions import OverdueSubscription
from alerts.mail.identity import MailIdentity
from alerts.mail.outgoing import OutgoingMessage, draft_message, write_email, write_notification
from alerts.model import (
    Change,
    ChangeKind,
    Notice,
    NumberedChange,
    SubscribedTopic,
    Subscriber,
    build_topic_key,
)
from alerts.rendering.templates import Templates


class HandledItems(msgspec.Struct, frozen=True):
    """What a digest settles."""

    subscriptions: dict[int, tuple[datetime, int]]  #: for which due time, up to which change
    overdue_subscriptions: tuple[
        int, ...
    ]  #: subscriptions whose question is now said to be overdue
    answered_subscriptions: tuple[int, ...]  #: followed questions that are answered


@dataclass(frozen=True)
class DigestContext:
    """What digests are made with."""

    templates: Templates
    identity: MailIdentity
    entry_cache: EntryCache
    sent_log: SentLog
    now: datetime
    failed_subscribers: list[int] = field(
        default_factory=list
    )  #: subscribers whose digest could not be made


def compose_digest(
    subscriber: Subscriber,
    pending_matches: Sequence[tuple[PendingMatch, datetime]],
    overdue: Sequence[tuple[OverdueSubscription, datetime]],
    notices: tuple[Notice, ...],
    changes: Mapping[int, NumberedChange],
    context: DigestContext,
) -> tuple[OutgoingMessage | None, HandledItems]:
    """One subscriber's digest, and what it settles."""
    marks = {
        (item.subscription_id, item.change_seq): _compute_mark(
            subscriber.email, item.topic, changes[item.change_seq].change
        )
        for item, _ in pending_matches
    }
    sent = {key for key, one in marks.items() if context.sent_log.contains(one, context.now)}
    fresh = [
        item for item, _ in pending_matches if (item.subscription_id, item.change_seq) not in sent
    ]
    hits = [DigestMatch(item.topic, changes[item.change_seq]) for item in fresh]
    entries = [context.entry_cache.get_entry(some) for some in group_by_question(hits).values()]
    shown = {entry.question.id for entry in entries}
    # What is in the digest anyway is not called overdue; it is next time, if nothing came of it.
    overdue = [(waiting, moment) for waiting, moment in overdue if waiting.question.id not in shown]
    entries += [
        build_overdue_entry(OverdueQuestion(w.topic, w.question, w.days_unanswered))
        for w, _ in overdue
    ]
    served = {item.subscription_id: (moment, item.change_seq) for item, moment in pending_matches}
    for waiting, moment in overdue:
        served.setdefault(waiting.subscription_id, (moment, 0))
    settled = HandledItems(
        served,
        tuple(waiting.subscription_id for waiting, _ in overdue),
        tuple(
            item.subscription_id
            for item, _ in pending_matches
            if item.topic.canonical is None
            and changes[item.change_seq].change.kind is ChangeKind.ANSWERED
        ),
    )
    if not entries and not notices:
        return None, settled
    period = _build_period(settled, notices)
    composed = _build_message(subscriber, build_digest(entries, notices), period, context)
    pairs = tuple((item.subscription_id, item.change_seq) for item in fresh)
    kept = b"".join(marks[pair] for pair in pairs)
    return msgspec.structs.replace(composed, items=pairs, sent_log_data=kept), settled


def _compute_mark(email: str, subscribed_topic: SubscribedTopic, change: Change) -> bytes:
    topic_key = build_topic_key(subscribed_topic.canonical, change.after.id)
    return compute_sent_key(email, topic_key, change.after.id, change.kind, change.content_hash)


def _build_period(handled: HandledItems, notices: Iterable[Notice]) -> str:
    """Which subscriptions are served for which due time, and which notices are given: the
    digest's key beside its subscriber.
    """
    times = [f"{k}@{m:%Y%m%dT%H%M%S.%fZ}" for k, (m, _) in sorted(handled.subscriptions.items())]
    late = (f"overdue:{key}" for key in handled.overdue_subscriptions)
    return " ".join([*times, *late, *(f"notice:{notice.id}" for notice in notices)])


def _build_message(
    subscriber: Subscriber,
    digest: Digest,
    period: str,
    context: DigestContext,
) -> OutgoingMessage:
    """The digest in the bytes that go out; its Message-ID follows from who and when alone."""
    identity, now = context.identity, context.now
    draft = draft_message("digest" if digest.entries else "notice", subscriber, period, identity)
    links = identity.build_links(
        subscriber.token, now, draft.key if digest.titles_only_entries else None
    )
    if draft.recipient.is_email:
        rendered = context.templates.render_digest(
            digest, subscriber, links, identity, now, entry_renderer=context.entry_cache
        )
        message = write_email(draft, rendered, identity, now, links)
    else:
        text, details = describe_digest(digest, links)
        message = write_notification(draft, digest.subject, text, now, details)
    return msgspec.structs.replace(
        message, notice_ids=tuple(notice.id for notice in digest.notices)
    )
