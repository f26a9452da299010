"""The emails about a subscriber's own alerts: what they say, with the same links in both parts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

from alerts.ledger import Ledger
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, MessageContext, OutgoingMessage
from alerts.model import Frequency, Subscriber
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, send_manage_link, subscribe
from alerts.subscribers.emails import (
    ConfirmationLinks,
    write_confirmation_email,
    write_manage_link_email,
)
from alerts.subscribers.quotation import PromisedAlert, SignUpLine
from crawler.records import Question
from tests.support.samples import make_answer, make_question
from tests.support.service import get_plain_text

NOW = datetime(2026, 7, 16, 6, 0, tzinfo=UTC)
IDENTITY = MailIdentity(
    "Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"
)
CONTEXT = MessageContext(Templates(), IDENTITY, NOW)
ADA = Subscriber(1, "ada@demo.example", "B-Dg-tSS9p9aqYTmJawR5g", "Europe/London", 7)


def parse(message: OutgoingMessage) -> tuple[EmailMessage, str, str]:
    """Return an email, its plain text and its HTML."""
    email = message_from_bytes(message.body, policy=policy.default)
    part = email.get_body(("html",))
    assert part is not None
    return email, get_plain_text(email), part.get_content()


def write_confirmation(question: Question | None = None, per_month: float | None = None) -> str:
    """The plain text and the HTML of a confirmation email, one after the other."""
    promised = PromisedAlert(SignUpLine("“VRU”"), Frequency.DAILY, per_month, question)
    links = ConfirmationLinks("TOKEN", timedelta(hours=48), "https://watch.example/n/STOP")
    _, text, html = parse(write_confirmation_email(CONTEXT, ADA, promised, links))
    return text + html


def test_the_confirmation_email_says_what_to_do_and_how_long_the_link_works() -> None:
    promised = PromisedAlert(SignUpLine("“<VRU> & more”"), Frequency.DAILY)
    links = ConfirmationLinks("TOKEN", timedelta(hours=48), "https://watch.example/n/STOP")
    email, text, html = parse(write_confirmation_email(CONTEXT, ADA, promised, links))
    assert email["Subject"] == "Confirm your Watchword alert"
    assert "  Topic      “<VRU> & more”\n" in text
    assert "<b>“&lt;VRU&gt; &amp; more”</b>" in html
    assert text.count("VRU") == html.count("VRU") == 1
    for part in (text, html):
        assert re.findall(r"https://[^\s\"<]+", part) == [
            "https://watch.example/c/TOKEN",
            "https://watch.example/n/STOP",
            "https://watch.example/about",
            "https://watch.example/privacy",
        ]
        said = " ".join(part.split())
        assert "The link works for 48 hours, until 18 July 2026, 07:00 BST." in said
        assert "Daily, at 07:00" in said
        assert "w@demo.example" in said
        assert "typed ada@demo.example into Watchword on 16 July 2026, 07:00 BST." in said
        assert "ignore" in said
        assert "Do not email me again" in said
        assert "How much" not in said
    assert html.count('class="button"') == 1
    assert email["List-Unsubscribe"] is None


def test_the_confirmation_email_shows_what_the_alert_would_have_brought() -> None:
    question = make_question(7, make_answer("Yes."), title="Benches <b>& trees")
    both = write_confirmation(question, 2.2)
    assert both.count("About 2 questions a month") == 2
    assert both.count("https://watch.example/question/london:/questions/7") == 2
    assert "Benches <b>& trees" in both
    assert "Benches &lt;b&gt;&amp; trees" in both
    assert both.count("Ada Brook asked the Mayor") == 2
    assert "Yes." not in both  # titles from the ledger, and nothing that anybody said
    assert "replica.example" not in both
    assert "newest question" not in write_confirmation()


def test_the_manage_link_email_has_a_link_that_works_for_60_days() -> None:
    email, text, html = parse(write_manage_link_email(CONTEXT, ADA))
    assert email["Subject"] == "Manage your Watchword alerts"
    link = IDENTITY.build_manage_link(ADA.token, NOW)
    for part in (text, html):
        assert re.findall(r"https://[^\s\"<]+", part) == [link]
        assert "The link works for 60 days" in part


def test_a_manage_link_is_sent_once_a_day_and_only_to_subscribers(
    ledger: Ledger, now: datetime
) -> None:
    context = MessageContext(CONTEXT.templates, IDENTITY, now)
    tomorrow = MessageContext(CONTEXT.templates, IDENTITY, now + timedelta(days=1))
    request = SubscriptionRequest("VRU", Frequency.DAILY, "all", "command")
    with ledger.writing() as connection:
        assert not send_manage_link(connection, context, ADA.email)
        subscribe(connection, ADA.email, request, SubscriberDefaults("Europe/London", 7), now)
        assert send_manage_link(connection, context, "Ada@Demo.example")
        assert not send_manage_link(connection, context, ADA.email)
        assert send_manage_link(connection, tomorrow, ADA.email)
