"""Letters to the operator: what is wrong with a source, and that it is over.

They go through the same outbox as digests, so they are sent once and survive a mail server that
is down. The operator is a subscriber like any other, on no list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.digests.json_body import letter
from alerts.ledger import alarms, messages, subscriptions
from alerts.ledger.messages import Composed
from alerts.mail.message import Letterhead, Rendered, build
from alerts.rendering.templates import Templates

#: A letter is written at once, so its reader's zone and hour say nothing.
_ZONE, _HOUR = "UTC", 0


def write_to_operator(
    connection: Connection,
    templates: Templates,
    head: Letterhead,
    addresses: Sequence[str],
    now: datetime,
) -> int:
    """Put letters into the outbox about the alarms not told yet, one an address; their number."""
    news = alarms.untold(connection)
    if not news or not addresses:
        return 0
    rendered = templates.letter(news, alarms.standing(connection), head, now)
    period = "alarms " + " ".join(f"{a.id}{'-' if a.cleared_at else '+'}" for a in news)
    queued = sum(_queue(connection, rendered, head, to, period, now) for to in addresses)
    for entry in news:
        alarms.told(connection, entry, now)
    return queued


def _queue(
    connection: Connection,
    rendered: Rendered,
    head: Letterhead,
    address: str,
    period: str,
    now: datetime,
) -> bool:
    to = address if "://" in address else address.lower()
    operator = subscriptions.ensure_subscriber(connection, to, _ZONE, _HOUR, now)
    key = hashlib.sha256(f"{operator.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<letter.{key}@{head.domain}>"
    if "://" in to:
        body = letter(rendered.subject, rendered.text, message_id, now)
    else:
        body = build(rendered, head, None, to, message_id, now)
    entry = Composed(operator.id, period, message_id, to, rendered.subject, body, lane=0)
    return messages.queue(connection, entry, now)
