"""The step from reading to change: what was read is compared with the ledger and recorded there.

Each batch is one transaction. A question that was recorded is not news a second time, so the step
can be killed anywhere and run again on the same readings. What a crawl finds is held until the
crawl is judged (``alerts.recording.release``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import changes, questions, refusals
from alerts.ledger import held_changes as held
from alerts.model import Change, Silence
from alerts.questions import threads
from alerts.questions.changes import believable, compare, silence, withdrawn
from crawler.records import Question

#: A page must be missing for this long, over more than one visit, before it counts as withdrawn.
_WITHDRAWN_AFTER = timedelta(hours=20)


#: A page is fetched a moment before it is recorded.
_SAME_VISIT = timedelta(minutes=5)


class Reading(msgspec.Struct, frozen=True):
    """A question as read, and how it was come by."""

    question: Question
    asked_for: str | None = None  #: the identity that was asked for, where a redirect led elsewhere
    etag: str | None = None
    last_modified: str | None = None
    capture: str | None = None  #: where the page stands in the archive


class Rules(msgspec.Struct, frozen=True):
    """What is news, and whether it may be told before its crawl is judged."""

    baseline: bool = False
    past: bool = False  #: what is new to us has long been there
    guard_days: int = 30
    as_new: bool = False  #: alert whatever the date
    hold: bool = False


def record(
    connection: Connection,
    readings: Iterable[Reading],
    now: datetime,
    rules: Rules,
) -> Counter[str]:
    """Record readings and count what was done.

    The counts: ``new``, ``suspect``, ``doubted`` (an answer had vanished), each kind of change,
    and ``silent`` for the changes that will not alert.
    """
    done: Counter[str] = Counter()
    for reading in readings:
        read, asked_for = reading.question, reading.asked_for
        known = _known(connection, read, asked_for)
        done.update(_record_one(connection, known, now, rules))
        if not read.suspect:  # a suspect page is to be sent whole again
            questions.validated(connection, known.id, reading.etag, reading.last_modified)
        if reading.capture:
            questions.captured(connection, known.id, reading.capture)
        for name in (read.id, asked_for):
            if name:
                questions.know_as(connection, name, known.id)
                refusals.forget(connection, name)
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
        known_before: Silence | None = "baseline" if rules.baseline else None
        if rules.past:
            known_before = "old"
        quiet = silence(before, read, now, known_before, guard_days=rules.guard_days)
    read = _tied(connection, read)
    found = compare(before, read)
    questions.save(connection, read, now, threads.thread_key(read))
    if stored is None and read.kind == "question":
        _adopt(connection, read)
    for entry in found:
        if _keep(connection, entry, now, quiet, rules):
            done[entry.kind] += 1
            done["silent"] += quiet is not None
    return done


def _keep(
    connection: Connection, entry: Change, now: datetime, quiet: Silence | None, rules: Rules
) -> bool:
    """Number a change, or hold it; False when it is known already."""
    keep = held.hold if rules.hold else changes.append
    return keep(connection, entry, now, quiet)


def _tied(connection: Connection, read: Question) -> Question:
    """``read`` with its parent, where it follows up a question that we know."""
    key = threads.thread_key(read)
    if read.kind != "supplementary" or key is None:
        return read
    parent = threads.parent_of(read, questions.in_thread(connection, read.source, key))
    return msgspec.structs.replace(read, parent=parent.id) if parent else read


def _adopt(connection: Connection, parent: Question) -> None:
    """Tie the supplementaries that were read before their parent was."""
    key = threads.thread_key(parent)
    thread = questions.in_thread(connection, parent.source, key) if key else ()
    for child in thread:
        if child.kind == "supplementary" and child.parent is None:
            mine = threads.parent_of(child, thread)
            if mine:
                tied = msgspec.structs.replace(child, parent=mine.id)
                questions.correct(connection, tied)


class Reread(msgspec.Struct, frozen=True):
    """What became of a record that was read anew."""

    what: str  #: ``same``, ``changed``, ``added``, ``suspect`` or ``older``
    fields: tuple[str, ...] = ()  #: in which it differs from what was stored


def reread(
    connection: Connection, read: Question, fetched_at: datetime, *, dry_run: bool = False
) -> Reread:
    """Put the reading of a page that was fetched at ``fetched_at`` in place of the stored one.

    It makes no change that alerts: the page is the same, only its reader is another. A question
    that the ledger has lost is entered in silence. A suspect reading replaces none that is not,
    and an older page none that was read since.
    """
    known = _known(connection, read, None)
    stored = questions.find(connection, known.id)
    if stored is None:
        if not dry_run:
            record(connection, [Reading(read)], fetched_at, Rules(past=True))
        return Reread("added")
    if read.suspect and not stored.record.suspect:
        return Reread("suspect")
    older = fetched_at < stored.visited_at - _SAME_VISIT and read.digest != stored.record.digest
    if older and not stored.record.suspect:
        return Reread("older")
    fresh = _tied(connection, known)
    names = fresh.__struct_fields__
    differ = tuple(n for n in names if getattr(fresh, n) != getattr(stored.record, n))
    if differ and not dry_run:
        questions.correct(connection, fresh)
    return Reread("changed" if differ else "same", differ)


def record_gone(
    connection: Connection, identity: str, now: datetime, rules: Rules
) -> Change | None:
    """Note that a page was not there; the change when that has lasted.

    One absence is a hiccup: the source answers 404 while it is being deployed.
    """
    stored = questions.find(connection, identity)
    if stored is None:
        return None
    questions.gone(connection, stored.record.id, now)
    if stored.record.suspect:  # which was never told of
        return None
    if stored.gone_at is None or now - stored.gone_at < _WITHDRAWN_AFTER:
        return None
    entry = withdrawn(stored.record)
    return entry if _keep(connection, entry, now, None, rules) else None


def record_unchanged(connection: Connection, identity: str, now: datetime) -> None:
    """Note that a page is as it was at our last visit."""
    if stored := questions.find(connection, identity):
        questions.visited(connection, stored.record.id, now)


def record_refused(
    connection: Connection, identity: str, source: str, url: str, status: int, now: datetime
) -> None:
    """Note that the server keeps a page to itself. What we know of it stays as it is."""
    refusals.note(connection, identity, source, url, status, now)
    record_unchanged(connection, identity, now)
