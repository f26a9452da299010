"""Reading an archived page again: the new reading replaces the stored one and alerts nobody.

A better reader changes what we know of a page. It does not change what was published.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions
from alerts.ledger.questions import StoredQuestion
from alerts.recording.moves import use_known_id
from alerts.recording.readings import (
    QuestionReading,
    link_to_parent,
    record_readings,
)
from alerts.recording.rules import RecordingRules
from alerts.recording.takedowns import find_taken_down
from crawler.records import Question

#: A page is fetched before it is recorded; five minutes cover a slow disk and a busy ledger.
_SAME_VISIT = timedelta(minutes=5)

RereadOutcome = Literal["same", "changed", "added", "suspect", "older", "taken down"]


class RereadResult(msgspec.Struct, frozen=True):
    """The result of reading one archived page again."""

    outcome: RereadOutcome
    fields: tuple[str, ...] = ()  #: names of the fields that differ from the stored record


def replace_reading(
    connection: Connection, read: Question, fetched_at: datetime, *, dry_run: bool = False
) -> RereadResult:
    """Replace the stored reading of a page by a reading of the same page made today.

    A question that the ledger has lost is added without an alert. A suspect reading replaces only
    a suspect one, and a page is not replaced by an older one.

    Args:
        connection: A connection that may write, unless ``dry_run`` is set.
        read: The page as it is read today.
        fetched_at: When the page was fetched.
        dry_run: Report what would be done and change nothing.
    """
    if find_taken_down(connection, read):
        return RereadResult("taken down")
    known = use_known_id(connection, read)
    stored = questions.find(connection, known.id)
    if stored is None:
        if not dry_run:
            rules = RecordingRules(is_backfill=True)
            record_readings(connection, [QuestionReading(read)], fetched_at, rules)
        return RereadResult("added")
    if read.suspect and not stored.record.suspect:
        return RereadResult("suspect")
    if _is_older(read, fetched_at, stored):
        return RereadResult("older")
    fresh = link_to_parent(connection, known)
    differing = _list_differing_fields(fresh, stored.record)
    if differing and not dry_run:
        questions.replace_record(connection, fresh)
    return RereadResult("changed" if differing else "same", differing)


def _is_older(read: Question, fetched_at: datetime, stored: StoredQuestion) -> bool:
    """Return whether the stored record is of a later version of the page, and to be trusted.

    The page at an earlier address of the question is of an earlier version.
    """
    return (
        fetched_at < stored.visited_at - _SAME_VISIT
        and (read.digest, read.url) != (stored.record.digest, stored.record.url)
        and not stored.record.suspect
    )


def _list_differing_fields(fresh: Question, stored: Question) -> tuple[str, ...]:
    names = fresh.__struct_fields__
    return tuple(name for name in names if getattr(fresh, name) != getattr(stored, name))
