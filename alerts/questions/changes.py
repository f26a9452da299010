"""The changes of a question between two readings of it. Pure.

A change is something that a subscriber may want to know. Other names of people and parties, other
white space, quotes and dashes, and rows in another order are not changes: the source rewrites those
on thousands of pages at once.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from alerts.model import Change, ChangeKind, SilenceReason
from alerts.questions.minor_edits import differs_to_readers
from alerts.questions.moves import follow_files
from crawler.records import (
    PLACEHOLDER_LABEL,
    Answer,
    Question,
    hash_answer,
    hash_content,
    hash_question,
    iter_paragraphs,
)


def find_changes(stored: Question | None, reading: Question) -> tuple[Change, ...]:
    """Return the changes from the stored question to its new reading, in order.

    A question that is new to us was asked, and answered too if its answer is there. A suspect
    reading is no evidence, and a question stored as suspect counts as new. An answer that is gone
    is no change: an incomplete page looks the same (see :func:`can_replace`). Neither is another
    address of the page and of the files that moved with it.

    Args:
        stored: The question in the ledger, None if it is not there.
        reading: The question as read now.
    """
    if reading.suspect or not can_replace(stored, reading):
        return ()
    if stored is None or stored.suspect:
        return (
            Change(ChangeKind.ASKED, hash_question(reading), reading),
            *_find_first_answers(None, reading),
        )
    stored = _drop_placeholder(follow_files(stored, reading), reading)
    if hash_content(stored) == reading.digest:
        return ()
    if stored.status != "answered" and reading.status != "unanswered":
        answers = _find_first_answers(stored, reading)
        edited = hash_question(stored) != hash_question(reading)
        return (
            *(_make_correction(stored, reading, hash_question(reading)) if edited else ()),
            *answers,
        )
    if _has_more_answers(stored, reading):
        return (Change(ChangeKind.ANSWERED, hash_content(reading), reading, stored),)
    return _make_correction(stored, reading, hash_content(reading))


def can_replace(stored: Question | None, reading: Question) -> bool:
    """Return whether ``reading`` may replace the stored question.

    It may not if an answer would be lost: the source does not withdraw answers without notice, but
    it does serve incomplete pages.
    """
    if stored is None or stored.suspect:
        return True
    stored = _drop_placeholder(stored, reading)
    rank = {"unanswered": 0, "holding": 1, "answered": 2}
    return not reading.suspect and rank[reading.status] >= rank[stored.status]


def is_minor_correction(change: Change) -> bool:
    """Return whether a correction changed nothing that a reader would call a change."""
    return (
        change.kind is ChangeKind.CORRECTED
        and change.before is not None
        and not differs_to_readers(change.before, change.after)
    )


def _drop_placeholder(stored: Question, reading: Question) -> Question:
    """Return the stored question without a set phrase that was once taken for its answer."""
    phrase = reading.labels.get(PLACEHOLDER_LABEL)
    words = [" ".join(iter_paragraphs(answer.speeches)) for answer in stored.answers]
    if phrase is None or words != [phrase]:
        return stored
    return msgspec.structs.replace(stored, answers=(), status="unanswered")


def _find_first_answers(stored: Question | None, read: Question) -> tuple[Change, ...]:
    """Return the change for the first holding reply or the first answer, if ``read`` has one."""
    if read.status == "unanswered":
        return ()
    kind = ChangeKind.ANSWERED if read.status == "answered" else ChangeKind.HOLDING
    wanted = [a for a in read.answers if a.holding == (kind is ChangeKind.HOLDING)]
    digests = [hash_answer(a) for a in wanted]
    if stored and digests == [hash_answer(a) for a in stored.answers if a.holding]:
        return ()
    return (Change(kind, "|".join(digests), read, stored),)


def _make_correction(stored: Question, read: Question, digest: str) -> tuple[Change, ...]:
    return (Change(ChangeKind.CORRECTED, digest, read, stored),)


def _has_more_answers(stored: Question, read: Question) -> bool:
    """Return whether ``read`` has all the answers that were stored, and at least one more."""

    def substance(answers: tuple[Answer, ...]) -> list[str]:
        return [hash_answer(a) for a in answers if not a.holding]

    before, after = substance(stored.answers), substance(read.answers)
    return (
        hash_question(stored) == hash_question(read)
        and len(after) > len(before)
        and set(before) <= set(after)
    )


def find_newest_date(question: Question) -> date | None:
    """Return the newest date on the page: of an answer, of the meeting or of tabling.

    Returns:
        None if the page prints no date.
    """
    dates = [a.date for a in question.answers if a.date]
    if question.meeting and question.meeting.date:
        dates.append(question.meeting.date)
    return max(dates, default=None)


def find_silence_reason(
    stored: Question | None,
    reading: Question,
    now: datetime,
    crawl_silence: SilenceReason | None,
    *,
    max_age_days: int,
) -> SilenceReason | None:
    """Return why the changes of a reading are recorded without an alert, None if they alert.

    Only a question that is new to us can be silent. Changes of a known question always alert,
    however old it is.

    Args:
        stored: The question in the ledger, None if it is not there.
        reading: The question as read now.
        now: Aware, in UTC.
        crawl_silence: Why nothing that this crawl finds is new: it is the first crawl of a source,
            or one of past months. None for other crawls.
        max_age_days: A question whose newest date is older is not new: it was found because the
            scraper was repaired. 30.
    """
    if stored is not None and not stored.suspect:
        return None
    if crawl_silence is not None:
        return crawl_silence
    newest = find_newest_date(reading)
    if newest is not None and newest < (now - timedelta(days=max_age_days)).date():
        return "old"
    return None
