"""What happened to a question between two readings of it. Pure.

A change is something that a reader would want to hear of. Relabelled people and parties, another
white space, quotes and dashes, rows in another order are none: the source rewrites those on
thousands of pages at once.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from alerts.model import Change, Kind, Silence
from crawler.records import Answer, Question, answer_digest, content_digest, question_digest


def compare(stored: Question | None, read: Question) -> tuple[Change, ...]:
    """The changes that lead from what is stored to what was read, in the order they happened.

    A question that we see for the first time was asked, and was answered too when its answer is
    already there. A suspect reading is no evidence of anything, and what is stored as suspect
    counts as not yet seen. An answer that is gone is not a change either: a page half rendered
    looks just like it (see :func:`believable`).
    """
    if read.suspect or not believable(stored, read):
        return ()
    if stored is None or stored.suspect:
        return (Change("asked", question_digest(read), read), *_first_answers(None, read))
    if stored.digest == read.digest:
        return ()
    if stored.status != "answered" and read.status != "unanswered":
        answers = _first_answers(stored, read)
        edited = question_digest(stored) != question_digest(read)
        return (*(_corrected(stored, read, question_digest(read)) if edited else ()), *answers)
    if _more_answers(stored, read):
        return (Change("answered", content_digest(read), read, stored),)
    return _corrected(stored, read, content_digest(read))


def believable(stored: Question | None, read: Question) -> bool:
    """Whether ``read`` may replace what is stored.

    Not when an answer that we have would be lost: the source never takes one back without a
    word, but it serves incomplete pages.
    """
    if stored is None or stored.suspect:
        return True
    rank = {"unanswered": 0, "holding": 1, "answered": 2}
    return not read.suspect and rank[read.status] >= rank[stored.status]


def withdrawn(stored: Question) -> Change:
    """The change that a page's lasting absence makes."""
    return Change("withdrawn", stored.digest, stored, stored)


def _first_answers(stored: Question | None, read: Question) -> tuple[Change, ...]:
    """The holding reply or the answer that ``read`` brings."""
    if read.status == "unanswered":
        return ()
    kind: Kind = "answered" if read.status == "answered" else "holding"
    wanted = [a for a in read.answers if a.holding == (kind == "holding")]
    digests = [answer_digest(a) for a in wanted]
    if stored and digests == [answer_digest(a) for a in stored.answers if a.holding]:
        return ()
    return (Change(kind, "|".join(digests), read, stored),)


def _corrected(stored: Question, read: Question, digest: str) -> tuple[Change, ...]:
    return (Change("corrected", digest, read, stored),)


def _more_answers(stored: Question, read: Question) -> bool:
    """Whether ``read`` says all that was said before, and one answer more."""

    def substance(answers: tuple[Answer, ...]) -> list[str]:
        return [answer_digest(a) for a in answers if not a.holding]

    before, after = substance(stored.answers), substance(read.answers)
    return (
        question_digest(stored) == question_digest(read)
        and len(after) > len(before)
        and set(before) <= set(after)
    )


def newest_date(question: Question) -> date | None:
    """The last date that the page itself prints: of an answer, of the meeting or the tabling."""
    dates = [a.date for a in question.answers if a.date]
    if question.meeting and question.meeting.date:
        dates.append(question.meeting.date)
    return max(dates, default=None)


def silence(
    stored: Question | None,
    read: Question,
    now: datetime,
    crawl: Silence | None,
    *,
    guard_days: int,
) -> Silence | None:
    """Why the changes of ``read`` are recorded without an alert; None when they alert.

    Only a question that we never saw can be silent: for a reason that holds for its whole ``crawl``
    (the first of a source, or one of its past), or when it is so old that a repaired scraper must
    have brought it. What happens to a question that we know is news, however old the question is.
    """
    if stored is not None and not stored.suspect:
        return None
    if crawl is not None:
        return crawl
    newest = newest_date(read)
    if newest is not None and newest < (now - timedelta(days=guard_days)).date():
        return "old"
    return None
