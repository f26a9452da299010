"""Emails that come back broken, or made to break us: each concerns itself only."""

from __future__ import annotations

import sys
from datetime import datetime
from traceback import walk_stack
from types import FrameType
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.bounces import build_return_path, process_report
from alerts.bounces.parse import ReportKind, name_email, read_report
from alerts.ledger import Ledger, secrets
from tests.support.bounce_reports import build_complaint, build_dsn
from tests.support.examples import count_examples
from tests.support.outbox import queue_messages
from tests.support.processor_time import assert_takes_less_than

SECRET = b"of thirty-two bytes, all of them"
UNSUBSCRIBE = "leave@demo.example"
TO = build_return_path("bounces@demo.example", 7, SECRET)
KINDS = get_args(ReportKind)
SEEDS = (
    build_dsn(TO),
    build_dsn(TO, status="4.4.7", code="451 4.7.650 rate limited"),
    build_complaint("<d.0123@demo.example>"),
    f"From: postmaster\r\nTo: {TO}\r\nSubject: failure notice\r\n\r\n<a@b.example>:\r\n".encode(),
)
PIECES = (
    "boîte pleine".encode(),
    b"\xff\xfe\x00",
    b"\r\n\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"Content-Type: multipart/report; boundary=\r\n",
    b"Content-Type: text/plain; charset=\xff\r\n",
    b"Content-Type: text/plain; charset*0*=utf-8''%ff; charset*1=x\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: message/delivery-status\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"Content-Transfer-Encoding: \xe9\r\n",
    b"Action: \xe9chec\r\n",
    b"Subject: =?utf-8?q?=00=ff?= \xe9\r\n",
    b": no name\r\n",
    b"To: " + b"a" * 5000 + b"\r\n",
    b"\t" * 2000,
    b"+1.aaaaaaaaaaaaaaaa@" * 50,
)


def nest(levels: int) -> bytes:
    """An email in an email in an email, which a parser that calls itself cannot read."""
    return b"Message-ID: <deep@demo.example>\r\n" + (
        b"Content-Type: message/rfc822\r\n\r\n" * levels + b"Subject: in\r\n\r\nbody\r\n"
    )


@settings(max_examples=count_examples(300), deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(0, 40), st.sampled_from(PIECES)), max_size=6
    ),
)
def test_whatever_comes_back_is_read_or_set_aside(
    seed: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for position, removed, added in changes:
        seed = seed[:position] + added + seed[position + removed :]
    with assert_takes_less_than(1):
        report = read_report(seed, SECRET, UNSUBSCRIBE)
    assert report.kind in KINDS
    report.detail.encode()  # as the ledger does
    assert "\x00" not in report.detail


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        nest(3000),
        b"To: %s\r\n\r\n" % TO.encode() + b"hello world\r\n" * 900_000,
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 300_000,
        b"Subject: " + b"failure " * 500_000,
        b"Subject: x\r\n\r\n" + b"<a@b.example> 550 5.1.1 " * 200_000,
        b"".join(b"X-%d: y\r\n" % number for number in range(100_000)) + b"\r\nx\r\n",
        b"To: " + b"x" * 10_000_000,
        b"Received: x\r\n" * 200_000 + b"\r\nx\r\n",
        b"Subject: a\r\n" + b" b\r\n" * 1_000_000,
        b"To: " + b"bounces+1.aaaaaaaaaaaaaaaa@demo.example, " * 100_000,
        b"Content-Type: text/plain; charset=x-no-such\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"QUJD\r\n" * 500_000,
        b"Content-Type: multipart/mixed; " + b"boundary*0=b; " * 50_000 + b"\r\n\r\n--b\r\n",
        b"Subject: " + b"=?utf-8?b?" * 100_000 + b"\r\n\r\nx",
        b'From: "' + b"(" * 100_000 + b"\r\n\r\nx",
    ],
    ids=[
        *("nested", "long", "parts", "subject", "line", "headers", "header", "same header"),
        *("folded", "return paths", "charset", "parameters", "encoded words", "comments"),
    ],
)
def test_a_huge_one_holds_up_nobody(raw: bytes) -> None:
    with assert_takes_less_than(10):
        assert read_report(raw, SECRET, UNSUBSCRIBE).kind in {"ignored", "unreadable"}


@pytest.mark.parametrize("way", ["nested", "side by side"])
def test_an_email_of_too_many_parts_is_refused_in_words(way: str) -> None:
    raw = nest(300)
    if way == "side by side":  # as the fields of many recipients
        raw = b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 300
    report = read_report(raw, SECRET, UNSUBSCRIBE)
    assert (report.kind, report.detail) == ("unreadable", "it has more than 250 parts")


def test_no_email_lets_the_parser_call_itself_until_python_stops_it() -> None:
    deepest = 0

    def note(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal deepest
        if event == "call" and frame.f_code.co_name == "_parsegen":
            deepest = max(deepest, sum(1 for _ in walk_stack(frame)))

    sys.setprofile(note)
    try:
        read_report(nest(3000), SECRET, UNSUBSCRIBE)
    finally:
        sys.setprofile(None)
    assert deepest < 400


def test_a_bounce_that_was_forwarded_a_hundred_times_is_read() -> None:
    raw = nest(100).replace(b"Subject: in\r\n\r\nbody\r\n", build_dsn(TO))
    assert read_report(raw, SECRET, UNSUBSCRIBE).message_number == 7


def test_a_raw_header_that_is_not_ascii_is_read() -> None:
    raw = build_dsn(TO, status="5.2.2").replace(b"smtp; 550 no", "smtp; 550 boîte pleine".encode())
    report = read_report(raw, SECRET, UNSUBSCRIBE)
    assert (report.kind, report.message_number) == ("soft", 7)


def test_an_unreadable_one_is_named_and_leaves_the_ledger_alone(
    ledger: Ledger, now: datetime
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    assert process_report(ledger, nest(3000), UNSUBSCRIBE, now)[0] == "unreadable"
    assert name_email(nest(3000)) == "<deep@demo.example>"
    assert name_email(b"\x00") == "without a Message-ID"
    with ledger.writing() as connection:
        secret = secrets.get_or_create(connection, "return path")
    dsn = build_dsn(build_return_path("b@demo.example", 1, secret)).replace(
        b"550 no", b"550 n\x00o"
    )
    assert process_report(ledger, dsn, UNSUBSCRIBE, now)[0] == "hard"


@pytest.mark.parametrize("odd", ["\0", "\x01", "\x80", "\xff", "\u2028"])
def test_a_message_id_with_odd_bytes_is_about_no_message(
    ledger: Ledger, now: datetime, odd: str
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    name = f"<digest.{'0a' * 16}@demo{odd}.example>"
    for raw in (build_dsn("b@demo.example", message_id=name), build_complaint(name)):
        assert process_report(ledger, raw, UNSUBSCRIBE, now)[0] == "unknown"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("4.4.7", "451 4.7.650 The mail server has been rate limited", "refused"),
        ("4.2.2", "452 4.2.2 mailbox full", "soft"),
        ("4.4.1", "", "soft"),
        ("5.0.0", "550 5.7.26 unauthenticated, DMARC", "refused"),
        ("5.7.1", "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", "refused"),
        ("5.7.1", "554 5.7.1 Error: open resolver; check.spamhaus.org/returnc/pub/", "refused"),
        ("5.7.133", "550 5.7.133 sender not allowed for this group", "hard"),
        ("5.1.1", "550 5.1.1 mailbox does not exist", "hard"),
        ("5.0.0", "554 delivery error: dd This user doesn't have a demo.example account", "hard"),
        ("5.3.4", "552 5.3.4 message too big", "refused"),
    ],
)
def test_a_report_blames_as_a_reply_does(status: str, code: str, kind: str) -> None:
    assert read_report(build_dsn(TO, status=status, code=code), SECRET, UNSUBSCRIBE).kind == kind
