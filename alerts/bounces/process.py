"""Processing an email that came back: read it, find the subscriber, apply what follows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from alerts.bounces.apply import apply_bounce
from alerts.bounces.parse import BounceReport, read_report
from alerts.ledger import messages, secrets, subscriptions
from alerts.ledger.bounces import Bounce

ReportOutcome = Literal[
    "hard", "soft", "refused", "complaint", "unsubscribe", "ignored", "duplicate", "unknown"
]
"""The kind of a report, or why nothing follows from it.

``ignored`` says nothing that matters, ``duplicate`` was processed before, ``unknown`` is about none
of our messages.
"""


def process_report(
    connection: Connection, raw: bytes, unsubscribe_address: str, now: datetime
) -> tuple[ReportOutcome, str]:
    """Apply what follows from one email that came back.

    Args:
        connection: A writing connection to the ledger.
        raw: The email.
        unsubscribe_address: Where an email with a token in its subject unsubscribes.
        now: When it is processed.

    Returns:
        The outcome, and a detail for the operator: the diagnostic code, or who unsubscribed.
    """
    secret = secrets.get_or_create(connection, "return path")
    report = read_report(raw, secret, unsubscribe_address)
    if report.kind == "ignored":
        return "ignored", report.detail
    if report.kind == "unsubscribe":
        return _unsubscribe(connection, report.token or "", now)
    subscriber_id = _find_subscriber_id(connection, report)
    if subscriber_id is None:
        return "unknown", report.detail
    bounce = Bounce(report.kind, hashlib.sha256(raw).hexdigest(), report.detail)
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
