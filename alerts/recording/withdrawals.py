"""Withdrawals: whether they are in doubt, and what ends them.

Whether a question is withdrawn is known only when its crawl has ended: the listing may still name
it, and too many other pages may be missing as well.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import changes, held_changes, questions
from alerts.model import Change, ChangeKind
from alerts.recording.losses import is_bulk
from alerts.recording.rules import RecordingRules, store_change
from crawler.records import Question

#: A page must be missing for 20 hours, over two visits a day apart, so the pages of one fault are
#: withdrawn within two days; the third is for those visited late.
_RECENT_PERIOD = timedelta(days=3)


def make_withdrawal(stored: Question, not_found_at: datetime) -> Change:
    """Return the change for a page that has been missing for long enough.

    Args:
        stored: The question in the ledger.
        not_found_at: When its page was first missing. A question that is withdrawn again later
            makes another change.
    """
    digest = f"{stored.digest}|{not_found_at:%Y%m%dT%H%M%S}"
    return Change(ChangeKind.WITHDRAWN, digest, stored, stored)


def hold_doubtful_withdrawals(
    connection: Connection,
    source: str,
    named: Collection[str],
    now: datetime,
    *,
    has_whole_listings: bool,
) -> int:
    """Hold the withdrawals of the current crawl that are in doubt; return how many.

    Args:
        connection: A connection that may write.
        source: The source's name: ``london``.
        named: The ids of the questions that the crawl's listings name.
        now: Aware, in UTC.
        has_whole_listings: Whether the listings were read to their end. If not, nobody knows what
            they name: the withdrawals are forgotten, and found again by the next visit.
    """
    withdrawn = held_changes.list_unjudged(connection, source, ChangeKind.WITHDRAWN)
    if not withdrawn:
        return 0
    if not has_whole_listings:
        held_changes.drop_unjudged(connection, source, ChangeKind.WITHDRAWN)
        return 0
    recent = questions.count_missing_since(connection, source, now - _RECENT_PERIOD)
    if not is_bulk(recent.missing, recent.visited):
        withdrawn = [question_id for question_id in withdrawn if question_id in named]
    return held_changes.hold_unjudged(connection, source, ChangeKind.WITHDRAWN, withdrawn, "doubt")


def is_withdrawn(connection: Connection, question_id: str) -> bool:
    """Return whether a question is recorded as withdrawn and has not returned."""
    return changes.find_withdrawal(connection, question_id) is not None


def record_return(
    connection: Connection, question: Question, now: datetime, rules: RecordingRules
) -> Change | None:
    """Record that the page of a known question is there.

    A withdrawal that waits for approval is forgotten. One that is recorded is followed by a change
    of its own, which alerts if the withdrawal did.

    Args:
        connection: A connection that may write.
        question: The question under the id that the ledger knows.
        now: Aware, in UTC.
        rules: Whether the change is held.

    Returns:
        The change, None if the question was not withdrawn.
    """
    held_changes.drop_withdrawal(connection, question.id)
    withdrawal = changes.find_withdrawal(connection, question.id)
    if withdrawal is None:
        return None
    # One for each withdrawal: it has the hash of the withdrawal that it ends.
    change = Change(ChangeKind.RETURNED, withdrawal.content_hash, question, question)
    added = store_change(connection, change, now, withdrawal.silence_reason, rules)
    return change if added else None
