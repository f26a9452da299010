"""Reading emails that come back: what they say, and about which message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.bounces import build_return_path
from alerts.bounces.parse import read_report
from tests.support.bounce_reports import build_dsn

UNSUBSCRIBE = "leave@demo.example"
SECRET = b"of thirty-two bytes, all of them"
AUTO_REPLY = b"""\
From: ada@demo.example\r
To: %s\r
Subject: Out of office\r
Auto-Submitted: auto-replied\r
\r
I am away.\r
"""
QMAIL = """\
From: MAILER-DAEMON@mx.example\r
To: {to}\r
Subject: failure notice\r
\r
Hi. This is the qmail-send program at mx.example.\r
I'm afraid I wasn't able to deliver your message to the following addresses.\r
This is a permanent error; I've given up. Sorry it didn't work out.\r
\r
<ada@demo.example>:\r
Sorry, no mailbox here by that name. (#5.1.1)\r
\r
--- Below this line is a copy of the message.\r
\r
Return-Path: <{to}>\r
"""


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", "hard"),
        ("failed", "5.7.1", "refused"),
        ("failed", "5.2.2", "soft"),
        ("failed", "4.4.7", "soft"),
        ("delayed", "4.4.1", "ignored"),
        ("delivered", "2.0.0", "ignored"),
        ("relayed", "2.0.0", "ignored"),
    ],
)
def test_a_delivery_status_is_classified(action: str, status: str, kind: str) -> None:
    to = build_return_path("bounces@demo.example", 7, SECRET)
    report = read_report(build_dsn(to, action, status), SECRET, UNSUBSCRIBE)
    assert (report.kind, report.message_number) == (kind, 7)


def test_an_automatic_reply_is_ignored() -> None:
    to = build_return_path("bounces@demo.example", 7, SECRET).encode()
    assert read_report(AUTO_REPLY % to, SECRET, UNSUBSCRIBE).kind == "ignored"


@given(st.binary(max_size=400))
def test_rubbish_is_about_no_message_and_raises_nothing(raw: bytes) -> None:
    assert read_report(raw, SECRET, UNSUBSCRIBE).message_number is None


def test_a_report_without_a_delivery_status_is_classified() -> None:
    to = build_return_path("bounces@demo.example", 7, SECRET)
    report = read_report(QMAIL.format(to=to).encode(), SECRET, UNSUBSCRIBE)
    assert (report.kind, report.message_number, report.detail) == ("hard", 7, "failure notice")


@pytest.mark.parametrize("sender", ["", "From:\r\n", "From: <>\r\n", 'From: "\r\n'])
def test_a_report_without_a_sender_is_classified(sender: str) -> None:
    to = build_return_path("bounces@demo.example", 7, SECRET)
    raw = QMAIL.format(to=to).replace("From: MAILER-DAEMON@mx.example\r\n", sender)
    assert read_report(raw.encode(), SECRET, UNSUBSCRIBE).kind == "hard"
    assert (
        read_report(b"Subject: hello\r\n\r\nno report\r\n", SECRET, UNSUBSCRIBE).kind == "ignored"
    )
