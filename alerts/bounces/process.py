"""Processing an email that came back: read it, find the subscriber, apply what follows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from alerts.bounces.apply import apply_bounce
from alerts.bounces.parse import BounceReport, read_report
from alerts.ledger import Ledger, messages, secrets, subscriptions
from alerts.ledger.bounces import Bounce

ReportOutcome = Literal[
    "hard",
    "soft",
    "refused",
    "complaint",
    "unsubscribe",
    "ignored",
    "duplicate",
    "unknown",
    "unreadable",
]
"""The kind of a report, or why nothing follows from it.

``ignored`` says nothing that matters, ``duplicate`` was processed before, ``unknown`` is about none
of our messages, ``unreadable`` is no email that can be read.
"""


def process_report(
    ledger: Ledger, raw: bytes, unsubscribe_address: str, now: datetime
) -> tuple[ReportOutcome, str]:
    """Apply what follows from one email that came back.

    It is read before the ledger is locked. Whatever is wrong with it concerns this email only.

    Args:
        ledger: The ledger.
        raw: The email.
        unsubscribe_address: Where an email with a token in its subject unsubscribes.
        now: When it is processed.

    Returns:
        The outcome, and a detail for the operator: the diagnostic code, or who unsubscribed.
    """
    report = read_report(raw, _get_secret(ledger), unsubscribe_address)
    match report.kind:
        case "ignored" | "unreadable":
            return report.kind, report.detail
        case "unsubscribe":
            with ledger.writing() as connection:
                return _unsubscribe(connection, report.token or "", now)
        case kind:
            bounce = Bounce(kind, hashlib.sha256(raw).hexdigest(), report.detail)
            with ledger.writing() as connection:
                return _apply_report(connection, report, bounce, now)


def _get_secret(ledger: Ledger) -> bytes:
    """Return the secret of return paths; create it the first time."""
    with ledger.reading() as connection:
        secret = secrets.find_secret(connection, "return path")
    if secret is None:
        with ledger.writing() as connection:
            secret = secrets.get_or_create(connection, "return path")
    return secret


def _apply_report(
    connection: Connection, report: BounceReport, bounce: Bounce, now: datetime
) -> tuple[ReportOutcome, str]:
    subscriber_id = _find_subscriber_id(connection, report)
    if subscriber_id is None:
        return "unknown", report.detail
    is_new = apply_bounce(connection, subscriber_id, bounce, now)
    return (report.kind if is_new else "duplicate"), report.detail


def _unsubscribe(connection: Connection, token: str, now: datetime) -> tuple[ReportOutcome, str]:
    subscriber = subscriptions.find_subscriber_by_token(connection, token)
    if subscriber is None:
        return "unknown", "an unsubscribe email without a token of ours"
    ended = subscriptions.unsubscribe(connection, subscriber.id, now)
    return ("unsubscribe" if ended else "duplicate"), subscriber.email


def _find_subscriber_id(connection: Connection, report: BounceReport) -> int | None:
    """Return whose message a report is about: the return path is more certain than a quote."""
    found = None
    if report.message_number is not None:
        found = messages.find_subscriber_id(connection, report.message_number)
    if found is None and report.message_id is not None:
        found = messages.find_subscriber_by_message_id(connection, report.message_id)
    return found
