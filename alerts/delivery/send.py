"""The step from outbox to inbox. The promise, and where it ends, is in ``docs/delivery.md``.

Each message's phase is committed before the step that it names, so whatever is killed, the ledger
knows which messages cannot have been accepted, and sends exactly those again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta

from alerts.bounces import apply_bounce, build_return_path
from alerts.delivery.channels import (
    Channel,
    ChannelUnavailable,
    ContentRejected,
    DeliveryCancelled,
    DeliveryError,
    Envelope,
    InDoubt,
    MessageRejected,
    OpenChannel,
    TemporaryFailure,
    find_channel_kind,
)
from alerts.delivery.outcomes import open_outcome_writer
from alerts.delivery.policy import DeliveryPolicy, SendRateLimiter, apply_daily_limit
from alerts.ledger import Ledger, deliveries, messages, secrets
from alerts.ledger.bounces import Bounce, BounceKind
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import DueMessage, Message
from alerts.mail.outgoing import DIGEST_LANE
from alerts.model import Recipient

#: Waits between attempts; the last one is repeated until a message is `_GIVE_UP` old.
_RETRY_DELAYS = tuple(timedelta(minutes=m) for m in (5, 15, 45, 120, 360, 720))
_GIVE_UP_AFTER = timedelta(days=5)
#: So many messages are taken out of the outbox at once.
_CLAIM_SIZE = 64
_DAY = timedelta(days=1)


def deliver_due(
    ledger: Ledger,
    channels: Mapping[str, Channel],
    clock: Callable[[], datetime],
    policy: DeliveryPolicy | None = None,
    stopping: Callable[[], bool] = lambda: False,
    recipient: str | None = None,
) -> Counter[str]:
    """Send what is due, to one address where ``recipient`` is given.

    Counts ``sent``, ``retry``, ``failed``, ``content``, ``doubt``, ``held``,
    ``dropped``, and ``braked`` for what is over the day's number.

    ``channels`` are the channels by their names. Between two messages it looks whether it is to
    stop.
    Raises :class:`ChannelUnavailable` when a way out is shut; what was not sent stays queued.
    """
    policy = policy or DeliveryPolicy()
    done: Counter[str] = Counter()
    with ledger.reading() as connection:
        due = messages.list_due(connection, clock(), recipient)
        going = apply_daily_limit(
            due, deliveries.count_sent_since(connection, clock() - _DAY, DIGEST_LANE), policy
        )
    if len(going) < len(due):
        done["braked"] = len(due) - len(going)
    shut: list[ChannelUnavailable] = []
    for name, channel in channels.items():
        mine = [
            entry.id
            for entry in going
            if find_channel_kind(Recipient.from_normal_form(entry.recipient)) == name
        ]
        if mine:
            run = _ChannelRun(ledger, channel, clock, policy, stopping)
            done += run.send_all(mine)
            shut += run.connection_failures
    if shut:
        raise shut[0]
    return done


def _find_channel_kind(entry: DueMessage) -> str:
    return find_channel_kind(Recipient.from_normal_form(entry.recipient))


class _ChannelRun:
    """Messages that leave by one channel, over as many connections as it takes."""

    def __init__(
        self,
        ledger: Ledger,
        channel: Channel,
        clock: Callable[[], datetime],
        terms: DeliveryPolicy,
        stopping: Callable[[], bool],
    ) -> None:
        self._ledger, self._channel, self._clock = ledger, channel, clock
        self._policy, self._stopping = terms, stopping
        self._rate_limiter = SendRateLimiter(terms.per_second)
        self._counts: Counter[str] = Counter()
        self._lock, self._lock_of_waiting = threading.Lock(), threading.Lock()
        self.connection_failures: list[
            ChannelUnavailable
        ] = []  #: why a connection could not be had

    def send_all(self, keys: Sequence[int]) -> Counter[str]:
        """Send them; what became of them, by outcome."""
        with self._ledger.writing() as connection:
            self._secret = secrets.get_or_create(connection, "return path")
        workers = max(1, min(self._channel.connections, len(keys)))
        with (
            closing(self._claim_in_groups(keys)) as self._waiting,
            open_outcome_writer(self._ledger, self._policy.sent_log) as self._outcome_writer,
            ThreadPoolExecutor(workers, "delivery") as pool,
        ):
            crews = [pool.submit(self._run_connection) for _ in range(workers)]
            for crew in crews:
                crew.result()
        if sum(self._counts.values()) + len(self.connection_failures) >= len(keys) and self._counts:
            # one connection too many was refused; the others did the work
            self.connection_failures.clear()
        return self._counts

    def _claim_in_groups(self, keys: Sequence[int]) -> Generator[Message, None, None]:
        """The messages, some at a time, in the phase that says that they may be sent."""
        for start in range(0, len(keys), _CLAIM_SIZE):
            if self._stopping():
                return
            yield from self._claim(keys[start : start + _CLAIM_SIZE])

    def _claim(self, keys: Sequence[int]) -> list[Message]:
        """Those that may be sent; the others are set aside for good, or until their time."""
        now = self._clock()
        with self._ledger.writing() as connection:
            wanted = messages.filter_deliverable(connection, keys)
            found = messages.get(connection, keys)
            doubtful = [m for m in found if m.phase == "handing_over" and m.id in wanted]
            taken = [m.id for m in doubtful if self._channel.was_accepted(m.message_id)]
            before = [m.id for m in found if self._policy.sent_log.contains(m.sent_log_data, now)]
            taken = sorted({*taken, *before} & wanted)
            held = [m.id for m in doubtful if m.id not in taken and self._policy.doubt == "hold"]
            dropped = [m.id for m in found if m.id not in wanted]
            proof = DeliveryAttempt(
                "sent", "it was sent: we or the mail server noted it", "sent", now
            )
            deliveries.record_attempts(connection, [(key, proof, now) for key in taken])
            messages.set_phase(connection, held, "in_doubt")
            messages.set_phase(connection, dropped, "dropped")
            aside = {*taken, *held, *dropped}
            going = [m for m in found if m.id not in aside]
            messages.set_phase(connection, [m.id for m in going], "sending")
        self._count(sent=len(taken), held=len(held), dropped=len(dropped))
        return going

    def _count(self, **outcomes: int) -> None:
        with self._lock:
            self._counts += Counter(outcomes)  # which leaves out what is nothing

    def _take_next(self) -> Message | None:
        with self._lock_of_waiting:
            return next(self._waiting, None)

    def _run_connection(self) -> None:
        """One connection's work, from opening to closing."""
        message = self._take_next()
        if message is None:
            return
        try:
            with self._channel.open() as way_out:
                while message is not None:
                    self._send(way_out, message)
                    message = None if self._stopping() else self._take_next()
        except ChannelUnavailable as error:
            if message is not None:
                self._outcome_writer.requeue(message.id)
            self.connection_failures.append(error)

    def _send(self, way_out: OpenChannel, message: Message) -> None:
        """One attempt, recorded."""
        address = self._policy.return_address
        sender = build_return_path(address, message.id, self._secret) if address else None
        envelope = Envelope(message.message_id, sender, message.recipient, message.body)

        def about_to_hand_over() -> None:
            if not self._outcome_writer.record_handing_over(message.id):
                raise DeliveryCancelled("its reader has left")

        self._rate_limiter.wait()
        try:
            said = way_out.deliver(envelope, about_to_hand_over)
            attempt = DeliveryAttempt("sent", said, "sent", self._clock())
        except DeliveryCancelled:
            self._count(dropped=1)
            return
        except ChannelUnavailable:
            raise
        except DeliveryError as error:
            attempt = _classify_failure(error, message, self._clock())
            self._record_bounce(error, attempt, message)
        self._outcome_writer.record_attempt(message, attempt, self._clock())
        self._count(**{attempt.outcome: 1})

    def _record_bounce(
        self, error: DeliveryError, attempt: DeliveryAttempt, message: Message
    ) -> None:
        """A mailbox that refuses, or is never ready, is not tried with every digest to come."""
        if attempt.outcome != "failed":
            return
        kind: BounceKind = "soft" if isinstance(error, TemporaryFailure) else "hard"
        with self._ledger.writing() as connection:
            who = messages.find_subscriber_id(connection, message.id)
            report = f"{message.message_id} {message.attempts}"
            if who is not None:
                apply_bounce(connection, who, Bounce(kind, report, str(error)), self._clock())


def _classify_failure(error: DeliveryError, message: Message, now: datetime) -> DeliveryAttempt:
    """What follows from a failed attempt."""
    wait = _RETRY_DELAYS[min(message.attempts, len(_RETRY_DELAYS) - 1)]
    if isinstance(error, InDoubt):
        return DeliveryAttempt("in_doubt", str(error), "handing_over", now + wait)
    if isinstance(error, ContentRejected):
        return DeliveryAttempt("content_rejected", str(error), "failed", now)
    if isinstance(error, TemporaryFailure) and now - message.composed_at < _GIVE_UP_AFTER:
        return DeliveryAttempt("retry", str(error), "queued", now + wait)
    assert isinstance(error, TemporaryFailure | MessageRejected)
    return DeliveryAttempt("failed", str(error), "failed", now)
