"""An outbox with messages in it, for tests of what becomes of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from alerts.ledger import Ledger, messages, subscriptions, topics
from alerts.ledger.claims import DueMessage
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import OutgoingMessage
from alerts.model import Frequency, MessageKind
from alerts.recording import QuestionReading, RecordingRules, record_readings
from tests.support.samples import make_question


def queue_messages(
    ledger: Ledger,
    now: datetime,
    *people: str,
    lines: int = 1,
    kind: MessageKind = "digest",
    key: str = "p",
    body: bytes | None = None,
    message_id: str | None = None,
) -> None:
    """One message for each person, who is subscribed to something."""
    rest = "bye\r\n" * lines
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(make_question(1))], now, RecordingRules())
        topic = topics.ensure(connection, "VRU", "VRU", now)
        for who in people:
            person = subscriptions.ensure_subscriber(connection, who, "Europe/London", 7, now)
            wish = SubscriptionRequest("VRU", Frequency.DAILY, "all", "command")
            subscriptions.subscribe(connection, person.id, topic.id, wish, 0, now)
            mine = [s for s in subscriptions.list_active(connection) if s.email == who]
            name = message_id or f"<{key}.{who}>"
            email = f"To: {who}\r\nMessage-ID: {name}\r\n\r\n.hidden dot\r\n{rest}".encode()
            items = ((mine[0].id, 1),) if key == "p" and kind == "digest" else ()
            messages.queue(
                connection,
                OutgoingMessage(
                    kind=kind,
                    subscriber_id=person.id,
                    key=key,
                    message_id=name,
                    recipient=who,
                    subject="Subject",
                    body=body or email,
                    items=items,
                ),
                now,
            )


def list_due(connection: Connection, now: datetime) -> list[DueMessage]:
    """The messages that may be claimed now, by lane, oldest first."""
    is_due = (message.c.phase.in_(messages.UNSENT_PHASES), message.c.due_at <= now)
    due = select(message.c.id, message.c.recipient, message.c.due_at).where(*is_due)
    order = (message.c.lane, message.c.due_at, message.c.id)
    return [DueMessage(*row) for row in connection.execute(due.order_by(*order))]


def read_states(ledger: Ledger) -> dict[str, tuple[str, int]]:
    """Phase and number of attempts of each message, by recipient."""
    with ledger.reading() as connection:
        rows = connection.execute(select(message.c.recipient, message.c.phase, message.c.attempts))
        return {who: (phase, attempts) for who, phase, attempts in rows}
