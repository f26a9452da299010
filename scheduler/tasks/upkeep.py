"""What is done at times rather than for changes: alarms, the operator's emails, deletion."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import timedelta

from sqlalchemy import Connection

from alerts.ledger import (
    alarms,
    confirmation_history,
    deliveries,
    operator_actions,
    operator_sessions,
    pending_subscriptions,
    personal_data,
    publication,
    subscriptions,
    undo_records,
)
from alerts.ledger.erasure import erase_deleted
from alerts.operator import (
    queue_operator_emails,
    update_gap_alarm,
    update_job_alarms,
    update_limit_alarm,
)
from alerts.recording import update_source_alarms
from alerts.subscribers import (
    CONFIRMATION_LINK_VALIDITY,
    PAUSE,
    UNDO_PERIOD,
    delete_personal_data,
)
from scheduler.service import Service
from scheduler.tasks.retention import prune_daily

log = logging.getLogger("watchword.jobs")

#: How long addresses and the text of messages are kept after they were needed: four weeks, so that
#: the operator can help somebody who unsubscribed by mistake or misses an email.
_RETENTION_PERIOD = timedelta(days=28)


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
        queue_operator_messages(connection, service)


def queue_operator_messages(connection: Connection, service: Service) -> int:
    """Queue the operator's emails about alarms; return how many messages that is."""
    recipients = service.config.operator.addresses
    return queue_operator_emails(connection, service.create_message_context(), recipients)


def delete_expired_data(service: Service) -> None:
    """Delete what is kept for a limited time only.

    That is: the text of old messages, sign-ups whose link has expired, how often an address did not
    answer, what subscribers could undo, former subscribers with all that was sent to them, and
    topics that nobody needs any more with their matches. Once a day, also what became of messages
    and crawls long ago.
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
    prune_daily(service)
