"""Visits that brought no question: the page is unchanged, refused or missing."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import held_changes, questions, refused_pages
from alerts.model import Change
from alerts.questions import make_withdrawal
from alerts.recording.readings import RecordingRules, store_change
from crawler.report import PageRefused

#: How long a page must be missing, over more than one visit, before its question counts as
#: withdrawn. Twenty hours is less than the 24 between two daily visits, so that two of them are
#: enough even if the second comes a little early.
_WITHDRAWN_AFTER = timedelta(hours=20)


def record_unchanged_page(connection: Connection, identity: str, now: datetime) -> None:
    """Record that a page has not changed since our last visit."""
    if stored := questions.find(connection, identity):
        held_changes.drop_withdrawal(connection, stored.record.id)
        questions.mark_visited(connection, stored.record.id, now)


def record_refusal(connection: Connection, source: str, page: PageRefused, now: datetime) -> None:
    """Record that the server does not serve a page; what we know of its question stays."""
    refused_pages.record_refusal(connection, page.id, source, page.url, page.status, now)
    record_unchanged_page(connection, page.id, now)


def record_missing_page(
    connection: Connection, identity: str, now: datetime, rules: RecordingRules
) -> Change | None:
    """Record that a page was not found.

    A single absence proves nothing: the source answers 404 while it is being deployed.

    Returns:
        The withdrawal, once the page has been missing for long enough; None before that, for a
        page that we do not know, and for a suspect one, which subscribers never heard of.
    """
    stored = questions.find(connection, identity)
    if stored is None:
        return None
    questions.mark_not_found(connection, stored.record.id, now)
    if stored.record.suspect:
        return None
    if stored.not_found_at is None or now - stored.not_found_at < _WITHDRAWN_AFTER:
        return None
    change = make_withdrawal(stored.record)
    return change if store_change(connection, change, now, None, rules) else None
