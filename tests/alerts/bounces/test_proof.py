"""What ends a subscription is proven: by the signed return path, and by messages, not reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.bounces import (
    ReportOutcome,
    build_return_path,
    list_waiting,
    process_report,
    suspend_waiting,
)
from alerts.bounces.parse import read_report
from alerts.ledger import (
    Ledger,
    alarms,
    bounces,
    open_ledger,
    personal_data,
    secrets,
    subscriptions,
)
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, MessageContext, build_message_id
from alerts.model import Frequency
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, request_confirmation
from tests.alerts.bounces.test_parse import QMAIL
from tests.support.bounce_reports import build_complaint, build_dsn
from tests.support.outbox import queue_messages
from tests.support.service import ServiceFolder

ADA = "ada@demo.example"
UNSUBSCRIBE = "leave@demo.example"
SECRET = b"of thirty-two bytes, all of them"
BOUNCES = "bounces@demo.example"
IDENTITY = MailIdentity("Watchword", "w@watch.example", UNSUBSCRIBE, "https://watch.example")
REQUEST = SubscriptionRequest("VRU", Frequency.DAILY, "all", "page")


def _name_message(number: int) -> str:
    """Return a Message-ID of ours, which stands in every reply to the message."""
    return build_message_id("digest", f"{number:032x}", "demo.example")


def _queue(ledger: Ledger, now: datetime, number: int = 5) -> None:
    """Queue digests to Ada, which are the messages 1, 2, … of the ledger."""
    for one in range(1, number + 1):
        queue_messages(ledger, now, ADA, key=f"p{one}", message_id=_name_message(one))


def _sign(ledger: Ledger, number: int) -> str:
    """Return the return path of a message."""
    with ledger.writing() as connection:
        secret = secrets.get_or_create(connection, "return path")
    return build_return_path(BOUNCES, number, secret)


def _process(
    ledger: Ledger, raw: bytes, now: datetime, *, has_return_paths: bool = True
) -> ReportOutcome:
    outcome, _ = process_report(ledger, raw, UNSUBSCRIBE, now, has_return_paths=has_return_paths)
    return outcome


def _read_state(ledger: Ledger) -> tuple[list[str], int]:
    """Return why Ada is suspended, if she is, and how many subscriptions she has."""
    with ledger.reading() as connection:
        suspended = [entry.reason for entry in bounces.list_suspended(connection)]
        return list(suspended), len(subscriptions.list_active(connection))


def _forge(number: int) -> list[bytes]:
    """Return reports that a stranger can write who was sent a reply to a message."""
    name = _name_message(number)
    forged = f"bounces+{number}.{'a' * 16}@demo.example"
    return [
        build_dsn(BOUNCES, message_id=name),
        build_dsn(BOUNCES, status="5.2.2", message_id=name),
        build_dsn(forged, message_id=name),
        build_complaint(name),
        build_complaint(name, "fraud"),
        build_complaint(name).replace(b"To: abuse@demo.example", f"To: {forged}".encode()),
        build_complaint(name).replace(b"Version: 1", f"Original-Mail-From: {forged}".encode()),
        QMAIL.format(to=f"w@demo.example>\r\nMessage-ID: {name}").encode(),
    ]


@pytest.mark.slow
def test_no_forged_report_changes_anything(ledger: Ledger, now: datetime) -> None:
    _queue(ledger, now)
    outcomes = {
        _process(ledger, raw, now + timedelta(days=number))
        for number in range(1, 6)
        for raw in _forge(number)
    }
    assert outcomes == {"unproven"}
    assert _read_state(ledger) == ([], 1)
    with ledger.reading() as connection:
        assert list_waiting(connection, now + timedelta(days=6)) == []
        assert bounces.list_newest(connection, 10) == []


def test_the_return_path_of_a_deleted_message_is_nobody_elses(
    ledger: Ledger, now: datetime
) -> None:
    queue_messages(ledger, now, ADA, key="p1", message_id=_name_message(1))
    queue_messages(ledger, now, "mallory@demo.example", key="p2", message_id=_name_message(2))
    mallorys = _sign(ledger, 2)
    with ledger.writing() as connection:
        personal_data.delete_data(connection, "mallory@demo.example")
    queue_messages(ledger, now, ADA, key="p3", message_id=_name_message(3))
    complaint = build_complaint("<p@x.example>").replace(b"abuse@demo.example", mallorys.encode())
    assert _process(ledger, complaint, now) == "unknown"
    assert _read_state(ledger) == ([], 1)


@pytest.mark.slow
@given(st.integers(1, 9), st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16))
def test_no_guessed_signature_is_believed(number: int, signature: str) -> None:
    report = read_report(build_dsn(f"b+{number}.{signature}@x.example"), SECRET, UNSUBSCRIBE)
    assert report.message_number is None


@pytest.mark.slow
@given(st.integers(1, 10**18 - 1), st.integers(0, 15), st.sampled_from("abc234"))
def test_a_changed_signature_is_not_believed(number: int, place: int, other: str) -> None:
    local, _, domain = build_return_path(BOUNCES, number, SECRET).rpartition("@")
    start = len(local) - 16 + place
    changed = f"{local[:start]}{other}{local[start + 1 :]}@{domain}"
    found = read_report(build_dsn(changed), SECRET, UNSUBSCRIBE).message_number
    assert found == (number if local[start] == other else None)


def test_two_reports_about_one_message_are_one_bounce(ledger: Ledger, now: datetime) -> None:
    _queue(ledger, now)
    first, second = _sign(ledger, 1), _sign(ledger, 2)
    assert _process(ledger, build_dsn(first), now) == "hard"
    for day, code in enumerate(("550 no", "550 5.1.1 unknown user", "550 5.1.10 never seen")):
        again = build_dsn(first, code=code)
        assert _process(ledger, again, now + timedelta(days=day)) == "duplicate"
    assert _read_state(ledger) == ([], 1)
    assert _process(ledger, build_dsn(second), now) == "hard"
    assert _read_state(ledger) == (["bounces"], 1)


def test_soft_bounces_are_counted_by_message(ledger: Ledger, now: datetime) -> None:
    _queue(ledger, now)
    for number in (1, 2, 3, 4):
        for code in ("452 full", "452 4.2.2 over quota"):
            full = build_dsn(_sign(ledger, number), status="4.2.2", code=code)
            assert _process(ledger, full, now) in {"soft", "duplicate"}
    assert _read_state(ledger) == ([], 1)
    full = build_dsn(_sign(ledger, 5), status="4.2.2", code="452 full")
    assert _process(ledger, full, now) == "soft"
    assert _read_state(ledger) == (["bounces"], 1)


def _place_in_recipient(complaint: bytes, path: str) -> bytes:
    return complaint.replace(b"To: abuse@demo.example", f"To: {path}".encode())


def _place_in_report(complaint: bytes, path: str) -> bytes:
    return complaint.replace(b"Version: 1", f"Original-Mail-From: <{path}>".encode())


def _place_in_message(complaint: bytes, path: str) -> bytes:
    return complaint.replace(b"Subject: hello", f"Return-Path: <{path}>".encode())


@pytest.mark.parametrize("place", [_place_in_recipient, _place_in_report, _place_in_message])
def test_a_complaint_with_a_signed_return_path_is_believed(
    ledger: Ledger, now: datetime, place: Callable[[bytes, str], bytes]
) -> None:
    _queue(ledger, now, 1)
    path = _sign(ledger, 1)
    not_spam = place(build_complaint(_name_message(1), "not-spam"), path)
    assert _process(ledger, not_spam, now) == "ignored"
    assert _process(ledger, place(build_complaint(_name_message(1)), path), now) == "complaint"
    assert _read_state(ledger) == (["complaint"], 0)
    with ledger.reading() as connection:
        suppression = bounces.find_suppression(connection, ADA)
    assert suppression is not None
    assert suppression.reason == "complaint"


def test_without_return_paths_reports_wait_for_the_operator(ledger: Ledger, now: datetime) -> None:
    _queue(ledger, now)
    for number in (1, 2, 3):
        bounced = build_dsn(BOUNCES, message_id=_name_message(number))
        assert _process(ledger, bounced, now, has_return_paths=False) == "hard"
        assert _process(ledger, bounced, now, has_return_paths=False) == "duplicate"
    assert _read_state(ledger) == ([], 1)
    with ledger.writing() as connection:
        [waiting] = list_waiting(connection, now)
        assert bounces.list_addresses(connection, [waiting]) == [ADA]
        assert bounces.clear_bounces(connection, ADA)  # the operator does not believe it
        assert list_waiting(connection, now) == []
    complaint = build_complaint(_name_message(4))
    assert _process(ledger, complaint, now, has_return_paths=False) == "complaint"
    assert _read_state(ledger) == ([], 1)
    with ledger.writing() as connection:
        assert suspend_waiting(connection, now) == 1
    assert _read_state(ledger) == (["complaint"], 0)


@pytest.mark.process
def test_the_command_sets_a_forged_report_aside(tmp_path: Path, now: datetime) -> None:
    service = ServiceFolder(tmp_path, f'[mail]\nbounce_address = "{BOUNCES}"\n')
    (tmp_path / "var").mkdir(exist_ok=True)
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    _queue(ledger, now, 1)
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    forged = b"Message-ID: <forged@x.example>\r\n" + build_complaint(_name_message(1))
    (tmp_path / "box" / "new" / "1").write_bytes(forged)
    (tmp_path / "box" / "new" / "2").write_bytes(build_dsn(_sign(ledger, 1)))
    done = service.run("bounces", "box", "--json", expect=1)
    printed = json.loads(done.stdout)
    assert printed["data"] == {"hard": 1, "unproven": 1}
    [warning] = printed["warnings"]
    assert f"<forged@x.example>: a message to {ADA}: complaint: abuse" in warning
    assert {path.name for path in (tmp_path / "box" / "cur").iterdir()} == {"1:2,FS", "2:2,S"}
    assert _read_state(ledger) == ([], 1)
    with ledger.reading() as connection:
        [alarm] = [one for one in alarms.list_open(connection) if one.kind == "reports"]
    assert "@x.example>" in alarm.reason
    assert service.run("bounces", "box").stdout == "no new email\n"


@pytest.mark.process
def test_the_operator_decides_on_unproven_bounces(tmp_path: Path, now: datetime) -> None:
    service = ServiceFolder(tmp_path, '[sources.london]\nurl = "http://127.0.0.1:1"\n')
    (tmp_path / "var").mkdir(exist_ok=True)
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    _queue(ledger, now, 2)
    for number in (1, 2):
        report = tmp_path / f"{number}.eml"
        report.write_bytes(build_dsn(BOUNCES, message_id=_name_message(number)))
        assert service.run_json("bounces", str(report), "--json") == {"hard": 1}
    assert service.run("suspended").stdout == ""
    assert service.run("suspended", "--waiting").stdout == f"{ADA}\n"
    resumed = service.run("suspended", "--resume", ADA).stdout
    assert resumed == f"the bounces of {ADA} are not counted any more\n"
    assert service.run("suspended", "--waiting").stdout == ""


@pytest.mark.process
def test_the_operator_resumes_what_a_complaint_ended(tmp_path: Path, now: datetime) -> None:
    service = ServiceFolder(tmp_path, f'[mail]\nbounce_address = "{BOUNCES}"\n')
    (tmp_path / "var").mkdir(exist_ok=True)
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    _queue(ledger, now, 1)
    report = tmp_path / "report.eml"
    report.write_bytes(_place_in_recipient(build_complaint("<x@x.example>"), _sign(ledger, 1)))
    assert service.run_json("bounces", str(report), "--json") == {"complaint": 1}
    assert _read_state(ledger) == (["complaint"], 0)
    assert service.run("suspended", "--resume", ADA).stdout == f"{ADA} gets email again\n"
    assert _read_state(ledger) == ([], 1)


def test_a_complaint_about_a_confirmation_email_pauses_them(ledger: Ledger, now: datetime) -> None:
    """A stranger may have typed the address, and could do so again every day."""

    def sign_up(days: int) -> bool:
        context = MessageContext(Templates(), IDENTITY, now + timedelta(days=days))
        with ledger.writing() as connection:
            return request_confirmation(
                connection, context, ADA, REQUEST, SubscriberDefaults("Europe/London", 7)
            )

    assert sign_up(0)
    complaint = _place_in_recipient(build_complaint("<x@x.example>"), _sign(ledger, 1))
    assert _process(ledger, complaint, now) == "complaint"
    assert not sign_up(2)
    assert not sign_up(29)
    assert sign_up(31)
