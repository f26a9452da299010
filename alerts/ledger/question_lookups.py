"""Questions looked up by a state, or by an identifier that somebody typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from alerts.ledger.inserts import iter_parameters
from alerts.ledger.questions import NEWEST_FIRST, find
from alerts.ledger.records import read_records
from alerts.ledger.schema import question
from alerts.ledger.word_index import DatedQuestion
from alerts.questions import SeenQuestion, find_references, make_reference_key
from crawler.records import Question


def list_suspect(connection: Connection, limit: int) -> list[Question]:
    """Return questions whose reading is suspect, most recently visited first."""
    wanted = select(question.c.id, question.c.record).where(question.c.is_suspect)
    wanted = wanted.order_by(question.c.visited_at.desc()).limit(limit)
    return list(read_records(connection.execute(wanted)))


def list_seen(
    connection: Connection, source: str, since: date | None = None
) -> list[tuple[SeenQuestion, bool]]:
    """Return the questions of a source with their numbers, and whether each is suspect.

    ``since`` leaves out those of meetings before a day.
    """
    wanted = select(
        question.c.reference_key,
        question.c.meeting_date,
        question.c.first_seen_at,
        question.c.is_suspect,
    ).where(question.c.source == source)
    if since is not None:
        wanted = wanted.where(question.c.meeting_date >= since)
    return [
        (SeenQuestion(key, day or first_seen_at.date(), first_seen_at), is_suspect)
        for key, day, first_seen_at, is_suspect in connection.execute(wanted)
    ]


def list_overdue(
    connection: Connection, before: date, limit: int, after: DatedQuestion | None = None
) -> list[Question]:
    """Return unanswered questions of meetings before a day, oldest first.

    ``after`` limits them to those that come after this one, by meeting date and id.
    """
    wanted = select(question.c.id, question.c.record).where(*_overdue_conditions(before))
    if after is not None:
        day = question.c.meeting_date
        is_same_day = and_(day == after.day, question.c.id > after.question_id)
        wanted = wanted.where(or_(day > after.day, is_same_day))
    wanted = wanted.order_by(question.c.meeting_date, question.c.id).limit(limit)
    return list(read_records(connection.execute(wanted)))


def count_overdue(connection: Connection, before: date) -> int:
    """Return how many questions :func:`list_overdue` has without a limit."""
    wanted = select(func.count()).select_from(question).where(*_overdue_conditions(before))
    return connection.execute(wanted).scalar_one()


def _overdue_conditions(before: date) -> list[ColumnElement[bool]]:
    # The statuses are named, so that the index of status and meeting date is used.
    is_unanswered = question.c.status.in_(("unanswered", "holding"))
    return [is_unanswered, question.c.meeting_date < before, question.c.not_found_at.is_(None)]


def list_meeting_days(connection: Connection, today: date) -> list[date]:
    """Return the days of Mayor's Question Time in the last year, oldest first."""
    # The source's names: "MQT on 2018-12-20", "Mayor's Question Time".
    named = [f'%"meeting":{{"name":"{start}%' for start in ("MQT", "Mayor_s Question Time")]
    rows = connection.execute(
        select(question.c.meeting_date)
        .where(
            question.c.meeting_date.between(today - timedelta(days=366), today),
            or_(*(question.c.record.like(name) for name in named)),
        )
        .distinct()
        .order_by(question.c.meeting_date)
    )
    return [day for day in rows.scalars() if day is not None]


def find_by_identifier(connection: Connection, identifier: str) -> list[Question]:
    """Return the questions with an identifier: a present or former id, a URL, or a reference.

    References (``2018/5425``) are not unique over the years.
    """
    stored = find(connection, identifier)
    if stored is not None:
        return [stored.record]
    wanted = select(question.c.id, question.c.record)
    if "://" in identifier:
        return list(read_records(connection.execute(wanted.where(question.c.url == identifier))))
    likely = question.c.reference_key == make_reference_key(identifier)
    found = read_records(connection.execute(wanted.where(likely)))
    return [record for record in found if record.reference == identifier]


def list_referred(
    connection: Connection, referring: Sequence[Question]
) -> list[tuple[Question, ...]]:
    """Return, for each question, the known questions that its answers refer to.

    A number that several questions had over the years means the newest of them that is not newer
    than the question itself.
    """
    references = [find_references(one) for one in referring]
    pairs = {
        (one.source, make_reference_key(reference))
        for one, some in zip(referring, references, strict=True)
        for reference in some
    }
    known = _find_by_keys(connection, pairs) if pairs else {}
    return [
        tuple(filter(None, (_choose_referred(known, one, reference) for reference in some)))
        for one, some in zip(referring, references, strict=True)
    ]


def _find_by_keys(
    connection: Connection, pairs: Set[tuple[str, str | None]]
) -> dict[tuple[str, str | None], list[Question]]:
    """Return questions by source and key of their reference, the newest first."""
    found: dict[tuple[str, str | None], list[Question]] = {}
    sources = sorted({source for source, _ in pairs})
    for keys in iter_parameters(sorted({key for _, key in pairs if key})):
        wanted = (
            select(question.c.id, question.c.record)
            .where(
                question.c.source.in_(sources),
                question.c.reference_key.in_(keys),
                ~question.c.is_suspect,
            )
            .order_by(*NEWEST_FIRST)
        )
        for record in read_records(connection.execute(wanted)):
            if record.is_taken_down:
                continue
            pair = record.source, make_reference_key(record.reference)
            found.setdefault(pair, []).append(record)
    return found


def _choose_referred(
    known: Mapping[tuple[str, str | None], Sequence[Question]], referring: Question, reference: str
) -> Question | None:
    candidates = known.get((referring.source, make_reference_key(reference)), ())
    own_day = _get_day(referring)
    return next(
        (one for one in candidates if one.id != referring.id and _get_day(one) <= own_day), None
    )


def _get_day(one: Question) -> date:
    """Return the day of a question; the last there is where it is unknown."""
    return one.meeting.date if one.meeting and one.meeting.date else date.max
