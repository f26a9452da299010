"""The step from reading to change: what was read is compared with the ledger and recorded there.

Each batch is one transaction. A question that was recorded is not news a second time, so the step
can be killed anywhere and run again on the same readings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.changes import Change, believable, compare, silence, withdrawn
from alerts.ledger import changes, questions
from crawler.records import Question

#: A page must be missing for this long, over more than one visit, before it counts as withdrawn.
_WITHDRAWN_AFTER = timedelta(hours=20)


class Rules(msgspec.Struct, frozen=True):
    """When a question that we see for the first time does not alert."""

    baseline: bool = False
    guard_days: int = 30
    as_new: bool = False  #: alert whatever the date


def record(
    connection: Connection,
    readings: Iterable[tuple[Question, str | None]],
    now: datetime,
    rules: Rules,
) -> Counter[str]:
    """Record readings: (question, the identity it was asked for, where that differs).

    Counts what was done: ``new``, ``suspect``, ``doubted`` (an answer had vanished), each kind
    of change, and ``silent`` for the changes that will not alert.
    """
    done: Counter[str] = Counter()
    for read, asked_for in readings:
        known = _known(connection, read, asked_for)
        done.update(_record_one(connection, known, now, rules))
        for name in (read.id, asked_for):
            if name:
                questions.know_as(connection, name, known.id)
    return done


def _known(connection: Connection, read: Question, asked_for: str | None) -> Question:
    """``read`` under the identity that we know its question by, when its address has changed."""
    for identity in (read.id, asked_for):
        if identity and (stored := questions.find(connection, identity)):
            return msgspec.structs.replace(read, id=stored.record.id)
    return read


def _record_one(
    connection: Connection, read: Question, now: datetime, rules: Rules
) -> Counter[str]:
    done: Counter[str] = Counter()
    stored = questions.find(connection, read.id)
    before = stored.record if stored else None
    done["new"] += stored is None
    done["suspect"] += bool(read.suspect)
    if before and not believable(before, read):
        done["doubted"] += not read.suspect
        questions.visited(connection, read.id, now)
        return done
    quiet = None
    if not rules.as_new:
        quiet = silence(before, read, now, baseline=rules.baseline, guard_days=rules.guard_days)
    found = compare(before, read)
    questions.save(connection, read, now)
    for entry in found:
        if changes.append(connection, entry, now, quiet):
            done[entry.kind] += 1
            done["silent"] += quiet is not None
    return done


def record_gone(connection: Connection, identity: str, now: datetime) -> Change | None:
    """Note that a page was not there; the change when that has lasted.

    One absence is a hiccup: the source answers 404 while it is being deployed.
    """
    stored = questions.find(connection, identity)
    if stored is None:
        return None
    questions.gone(connection, stored.record.id, now)
    if stored.gone_at is None or now - stored.gone_at < _WITHDRAWN_AFTER:
        return None
    entry = withdrawn(stored.record)
    return entry if changes.append(connection, entry, now, None) else None
