"""alerts.model."""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Literal, TypeAlias, get_args

import msgspec
from email_validator import EmailNotValidError, validate_email

from alerts.errors import ExitStatus, WatchwordError
from crawler.records import Question

ChangeKind = Literal["asked", "holding", "answered", "corrected", "withdrawn"]


SilenceReason = Literal["baseline", "old", "flood", "drift"]


class Change(msgspec.Struct, frozen=True):
    """One thing that happened. Unique by question, kind and digest of the content."""

    kind: ChangeKind
    digest: str
    after: Question
    before: Question | None = None


class NumberedChange(msgspec.Struct, frozen=True):
    """A change with its place in the order of things."""

    seq: int
    recorded_at: datetime
    silent_because: SilenceReason | None
    change: Change


NoticeKind = Literal["silent", "mended"]


class Notice(msgspec.Struct, frozen=True):
    """That a source cannot be read, or that it can again."""

    id: int
    source: str
    place: str  #: as people know it: ``www.london.gov.uk``
    kind: NoticeKind
    since: datetime  #: the last good crawl before it fell silent
    created_at: datetime


Frequency = Literal["immediate", "hourly", "daily", "weekly", "monthly", "meeting"]


FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)


Updates = Literal["all", "asked", "answered"]


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
        if "://" not in text:
            return cls.parse_email(text)
        if not (url := _URL.fullmatch(text)):
            raise AddressError(
                f"{text!r} is not a valid address: expected one like https://hooks.example/me"
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
                text, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False
            )
        except EmailNotValidError as error:
            raise AddressError(f"{text!r} is not an email address: {error}") from error
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
        return self.address


class Subscriber(msgspec.Struct, frozen=True):
    """One address."""

    id: int
    email: str
    token: str
    zone: str
    hour: int

    @property
    def recipient(self) -> Recipient:
        """Where this subscriber's messages go."""
        return Recipient.from_normal_form(self.email)


class Alarm(msgspec.Struct, frozen=True):
    """One trouble with one source; it is over once ``cleared_at`` is set."""

    id: int
    source: str
    kind: str
    reason: str
    raised_at: datetime
    told_at: datetime | None
    cleared_at: datetime | None
    cleared_told_at: datetime | None


#: What can be said of a question: what happened to it, or that nothing did for too long.
EntryKind: TypeAlias = ChangeKind | Literal["overdue"]


#: How much is said of a question.
Detail = Literal["full", "short"]


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


class SubscribedTopic(msgspec.Struct, frozen=True):
    """What a subscriber watches for, as a digest needs to know it."""

    query: str  #: in the subscriber's own words; of a followed question its title
    canonical: str | None  #: None where one question is followed
    length: Detail = "full"
    note: str | None = None  #: the subscriber's own


class Secret:
    """A password or key from the config: never printed, logged or put into an error message.

    ``str`` and ``repr`` show that it is set, not what it is; :meth:`reveal` returns the value.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str = "config") -> None:
        """Keep a value.

        Args:
            value: The secret itself.
            source: Where it was found, for error messages: ``web.operator_password_file``,
                ``$WATCHWORD_WEB_OPERATOR_PASSWORD``.
        """
        self._value = value
        self.source = source

    def reveal(self) -> str:
        """Return the value."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash(self._value)

    def __str__(self) -> str:
        return "(set)"

    def __repr__(self) -> str:
        return f"Secret({str(self)!r}, {self.source!r})"
