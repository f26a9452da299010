"""One subscriber's digest, from what is pending for them to the bytes that go out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from alerts.delivery.sent_log import Already, mark
from alerts.digests.cache import Cards
from alerts.digests.digest import Digest, compose
from alerts.digests.entries import Hit, Overdue, by_question, overdue_entry
from alerts.digests.json_body import notification
from alerts.ledger.due_subscriptions import Pending
from alerts.ledger.followed_questions import Waiting
from alerts.ledger.messages import Composed
from alerts.mail.message import Letterhead, build
from alerts.model import Change, Notice, Numbered, Subscriber, Watch
from alerts.rendering.templates import Templates


class Served(msgspec.Struct, frozen=True):
    """What a digest settles."""

    subscriptions: dict[int, tuple[datetime, int]]  #: for which due time, up to which change
    overdue: tuple[int, ...]  #: subscriptions whose question is now said to be overdue
    finished: tuple[int, ...]  #: followed questions that are answered


@dataclass(frozen=True)
class Means:
    """What digests are made with."""

    templates: Templates
    head: Letterhead
    cards: Cards
    already: Already
    now: datetime
    failed: list[int] = field(default_factory=list)  #: subscribers whose digest could not be made


def draft(
    person: Subscriber,
    items: Sequence[tuple[Pending, datetime]],
    late: Sequence[tuple[Waiting, datetime]],
    told: tuple[Notice, ...],
    found: Mapping[int, Numbered],
    means: Means,
) -> tuple[Composed | None, Served]:
    """One subscriber's digest, and what it settles."""
    marks = {
        (item.subscription_id, item.change_seq): _mark(
            person.email, item.watch, found[item.change_seq].change
        )
        for item, _ in items
    }
    sent = {key for key, one in marks.items() if means.already.holds(one, means.now)}
    fresh = [item for item, _ in items if (item.subscription_id, item.change_seq) not in sent]
    hits = [Hit(item.watch, found[item.change_seq]) for item in fresh]
    entries = [means.cards.entry(some) for some in by_question(hits).values()]
    shown = {entry.question.id for entry in entries}
    # What is in the digest anyway is not called overdue; it is next time, if nothing came of it.
    late = [(waiting, moment) for waiting, moment in late if waiting.question.id not in shown]
    entries += [overdue_entry(Overdue(w.watch, w.question, w.days)) for w, _ in late]
    served = {item.subscription_id: (moment, item.change_seq) for item, moment in items}
    for waiting, moment in late:
        served.setdefault(waiting.subscription_id, (moment, 0))
    settled = Served(
        served,
        tuple(waiting.subscription_id for waiting, _ in late),
        tuple(
            item.subscription_id
            for item, _ in items
            if item.watch.canonical is None and found[item.change_seq].change.kind == "answered"
        ),
    )
    if not entries and not told:
        return None, settled
    period = _period(settled, told)
    composed = _message(person, compose(entries, told), period, means)
    pairs = tuple((item.subscription_id, item.change_seq) for item in fresh)
    kept = b"".join(marks[pair] for pair in pairs)
    return msgspec.structs.replace(composed, items=pairs, marks=kept), settled


def _mark(email: str, watch: Watch, change: Change) -> bytes:
    topic = watch.canonical or f"={change.after.id}"
    return mark(email, topic, change.after.id, change.kind, change.digest)


def _period(served: Served, told: Iterable[Notice]) -> str:
    """Which subscriptions are served for which due time, and which notices are given: the
    digest's key beside its subscriber.
    """
    times = [f"{k}@{m:%Y%m%dT%H%M%S.%fZ}" for k, (m, _) in sorted(served.subscriptions.items())]
    late = (f"overdue:{key}" for key in served.overdue)
    return " ".join([*times, *late, *(f"notice:{notice.id}" for notice in told)])


def _message(
    person: Subscriber,
    digest: Digest,
    period: str,
    means: Means,
) -> Composed:
    """The digest in the bytes that go out; its Message-ID follows from who and when alone."""
    head, now = means.head, means.now
    key = hashlib.sha256(f"{person.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<digest.{key}@{head.domain}>"
    links = head.links(person.token, now, key if digest.rest else None)
    if "://" in person.email:
        subject, body = digest.subject, notification(digest, links, message_id, now)
    else:
        rendered = means.templates.digest(digest, person, links, head, now, cards=means.cards)
        subject = rendered.subject
        body = build(rendered, head, links, person.email, message_id, now)
    return Composed(
        subscriber_id=person.id,
        period=period,
        message_id=message_id,
        recipient=person.email,
        subject=subject,
        body=body,
        notices=tuple(notice.id for notice in digest.notices),
    )
