"""What happened to a question between two readings of it. Pure.

A change is something that a reader would want to hear of. Relabelled people and parties, another
white space, quotes and dashes, rows in another order are none: the source rewrites those on
thousands of pages at once.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from alerts.model import Change, ChangeKind, SilenceReason
from crawler.records import Answer, Question, hash_answer, hash_content, hash_question


def find_changes(stored: Question | None, reading: Question) -> tuple[Change, ...]:
    """The changes that lead from what is stored to what was read, in the order they happened.

    A question that we see for the first time was asked, and was answered too when its answer is
    already there. A suspect reading is no evidence of anything, and what is stored as suspect
    counts as not yet seen. An answer that is gone is not a change either: a page half rendered
    looks just like it (see :func:`can_replace`).
    """
    if reading.suspect or not can_replace(stored, reading):
        return ()
    if stored is None or stored.suspect:
        return (
            Change(ChangeKind.ASKED, hash_question(reading), reading),
            *_find_first_answers(None, reading),
        )
    if stored.digest == reading.digest:
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
    """Whether ``reading`` may replace what is stored.

    Not when an answer that we have would be lost: the source never takes one back without a
    word, but it serves incomplete pages.
    """
    if stored is None or stored.suspect:
        return True
    rank = {"unanswered": 0, "holding": 1, "answered": 2}
    return not reading.suspect and rank[reading.status] >= rank[stored.status]


def make_withdrawal(stored: Question) -> Change:
    """The change that a page's lasting absence makes."""
    return Change(ChangeKind.WITHDRAWN, stored.digest, stored, stored)


def _find_first_answers(stored: Question | None, read: Question) -> tuple[Change, ...]:
    """The holding reply or the answer that ``read`` brings."""
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
    """Whether ``read`` says all that was said before, and one answer more."""

    def substance(answers: tuple[Answer, ...]) -> list[str]:
        return [hash_answer(a) for a in answers if not a.holding]

    before, after = substance(stored.answers), substance(read.answers)
    return (
        hash_question(stored) == hash_question(read)
        and len(after) > len(before)
        and set(before) <= set(after)
    )


def find_newest_date(question: Question) -> date | None:
    """The last date that the page itself prints: of an answer, of the meeting or the tabling."""
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
    """Why the changes of ``reading`` are recorded without an alert; None when they alert.

    Only a question that we never saw can be silent: for a reason that holds for its whole
    ``crawl_silence``
    (the first of a source, or one of its past), or when it is so old that a repaired scraper must
    have brought it. What happens to a question that we know is news, however old the question is.
    """
    if stored is not None and not stored.suspect:
        return None
    if crawl_silence is not None:
        return crawl_silence
    newest = find_newest_date(reading)
    if newest is not None and newest < (now - timedelta(days=max_age_days)).date():
        return "old"
    return None
