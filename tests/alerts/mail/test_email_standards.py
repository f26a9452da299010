"""The standards that every digest keeps, one test each, on the bytes that a mail server received.

The digest has hostile content: titles with line breaks and invisible characters, more questions
than are shown in full, a correction, and two subscribers with the same topic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import dkim
import pytest

from alerts.bounces import find_message_number
from alerts.delivery import ChannelTable, DeliveryPolicy, deliver_due
from alerts.delivery.channels import smtp
from alerts.digests import DigestSettings, compose_due_digests, preview_due_digests
from alerts.ledger import open_ledger, secrets
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, read_key
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe
from tests.support.contrast import compute_ratios
from tests.support.private_keys import write_key
from tests.support.samples import make_answer, make_question
from tests.support.service import get_plain_text
from tests.support.smtp_server import run_smtp_server

PEOPLE = ("ada@demo.example", "vera@demo.example")
TITLES = (
    "Benches\r\nBcc: everybody@demo.example",
    "Benches\x00\x1b and \u202e more",
    "Benches " + "x" * 1000,
    "Benches <script>alert(1)</script> {{7*7}} ]]>",
    "Benches “quoted” Siân’s \u2028 line",
)
NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)


@dataclass
class Sent:
    """The email to the first subscriber, and what the tests compare it with."""

    raw: bytes
    other: bytes  #: the email to the second subscriber
    senders: list[str]
    again: bytes  #: the same digest, composed a second time from the same ledger
    secret: bytes
    records: dict[str, str]

    @property
    def head(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def text(self) -> str:
        return get_plain_text(self.mail)

    @property
    def html(self) -> str:
        part = self.mail.get_body(("html",))
        assert part is not None
        found: str = part.get_content()
        return found


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    folder = tmp_path_factory.mktemp("rules")
    for kind in ("rsa", "ed25519"):
        write_key(folder / kind, kind)
    keys = tuple(read_key(folder / kind, kind, "demo.example") for kind in ("rsa", "ed25519"))
    identity = MailIdentity(
        "Watchword “London”",
        "w@demo.example",
        "leave@demo.example",
        "https://watch.example",
        signing_keys=keys,
    )
    ledger = open_ledger(f"sqlite:///{folder}/ledger.sqlite3")
    with ledger.writing() as connection:
        for who in PEOPLE:
            request = SubscriptionRequest(
                "benches", Frequency.IMMEDIATE, "all", "command", note="my own"
            )
            subscribe(connection, who, request, SubscriberDefaults("Europe/London", 7), NOW)
        secret = secrets.get_or_create(connection, "return path")
        many = [make_question(n, make_answer("More benches. " * 40)) for n in range(20, 45)]
        odd = [make_question(n, make_answer("Benches."), title=t) for n, t in enumerate(TITLES, 1)]
        record_readings(
            connection, [QuestionReading(q) for q in [*odd, *many]], NOW, RecordingRules()
        )
        fixed = make_question(1, make_answer("Fewer benches."), title=TITLES[0])
        record_readings(
            connection, [QuestionReading(fixed)], NOW + timedelta(hours=1), RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    again = compose_again(folder, identity)
    assert (
        compose_due_digests(ledger, DigestSettings(Templates(), identity), NOW + timedelta(hours=2))
        == 2
    )
    with run_smtp_server() as server:
        channels = ChannelTable(
            (smtp.SmtpSettings("127.0.0.1", server.port, "none", timeout_seconds=5),)
        )
        delivery_policy = DeliveryPolicy(return_address="bounces@demo.example")
        assert deliver_due(ledger, channels, lambda: NOW + timedelta(hours=2), delivery_policy) == {
            "sent": 2
        }
        both = {
            str(m["To"]): raw
            for m, raw in zip(server.parsed_messages, server.messages, strict=True)
        }
    records = {f"{k.selector}._domainkey.{k.domain}.": k.dns_record for k in keys}
    return Sent(both[PEOPLE[0]], both[PEOPLE[1]], server.senders, again[PEOPLE[0]], secret, records)


def compose_again(folder: Path, identity: MailIdentity) -> dict[str, bytes]:
    """Return the same digests by recipient, composed but not stored."""
    ledger = open_ledger(f"sqlite:///{folder}/ledger.sqlite3")
    with ledger.reading() as connection:
        due = preview_due_digests(
            connection, DigestSettings(Templates(), identity), NOW + timedelta(hours=2)
        )
        return {digest.message.recipient: digest.message.body for digest in due}


def test_01_each_header_occurs_once_and_no_line_is_too_long(sent: Sent) -> None:
    for name in ("From", "To", "Date", "Message-ID", "Subject", "MIME-Version"):
        assert len(sent.mail.get_all(name, [])) == 1, name
    assert re.fullmatch(r"<digest\.[0-9a-f]{32}@demo\.example>", sent.mail["Message-ID"])
    assert sent.again == sent.raw
    lines = sent.raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert sent.raw.isascii()
    assert b"\x00" not in sent.raw
    assert b"\n" not in b"".join(lines)
    assert b"\r" not in b"".join(lines)


def test_02_there_are_two_parts_plain_text_first(sent: Sent) -> None:
    assert sent.mail.get_content_type() == "multipart/alternative"
    parts = list(sent.mail.iter_parts())
    assert [p.get_content_type() for p in parts] == ["text/plain", "text/html"]
    for part in parts:
        assert part.get_content_charset() == "utf-8"
        assert part["Content-Transfer-Encoding"] in {"quoted-printable", "7bit", "base64"}
        assert part.defects == []
    assert sent.mail.defects == []


@pytest.mark.slow
def test_03_the_plain_text_has_every_entry_and_link(sent: Sent) -> None:
    hrefs = {a for a in _links(sent.html) if a.startswith("http")}
    in_text = set(re.findall(r"(?m)^https?://\S+$|(?<=: )https?://\S+$", sent.text))
    assert hrefs == in_text
    assert len([url for url in hrefs if "/question/" in url]) == 30
    shown = set(re.findall(r"https://replica\.example/questions/\d+", sent.text))
    assert len(shown) == 20  # those with their passages
    for number in range(20, 45):
        assert f"Question {number}" in sent.text
        assert f"Question {number}" in sent.html
    assert sent.text.count("Meeting of 16 July 2026") == 20
    assert sent.html.count("Meeting of 16 July 2026") == 20
    long = [line for line in sent.text.splitlines() if len(line) > 78]
    assert all("http" in line or " " not in line for line in long)


def test_04_the_unsubscribe_links_can_be_parsed(sent: Sent) -> None:
    [raw] = re.findall(
        rb"(?mi)^List-Unsubscribe: ((?:.*\r\n)(?:[ \t].*\r\n)*)", sent.head + b"\r\n"
    )
    assert b"=?" not in raw
    uris = re.findall(rb"<([^<>\s]+)>", raw)
    assert [uri.partition(b":")[0] for uri in uris] == [b"https", b"mailto"]
    assert max(map(len, uris)) <= 75


def test_05_one_click_unsubscribing_is_offered_and_signed(sent: Sent) -> None:
    assert sent.mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    signatures = sent.mail.get_all("DKIM-Signature", [])
    assert len(signatures) == 2
    for number, signature in enumerate(signatures):
        signed = re.sub(r"\s", "", signature).partition(";h=")[2].partition(";")[0].split(":")
        assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(signed)
        verifier = dkim.DKIM(sent.raw)
        assert verifier.verify(
            number, dnsfunc=lambda name, **_: sent.records[name.decode()].encode()
        )


def test_06_and_08_links_lead_to_pages_that_change_nothing(sent: Sent) -> None:
    """That a GET changes nothing, and unsubscribing works at once, is in `test_confirmation`."""
    ways = [url for url in _links(sent.html) if "watch.example" in url]
    paths = {urlsplit(url).path.split("/")[1] for url in ways}
    assert paths == {"u", "d", "m", "question", "status"}
    assert not any(urlsplit(url).query for url in ways)


def test_07_only_confirmed_subscribers_are_sent_a_digest(sent: Sent) -> None:
    """Signing up is in `test_confirmation`; here only the two confirmed subscribers got emails."""
    assert {sent.mail["To"], message_from_bytes(sent.other)["To"]} == set(PEOPLE)


def test_09_the_list_id_is_the_same_for_everybody(sent: Sent) -> None:
    mine, other = sent.mail["List-Id"], message_from_bytes(sent.other, policy=policy.default)
    assert mine == other["List-Id"]
    assert re.search(r"<digest\.demo\.example>$", str(mine))


@pytest.mark.slow
def test_10_it_is_marked_as_sent_automatically(sent: Sent) -> None:
    assert sent.mail["Auto-Submitted"] == "auto-generated"
    assert sent.mail["Precedence"] == "bulk"
    assert all(sender for sender in sent.senders)


def test_11_the_return_path_names_the_message(sent: Sent) -> None:
    numbers = [find_message_number(sender, sent.secret) for sender in sent.senders]
    assert sorted(n for n in numbers if n is not None) == [1, 2]
    assert find_message_number(sent.senders[0].replace("+1.", "+2."), sent.secret) in {None, 2}


def test_12_complaints_can_be_counted_by_feedback_id(sent: Sent) -> None:
    parts = sent.mail["Feedback-ID"].split(":")
    assert len(parts) <= 4
    assert re.fullmatch(r"[a-z0-9]{5,15}", parts[-1])
    assert sent.mail["Feedback-ID"] == message_from_bytes(sent.other)["Feedback-ID"]


def test_13_the_signing_domain_is_the_senders(sent: Sent) -> None:
    domain = sent.mail["From"].addresses[0].domain
    for signature in sent.mail.get_all("DKIM-Signature", []):
        assert re.search(rf"\bd={re.escape(domain)};", signature)


@pytest.mark.slow
def test_14_no_title_adds_a_header(sent: Sent) -> None:
    known = {
        "dkim-signature",
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "precedence",
        "feedback-id",
        "auto-submitted",
        "mime-version",
        "content-type",
    }
    assert {name.lower() for name in sent.mail.keys()} == known  # noqa: SIM118
    assert "everybody@demo.example" in sent.text  # as text, not as a header
    assert "{{7*7}}" in sent.text
    assert "alert(1)" in sent.html


class _LinkParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, set[str]] = {}
        self._href: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "a":
            self._href = dict(attrs)["href"]

    def handle_endtag(self, tag: str) -> None:
        self._href = None if tag == "a" else self._href

    def handle_data(self, data: str) -> None:
        if self._href:
            self.texts.setdefault(self._href, set()).add(data)


def _parse_html(html: str) -> _LinkParser:
    seen = _LinkParser()
    seen.feed(html)
    return seen


def _links(html: str) -> list[str]:
    return [str(attrs["href"]) for tag, attrs in _parse_html(html).tags if tag == "a"]


def test_15_the_html_is_accessible(sent: Sent) -> None:
    seen = _parse_html(sent.html)
    tags = {tag for tag, _ in seen.tags}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "base"}
    assert dict(seen.tags)["html"]["lang"] == "en-GB"
    assert {"title", "h1", "h2"} <= tags
    assert all(attrs.get("role") == "presentation" for tag, attrs in seen.tags if tag == "table")
    assert all("".join(texts).strip() for texts in seen.texts.values())
    assert not any({"here", "click here", "link"} & texts for texts in seen.texts.values())
    assert "prefers-color-scheme: dark" in sent.html
    for tag, attrs in seen.tags:  # mail programs drop style sheets
        assert attrs.get("style") or tag not in {"body", "h1", "h2", "a", "p", "mark"}, tag
    assert len(sent.html.encode()) < 100_000


@pytest.mark.parametrize("dark", [False, True])
def test_15_the_contrast_is_sufficient(sent: Sent, dark: bool) -> None:
    found = list(compute_ratios(sent.html, dark=dark))
    assert len(found) > 100
    worst, text = min(found)
    assert worst >= 4.5, text


def test_16_links_lead_only_to_the_source_or_to_us(sent: Sent) -> None:
    hosts = {urlsplit(url).hostname for url in _links(sent.html) if "mailto:" not in url}
    assert hosts == {"replica.example", "watch.example"}


def test_17_it_contains_nothing_of_another_subscriber(sent: Sent) -> None:
    assert str(sent.mail["To"]) == PEOPLE[0]
    assert PEOPLE[1].encode() not in sent.raw
    token = re.search(rb"subject=([\w-]+)", sent.other)
    assert token is not None
    assert token[1] not in sent.raw
