"""Requests in pairs that are alike but for what nobody may find out.

Half of the phrases are watched by somebody, and half of the addresses are subscribed; which half is
drawn at random. Each phrase stands in one question, and all words, titles and addresses have the
same length, so that two answers differ in nothing but what the service knows of the one that was
asked for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from urllib.parse import quote_plus, urlencode

import msgspec

from alerts.ledger import Ledger
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.ledger.topics import build_slug
from alerts.model import Frequency
from alerts.queries import format_canonical, parse_query
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.search import index_questions
from alerts.subscribers import SubscriberDefaults, subscribe
from crawler.records import Asker, Question, Speech, hash_content

_FORM = "application/x-www-form-urlencoded"
#: Headers that differ between any two answers: the time, tags of their bytes, a random cookie.
_VARYING_HEADERS = frozenset(("date", "etag", "last-modified", "set-cookie"))
_NONCE = re.compile(r'(name="csrf" value=)"[^"]*"')
_ID = re.compile(r",2026:[0-9a-f]{32}|-[0-9a-f]{8}\b|sha256:[0-9a-f]{64}")

#: Sends a request; returns status, headers and body.
Send = Callable[[str, str, bytes, str, Mapping[str, str]], tuple[int, Message, bytes]]


@dataclass(frozen=True)
class Twins:
    """The phrases and addresses of which something is known, and those of which nothing is."""

    known_phrases: list[str]
    unknown_phrases: list[str]
    known_addresses: list[str]
    unknown_addresses: list[str]


@dataclass
class Answer:
    """What a client can see of an answer, without what differs between any two."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def __hash__(self) -> int:
        return hash((self.status, self.headers, self.body))


@dataclass(frozen=True)
class Case:
    """One kind of request: how it is made, for a phrase or for an address."""

    name: str
    is_about_address: bool
    path: Callable[[str], str]
    page: str | None = None  #: the page whose form is sent; None for a GET
    fields: dict[str, str] = field(default_factory=dict)


def _make_slug(phrase: str) -> str:
    return build_slug(format_canonical(parse_query(phrase)), phrase)


CASES = (
    Case("sign-up", True, lambda _: "/sign-up", "/search?q=benches", {"q": "benches"}),
    Case("manage link", True, lambda _: "/your-alerts", "/your-alerts"),
    Case("feed of a query", False, lambda p: f"/feeds/queries/feed.atom.xml?q={quote_plus(p)}"),
    Case("feed of a topic", False, lambda p: f"/feeds/{_make_slug(p)}.atom.xml"),
    Case("page of a topic", False, lambda p: f"/topic/{_make_slug(p)}"),
    Case("topic in the API", False, lambda p: f"/api/v1/topics/{_make_slug(p)}"),
    Case("changes of a topic", False, lambda p: f"/api/v1/changes?topic={_make_slug(p)}"),
    Case("search", False, lambda p: f"/search?q={quote_plus(p)}"),
    Case("search in the API", False, lambda p: f"/api/v1/questions?q={quote_plus(p)}"),
)


def build_twins(ledger: Ledger, now: datetime, number: int, seed: int = 1) -> Twins:
    """Fill a ledger with phrases and addresses, half of them known; return which are.

    Args:
        ledger: An empty ledger.
        now: The time.
        number: How many phrases, and how many addresses, there are of each kind.
        seed: Decides which.
    """
    draw = random.Random(seed)  # nothing depends on it but which are known
    phrases = [f"wq{n:04}" for n in range(2 * number)]
    addresses = [f"p{n:04}@mail.example" for n in range(2 * number)]
    draw.shuffle(phrases)
    draw.shuffle(addresses)
    twins = Twins(phrases[:number], phrases[number:], addresses[:number], addresses[number:])
    defaults = SubscriberDefaults("Europe/London", 7)
    with ledger.writing() as connection:
        readings = [QuestionReading(_make_question(phrase)) for phrase in sorted(phrases)]
        record_readings(connection, readings, now, RecordingRules(guard_days=100_000))
        for phrase, address in zip(twins.known_phrases, twins.known_addresses, strict=True):
            wish = SubscriptionRequest(phrase, Frequency.WEEKLY, "all", "page")
            subscribe(connection, address, wish, defaults, now)
    index_questions(ledger)
    return twins


def _make_question(phrase: str) -> Question:
    made = Question(
        id=f"london:/questions/{phrase}",
        source="london",
        url=f"https://replica.example/questions/{phrase}",
        title=f"Question {phrase}",
        asked_by=Asker("Ada Brook", "Ada Brook AM", "Riverside Group", "ada-brook"),
        question=(Speech("Ada Brook", (f"What of the {phrase}?",)),),
        status="unanswered",
        generation="2022",
        digest="",
    )
    return msgspec.structs.replace(made, digest=hash_content(made))


def ask(send: Send, case: Case, about: str, more: Mapping[str, str], form: Form | None) -> Answer:
    """Make one request about a phrase or an address.

    Args:
        send: Sends it.
        case: What kind of request it is.
        about: The phrase or the address.
        more: Headers to send with it.
        form: The token and cookie of the page whose form is sent; None for a GET.
    """
    if form is None:
        return describe(send("GET", case.path(about), b"", "", more), about)
    body = urlencode({"csrf": form.csrf, "email": about} | case.fields).encode()
    found = send("POST", case.path(about), body, _FORM, {**more, "Cookie": form.cookie})
    return describe(found, about)


@dataclass(frozen=True)
class Form:
    """What has to be sent with a form of a public page."""

    csrf: str
    cookie: str


def describe(found: tuple[int, Message, bytes], about: str) -> Answer:
    """Return what can be seen of an answer, with what was asked for made the same in all."""
    status, headers, body = found
    text = _NONCE.sub(r"\1", body.decode())
    text = _ID.sub("", text.replace(about, "…"))
    kept = sorted(
        (name.lower(), _ID.sub("", value.replace(about, "…")))
        for name, value in headers.items()
        if name.lower() not in _VARYING_HEADERS
    )
    return Answer(status, tuple(kept), text)
