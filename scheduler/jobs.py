"""The jobs that the daemon and ``once`` share: config synchronisation and the pipeline.

Each step asks the ledger what there is to do and commits what it did, so a job can be killed
anywhere and started again by another process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection

from alerts.delivery import ChannelUnavailable, SentLogError
from alerts.errors import WatchwordError
from alerts.feeds import delete_withdrawn_files, is_ping_due, ping_hub
from alerts.ledger import publication, subscriptions, topics
from alerts.ledger.erasure import erase_deleted
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.queries import QueryError, format_canonical, parse_query
from alerts.subscribers import subscribe
from crawler.event_log import get_logger
from scheduler.clock import ClockDoubted
from scheduler.clock_check import at_last_round, check_clock
from scheduler.config import ConfigError
from scheduler.rounds import JobFailure, JobNotes
from scheduler.service import Service
from scheduler.tasks import (
    MAX_DELIVERY_SECONDS,
    TASKS,
    AlarmUpdate,
    Task,
    delete_expired_data,
    deliver_outbox,
    is_delivery_due,
    tell_operator,
)

log = get_logger("watchword.jobs")

#: What became of messages, by outcome, and why they could not be delivered at all, if so.
_DeliveryResult: TypeAlias = tuple[Counter[str], ChannelUnavailable | SentLogError | None]
_NOTHING_DELIVERED: _DeliveryResult = (Counter(), None)


def sync_config(service: Service) -> None:
    """Make the ledger agree with the topics and subscriptions of the config.

    Subscriptions that came from the config and are no longer in it end. Those that were made by
    command or on the web are left alone. What the config names is published, unless it is private
    there; a topic that it names no more becomes private or ends, unless something else publishes
    it.

    Raises:
        ConfigError: A query in the config is wrong.
    """
    now = service.clock()
    with service.ledger.writing() as connection:
        named = _sync_topics(connection, service, now)
        configured = _sync_subscriptions(connection, service, now, named)
        for active in subscriptions.list_from_config(connection):
            if (active.email, active.canonical) not in configured:
                subscriptions.unsubscribe(connection, active.subscriber_id, now, active.topic_id)
        publication.set_in_config(connection, {key: entry for key, (entry, _) in named.items()})
        for topic_id, (_, title) in named.items():
            publication.publish_named(connection, topic_id, title, now)
        publication.release(connection)
    _delete_withdrawn_feeds(service)


def _delete_withdrawn_feeds(service: Service) -> None:
    """Delete the files of what is private now; the next round tries those that cannot be."""
    try:
        delete_withdrawn_files(service.ledger, service.config.feeds.path)
    except OSError as error:
        log.warning("the files of private feeds are not deleted yet", reason=error)


#: How the config names topics, by id: with its entry, and the query as it is written there.
_NamedTopics: TypeAlias = dict[int, tuple[publication.ConfigEntry, str]]


def _sync_topics(connection: Connection, service: Service, now: datetime) -> _NamedTopics:
    """Add the topics of the config; return them."""
    named: _NamedTopics = {}
    for number, topic in enumerate(service.config.topics):
        with _query_errors_at(f"topics[{number}].query"):
            canonical = format_canonical(parse_query(topic.query))
        found = topics.ensure(connection, canonical, topic.query, now)
        _add_named(named, found.id, topic.query, is_private=topic.private)
    return named


def _add_named(named: _NamedTopics, topic_id: int, query: str, *, is_private: bool) -> None:
    """Add a topic; it is public if the config names it several times and one is public."""
    if topic_id not in named or named[topic_id][0] == "private":
        named[topic_id] = "private" if is_private else "public", query


def _sync_subscriptions(
    connection: Connection, service: Service, now: datetime, named: _NamedTopics
) -> set[tuple[str, str | None]]:
    """Add the subscriptions of the config.

    Args:
        connection: A writing connection to the ledger.
        service: The open service.
        now: The time.
        named: The topics that the config names; those of subscriptions are added.

    Returns:
        The address and the canonical query of each subscription.
    """
    configured: set[tuple[str, str | None]] = set()
    for number, entry in enumerate(service.config.subscriptions):
        request = SubscriptionRequest(
            query=entry.query,
            frequency=entry.every,
            updates=entry.updates,
            origin="config",
            detail=entry.detail,
            note=entry.note,
        )
        with _query_errors_at(f"subscriptions[{number}].query"):
            done = subscribe(
                connection, entry.email.reveal(), request, service.subscriber_defaults, now
            )
        if done.is_suspended:
            log.warning(
                "nothing is sent: see `watchword suspended`", key=f"subscriptions[{number}]"
            )
        configured.add((done.email, done.canonical))
        _add_named(named, done.topic_id, entry.query, is_private=entry.private)
    return configured


@contextmanager
def _query_errors_at(key: str) -> Iterator[None]:
    """Turn a wrong query into an error of the config that names the key."""
    try:
        yield
    except QueryError as error:
        raise ConfigError(f"{key}: {error}") from error


class PipelineResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of the pipeline did."""

    matches: int  #: new ones
    feeds: int  #: files written
    digests: int  #: composed
    deliveries: dict[str, int]  #: messages by the outcome of their delivery attempt
    problem: str | None  #: why messages could not be delivered at all
    failures: tuple[JobFailure, ...] = ()  #: the steps that failed; the others were done


def run_pipeline(service: Service) -> PipelineResult:
    """Match, publish, compose and deliver whatever is due: one round.

    Each step is a job of its own, noted in the ledger. One that fails stops no other: matches wait
    in the ledger for the next round, and feeds hold up no mail. A mail server that is unavailable
    stops nothing but the delivery; ``problem`` says why.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
        WriterLost: Another process has become the writer.
        ClockDoubted: The clock is far ahead of the last round, and nothing bears it out.
    """
    notes = service.note_jobs()
    _check_clock_or_tell(service, notes, "round")
    result = notes.run_around("round", lambda: _run_steps(service, notes), None)
    notes.write_liveness("round")
    if result is None:
        result = PipelineResult(matches=0, feeds=0, digests=0, deliveries={}, problem=None)
    return msgspec.structs.replace(result, failures=tuple(notes.failures))


def prepare_messages(service: Service) -> None:
    """Run a round without its delivery, which :func:`run_delivery` does at the same time.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
        WriterLost: Another process has become the writer.
        ClockDoubted: The clock is far ahead of the last round, and nothing bears it out. The
            delivery tells the operator.
    """
    notes = service.note_jobs()
    with _reporting(service, notes, "round"):
        with notes.noting_loss("round"):
            check_clock(service)
        notes.run_around("round", lambda: _run_steps(service, notes, delivers=False), None)
        notes.write_liveness("round")


def run_delivery(
    service: Service, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Deliver what is due for a few minutes. It must not run twice at a time.

    Args:
        service: The open service.
        on_progress: As for :func:`scheduler.tasks.deliver_messages`.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
        WriterLost: Another process has become the writer.
        ClockDoubted: The clock is far ahead of the last round, and nothing bears it out.
    """
    notes = service.note_jobs()
    with _reporting(service, notes, "deliver"):
        _check_clock_or_tell(service, notes, "deliver")
        outcomes, _ = _deliver_and_delete(service, notes, MAX_DELIVERY_SECONDS, on_progress)
        notes.write_liveness("deliver")
    if outcomes:
        log.info("deliveries ended", **outcomes)


def run_upkeep(service: Service) -> None:
    """Do what a round does beside the tasks: the alarms, and the pings of the feeds' hub.

    In a cluster it stands for the round, in the notes of jobs and for the health of the service.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
        WriterLost: The job was given to another worker.
        ClockDoubted: The clock is far ahead of the last round, and nothing bears it out.
    """
    notes = service.note_jobs()
    with _reporting(service, notes, "round"):
        _check_clock_or_tell(service, notes, "round")
        notes.run_around("round", lambda: _run_upkeep_steps(service, notes), None)
        notes.write_liveness("round")


@contextmanager
def _reporting(service: Service, notes: JobNotes, part: str) -> Iterator[None]:
    """Ping the dead man's switch after a part of a round."""
    failures: list[str] = []
    try:
        yield
    except WatchwordError as error:
        failures = [f"{part}: {error}"]
        raise
    finally:
        failures = failures or [f"{one.name}: {one.reason}" for one in notes.failures]
        service.memory.pings.report(service.config.ping, part, failures, service.clock())


def _run_upkeep_steps(service: Service, notes: JobNotes) -> None:
    _update_alarms(service, notes)
    for task in TASKS.values():
        _run_others(service, notes, task)
    _ping_hub(service, notes)


def _run_others(service: Service, notes: JobNotes, task: Task) -> None:
    """Do what waits of a task for a reason that the ledger does not know: no job is made for it."""
    for key in task.list_others(service):
        notes.run(task.name, partial(task.run, service, key), Counter[str](), shard=key)


def run_expiry(service: Service) -> None:
    """Delete what is kept for a limited time only; note how that ended.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
        WriterLost: The job was given to another worker.
    """
    service.note_jobs().run("delete", lambda: delete_expired_data(service), None)
    erase_deleted(service.ledger)  # what pages and commands deleted


def _check_clock_or_tell(service: Service, notes: JobNotes, job: str) -> None:
    """Check the clock before a job; send the operator the alarm where it is doubted.

    Raises:
        ClockDoubted: It is doubted.
    """
    try:
        with notes.noting_loss(job):
            check_clock(service)
    except ClockDoubted:
        tell_operator(at_last_round(service))
        raise


def _run_steps(service: Service, notes: JobNotes, *, delivers: bool = True) -> PipelineResult:
    """Run the steps of a round, each within its own boundary."""
    _update_alarms(service, notes)
    done: Counter[str] = Counter()
    for name in ("match", "publish", "compose"):
        done += _run_task(service, notes, name)
    outcomes, problem = _deliver_and_delete(service, notes) if delivers else _NOTHING_DELIVERED
    _ping_hub(service, notes)
    _run_task(service, notes, "words")
    if done["digests"] or outcomes:
        log.info("a round ended", digests=done["digests"], deliveries=dict(outcomes))
    return PipelineResult(
        matches=done["matches"],
        feeds=done["feeds"],
        digests=done["digests"],
        deliveries=dict(outcomes),
        problem=str(problem) if problem else None,
    )


def _update_alarms(service: Service, notes: JobNotes) -> None:
    update = AlarmUpdate(service)
    notes.run("alarms", update.run, None, is_due=update.is_needed)


def _run_task(service: Service, notes: JobNotes, name: str) -> Counter[str]:
    """Do what waits of a task; return how many things of which kind were done."""
    task = TASKS[name]
    return notes.run(
        name,
        lambda: task.run_waiting(service),
        Counter(),
        is_due=lambda: task.is_waiting(service),
    )


def _ping_hub(service: Service, notes: JobNotes) -> None:
    ledger, identity = service.ledger, service.config.feed_identity
    notes.run(
        "ping",
        lambda: ping_hub(ledger, identity),
        0,
        is_due=lambda: is_ping_due(ledger, identity),
    )


def _deliver_and_delete(
    service: Service,
    notes: JobNotes,
    seconds: float | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> _DeliveryResult:
    """Deliver, then delete expired data. Messages are part of it, so never at the same time."""
    result = notes.run(
        "deliver",
        lambda: deliver_outbox(service, seconds, on_progress=on_progress),
        _NOTHING_DELIVERED,
        find_error=lambda found: found[1],
        is_due=lambda: is_delivery_due(service),
    )
    notes.run(
        "delete",
        lambda: delete_expired_data(service),
        None,
        is_due=lambda: _is_deletion_due(service),
    )
    with notes.noting_loss("delete"):
        erase_deleted(service.ledger)  # what pages and commands deleted
    return result


def _is_deletion_due(service: Service) -> bool:
    """Return whether something has expired that must go on time, or an hour has passed."""
    if service.memory.hourly.is_due("delete", service.clock()):
        return True
    with service.ledger.reading() as connection:
        return publication.has_matches_to_clear(connection)
