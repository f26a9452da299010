"""The step from what came back by mail to what follows from it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from alerts.bounces.apply import bounced
from alerts.bounces.parse import read_report
from alerts.ledger import messages, secrets, subscriptions

Outcome = Literal["hard", "soft", "complaint", "leave", "nothing", "known", "unknown"]


def take_back(
    connection: Connection, raw: bytes, unsubscribe_address: str, now: datetime
) -> tuple[Outcome, str]:
    """Draw the consequence of one email that came back; what it said, and the detail.

    ``known`` is one that was read before, ``unknown`` one that is about no message of ours.
    """
    report = read_report(raw, secrets.get(connection, "return path"), unsubscribe_address)
    if report.said == "nothing":
        return "nothing", report.detail
    if report.said == "leave":
        person = subscriptions.by_token(connection, report.token or "")
        if person is None:
            return "unknown", "asks to leave with no token of ours"
        left = subscriptions.unsubscribe(connection, person.id, now)
        return ("leave" if left else "known"), person.email
    who = None
    if report.message is not None:
        who = messages.subscriber_of(connection, report.message)
    if who is None and report.message_id is not None:
        who = messages.subscriber_of(connection, report.message_id)
    if who is None:
        return "unknown", report.detail
    mark = hashlib.sha256(raw).hexdigest()
    is_new = bounced(connection, who, report.said, mark, report.detail, now)
    return (report.said if is_new else "known"), report.detail
