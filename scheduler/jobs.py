"""The jobs, shared by the daemon and by ``once``: what is done when either wakes up.

Every step asks the ledger what there is to do, so a job can be cut off anywhere and started again
anywhere else.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import msgspec

from alerts.delivery import ChannelUnavailable, deliver_due
from alerts.digests import compose_due_digests
from alerts.feeds.publish import publish_feeds
from alerts.feeds.websub import ping_hub
from alerts.ledger import (
    deliveries,
    pauses,
    pending_subscriptions,
    personal_data,
    subscriptions,
    topics,
)
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.operator.alarms import update_mail_alarms
from alerts.operator.emails import queue_operator_emails
from alerts.queries import QueryError, format_canonical, parse_query
from alerts.recording import (
    update_source_alarms,
)
from alerts.search import index_questions
from alerts.subscribers import CONFIRMATION_LINK_VALIDITY, subscribe
from scheduler.config import ConfigError
from scheduler.service import Service

log = logging.getLogger("watchword.jobs")

#: So many questions' words are written in one round: a few seconds.
_MAX_INDEXED_QUESTIONS = 1000


#: So long an address is kept after its last subscription ended: who left by mistake may ask.
_RETENTION_PERIOD = timedelta(days=28)


def sync_config(service: Service) -> None:
    """Make the ledger agree with the subscriptions and topics of the config.

    What was subscribed from the config and is no longer in it ends; what was subscribed by
    command is left alone. Raises :class:`ConfigError` for a query that cannot be read.
    """
    kept: set[tuple[str, str | None]] = set()
    now = service.clock()
    with service.ledger.writing() as connection:
        for number, topic in enumerate(service.config.topics):
            with _config_errors_at(f"topics[{number}].query"):
                topics.ensure(
                    connection, format_canonical(parse_query(topic.query)), topic.query, now
                )
        for number, entry in enumerate(service.config.subscriptions):
            wish = SubscriptionRequest(
                *(entry.query, entry.every, entry.updates, "config"),
                detail=entry.detail,
                note=entry.note,
            )
            with _config_errors_at(f"subscriptions[{number}].query"):
                done = subscribe(connection, entry.email, wish, service.subscriber_defaults, now)
            kept.add((done.email, done.canonical))
        for living in subscriptions.list_active(connection):
            if living.origin == "config" and (living.email, living.canonical) not in kept:
                subscriptions.unsubscribe(connection, living.subscriber_id, now, living.topic_id)


@contextmanager
def _config_errors_at(place: str) -> Iterator[None]:
    """A query that cannot be read is a mistake in the config, at ``place``."""
    try:
        yield
    except QueryError as error:
        raise ConfigError(f"{place}: {error}") from error


def update_alarms(service: Service) -> None:
    """Raise and clear what time alone gives reason for, and write to the operator."""
    config, now = service.config, service.clock()
    with service.ledger.writing() as connection:
        for name, source in config.sources.items():
            if source.enabled:
                update_source_alarms(connection, name, source.host, source.silent_hours, now)
        operator = config.operator
        to = ((operator.email,) if operator.email else ()) + operator.notify
        queue_operator_emails(connection, service.create_message_context(), to)


def delete_former_subscribers(service: Service) -> None:
    """Remove the addresses of those who left long ago, or never confirmed, and what they were sent.

    Of what was sent to the others, only that it was sent is kept for long.
    """
    now = service.clock()
    with service.ledger.writing() as connection:
        deliveries.delete_bodies(connection, now - _RETENTION_PERIOD)
        for who in pending_subscriptions.delete_expired(
            connection, now - CONFIRMATION_LINK_VALIDITY
        ):
            personal_data.delete_subscriber(connection, who)
        gone = personal_data.list_unsubscribed_before(connection, now - _RETENTION_PERIOD)
        for who in gone:
            personal_data.delete_subscriber(connection, who)
    if gone:
        log.info("%d subscribers who left four weeks ago are forgotten", len(gone))


class PipelineResult(msgspec.Struct):
    """What one round from change to inbox did."""

    matches: int = 0
    feeds: int = 0
    digests: int = 0
    deliveries: dict[str, int] = {}
    problem: str | None = None  #: why the way out is shut


def run_pipeline(service: Service) -> PipelineResult:
    """Match, publish, compose and deliver whatever is due.

    A mail server that cannot be used stops nothing but the delivering; it is told in ``problem``.
    """
    config, ledger = service.config, service.ledger
    done = PipelineResult()
    update_alarms(service)
    log.debug("match starts")
    done.matches = service.topic_matcher.match_new_changes()
    log.debug("publish starts")
    done.feeds = publish_feeds(ledger, config.feeds.path, config.feed_identity, service.templates)
    with ledger.reading() as connection:
        halted = pauses.list_pauses(connection)
    log.debug("compose starts")
    done.digests = compose_due_digests(ledger, service.digest_settings, service.clock())
    log.debug("deliver starts")
    sent: Counter[str] = Counter()
    try:
        if pauses.DELIVERY not in halted:
            sent = deliver_due(
                ledger,
                config.channel_table,
                service.clock,
                config.mail.delivery_policy,
                sent_log=service.sent_log,
                stopping=service.stop.is_set,
            )
    except ChannelUnavailable as error:
        done.problem = str(error)
        log.error("%s; what was to be sent waits in the outbox", error)
    with ledger.writing() as connection:
        update_mail_alarms(connection, sent["over_limit"], done.problem, service.clock())
    ping_hub(ledger, config.feed_identity)
    log.debug("words start")
    index_questions(
        ledger, _MAX_INDEXED_QUESTIONS
    )  # last, and not all of a backfill: nobody's digest waits for it
    delete_former_subscribers(service)
    done.deliveries = dict(sent)
    if done.digests or sent:
        log.info("%d digests composed, deliveries: %s", done.digests, dict(sent) or "none")
    return done
