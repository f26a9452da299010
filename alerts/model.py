"""The nouns that cross packages: kinds of change, frequencies, subscribers, notices, alarms.

Each set of values that users choose from or read is one table here. Command-line choices, form
options, labels, the words of digests and feeds and the tables in the documentation derive from it:
one more kind of change is one more member of `ChangeKind`, one more frequency one more member of
`Frequency`. This module knows the canonical record and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal, Self, TypeAlias

import msgspec
from email_validator import EmailNotValidError, validate_email

from alerts.errors import ExitStatus, WatchwordError
from alerts.language import gettext, ngettext_noop
from alerts.language import gettext_noop as _
from alerts.secret import show_address
from crawler.records import Question, QuestionStatus

Updates = Literal["all", "asked", "answered"]
"""Which changes an alert wants. ``all`` includes kinds that belong to no other value."""


class EntryKindInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown for an entry of one kind, and where it stands in a digest."""

    rank: int  #: the lowest comes first in a digest; unique
    label: str  #: the headline above an entry and in front of a feed item's title
    counted: tuple[str, str]  #: in a subject, one and more: ``%(number)s answer`` and ``… answers``
    snippet_fields: tuple[str, ...]  #: where to look for the passage to show; what is new first


class ChangeKindInfo(EntryKindInfo, frozen=True, kw_only=True):
    """What follows from the kind of a change."""

    statuses: frozenset[QuestionStatus] = frozenset()
    """A question that is first read with one of these has had a change of this kind."""
    updates: Updates | None = None  #: the choice beside ``all`` that includes it
    is_rare: bool = False  #: more than a few in one crawl are a flood, see `alerts.recording`


class EntryKind(StrEnum):
    """Why a question is in a digest: a change (`ChangeKind`) or a reminder (`ReminderKind`)."""

    info: EntryKindInfo

    def __new__(cls, value: str, *info: EntryKindInfo) -> Self:
        """Create the member ``value``; variadic because type checkers use it for lookups too."""
        member = str.__new__(cls, value)
        member._value_ = value
        (member.info,) = info
        return member


_QUESTION_FIRST = ("question", "answer")
_ANSWER_FIRST = ("answer", "question")


class ChangeKind(EntryKind):
    """What happened to a question. The members are in the order in which they happen."""

    info: ChangeKindInfo

    ASKED = (
        "asked",
        ChangeKindInfo(
            rank=40,
            label=_("New question"),
            counted=ngettext_noop("%(number)s new question", "%(number)s new questions"),
            snippet_fields=_QUESTION_FIRST,
            statuses=frozenset({"unanswered", "holding", "answered"}),
            updates="asked",
        ),
    )
    HOLDING = (
        "holding",
        ChangeKindInfo(
            rank=30,
            label=_("Holding reply"),
            counted=ngettext_noop("%(number)s holding reply", "%(number)s holding replies"),
            snippet_fields=_ANSWER_FIRST,
            statuses=frozenset({"holding"}),
        ),
    )
    ANSWERED = (
        "answered",
        ChangeKindInfo(
            rank=10,
            label=_("Answered"),
            counted=ngettext_noop("%(number)s answer", "%(number)s answers"),
            snippet_fields=_ANSWER_FIRST,
            statuses=frozenset({"answered"}),
            updates="answered",
        ),
    )
    CORRECTED = (
        "corrected",
        ChangeKindInfo(
            rank=20,
            label=_("Corrected"),
            counted=ngettext_noop("%(number)s correction", "%(number)s corrections"),
            snippet_fields=_ANSWER_FIRST,
            updates="answered",
            is_rare=True,
        ),
    )
    WITHDRAWN = (
        "withdrawn",
        ChangeKindInfo(
            rank=50,
            label=_("Withdrawn"),
            counted=ngettext_noop(
                "%(number)s withdrawn question", "%(number)s withdrawn questions"
            ),
            snippet_fields=_QUESTION_FIRST,
            is_rare=True,
        ),
    )
    RETURNED = (
        "returned",
        ChangeKindInfo(
            rank=45,
            label=_("Published again"),
            counted=ngettext_noop(
                "%(number)s question published again", "%(number)s questions published again"
            ),
            snippet_fields=_QUESTION_FIRST,
            is_rare=True,
        ),
    )


class ReminderKind(EntryKind):
    """Why a followed question is in a digest although nothing happened to it."""

    OVERDUE = (
        "overdue",
        EntryKindInfo(
            rank=60,
            label=_("Overdue"),
            counted=ngettext_noop("%(number)s overdue question", "%(number)s overdue questions"),
            snippet_fields=_QUESTION_FIRST,
        ),
    )


#: Every kind of entry, in the order in which a digest shows them.
ENTRY_KINDS: tuple[EntryKind, ...] = tuple(
    sorted((*ChangeKind, *ReminderKind), key=lambda kind: kind.info.rank)
)


def list_change_kinds(updates: Updates) -> tuple[ChangeKind, ...]:
    """Return the kinds of change that an alert with ``updates`` is sent."""
    return tuple(kind for kind in ChangeKind if updates in ("all", kind.info.updates))


def infer_change_kinds(status: QuestionStatus) -> tuple[ChangeKind, ...]:
    """Return what has happened to a question that is first read with ``status``, in order."""
    return tuple(kind for kind in ChangeKind if status in kind.info.statuses)


class BatchInterval(msgspec.Struct, frozen=True):
    """Due once in each ``[mail] batch_minutes``; always, where that is 0."""


class FixedInterval(msgspec.Struct, frozen=True):
    """Due at each multiple of ``length`` since 1970-01-01T00:00Z."""

    length: timedelta


class CalendarDay(msgspec.Struct, frozen=True):
    """Due on certain days of the subscriber's calendar, at the subscriber's hour."""

    find_latest: Callable[[date], date]  #: the newest due day that is not after the given day


class DayAfterMeeting(msgspec.Struct, frozen=True):
    """Due on the day after each Mayor's Question Time, at the subscriber's hour."""


DueRule: TypeAlias = BatchInterval | FixedInterval | CalendarDay | DayAfterMeeting


class FrequencyInfo(msgspec.Struct, frozen=True):
    """What follows from a frequency."""

    label: str  #: as the option of a form
    rule: DueRule  #: `alerts.schedule.find_last_due` computes due times from it


class Frequency(StrEnum):
    """How often a subscriber is sent digests."""

    info: FrequencyInfo

    def __new__(cls, value: str, *info: FrequencyInfo) -> Self:
        """Create the member ``value``; variadic because type checkers use it for lookups too."""
        member = str.__new__(cls, value)
        member._value_ = value
        (member.info,) = info
        return member

    @property
    def is_immediate(self) -> bool:
        """Whether matches are sent as soon as they are found, and wait for no due time."""
        return isinstance(self.info.rule, BatchInterval)

    IMMEDIATE = "immediate", FrequencyInfo(_("Immediately"), BatchInterval())
    HOURLY = (
        "hourly",
        FrequencyInfo(_("Hourly"), FixedInterval(timedelta(hours=1))),
    )
    DAILY = (
        "daily",
        FrequencyInfo(_("Daily"), CalendarDay(lambda day: day)),
    )
    WEEKLY = (
        "weekly",
        FrequencyInfo(_("Weekly"), CalendarDay(lambda day: day - timedelta(days=day.weekday()))),
    )
    MONTHLY = (
        "monthly",
        FrequencyInfo(_("Monthly"), CalendarDay(lambda day: day.replace(day=1))),
    )
    MEETING = "meeting", FrequencyInfo(_("After each meeting"), DayAfterMeeting())


SilenceReason = Literal[
    "baseline", "old", "minor", "flood", "drift", "doubt", "reference", "taken_down"
]
"""Why a change is recorded without an alert.

``baseline``: the first crawl of a source. ``old``: first seen long after its date. ``minor``: a
correction of no letter and no digit. ``flood``, ``drift``, ``doubt`` and ``reference``: the
operator published held changes without notifying. ``taken_down``: the operator took the question
down.
"""


class Change(msgspec.Struct, frozen=True):
    """One thing that happened to a question. Unique by question, kind and digest of the content."""

    kind: ChangeKind
    content_hash: str
    after: Question
    before: Question | None = None


class NumberedChange(msgspec.Struct, frozen=True):
    """A recorded change; changes are numbered in the order in which they are recorded."""

    seq: int
    recorded_at: datetime
    silence_reason: SilenceReason | None
    change: Change


NoticeKind = Literal["unavailable", "restored"]


class Notice(msgspec.Struct, frozen=True):
    """A message to subscribers: a source cannot be read, or can be read again."""

    id: int
    source: str
    site_name: str  #: as people know the source: ``www.london.gov.uk``
    kind: NoticeKind
    since: datetime  #: the last good crawl before it became unavailable
    created_at: datetime


Origin = Literal["config", "command", "page"]


#: The kinds of message; a notice is a digest's message that holds only notices.
MessageKind = Literal["digest", "notice", "confirmation", "manage_link", "operator"]


class AddressError(WatchwordError):
    """The address of a recipient is not valid; the message says why in one sentence."""

    exit_status = ExitStatus.USAGE


_URL = re.compile(r"([a-z][a-z0-9+.-]*)://[!-~]+")


class Recipient(msgspec.Struct, frozen=True):
    """Where a message goes: an email address, a webhook or a chat service.

    Equal recipients have equal normal forms, so a recipient may be a key.
    """

    scheme: str  #: ``mailto`` for an email address, else the URL's: ``https``, ``ntfy``
    address: str  #: normal form: ``ann@example.org`` or ``https://hooks.example/me``

    @classmethod
    def parse(cls, text: str) -> Recipient:
        """Return the recipient that ``text`` names, in its normal form.

        Args:
            text: An email address, or a URL with a lower-case scheme, as somebody typed it.

        Raises:
            AddressError: It is neither.
        """
        text = text.strip()
        if "://" not in text:
            return cls.parse_email(text)
        if not (url := _URL.fullmatch(text)):
            raise AddressError(
                f"{show_address(text)!r} is not a valid address: "
                "expected one like https://hooks.example/me"
            )
        return cls(url[1], text)

    @classmethod
    def parse_email(cls, text: str) -> Recipient:
        """Return the recipient with an email address: lower case, an international domain in ASCII.

        Non-ASCII local parts are refused, because many mail servers do not accept them (RFC 6531).

        Raises:
            AddressError: ``text`` is not an email address.
        """
        try:
            valid = validate_email(
                text.strip(),
                check_deliverability=False,
                allow_smtputf8=False,
                globally_deliverable=False,
            )
        except EmailNotValidError as error:
            message = gettext("%(typed)s is not an email address: %(reason)s")
            raise AddressError(message % {"typed": repr(text), "reason": error}) from error
        return cls("mailto", (valid.ascii_email or valid.normalized).lower())

    @classmethod
    def from_normal_form(cls, address: str) -> Recipient:
        """Return the recipient with an address that :meth:`parse` returned and we stored."""
        scheme, is_url, _ = address.partition("://")
        return cls(scheme if is_url else "mailto", address)

    @property
    def is_email(self) -> bool:
        """Whether messages to it are emails; others are JSON."""
        return self.scheme == "mailto"

    def __str__(self) -> str:
        return show_address(self.address)


class SourceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What readers are told about a source."""

    name: str  #: ``London Assembly``; the host of its site if the config names none
    home_url: str  #: where people read its questions
    description: str | None = None  #: one sentence: which questions it has, of whom to whom


class SiteDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What pages say about the service, from the config."""

    introduction: str | None = None  #: a sentence or two for the home page
    sources: dict[str, SourceInfo] = {}  #: by their names in the config
    overdue_days: int = 28  #: a question unanswered for longer is overdue
    zone: str = "UTC"  #: in which pages reckon days: that of subscribers who have not chosen one
    digest_hour: int = 7  #: when daily digests are sent


class Subscriber(msgspec.Struct, frozen=True):
    """Somebody with an address that messages go to."""

    id: int
    email: str  #: the recipient's normal form, also if it is a URL: see `recipient`
    token: str  #: identifies the subscriber in links; a secret
    zone: str  #: the time zone of ``hour``: ``Europe/London``
    hour: int  #: of the day at which digests come, 0 to 23
    link_generation: int = 0  #: how often they came back after leaving

    @property
    def link_subject(self) -> str:
        """What the link to their alerts is issued for: links of an earlier generation are invalid.

        The first generation is the token alone, as in all links of earlier versions.
        """
        return f"{self.token}~{self.link_generation}" if self.link_generation else self.token

    @property
    def recipient(self) -> Recipient:
        """Where this subscriber's messages go."""
        return Recipient.from_normal_form(self.email)


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


#: How much of a question a digest shows.
Detail = Literal["full", "titles"]


#: What a topic is: a query, or one question that somebody follows.
TopicKind = Literal["query", "question"]


def build_topic_key(canonical: str | None, question_id: str | None) -> str:
    """Return the text that stands for a topic in feed ids and in the sent log.

    Feed readers and the sent log of older versions know topics by these keys, so they must never
    change: the canonical form of a query, or ``=`` and the id of a followed question.
    """
    return canonical if canonical is not None else f"={question_id}"


class SubscribedTopic(msgspec.Struct, frozen=True):
    """The part of a subscription that a digest shows."""

    query: str  #: as the subscriber wrote it; the title of a followed question
    canonical: str | None  #: None for a followed question
    detail: Detail = "full"
    note: str | None = None  #: the subscriber's own, shown beside the query

    @property
    def is_followed_question(self) -> bool:
        """Whether one question is followed, instead of a query."""
        return self.canonical is None
