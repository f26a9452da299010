"""From outbox to inbox. ``docs/explanation/delivery.md`` says what is promised, and its limits.

Each message's phase is committed before the step that it names. Whenever the process is killed, the
ledger knows which messages cannot have been accepted, and sends exactly those again.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts.bounces import apply_bounce, build_return_path
from alerts.delivery.breaker import ChannelBreaker
from alerts.delivery.channel import (
    ChannelRefused,
    ChannelSettings,
    ChannelUnavailable,
    ContentRejected,
    DeliveryCancelled,
    DeliveryError,
    Envelope,
    InDoubt,
    MailboxUnavailable,
    OpenChannel,
    Overtaken,
    SenderRejected,
    TemporaryFailure,
)
from alerts.delivery.channel_run import ChannelRun, begin_run
from alerts.delivery.outbox import ClaimedMessages, ClaimOrder, DeliveryContext
from alerts.delivery.outcomes import OutcomeCounter, OutcomeWriter, open_outcome_writer
from alerts.delivery.policy import DeliveryPolicy
from alerts.delivery.registry import ChannelTable
from alerts.delivery.sent_log import SentLog
from alerts.delivery.watch import DeliveryWatch
from alerts.ledger import Ledger, claims, deliveries, messages, secrets
from alerts.ledger.bounces import Bounce, BounceKind
from alerts.ledger.claims import DueFilter
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import Message, MessagePhase
from alerts.mail import DIGEST_LANE
from crawler.event_log import get_logger

log = get_logger("watchword.deliver")

#: Waits between attempts: short enough for greylisting (usually 5 minutes), then longer. The last
#: one is repeated until a message is `_GIVE_UP_AFTER` old.
_RETRY_DELAYS = tuple(timedelta(minutes=m) for m in (5, 15, 45, 120, 360, 720))
#: Four to five days are usual (RFC 5321, section 4.5.4.1).
_GIVE_UP_AFTER = timedelta(days=5)
#: A message that waited for a shut channel is old at its first attempt. It gets each of the delays
#: before it is given up.
_MIN_ATTEMPTS = len(_RETRY_DELAYS)
#: 21 hours for the first six attempts and twelve for each more: 30 attempts take twelve days, which
#: only a clock that was set, or an operator who retries, can reach.
_MAX_ATTEMPTS = 30
#: A message in doubt is sent a second time; after another doubt it is held for the operator.
_MAX_DOUBTS = 2


def deliver_due(
    ledger: Ledger,
    channels: ChannelTable,
    clock: Callable[[], datetime],
    policy: DeliveryPolicy | None = None,
    *,
    sent_log: SentLog | None = None,
    watch: DeliveryWatch | None = None,
    recipient: str | None = None,
) -> Counter[str]:
    """Send the messages that are due. Any number of processes may do so at once.

    Args:
        ledger: The ledger with the outbox.
        channels: The configured channels. A message that none of them carries stays queued.
        clock: The present time, in UTC.
        policy: How to send; the defaults when it is None.
        sent_log: What was sent already, whatever the ledger says.
        watch: Learns how far the delivery is, and may end it.
        recipient: Send only the messages to this address (in its normal form).

    Returns:
        How many messages ended in each way: ``sent``, ``retry``, ``failed``, ``content_rejected``,
        ``refused`` (because of us; it will be retried), ``in_doubt``, ``held`` (in doubt, for the
        operator), ``dropped`` (no longer wanted) and ``over_limit`` (digests beyond the daily
        limit, which stay queued).

    Raises:
        ChannelRefused: A channel refuses us, whatever the message. What it was sent or not sent
            follows as from :class:`ChannelUnavailable`.
        ChannelUnavailable: A channel cannot be used; what was not sent stays queued, and no
            attempt is counted. The other channels have been tried.
    """
    context = DeliveryContext(
        ledger,
        clock,
        policy or DeliveryPolicy(),
        sent_log or SentLog(),
        watch or DeliveryWatch(),
    )
    work = _list_work(context, channels, recipient)
    context.watch.begin(sum(one.number for one in work))
    counts: Counter[str] = Counter()
    failures: list[ChannelUnavailable] = []
    for result in _run_channels(context, work):
        counts += result.counts
        failures += result.failures
    context.sent_log.flush()
    if failures:
        raise next((f for f in failures if isinstance(f, ChannelRefused)), failures[0])
    return counts


@dataclass(frozen=True)
class _ChannelWork:
    """What there is to send over a channel."""

    channel: ChannelSettings
    wanted: DueFilter
    number: int  #: of messages


def _list_work(
    context: DeliveryContext, channels: ChannelTable, recipient: str | None
) -> list[_ChannelWork]:
    """Return the channels that have something to send. This only reads."""
    now = context.clock()
    with context.ledger.reading() as connection:
        if not claims.has_due(connection, now):
            return []
        found = []
        for channel in channels.channels:
            wanted = channels.find_due(channel, now, recipient)
            found.append(_ChannelWork(channel, wanted, claims.count_due(connection, wanted)))
    return [work for work in found if work.number]


@dataclass(frozen=True)
class _ChannelResult:
    """What became of a channel's messages, and why connections could not be opened."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: Sequence[ChannelUnavailable] = ()


def _run_channels(context: DeliveryContext, work: Sequence[_ChannelWork]) -> list[_ChannelResult]:
    """Send over all channels at once, so that a slow one does not hold up the others."""
    if len(work) == 1:
        return [_run_channel(context, work[0])]
    with ThreadPoolExecutor(max(1, len(work)), "channel") as pool:
        futures = [pool.submit(_run_channel, context, one) for one in work]
        return [future.result() for future in futures]


def _run_channel(context: DeliveryContext, work: _ChannelWork) -> _ChannelResult:
    """Send messages over as many connections as are free, and wait for the end."""
    part = math.ceil(work.channel.connections / context.policy.sharers)
    wanted = min(work.number, max(1, part))
    with begin_run(context.ledger, work.channel, wanted, context.policy.periods) as run:
        if not run.connections:  # other deliveries have them all
            return _ChannelResult()
        order = ClaimOrder(work.wanted, context.policy, context.clock)
        result = _send_claimed(context, run, order)
    if order.is_over_limit:
        with context.ledger.reading() as connection:
            left = claims.count_due(connection, work.wanted, DIGEST_LANE)
        result.counts.update(Counter(over_limit=left) if left else {})
    return result


def _send_claimed(context: DeliveryContext, run: ChannelRun, order: ClaimOrder) -> _ChannelResult:
    """Send what is claimed over the connections of a run."""
    counter, breaker = OutcomeCounter(context.watch), ChannelBreaker()
    claimed = ClaimedMessages(context, run, order, counter, breaker)
    with (
        open_outcome_writer(run, context.sent_log, context.policy.periods) as writer,
        ThreadPoolExecutor(run.connections, "delivery") as pool,
    ):
        sender = _Sender(context, run, writer, counter, breaker)
        connections = range(run.connections)
        futures = [pool.submit(_run_connection, run.channel, claimed, sender) for _ in connections]
        results = [future.result() for future in futures]
        sender.settle_refused()
    failures = [failure for failure in (breaker.get_failure(), *results) if failure is not None]
    counts = counter.get()
    is_refused = any(isinstance(failure, ChannelRefused) for failure in failures)
    is_all_settled = claimed.is_exhausted and counts.total() + len(failures) >= claimed.number
    if not is_refused and counts and is_all_settled:
        # The server refused one connection too many, and the others did the work.
        return _ChannelResult(counts)
    return _ChannelResult(counts, failures)


def _run_connection(
    channel: ChannelSettings, claimed: ClaimedMessages, sender: _Sender
) -> ChannelUnavailable | None:
    """Send claimed messages over one connection; return why it could not be used, if so."""
    message = claimed.take()
    if message is None:
        return None
    try:
        with channel.open() as session:
            while message is not None:
                sender.send(session, message)
                message = claimed.take()
    except ChannelUnavailable as error:
        if message is not None:
            sender.requeue(message)
        return error
    return None


class _Sender:
    """Makes and records single attempts, for all connections of a channel."""

    def __init__(
        self,
        context: DeliveryContext,
        run: ChannelRun,
        writer: OutcomeWriter,
        counter: OutcomeCounter,
        breaker: ChannelBreaker,
    ) -> None:
        self._context = context
        self._run = run
        self._writer = writer
        self._counter = counter
        self._breaker = breaker
        self._secret = _get_return_path_secret(context.ledger)

    def requeue(self, message: Message) -> None:
        self._writer.requeue(message)

    def send(self, session: OpenChannel, message: Message) -> None:
        """Try to deliver a message, and record the outcome.

        Raises:
            ChannelUnavailable: The connection was lost and cannot be made again. The attempt is
                not recorded.
        """
        self._run.wait_for_turn(self._context.policy.per_second)
        try:
            detail = session.deliver(
                self._build_envelope(message), lambda: self._begin_handover(message)
            )
            attempt = DeliveryAttempt("sent", detail, "sent", self._context.clock())
            self._breaker.note_accepted(message)
        except Overtaken as error:
            log.warning("a message is left to another delivery", message=message.id, reason=error)
            return
        except DeliveryCancelled:
            self._counter.add(dropped=1)
            return
        except ChannelUnavailable:
            raise
        except SenderRejected as error:
            self._note_shut(is_new=self._breaker.note_refused(message, error))
            return
        except DeliveryError as error:
            attempt = self._classify_failure(error, message)
            self._record_bounce(error, attempt, message)
            if isinstance(error, InDoubt):
                self._note_shut(is_new=self._breaker.note_doubt(error))
        self._record(message, attempt)

    def _note_shut(self, *, is_new: bool) -> None:
        """Tell other deliveries that the channel is shut, if it has just been."""
        failure = self._breaker.get_failure()
        if is_new and failure is not None:
            self._run.note_shut(failure)

    def settle_refused(self) -> None:
        """Retry what was refused because of us; where the channel is shut, queue it untouched."""
        is_general = self._breaker.get_failure() is not None
        for message, error in self._breaker.refused:
            if is_general:
                self.requeue(message)
            else:
                self._record(message, self._classify_failure(error, message))

    def _record(self, message: Message, attempt: DeliveryAttempt) -> None:
        self._writer.record_attempt(message, attempt, self._context.clock())
        self._counter.add(**{attempt.outcome: 1})

    def _classify_failure(self, error: DeliveryError, message: Message) -> DeliveryAttempt:
        doubts = 0
        if isinstance(error, InDoubt):
            with self._context.ledger.reading() as connection:
                doubts = deliveries.count_attempts(connection, message.id, "in_doubt")
        return _classify_failure(error, message, doubts, self._context.clock())

    def _build_envelope(self, message: Message) -> Envelope:
        address = self._context.policy.return_address
        sender = build_return_path(address, message.id, self._secret) if address else None
        return Envelope(message.message_id, sender, message.recipient, message.body)

    def _begin_handover(self, message: Message) -> None:
        """Commit that the message may be accepted from now on. The last byte is sent next.

        Raises:
            Overtaken: Another delivery has claimed the message; or this process stood still, so
                that another one may have claimed it by now.
            DeliveryCancelled: The subscriber has unsubscribed.
        """
        began = _read_uptime()
        reply = self._writer.record_handing_over(message)
        if reply == "overtaken":
            raise Overtaken("it has claimed the message")
        if reply == "unwanted":
            raise DeliveryCancelled("the subscriber has unsubscribed")
        waited = _read_uptime() - began
        if waited > self._context.policy.periods.last_byte.total_seconds():
            self.requeue(message)
            raise Overtaken(f"this process stood still for {waited:.0f} s")

    def _record_bounce(
        self, error: DeliveryError, attempt: DeliveryAttempt, message: Message
    ) -> None:
        """Count a failed message against its mailbox, if that is what the refusal is about."""
        if attempt.outcome != "failed" or (kind := _get_bounce_kind(error)) is None:
            return
        bounce = Bounce(kind, message.id, str(error))
        with self._context.ledger.writing() as connection:
            sent = messages.find_by_number(connection, message.id)
            if sent is not None:
                apply_bounce(connection, sent.subscriber_id, bounce, self._context.clock())


def _get_return_path_secret(ledger: Ledger) -> bytes:
    """Return the key that signs return paths; make it the first time."""
    with ledger.reading() as connection:
        found = secrets.find_secret(connection, "return path")
    if found is not None:
        return found
    with ledger.writing() as connection:
        return secrets.get_or_create(connection, "return path")


def _read_uptime() -> float:
    """Return seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _get_bounce_kind(error: DeliveryError) -> BounceKind | None:
    """Return what a failure counts as against the mailbox; None where it is not its fault."""
    if isinstance(error, MailboxUnavailable):
        return "soft"
    return None if isinstance(error, TemporaryFailure | SenderRejected | InDoubt) else "hard"


def _classify_failure(
    error: DeliveryError, message: Message, doubts: int, now: datetime
) -> DeliveryAttempt:
    """Return the outcome of a failed attempt, and when to try again.

    Args:
        error: How the attempt failed.
        message: The message, with the attempts before this one.
        doubts: How many of those left it in doubt.
        now: When the attempt ended.
    """
    delay = _RETRY_DELAYS[min(message.attempts, len(_RETRY_DELAYS) - 1)]
    attempts = message.attempts + 1
    is_old = now - message.composed_at >= _GIVE_UP_AFTER and attempts >= _MIN_ATTEMPTS
    is_last = is_old or attempts >= _MAX_ATTEMPTS
    if isinstance(error, InDoubt):
        is_held = is_last or doubts + 1 >= _MAX_DOUBTS
        phase: MessagePhase = "in_doubt" if is_held else "handing_over"
        return DeliveryAttempt("in_doubt", str(error), phase, now + delay)
    if isinstance(error, ContentRejected):
        return DeliveryAttempt("content_rejected", str(error), "failed", now)
    if isinstance(error, SenderRejected) and not is_last:
        return DeliveryAttempt("refused", str(error), "queued", now + delay)
    if isinstance(error, TemporaryFailure) and not is_last:
        return DeliveryAttempt("retry", str(error), "queued", now + delay)
    return DeliveryAttempt("failed", str(error), "failed", now)
