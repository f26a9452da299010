"""What is done at times rather than for changes: alarms, the operator's emails, deletion."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import Connection

from alerts.ledger import (
    alarms,
    confirmation_history,
    crawl_runs,
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
from alerts.limits import LimitReport
from alerts.operator import (
    queue_operator_emails,
    update_backup_alarm,
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
from crawler.event_log import get_logger
from scheduler.service import Service
from scheduler.tasks.retention import prune_daily

log = get_logger("watchword.jobs")

#: How long addresses and the text of messages are kept after they were needed: four weeks, so that
#: the operator can help somebody who unsubscribed by mistake or misses an email.
_RETENTION_PERIOD = timedelta(days=28)
#: Messages whose text is deleted in one transaction, and people who are: others wait for it, about
#: a tenth of a second.
_TEXTS_AT_ONCE, _PEOPLE_AT_ONCE = 1000, 50


class AlarmUpdate:
    """Raises and clears the alarms that depend on time alone, and queues the operator's emails."""

    def __init__(self, service: Service) -> None:
        """Prepare the update of one round."""
        self._service = service

    @cached_property
    def _limits(self) -> LimitReport:
        limiter = self._service.memory.get_limiter(self._service.create_limiter)
        return limiter.report_ceilings()

    def is_needed(self) -> bool:
        """Return whether anything would be written; most rounds have nothing to say."""
        return self._service.ledger.would_write(self._update)

    def run(self) -> None:
        """Write what is different."""
        with self._service.ledger.writing() as connection:
            self._update(connection)

    def _update(self, connection: Connection) -> None:
        config, now = self._service.config, self._service.clock()
        update_limit_alarm(connection, self._limits, now)
        for name, source in config.sources.items():
            if source.enabled:
                update_source_alarms(connection, name, source.host, source.silent_hours, now)
                self._look_for_gaps(connection, name, now)
        update_backup_alarm(connection, config.health_limits.backup, config.source_hosts, now)
        alarms.clear_other_sources(connection, config.source_hosts, now)
        update_job_alarms(connection, now)
        queue_operator_messages(connection, self._service)

    def _look_for_gaps(self, connection: Connection, source: str, now: datetime) -> None:
        """Look for missing numbers after each crawl, and otherwise seldom: they take days."""
        hourly, last = self._service.memory.hourly, crawl_runs.list_recent(connection, source, 1)
        name, key = f"gaps {source}", last[0].id if last else None
        if hourly.is_due(name, now, key):
            update_gap_alarm(connection, source, now)
            hourly.mark_done(name, now, key)


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

    What people can still undo or confirm is due on time, and noted so in the memory of rounds. The
    rest is kept for weeks, and hourly is often enough.
    """
    now = service.clock()
    _delete_texts(service, now - _RETENTION_PERIOD)
    with service.ledger.writing() as connection:
        operator_actions.delete_old(connection, now)
        operator_sessions.delete_expired(connection, now)
        expired = pending_subscriptions.delete_expired(connection, now - CONFIRMATION_LINK_VALIDITY)
        never_confirmed = [s.email for s in subscriptions.get_subscribers(connection, expired)]
        confirmation_history.delete_old(connection, now - PAUSE)
        undo_records.delete_old(connection, now - UNDO_PERIOD)
        for email in never_confirmed:
            delete_personal_data(connection, email, service.data_stores)
        publication.clear_ended(connection)
        next_at = _find_next_expiry(connection)
    former = _delete_former_subscribers(service, now - _RETENTION_PERIOD)
    service.memory.hourly.mark_done("delete", now, due_at=next_at)
    erase_deleted(service.ledger)
    if former:
        log.info("deleted the data of subscribers who left four weeks ago", subscribers=former)
    prune_daily(service)


def _delete_texts(service: Service, before: datetime) -> None:
    """Delete the text of messages that were composed before a time, some in each transaction."""
    is_last = False
    while not is_last:
        with service.ledger.writing() as connection:
            done = deliveries.delete_bodies(connection, before, _TEXTS_AT_ONCE)
        is_last = done < _TEXTS_AT_ONCE


def _delete_former_subscribers(service: Service, before: datetime) -> int:
    """Delete those who left before a time, some in each transaction; return how many."""
    deleted, is_last = 0, False
    while not is_last:
        with service.ledger.writing() as connection:
            some = personal_data.list_forgettable(connection, before, _PEOPLE_AT_ONCE)
            for email in some:
                delete_personal_data(connection, email, service.data_stores)
        deleted += len(some)
        is_last = len(some) < _PEOPLE_AT_ONCE
    return deleted


def _find_next_expiry(connection: Connection) -> datetime | None:
    """Return when the first of what people can undo or confirm ends; None where there is none."""
    begun = (
        (undo_records.find_oldest(connection), UNDO_PERIOD),
        (pending_subscriptions.find_oldest(connection), CONFIRMATION_LINK_VALIDITY),
    )
    return min((moment + period for moment, period in begun if moment), default=None)
