"""Processing an email that came back: read it, find the subscriber, apply what follows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from alerts.bounces.apply import apply_bounce
from alerts.bounces.parse import BounceReport, ReportKind, read_report
from alerts.ledger import Ledger, confirmation_history, messages, secrets, subscriptions
from alerts.ledger.address_hashes import get_hash
from alerts.ledger.bounces import Bounce, BounceKind
from alerts.ledger.messages import SentMessage
from alerts.secret import KeyRing

ReportOutcome = Literal[
    "hard",
    "soft",
    "refused",
    "complaint",
    "unsubscribe",
    "ignored",
    "duplicate",
    "unknown",
    "unproven",
    "unreadable",
]
"""The kind of a report, or why nothing follows from it.

``ignored`` says nothing that matters, ``duplicate`` is about a message that was reported before,
``unknown`` is about none of our messages, ``unproven`` names one of them without its signed return
path, ``unreadable`` is no email that can be read.
"""

#: What a report that proves nothing counts as, where our messages have no signed return paths.
_UNPROVEN_KINDS: dict[ReportKind, BounceKind] = {
    "hard": "unproven_hard",
    "soft": "unproven_soft",
    "complaint": "unproven_complaint",
}


def process_report(
    ledger: Ledger,
    raw: bytes,
    unsubscribe_address: str,
    now: datetime,
    *,
    has_return_paths: bool = False,
) -> tuple[ReportOutcome, str]:
    """Apply what follows from one email that came back.

    It is read before the ledger is locked. Whatever is wrong with it concerns this email only.

    Args:
        ledger: The ledger.
        raw: The email.
        unsubscribe_address: Where an email with a token in its subject unsubscribes.
        now: When it is processed.
        has_return_paths: Whether our messages have signed return paths (``mail.bounce_address``).
            Nothing follows then from a report without one. Where they have none, such reports are
            counted, and what would follow waits for the operator.

    Returns:
        The outcome, and a detail for the operator: the diagnostic code, or who unsubscribed.
    """
    report = read_report(raw, _get_secret(ledger, now), unsubscribe_address)
    match report.kind:
        case "ignored" | "unreadable":
            return report.kind, report.detail
        case "unsubscribe":
            with ledger.writing() as connection:
                return _unsubscribe(connection, report.token or "", now)
        case kind:
            with ledger.writing() as connection:
                return _apply_report(connection, report, kind, now, has_return_paths)


def _get_secret(ledger: Ledger, now: datetime) -> KeyRing:
    """Return the secret of return paths; create it the first time."""
    with ledger.reading() as connection:
        ring = secrets.find_key_ring(connection, "return path", now)
    if ring is None:
        with ledger.writing() as connection:
            ring = KeyRing(secrets.get_or_create(connection, "return path"))
    return ring


def _apply_report(
    connection: Connection,
    report: BounceReport,
    kind: Literal["hard", "soft", "refused", "complaint"],
    now: datetime,
    has_return_paths: bool,
) -> tuple[ReportOutcome, str]:
    sent, is_proven = _find_message(connection, report)
    if sent is None:
        return "unknown", report.detail
    if not is_proven and has_return_paths:
        return "unproven", f"a message to {sent.recipient}: {report.detail}"
    counted = kind if is_proven else _UNPROVEN_KINDS.get(kind, kind)
    bounce = Bounce(counted, sent.id, report.detail)
    is_new = apply_bounce(connection, sent.subscriber_id, bounce, now)
    if is_new and counted == "complaint" and sent.kind == "confirmation":
        # Somebody else may have typed the address, and could do so again tomorrow.
        confirmation_history.pause(connection, get_hash(connection, sent.recipient), now)
    return (kind if is_new else "duplicate"), report.detail


def _unsubscribe(connection: Connection, token: str, now: datetime) -> tuple[ReportOutcome, str]:
    subscriber = subscriptions.find_subscriber_by_token(connection, token)
    if subscriber is None:
        return "unknown", "an unsubscribe email without a token of ours"
    ended = subscriptions.unsubscribe(connection, subscriber.id, now)
    return ("unsubscribe" if ended else "duplicate"), subscriber.email


def _find_message(connection: Connection, report: BounceReport) -> tuple[SentMessage | None, bool]:
    """Return the message that a report is about, and whether the report proves that."""
    if report.message_number is not None:
        sent = messages.find_by_number(connection, report.message_number)
        if sent is not None:
            return sent, True
    if report.message_id is not None:
        return messages.find_by_message_id(connection, report.message_id), False
    return None, False
