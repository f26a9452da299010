"""An outbox with messages in it, for tests of what becomes of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from alerts.ledger import Ledger, messages, subscriptions, topics
from alerts.ledger.messages import Composed
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import Wish
from alerts.recording.record import Reading, Rules, record
from tests.support.samples import question


def queue(
    ledger: Ledger, now: datetime, *people: str, lines: int = 1, lane: int = 1, period: str = "p"
) -> None:
    """One message for each person, who is subscribed to something."""
    rest = "bye\r\n" * lines
    with ledger.writing() as connection:
        record(connection, [Reading(question(1))], now, Rules())
        topic = topics.ensure(connection, "VRU", "VRU", now)
        for who in people:
            person = subscriptions.ensure_subscriber(connection, who, "Europe/London", 7, now)
            wish = Wish("VRU", "daily", "all", "command")
            subscriptions.subscribe(connection, person.id, topic.id, wish, 0, now)
            mine = [s for s in subscriptions.living(connection) if s.email == who]
            name = f"<{period}.{who}>"
            body = f"To: {who}\r\nMessage-ID: {name}\r\n\r\n.hidden dot\r\n{rest}".encode()
            items = ((mine[0].id, 1),) if period == "p" and lane == 1 else ()
            messages.queue(
                connection,
                Composed(person.id, period, name, who, "Subject", body, items=items, lane=lane),
                now,
            )


def states(ledger: Ledger) -> dict[str, tuple[str, int]]:
    """Phase and number of attempts of each message, by recipient."""
    with ledger.reading() as connection:
        rows = connection.execute(select(message.c.recipient, message.c.phase, message.c.attempts))
        return {who: (phase, attempts) for who, phase, attempts in rows}
