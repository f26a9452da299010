"""Letters to the operator: what is wrong with a source, and that it is over.

They go through the same outbox as digests, so they are sent once and survive a mail server that
is down. The operator is a subscriber like any other, on no list.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import alarms, messages, subscriptions
from alerts.ledger.messages import Composed
from alerts.mail import Letterhead, build
from alerts.rendering import Templates

#: A letter is written at once, so its reader's zone and hour say nothing.
_ZONE, _HOUR = "UTC", 0


def write_to_operator(
    connection: Connection, templates: Templates, head: Letterhead, email: str, now: datetime
) -> bool:
    """Put a letter into the outbox about the alarms not told yet; False when there are none."""
    news = alarms.untold(connection)
    if not news:
        return False
    operator = subscriptions.ensure_subscriber(connection, email.lower(), _ZONE, _HOUR, now)
    period = "alarms " + " ".join(f"{a.id}{'-' if a.cleared_at else '+'}" for a in news)
    key = hashlib.sha256(f"{operator.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<letter.{key}@{head.domain}>"
    rendered = templates.letter(news, alarms.standing(connection), head, now)
    body = build(rendered, head, None, email, message_id, now)
    letter = Composed(operator.id, period, message_id, email, rendered.subject, body)
    queued = messages.queue(connection, letter, now)
    for entry in news:
        alarms.told(connection, entry, now)
    return queued
