"""The task that delivers the messages in the outbox."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import Connection

from alerts.delivery import (
    ChannelRefused,
    ChannelUnavailable,
    DeliveryWatch,
    SentLogError,
    deliver_due,
)
from alerts.ledger import claims, cluster_processes, pauses
from alerts.model import Recipient
from alerts.operator import update_mail_alarms
from crawler.event_log import get_logger
from scheduler.service import Service
from scheduler.tasks.task import ProgressCallback, Task
from scheduler.tasks.upkeep import queue_operator_messages

log = get_logger("watchword.jobs")

#: Workers that deliver at the same time. How many connections they open together is in the config.
_MAX_WORKERS = 16
#: So many messages are worth another worker: they take one connection some seconds.
_MESSAGES_A_WORKER = 250
#: No more messages are begun after so many seconds. Alarms are updated before it goes on.
MAX_DELIVERY_SECONDS = 300.0


def deliver_messages(
    service: Service,
    *,
    recipient: str | None = None,
    seconds: float | None = None,
    on_progress: ProgressCallback = lambda _done, _total: None,
    sharers: int = 1,
) -> Counter[str]:
    """Deliver the messages that are due; return the number of each outcome.

    Args:
        service: The open service.
        recipient: The one address to deliver to; None for all.
        seconds: After which no more messages are begun with; None for no limit.
        on_progress: Called at the beginning and after each message with the number of those that
            are settled, and of all that are due.
        sharers: How many processes deliver now, and share the connections.

    Raises:
        ChannelUnavailable: A channel could not be used; its messages stay queued.
    """
    end = time.monotonic() + (math.inf if seconds is None else seconds)
    return deliver_due(
        service.ledger,
        service.config.channel_table,
        service.clock,
        msgspec.structs.replace(service.config.mail.delivery_policy, sharers=sharers),
        sent_log=service.sent_log,
        watch=DeliveryWatch(
            is_stopping=lambda: service.stop.is_set() or time.monotonic() >= end,
            on_progress=on_progress,
        ),
        recipient=recipient,
    )


def deliver_outbox(
    service: Service,
    seconds: float | None = None,
    sharers: int = 1,
    on_progress: ProgressCallback = lambda _done, _total: None,
) -> tuple[Counter[str], ChannelUnavailable | SentLogError | None]:
    """Deliver unless paused, and update the alarms about mail.

    Args:
        service: The open service.
        seconds: After which no more messages are begun with; None for no limit.
        sharers: How many processes deliver now, and share the connections.
        on_progress: As for :func:`deliver_messages`.

    Returns:
        The number of each outcome, and why a channel could not be used, or what was sent is not in
        the sent log, if so.
    """
    outcomes: Counter[str] = Counter()
    problem: ChannelUnavailable | None = None
    with service.ledger.reading() as connection:
        is_paused = pauses.find(connection, "delivery") is not None
    try:
        if not is_paused:
            outcomes = deliver_messages(
                service, seconds=seconds, sharers=sharers, on_progress=on_progress
            )
    except ChannelUnavailable as error:
        problem = error  # the boundary of the job logs it
    with service.ledger.writing() as connection:
        queued = _update_alarms(service, outcomes, problem, connection)
    if queued and not is_paused:
        _notify_operator(service)
    if problem is None and service.sent_log.problem is not None:
        return outcomes, SentLogError(service.sent_log.problem)
    return outcomes, problem


def _update_alarms(
    service: Service,
    outcomes: Counter[str],
    problem: ChannelUnavailable | None,
    connection: Connection,
) -> int:
    """Raise and clear the alarms about mail; return how many messages the operator is sent."""
    update_mail_alarms(
        connection,
        outcomes["over_limit"],
        str(problem) if problem else None,
        service.clock(),
        refusal=str(problem) if isinstance(problem, ChannelRefused) else None,
        has_sent=outcomes["sent"] > 0,
        count_damaged=service.memory.damage.count,
    )
    return queue_operator_messages(connection, service)


def is_delivery_due(service: Service) -> bool:
    """Return whether there is anything to send, to say by an alarm, or to add to the sent log."""
    if service.sent_log.problem is not None:
        return True
    with service.ledger.reading() as connection:
        is_paused = pauses.find(connection, "delivery") is not None
        if not is_paused and DELIVER.list_waiting(connection, service.clock()):
            return True
    return service.ledger.would_write(partial(_update_alarms, service, Counter(), None))


def tell_operator(service: Service) -> None:
    """Notify the operator of new alarms while nothing else is done."""
    with service.ledger.writing() as connection:
        queue_operator_messages(connection, service)
    _notify_operator(service)


def _notify_operator(service: Service) -> None:
    """Deliver to each address of the operator at once, by whatever channel still works."""
    for address in service.config.operator.addresses:
        recipient = Recipient.parse(address)
        try:
            deliver_messages(service, recipient=recipient.address)
        except ChannelUnavailable as error:
            log.error("the operator is not notified yet", recipient=recipient, reason=error)


def _list_waiting(connection: Connection, now: datetime) -> Sequence[str]:
    """Return a key for each worker that there is work for; what each sends is claimed there."""
    due = claims.count_due_up_to(connection, now, _MAX_WORKERS * _MESSAGES_A_WORKER)
    return [str(number + 1) for number in range(math.ceil(due / _MESSAGES_A_WORKER))]


def _run(service: Service, _key: str) -> Counter[str]:
    """Deliver, with this process's part of the connections, unless it does so already."""
    if not service.delivering.acquire(blocking=False):
        return Counter()
    try:
        with service.ledger.reading() as connection:
            workers = cluster_processes.count_workers(connection, DELIVER.name, service.clock())
        outcomes, problem = deliver_outbox(service, MAX_DELIVERY_SECONDS, max(1, workers))
    finally:
        service.delivering.release()
    if problem is not None:
        raise problem
    return outcomes


#: First: somebody who signs up waits for the email.
DELIVER = Task("deliver", 50, _list_waiting, _run)
