"""The jobs that the daemon and ``once`` share: config synchronisation and the pipeline.

Each step asks the ledger what there is to do and commits what it did, so a job can be killed
anywhere and started again by another process.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection

from alerts.delivery import ChannelRefused, ChannelUnavailable, DeliveryWatch, deliver_due
from alerts.digests import compose_due_digests
from alerts.feeds import delete_withdrawn_files, ping_hub, publish_feeds
from alerts.ledger import (
    alarms,
    confirmation_history,
    deliveries,
    operator_actions,
    operator_sessions,
    pauses,
    pending_subscriptions,
    personal_data,
    publication,
    subscriptions,
    topics,
    undo_records,
)
from alerts.ledger.erasure import erase_deleted
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Recipient
from alerts.operator import (
    queue_operator_emails,
    update_gap_alarm,
    update_job_alarms,
    update_limit_alarm,
    update_mail_alarms,
)
from alerts.queries import QueryError, format_canonical, parse_query
from alerts.recording import update_source_alarms
from alerts.search import index_questions
from alerts.subscribers import (
    CONFIRMATION_LINK_VALIDITY,
    PAUSE,
    UNDO_PERIOD,
    delete_personal_data,
    subscribe,
)
from scheduler.clock import ClockDoubted
from scheduler.clock_check import at_last_round, check_clock
from scheduler.config import ConfigError
from scheduler.job_notes import JobFailure, JobNotes
from scheduler.service import Service

log = logging.getLogger("watchword.jobs")

#: Questions whose words are indexed for search in one run: a few seconds. A backfill brings more,
#: and digests must not wait for all of them.
_MAX_INDEXED_QUESTIONS = 1000

#: The daemon begins with no more messages then. Alarms are updated before it goes on.
_MAX_DELIVERY_SECONDS = 300.0

#: Called with how many are done, and of how many.
ProgressCallback: TypeAlias = Callable[[int, int], None]

#: What became of messages, by outcome, and why they could not be delivered at all, if so.
_DeliveryResult: TypeAlias = tuple[Counter[str], ChannelUnavailable | None]
_NOTHING_DELIVERED: _DeliveryResult = (Counter(), None)

#: How long addresses and the text of messages are kept after they were needed: four weeks, so that
#: the operator can help somebody who unsubscribed by mistake or misses an email.
_RETENTION_PERIOD = timedelta(days=28)


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
        for active in subscriptions.list_active(connection):
            if active.origin == "config" and (active.email, active.canonical) not in configured:
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
        log.warning("the files of private feeds are not deleted yet: %s", error)


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
            log.warning("subscriptions[%d]: see `watchword suspended`: nothing is sent", number)
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
    result = notes.run("round", lambda: _run_steps(service, notes), None)
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
    with notes.noting_loss("round"):
        check_clock(service)
    notes.run("round", lambda: _run_steps(service, notes, delivers=False), None)


def run_delivery(service: Service) -> None:
    """Deliver what is due for a few minutes. It must not run twice at a time.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
        WriterLost: Another process has become the writer.
        ClockDoubted: The clock is far ahead of the last round, and nothing bears it out.
    """
    notes = service.note_jobs()
    _check_clock_or_tell(service, notes, "deliver")
    outcomes, _ = _deliver_and_delete(service, notes, _MAX_DELIVERY_SECONDS)
    if outcomes:
        log.info("deliveries: %s", dict(outcomes))


def _check_clock_or_tell(service: Service, notes: JobNotes, job: str) -> None:
    """Check the clock before a job; send the operator the alarm where it is doubted.

    Raises:
        ClockDoubted: It is doubted.
    """
    try:
        with notes.noting_loss(job):
            check_clock(service)
    except ClockDoubted:
        _tell_operator(at_last_round(service))
        raise


def _run_steps(service: Service, notes: JobNotes, *, delivers: bool = True) -> PipelineResult:
    """Run the steps of a round, each within its own boundary."""
    notes.run("alarms", lambda: update_alarms(service), None)
    matches = notes.run("match", lambda: _match(service), 0)
    feeds = notes.run("publish", lambda: _publish(service), 0)
    digests = notes.run("compose", lambda: compose_digests(service), 0)
    outcomes, problem = _deliver_and_delete(service, notes) if delivers else _NOTHING_DELIVERED
    notes.run("ping", lambda: ping_hub(service.ledger, service.config.feed_identity), None)
    notes.run("words", lambda: index_questions(service.ledger, _MAX_INDEXED_QUESTIONS), None)
    if digests or outcomes:
        log.info("%d digests composed, deliveries: %s", digests, dict(outcomes) or "none")
    return PipelineResult(
        matches=matches,
        feeds=feeds,
        digests=digests,
        deliveries=dict(outcomes),
        problem=str(problem) if problem else None,
    )


def _deliver_and_delete(
    service: Service, notes: JobNotes, seconds: float | None = None
) -> _DeliveryResult:
    """Deliver, then delete expired data. Messages are part of it, so never at the same time."""
    result = notes.run(
        "deliver",
        lambda: _deliver(service, seconds),
        _NOTHING_DELIVERED,
        find_error=lambda found: found[1],
    )
    notes.run("delete", lambda: delete_expired_data(service), None)
    return result


def _match(service: Service) -> int:
    """Match what is new, and raise or clear the alarm about topics that cannot be read."""
    added = service.topic_matcher.match_new_changes()
    service.topic_matcher.update_alarm(service.clock())
    return added


def _publish(service: Service) -> int:
    return publish_feeds(service.ledger, service.config.feeds.path, service.feed_context)


def update_alarms(service: Service) -> None:
    """Raise and clear the alarms that depend on time alone, and queue the operator's emails."""
    config, now = service.config, service.clock()
    with closing(service.create_limiter()) as limiter:
        report = limiter.report()
    with service.ledger.writing() as connection:
        update_limit_alarm(connection, report, now)
        for name, source in config.sources.items():
            if source.enabled:
                update_source_alarms(connection, name, source.host, source.silent_hours, now)
                update_gap_alarm(connection, name, now)
        alarms.clear_other_sources(connection, config.source_hosts, now)
        update_job_alarms(connection, now)
        _queue_operator_emails(connection, service)


def compose_digests(
    service: Service,
    *,
    only_email: str | None = None,
    on_progress: ProgressCallback = lambda _done, _total: None,
) -> int:
    """Put the digests that are due into the outbox; return their number.

    Args:
        service: The open service.
        only_email: The one subscriber whose digest to compose; None for all.
        on_progress: Called after each subscriber with the number of those that are done, and of
            all.
    """
    return compose_due_digests(
        service.ledger,
        service.digest_settings,
        service.clock(),
        only_email=only_email,
        on_progress=on_progress,
    )


def deliver_messages(
    service: Service,
    *,
    recipient: str | None = None,
    seconds: float | None = None,
    on_progress: ProgressCallback = lambda _done, _total: None,
) -> Counter[str]:
    """Deliver the messages that are due; return the number of each outcome.

    Args:
        service: The open service.
        recipient: The one address to deliver to; None for all.
        seconds: After which no more messages are begun with; None for no limit.
        on_progress: Called after each message with the number of those that are settled, and of
            all that are due.

    Raises:
        ChannelUnavailable: A channel could not be used; its messages stay queued.
    """
    end = time.monotonic() + (math.inf if seconds is None else seconds)
    return deliver_due(
        service.ledger,
        service.config.channel_table,
        service.clock,
        service.config.mail.delivery_policy,
        sent_log=service.sent_log,
        watch=DeliveryWatch(
            is_stopping=lambda: service.stop.is_set() or time.monotonic() >= end,
            on_progress=on_progress,
        ),
        recipient=recipient,
    )


def _deliver(service: Service, seconds: float | None) -> _DeliveryResult:
    """Deliver unless paused, and update the mail alarms; return the outcomes and any problem."""
    outcomes: Counter[str] = Counter()
    problem: ChannelUnavailable | None = None
    with service.ledger.reading() as connection:
        is_paused = pauses.find(connection, "delivery") is not None
    try:
        if not is_paused:
            outcomes = deliver_messages(service, seconds=seconds)
    except ChannelUnavailable as error:
        problem = error  # the boundary of the job logs it
    with service.ledger.writing() as connection:
        update_mail_alarms(
            connection,
            outcomes["over_limit"],
            str(problem) if problem else None,
            service.clock(),
            refusal=str(problem) if isinstance(problem, ChannelRefused) else None,
            has_sent=outcomes["sent"] > 0,
        )
        queued = _queue_operator_emails(connection, service)
    if queued and not is_paused:
        _notify_operator(service)
    return outcomes, problem


def _queue_operator_emails(connection: Connection, service: Service) -> int:
    """Queue the operator emails about alarms; return how many messages that is."""
    recipients = service.config.operator.addresses
    return queue_operator_emails(connection, service.create_message_context(), recipients)


def _tell_operator(service: Service) -> None:
    """Notify the operator of new alarms while nothing else is done."""
    with service.ledger.writing() as connection:
        _queue_operator_emails(connection, service)
    _notify_operator(service)


def _notify_operator(service: Service) -> None:
    """Deliver to each address of the operator at once, by whatever channel still works."""
    for address in service.config.operator.addresses:
        recipient = Recipient.parse(address)
        try:
            deliver_messages(service, recipient=recipient.address)
        except ChannelUnavailable as error:
            log.error("the operator is not notified at %s yet: %s", recipient, error)


def delete_expired_data(service: Service) -> None:
    """Delete what is kept for a limited time only.

    That is: the text of old messages, sign-ups whose link has expired, how often an address did not
    answer, what subscribers could undo, former subscribers with all that was sent to them, and
    topics that nobody needs any more with their matches.
    """
    now = service.clock()
    with service.ledger.writing() as connection:
        operator_actions.delete_old(connection, now)
        operator_sessions.delete_expired(connection, now)
        deliveries.delete_bodies(connection, now - _RETENTION_PERIOD)
        expired = pending_subscriptions.delete_expired(connection, now - CONFIRMATION_LINK_VALIDITY)
        never_confirmed = [s.email for s in subscriptions.get_subscribers(connection, expired)]
        confirmation_history.delete_old(connection, now - PAUSE)
        undo_records.delete_old(connection, now - UNDO_PERIOD)
        former = personal_data.list_forgettable(connection, now - _RETENTION_PERIOD)
        for email in {*never_confirmed, *former}:
            delete_personal_data(connection, email, service.data_stores)
        publication.clear_ended(connection)
    erase_deleted(service.ledger)  # also after what pages and commands deleted since
    if former:
        log.info("deleted the data of %d subscribers who left four weeks ago", len(former))
