"""The step from outbox to inbox. The promise, and where it ends, is in ``docs/delivery.md``.

Each message's phase is committed before the step that it names, so whatever is killed, the ledger
knows which messages cannot have been accepted, and sends exactly those again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from alerts.channels import Channel, DeliveryError, InDoubt, Open, Postponed, Refused, Unavailable
from alerts.ledger import Ledger, messages
from alerts.ledger.messages import Attempt, Message

Doubt = Literal["resend", "hold"]

#: Waits between attempts; the last one is repeated until a message is `_GIVE_UP` old.
_WAITS = tuple(timedelta(minutes=m) for m in (5, 15, 45, 120, 360, 720))
_GIVE_UP = timedelta(days=5)


def deliver_due(
    ledger: Ledger,
    channel: Channel,
    clock: Callable[[], datetime],
    doubt: Doubt = "resend",
    stopping: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Send what is due. Counts ``sent``, ``retry``, ``failed``, ``doubt``, ``held``, ``dropped``.

    Between two messages it looks whether it is to stop. Raises :class:`Unavailable` when the way
    out is shut; what was not sent stays queued.
    """
    done: Counter[str] = Counter()
    with ledger.reading() as connection:
        keys = messages.due(connection, clock())
    if not keys:
        return done
    with channel.open() as way_out:
        for key in keys:
            if stopping():
                break
            message = _claim(ledger, key, doubt)
            if message.phase != "sending":
                done[message.phase] += 1
                continue
            done[_send(ledger, way_out, message, clock)] += 1
    return done


def _claim(ledger: Ledger, key: int, doubt: Doubt) -> Message:
    """The message in the phase that it may go on in: sending, or set aside."""
    with ledger.writing() as connection:
        message = messages.get(connection, key)
        if message.phase == "dot" and doubt == "hold":
            messages.advance(connection, key, "held")
        elif not messages.still_wanted(connection, key):
            messages.advance(connection, key, "dropped")
        else:
            messages.advance(connection, key, "sending")
        return messages.get(connection, key)


def _send(ledger: Ledger, way_out: Open, message: Message, clock: Callable[[], datetime]) -> str:
    """One attempt, recorded; gives its outcome."""

    def about_to_hand_over() -> None:
        with ledger.writing() as connection:
            messages.advance(connection, message.id, "dot")

    try:
        said = way_out.deliver(
            message.message_id, message.recipient, message.body, about_to_hand_over
        )
        attempt = Attempt("sent", said, "sent", clock())
    except Unavailable:
        with ledger.writing() as connection:
            messages.advance(connection, message.id, "queued")
        raise
    except DeliveryError as error:
        attempt = _after(error, message, clock())
    with ledger.writing() as connection:
        messages.attempted(connection, message.id, attempt, clock())
    return attempt.outcome


def _after(error: DeliveryError, message: Message, now: datetime) -> Attempt:
    """What follows from a failed attempt."""
    wait = _WAITS[min(message.attempts, len(_WAITS) - 1)]
    if isinstance(error, InDoubt):
        return Attempt("doubt", str(error), "dot", now + wait)
    if isinstance(error, Postponed) and now - message.composed_at < _GIVE_UP:
        return Attempt("retry", str(error), "queued", now + wait)
    assert isinstance(error, Postponed | Refused)
    return Attempt("failed", str(error), "failed", now)
