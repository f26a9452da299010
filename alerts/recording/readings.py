"""The step from reading to change: what was read is compared with the ledger and recorded there.

Each batch is one transaction. A question that was recorded is not news a second time, so the step
can be killed anywhere and run again on the same readings. What a crawl finds is held until the
crawl is judged (``alerts.recording.approval``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import changes, held_changes, questions, refused_pages
from alerts.model import Change, SilenceReason
from alerts.questions import threads
from alerts.questions.changes import can_replace, find_changes, find_silence_reason, make_withdrawal
from crawler.records import Question

#: A page must be missing for this long, over more than one visit, before it counts as withdrawn.
_WITHDRAWN_AFTER = timedelta(hours=20)


#: A page is fetched a moment before it is recorded.
_SAME_VISIT = timedelta(minutes=5)


class QuestionReading(msgspec.Struct, frozen=True):
    """A question as read, and how it was come by."""

    question: Question
    requested_id: str | None = (
        None  #: the identity that was asked for, where a redirect led elsewhere
    )
    etag: str | None = None
    last_modified: str | None = None
    capture: str | None = None  #: where the page stands in the archive


class RecordingRules(msgspec.Struct, frozen=True):
    """What is news, and whether it may be told before its crawl is judged."""

    baseline: bool = False
    is_backfill: bool = False  #: what is new to us has long been there
    guard_days: int = 30
    as_new: bool = False  #: alert whatever the date
    hold: bool = False


def record_readings(
    connection: Connection,
    readings: Iterable[QuestionReading],
    now: datetime,
    rules: RecordingRules,
) -> Counter[str]:
    """Record readings and count what was done.

    The counts: ``new``, ``suspect``, ``doubted`` (an answer had vanished), each kind of change,
    and ``silent`` for the changes that will not alert.
    """
    done: Counter[str] = Counter()
    for reading in readings:
        read, asked_for = reading.question, reading.requested_id
        known = _use_known_id(connection, read, asked_for)
        done.update(_record_one(connection, known, now, rules))
        if not read.suspect:  # a suspect page is to be sent whole again
            questions.save_validators(connection, known.id, reading.etag, reading.last_modified)
        if reading.capture:
            questions.save_capture(connection, known.id, reading.capture)
        for name in (read.id, asked_for):
            if name:
                questions.add_identity(connection, name, known.id)
                refused_pages.delete_refusal(connection, name)
    return done


def _use_known_id(connection: Connection, read: Question, asked_for: str | None) -> Question:
    """``read`` under the identity that we know its question by, when its address has changed."""
    for identity in (read.id, asked_for):
        if identity and (stored := questions.find(connection, identity)):
            return msgspec.structs.replace(read, id=stored.record.id)
    return read


def _record_one(
    connection: Connection, read: Question, now: datetime, rules: RecordingRules
) -> Counter[str]:
    done: Counter[str] = Counter()
    stored = questions.find(connection, read.id)
    before = stored.record if stored else None
    done["new"] += stored is None
    done["suspect"] += bool(read.suspect)
    if before and not can_replace(before, read):
        done["doubted"] += not read.suspect
        questions.mark_visited(connection, read.id, now)
        return done
    quiet = None
    if not rules.as_new:
        known_before: SilenceReason | None = "baseline" if rules.baseline else None
        if rules.is_backfill:
            known_before = "old"
        quiet = find_silence_reason(before, read, now, known_before, max_age_days=rules.guard_days)
    read = _link_to_parent(connection, read)
    found = find_changes(before, read)
    questions.save(connection, read, now, threads.make_thread_key(read))
    if stored is None and read.kind == "question":
        _link_supplementaries(connection, read)
    for entry in found:
        if _store_change(connection, entry, now, quiet, rules):
            done[entry.kind] += 1
            done["silent"] += quiet is not None
    return done


def _store_change(
    connection: Connection,
    entry: Change,
    now: datetime,
    quiet: SilenceReason | None,
    rules: RecordingRules,
) -> bool:
    """Number a change, or hold it; False when it is known already."""
    keep = held_changes.hold_change if rules.hold else changes.append
    return keep(connection, entry, now, quiet)


def _link_to_parent(connection: Connection, read: Question) -> Question:
    """``read`` with its parent, where it follows up a question that we know."""
    key = threads.make_thread_key(read)
    if read.kind != "supplementary" or key is None:
        return read
    parent = threads.find_parent(read, questions.list_in_thread(connection, read.source, key))
    return msgspec.structs.replace(read, parent=parent.id) if parent else read


def _link_supplementaries(connection: Connection, parent: Question) -> None:
    """Tie the supplementaries that were read before their parent was."""
    key = threads.make_thread_key(parent)
    thread = questions.list_in_thread(connection, parent.source, key) if key else ()
    for child in thread:
        if child.kind == "supplementary" and child.parent is None:
            mine = threads.find_parent(child, thread)
            if mine:
                tied = msgspec.structs.replace(child, parent=mine.id)
                questions.replace_record(connection, tied)


class RereadResult(msgspec.Struct, frozen=True):
    """What became of a record that was read anew."""

    outcome: str  #: ``same``, ``changed``, ``added``, ``suspect`` or ``older``
    fields: tuple[str, ...] = ()  #: in which it differs from what was stored


def replace_reading(
    connection: Connection, read: Question, fetched_at: datetime, *, dry_run: bool = False
) -> RereadResult:
    """Put the reading of a page that was fetched at ``fetched_at`` in place of the stored one.

    It makes no change that alerts: the page is the same, only its reader is another. A question
    that the ledger has lost is entered in silence. A suspect reading replaces none that is not,
    and an older page none that was read since.
    """
    known = _use_known_id(connection, read, None)
    stored = questions.find(connection, known.id)
    if stored is None:
        if not dry_run:
            record_readings(
                connection, [QuestionReading(read)], fetched_at, RecordingRules(is_backfill=True)
            )
        return RereadResult("added")
    if read.suspect and not stored.record.suspect:
        return RereadResult("suspect")
    older = fetched_at < stored.visited_at - _SAME_VISIT and read.digest != stored.record.digest
    if older and not stored.record.suspect:
        return RereadResult("older")
    fresh = _link_to_parent(connection, known)
    names = fresh.__struct_fields__
    differ = tuple(n for n in names if getattr(fresh, n) != getattr(stored.record, n))
    if differ and not dry_run:
        questions.replace_record(connection, fresh)
    return RereadResult("changed" if differ else "same", differ)


def record_missing_page(
    connection: Connection, identity: str, now: datetime, rules: RecordingRules
) -> Change | None:
    """Note that a page was not there; the change when that has lasted.

    One absence is a hiccup: the source answers 404 while it is being deployed.
    """
    stored = questions.find(connection, identity)
    if stored is None:
        return None
    questions.mark_not_found(connection, stored.record.id, now)
    if stored.record.suspect:  # which was never told of
        return None
    if stored.not_found_at is None or now - stored.not_found_at < _WITHDRAWN_AFTER:
        return None
    entry = make_withdrawal(stored.record)
    return entry if _store_change(connection, entry, now, None, rules) else None


def record_unchanged_page(connection: Connection, identity: str, now: datetime) -> None:
    """Note that a page is as it was at our last visit."""
    if stored := questions.find(connection, identity):
        questions.mark_visited(connection, stored.record.id, now)


def record_refusal(
    connection: Connection, identity: str, source: str, url: str, status: int, now: datetime
) -> None:
    """Note that the server keeps a page to itself. What we know of it stays as it is."""
    refused_pages.record_refusal(connection, identity, source, url, status, now)
    record_unchanged_page(connection, identity, now)
