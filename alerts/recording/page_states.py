"""Visits that brought no question: the page is unchanged, refused or missing."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import questions, refused_pages
from alerts.model import Change
from alerts.recording.rules import RecordingRules, store_change
from alerts.recording.withdrawals import is_withdrawn, make_withdrawal, record_return
from crawler.records import Question
from crawler.report import PageRefused

#: How long a page must be missing, over more than one visit, before its question counts as
#: withdrawn. Twenty hours is less than the 24 between two daily visits, so that two of them are
#: enough even if the second comes a little early.
_WITHDRAWN_AFTER = timedelta(hours=20)


def record_unchanged_page(
    connection: Connection, identity: str, now: datetime, rules: RecordingRules
) -> Counter[str]:
    """Record that a page has not changed since our last visit; return what was recorded."""
    counts = Counter(unchanged=1)
    if stored := questions.find(connection, identity):
        counts["visited"] += 1
        counts["returned"] += record_return(connection, stored.record, now, rules) is not None
        questions.mark_visited(connection, stored.record.id, now)
    return counts


def record_refusal(connection: Connection, source: str, page: PageRefused, now: datetime) -> None:
    """Record that the server does not serve a page; what we know of its question stays."""
    refused_pages.record_refusal(connection, page.id, source, page.url, page.status, now)
    if stored := questions.find(connection, page.id):
        questions.mark_refused(connection, stored.record.id, now)


def count_known_page(
    connection: Connection, question: Question, requested_id: str | None
) -> Counter[str]:
    """Return the counts for a page that was read, for the judgement of its crawl.

    Call it before the reading is recorded. Nothing is counted for a question that is new to us, or
    that was suspect.
    """
    stored = questions.find(connection, question.id)
    if stored is None and requested_id:
        stored = questions.find(connection, requested_id)
    if stored is None or stored.record.suspect:
        return Counter()
    had_answer = stored.record.status != "unanswered"
    return Counter(visited=1, reread_answers=int(had_answer))


def count_lost_page(connection: Connection, identity: str) -> Counter[str]:
    """Return the counts for a page that brought nothing, for the judgement of its crawl.

    A page whose question is recorded as withdrawn does not count: nothing else is expected.
    """
    stored = questions.find(connection, identity)
    if stored and is_withdrawn(connection, stored.record.id):
        return Counter()
    return Counter(visited=1, missing=1)


def record_missing_page(
    connection: Connection, identity: str, now: datetime, rules: RecordingRules
) -> Change | None:
    """Record that a page was not found.

    A single absence proves nothing: the source answers 404 while it is being deployed.

    Returns:
        The withdrawal, once the page has been missing for long enough; None before and after
        that, for a page that we do not know, and for a suspect one, which subscribers never
        heard of.
    """
    stored = questions.find(connection, identity)
    if stored is None or stored.record.is_taken_down:
        return None
    questions.mark_not_found(connection, stored.record.id, now)
    if stored.record.suspect or is_withdrawn(connection, stored.record.id):
        return None
    if stored.not_found_at is None or now - stored.not_found_at < _WITHDRAWN_AFTER:
        return None
    change = make_withdrawal(stored.record, stored.not_found_at)
    return change if store_change(connection, change, now, None, rules) else None
