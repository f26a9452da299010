"""What sending costs into a real Postfix on this host: ours beside a connection for each message.

Both start from the same full outbox and end with every message noted as sent. The plain way is
smtplib as its manual has it: connect, send, quit, note, once for each message. Ours is the
service's delivery, with its phases and its journal, over several kept connections. In turn, by the
clock, since both wait; sender and server share this machine's processors.
"""

from __future__ import annotations

import smtplib
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from sqlalchemy import select, update

from alerts.delivery import ChannelTable, deliver_due, load_channel
from alerts.ledger import Ledger, deliveries, messages, open_ledger, subscriptions
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.schema import message
from alerts.mail import OutgoingMessage
from benchmarks.postfix import SKIP_REASON, Postfix, run_postfix

NOW = datetime(2026, 7, 16, 7, tzinfo=UTC)
MESSAGES, ROUNDS = 400, 5
BODY = (b"Subject: filler\r\n\r\n" + b"x" * 70 + b"\r\n") + (b"y" * 70 + b"\r\n") * 210


def main() -> None:
    """Print the table."""
    if SKIP_REASON:
        print(f"sending: left out, since {SKIP_REASON}")
        return
    with tempfile.TemporaryDirectory() as folder, run_postfix() as server:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.sqlite3")
        _fill_outbox(ledger)
        ways = {
            "a connection a message": lambda: _deliver_plainly(ledger, server),
            "ours, 1 connection": lambda: _deliver_with_service(ledger, server, 1),
            "ours, 4 connections": lambda: _deliver_with_service(ledger, server, 4),
            "ours, 10 connections": lambda: _deliver_with_service(ledger, server, 10),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                times[name].append(_time_delivery(ledger, way))
        _print_table(times)


def _print_table(times: dict[str, list[float]]) -> None:
    first = next(iter(times.values()))
    print(
        f"{MESSAGES} messages of {len(BODY) // 1024} kB into Postfix, {ROUNDS} rounds, by the clock"
    )
    for name, some in times.items():
        ratios = [a / b for a, b in zip(first, some, strict=True)]
        print(
            f"  {name:24s}{MESSAGES / statistics.median(some):6.0f} a second   "
            f"{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f}) times as fast"
        )


def _fill_outbox(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        for n in range(MESSAGES):
            who = f"p{n}@demo.example"
            person = subscriptions.ensure_subscriber(connection, who, "Europe/London", 7, NOW)
            head = f"To: {who}\r\nMessage-ID: <{n}@demo.example>\r\n".encode()
            entry = OutgoingMessage(
                kind="operator",
                subscriber_id=person.id,
                key="p",
                message_id=f"<{n}@demo.example>",
                recipient=who,
                subject="s",
                body=head + BODY,
            )
            messages.queue(connection, entry, NOW)


def _time_delivery(ledger: Ledger, way: Callable[[], None]) -> float:
    with ledger.writing() as connection:
        connection.execute(update(message).values(phase="queued", attempts=0))
    began = time.perf_counter()
    way()
    took = time.perf_counter() - began
    with ledger.reading() as connection:
        phases = set(connection.execute(select(message.c.phase)).scalars())
    if phases != {"sent"}:
        raise RuntimeError(f"not everything was sent: {phases}")
    return took


def _deliver_plainly(ledger: Ledger, server: Postfix) -> None:
    with ledger.reading() as connection:
        keys = connection.execute(select(message.c.id).order_by(message.c.id)).scalars().all()
    for key in keys:
        with ledger.reading() as connection:
            [entry] = messages.get(connection, [key])
        with smtplib.SMTP("127.0.0.1", server.port, timeout=30) as client:
            client.sendmail("w@demo.example", [entry.recipient], entry.body)
        with ledger.writing() as connection:
            deliveries.record_attempts(
                connection, [(key, DeliveryAttempt("sent", "250", "sent", NOW), NOW)]
            )


def _deliver_with_service(ledger: Ledger, server: Postfix, connections: int) -> None:
    values = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": "none",
        "envelope_from": "w@demo.example",
        "connections": connections,
    }
    settings = msgspec.convert(values, load_channel("smtp"))
    channels = ChannelTable((settings,))
    deliver_due(ledger, channels, lambda: NOW)


if __name__ == "__main__":
    main()
