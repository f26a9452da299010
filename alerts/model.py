"""alerts.model."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias, get_args

import msgspec

from crawler.records import Question

ChangeKind = Literal["asked", "holding", "answered", "corrected", "withdrawn"]


SilenceReason = Literal["baseline", "old", "flood", "drift"]


class Change(msgspec.Struct, frozen=True):
    """One thing that happened. Unique by question, kind and digest of the content."""

    kind: ChangeKind
    content_hash: str
    after: Question
    before: Question | None = None


class NumberedChange(msgspec.Struct, frozen=True):
    """A change with its place in the order of things."""

    seq: int
    recorded_at: datetime
    silence_reason: SilenceReason | None
    change: Change


NoticeKind = Literal["unavailable", "restored"]


class Notice(msgspec.Struct, frozen=True):
    """That a source cannot be read, or that it can again."""

    id: int
    source: str
    site_name: str  #: as people know it: ``www.london.gov.uk``
    kind: NoticeKind
    since: datetime  #: the last good crawl before it fell silent
    created_at: datetime


Frequency = Literal["immediate", "hourly", "daily", "weekly", "monthly", "meeting"]


FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)


Updates = Literal["all", "asked", "answered"]


Origin = Literal["config", "command", "page"]


class Subscriber(msgspec.Struct, frozen=True):
    """One address."""

    id: int
    email: str
    token: str
    zone: str
    hour: int


class Alarm(msgspec.Struct, frozen=True):
    """Something that the operator must act on, until ``cleared_at`` is set."""

    id: int
    source: str | None  #: None when it is about the whole service
    kind: str
    reason: str
    raised_at: datetime
    notified_at: datetime | None
    cleared_at: datetime | None
    clear_notified_at: datetime | None


#: What can be said of a question: what happened to it, or that nothing did for too long.
EntryKind: TypeAlias = ChangeKind | Literal["overdue"]


#: How much is said of a question.
Detail = Literal["full", "titles"]


#: In the order in which they are worth reading.
ENTRY_KINDS: tuple[EntryKind, ...] = (
    "answered",
    "corrected",
    "holding",
    "asked",
    "withdrawn",
    "overdue",
)


#: Where to look for the passage to show: in what is new first.
SNIPPET_FIELDS: dict[EntryKind, tuple[str, ...]] = {
    "answered": ("answer", "question"),
    "corrected": ("answer", "question"),
    "holding": ("answer", "question"),
    "asked": ("question", "answer"),
    "withdrawn": ("question", "answer"),
    "overdue": ("question", "answer"),
}


#: What a topic is: a query, or one question that somebody follows.
TopicKind = Literal["query", "question"]

#: What a message is for. All but digests and notices are sent to subscribers without an alert too.
MessageKind = Literal["digest", "notice", "confirmation", "manage_link", "operator"]


def build_topic_key(canonical: str | None, question_id: str | None) -> str:
    """Return the text that stands for a topic in feed ids and in the sent log.

    Feed readers and the sent log of older versions know topics by these keys, so they must never
    change: the canonical form of a query, or ``=`` and the id of a followed question.
    """
    return canonical if canonical is not None else f"={question_id}"


class SubscribedTopic(msgspec.Struct, frozen=True):
    """What a subscriber watches for, as a digest needs to know it."""

    query: str  #: in the subscriber's own words; of a followed question its title
    canonical: str | None  #: None where one question is followed
    detail: Detail = "full"
    note: str | None = None  #: the subscriber's own
