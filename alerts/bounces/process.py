"""The step from what came back by mail to what follows from it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from alerts.bounces.apply import apply_bounce
from alerts.bounces.parse import read_report
from alerts.ledger import messages, secrets, subscriptions

ReportOutcome = Literal["hard", "soft", "complaint", "leave", "nothing", "known", "unknown"]


def process_report(
    connection: Connection, raw: bytes, unsubscribe_address: str, now: datetime
) -> tuple[ReportOutcome, str]:
    """Draw the consequence of one email that came back; what it said, and the detail.

    ``known`` is one that was read before, ``unknown`` one that is about no message of ours.
    """
    report = read_report(raw, secrets.get_or_create(connection, "return path"), unsubscribe_address)
    if report.kind == "nothing":
        return "nothing", report.detail
    if report.kind == "leave":
        person = subscriptions.find_subscriber_by_token(connection, report.token or "")
        if person is None:
            return "unknown", "asks to leave with no token of ours"
        left = subscriptions.unsubscribe(connection, person.id, now)
        return ("leave" if left else "known"), person.email
    who = None
    if report.message_number is not None:
        who = messages.find_subscriber_id(connection, report.message_number)
    if who is None and report.message_id is not None:
        who = messages.find_subscriber_id(connection, report.message_id)
    if who is None:
        return "unknown", report.detail
    mark = hashlib.sha256(raw).hexdigest()
    is_new = apply_bounce(connection, who, report.kind, mark, report.detail, now)
    return (report.kind if is_new else "known"), report.detail
