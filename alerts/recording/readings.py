"""The step from reading to change: compare what was read with the ledger and record it.

Each batch is one transaction. A question that was recorded once makes no second change, so the
step can be interrupted anywhere and run again on the same readings. The changes that a crawl
finds are held until the crawl is judged (:mod:`alerts.recording.approval`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import changes, held_changes, questions, refused_pages
from alerts.model import Change, SilenceReason
from alerts.questions import (
    can_replace,
    find_changes,
    find_parent,
    find_silence_reason,
    is_minor_correction,
    make_thread_key,
)
from alerts.recording.moves import is_reference_in_doubt, use_known_id
from crawler.records import Question


class QuestionReading(msgspec.Struct, frozen=True):
    """A question as read from its page, with what the server said about the page."""

    question: Question
    requested_id: str | None = None  #: id of the page requested, where a redirect led elsewhere
    etag: str | None = None
    last_modified: str | None = None
    capture: str | None = None  #: place of the page in the archive


class RecordingRules(msgspec.Struct, frozen=True):
    """Which changes alert, and whether they wait until their crawl is judged."""

    baseline: bool = False  #: the first crawl of a source: nothing that it finds is new
    is_backfill: bool = False  #: a crawl of past months: nothing that it finds is new
    guard_days: int = 30  #: an older question, seen for the first time, does not alert
    as_new: bool = False  #: alert whatever the date, also in a first crawl
    hold: bool = False  #: hold the changes until the crawl is judged


def record_readings(
    connection: Connection,
    readings: Iterable[QuestionReading],
    now: datetime,
    rules: RecordingRules,
) -> Counter[str]:
    """Record readings; return how many there were of each result.

    Returns:
        ``new`` and ``suspect`` questions, ``doubted`` ones (an answer that we have is missing
        from the page), changes by kind, and ``silent`` changes, which do not alert.
    """
    counts: Counter[str] = Counter()
    for reading in readings:
        question = use_known_id(connection, reading.question, reading.requested_id)
        counts.update(_record_question(connection, question, now, rules))
        _record_page(connection, reading, question.id)
    return counts


def link_to_parent(connection: Connection, question: Question) -> Question:
    """Return a supplementary with the id of its parent, where the parent is known."""
    key = make_thread_key(question)
    if question.kind != "supplementary" or key is None:
        return question
    candidates = questions.list_in_thread(connection, question.source, key)
    parent = find_parent(question, candidates)
    return msgspec.structs.replace(question, parent=parent.id) if parent else question


def store_change(
    connection: Connection,
    change: Change,
    now: datetime,
    silence: SilenceReason | None,
    rules: RecordingRules,
    *,
    is_doubtful: bool = False,
) -> bool:
    """Hold or number a change, as ``rules`` say; return False if it is known already.

    A doubtful change that would alert waits for the operator.
    """
    if is_doubtful and silence is None:
        return held_changes.hold_change(connection, change, now, None, "reference")
    store = held_changes.hold_change if rules.hold else changes.append
    return store(connection, change, now, silence)


def _record_question(
    connection: Connection, read: Question, now: datetime, rules: RecordingRules
) -> Counter[str]:
    stored = questions.find(connection, read.id)
    before = stored.record if stored else None
    counts = Counter(new=int(stored is None), suspect=int(bool(read.suspect)))
    if before and not can_replace(before, read):
        counts["doubted"] += not read.suspect
        questions.mark_visited(connection, read.id, now)
        return counts
    held_changes.drop_withdrawal(connection, read.id)
    silence = _find_silence(before, read, now, rules)
    read = link_to_parent(connection, read)
    is_new = before is None or bool(before.suspect)
    is_doubtful = is_new and silence is None and is_reference_in_doubt(connection, read)
    _save_question(connection, read, now, is_new=stored is None)
    for change in find_changes(before, read):
        reason = "minor" if is_minor_correction(change) else silence
        if store_change(connection, change, now, reason, rules, is_doubtful=is_doubtful):
            counts[change.kind] += 1
            counts["silent"] += reason is not None
    return counts


def _find_silence(
    before: Question | None, read: Question, now: datetime, rules: RecordingRules
) -> SilenceReason | None:
    """Return why the changes of a reading do not alert, None if they do."""
    if rules.as_new:
        return None
    crawl_silence: SilenceReason | None = None
    if rules.is_backfill:
        crawl_silence = "old"
    elif rules.baseline:
        crawl_silence = "baseline"
    return find_silence_reason(before, read, now, crawl_silence, max_age_days=rules.guard_days)


def _save_question(connection: Connection, read: Question, now: datetime, *, is_new: bool) -> None:
    questions.save(connection, read, now, make_thread_key(read))
    if is_new and read.kind == "question":
        _link_supplementaries(connection, read)


def _link_supplementaries(connection: Connection, parent: Question) -> None:
    """Link the supplementaries that were read before their parent to it."""
    key = make_thread_key(parent)
    thread = questions.list_in_thread(connection, parent.source, key) if key else ()
    for child in thread:
        if child.kind == "supplementary" and child.parent is None:
            found = find_parent(child, thread)
            if found:
                linked = msgspec.structs.replace(child, parent=found.id)
                questions.replace_record(connection, linked)


def _record_page(connection: Connection, reading: QuestionReading, question_id: str) -> None:
    """Record what the server said about the page of a question, and the page's ids."""
    if not reading.question.suspect:  # without validators, a suspect page is sent whole again
        questions.save_validators(connection, question_id, reading.etag, reading.last_modified)
    if reading.capture:
        questions.save_capture(connection, question_id, reading.capture)
    for identity in (reading.question.id, reading.requested_id):
        if identity:
            questions.add_identity(connection, identity, question_id)
            refused_pages.delete_refusal(connection, identity)
