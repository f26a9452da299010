"""The step from reading to change: compare what was read with the ledger and record it.

Each batch is one transaction. A question that was recorded once makes no second change, so the
step can be interrupted anywhere and run again on the same readings. The changes that a crawl
finds are held until the crawl is judged (:mod:`alerts.recording.approval`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions, refused_pages
from alerts.ledger.questions import StoredQuestion
from alerts.model import SilenceReason
from alerts.questions import (
    can_replace,
    find_changes,
    find_parent,
    find_silence_reason,
    is_minor_correction,
    is_shortened,
    make_thread_key,
)
from alerts.recording.moves import is_reference_in_doubt, use_known_id
from alerts.recording.rules import RecordingRules, store_change
from alerts.recording.takedowns import find_taken_down
from alerts.recording.withdrawals import record_return
from crawler.records import Question

#: Twenty hours is less than the 24 between two daily visits, as for missing pages.
_CONFIRMED_AFTER = timedelta(hours=20)


class QuestionReading(msgspec.Struct, frozen=True):
    """A question as read from its page, with what the server said about the page."""

    question: Question
    requested_id: str | None = None  #: id of the page requested, where a redirect led elsewhere
    etag: str | None = None
    last_modified: str | None = None
    capture: str | None = None  #: place of the page in the archive


def record_readings(
    connection: Connection,
    readings: Iterable[QuestionReading],
    now: datetime,
    rules: RecordingRules,
) -> Counter[str]:
    """Record readings; return how many there were of each result.

    Returns:
        ``new`` and ``suspect`` questions, ``doubted`` ones (the page says less than before),
        changes by kind, and ``silent`` changes, which do not alert; ``taken_down`` ones, which are
        not recorded.
    """
    counts: Counter[str] = Counter()
    for reading in readings:
        taken_down = find_taken_down(connection, reading.question, reading.requested_id)
        if taken_down is not None:
            counts["taken_down"] += 1
            _add_identities(connection, reading, taken_down)
            continue
        question = use_known_id(connection, reading.question, reading.requested_id)
        recorded = _record_question(connection, question, now, rules)
        counts.update(recorded)
        _record_page(connection, reading, question.id, is_believed=not recorded["doubted"])
    return counts


def link_to_parent(connection: Connection, question: Question) -> Question:
    """Return a supplementary with the id of its parent, where the parent is known."""
    key = make_thread_key(question)
    if question.kind != "supplementary" or key is None:
        return question
    candidates = questions.list_in_thread(connection, question.source, key)
    parent = find_parent(question, candidates)
    return msgspec.structs.replace(question, parent=parent.id) if parent else question


def _record_question(
    connection: Connection, read: Question, now: datetime, rules: RecordingRules
) -> Counter[str]:
    stored = questions.find(connection, read.id)
    before = stored.record if stored else None
    counts = Counter(new=int(stored is None), suspect=int(bool(read.suspect)))
    if stored:
        is_doubted = _is_doubted(stored, read, now)
        counts["doubted"] += is_doubted and not read.suspect
        if not read.suspect:
            known = stored.record if is_doubted else read
            counts["returned"] += record_return(connection, known, now, rules) is not None
        if is_doubted:
            questions.mark_doubted(connection, read.id, read.digest, now)
            return counts
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


def _is_doubted(stored: StoredQuestion, read: Question, now: datetime) -> bool:
    """Return whether a reading is not to replace the stored question, at least not yet.

    A page that says less than before is believed when it still says the same a day later.
    """
    if not can_replace(stored.record, read):
        return True
    if stored.record.suspect or not is_shortened(stored.record, read):
        return False
    is_confirmed = (
        stored.doubted_at is not None
        and stored.doubted_digest == read.digest
        and now - stored.doubted_at >= _CONFIRMED_AFTER
    )
    return not is_confirmed


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


def _record_page(
    connection: Connection, reading: QuestionReading, question_id: str, *, is_believed: bool
) -> None:
    """Record what the server said about the page of a question, and the page's ids."""
    # Without its validators, a page that is suspect or not believed is sent whole again.
    if is_believed and not reading.question.suspect:
        questions.save_validators(connection, question_id, reading.etag, reading.last_modified)
    if reading.capture:
        questions.save_capture(connection, question_id, reading.capture)
    _add_identities(connection, reading, question_id)


def _add_identities(connection: Connection, reading: QuestionReading, question_id: str) -> None:
    """Record the addresses of a page as ids of its question; none of them is refused any more."""
    for identity in (reading.question.id, reading.requested_id):
        if identity:
            questions.add_identity(connection, identity, question_id)
            refused_pages.delete_refusal(connection, identity)
