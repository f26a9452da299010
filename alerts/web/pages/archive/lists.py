"""What the lists of the archive share: which page a request asks for, and where the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Generic, TypeVar, cast, get_args

import msgspec
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from alerts.language import gettext_noop as _
from alerts.ledger import questions
from alerts.ledger.question_counts import AnswerState, AnswerTimes
from alerts.ledger.questions import build_person_slug
from alerts.ledger.word_index import DatedQuestion
from alerts.queries import QueryError, parse_query
from alerts.search import SearchPosition, parse_position
from alerts.web.context import WebContext
from alerts.web.forms import CsrfPair, FormTokens
from crawler.records import Question

ItemT = TypeVar("ItemT")

#: Digits of a number in an address: they fit the 64-bit integers of both databases.
_MAX_DIGITS = 18


class ListPage(msgspec.Struct, frozen=True):
    """One page of a list of questions."""

    questions: tuple[ListedQuestion, ...]
    first_number: int  #: of the first of them, counted from 1
    total: int
    next: str | None  #: the parameter ``after`` of the next page; None after the last

    @property
    def last_number(self) -> int:
        """Of the last of them; less than :attr:`first_number` where there are none."""
        return self.first_number + len(self.questions) - 1

    @property
    def is_first(self) -> bool:
        """Whether no page comes before it."""
        return self.first_number == 1


def find_next(
    listed: Sequence[DatedQuestion], size: int, after: SearchPosition | None
) -> str | None:
    """Return where the page after one of ``size`` questions begins; None after the last."""
    if len(listed) <= size:
        return None
    before = after.results_before if after else 0
    return SearchPosition(listed[size - 1], before + size).format()


def read_position(request: Request) -> SearchPosition | None:
    """Return the parameter ``after``; None where a list begins.

    Raises:
        HTTPException: 400 where it is not that of a link to a further page.
    """
    text = request.query_params.get("after")
    if text is None:
        return None
    position = parse_position(text)
    if position is None:
        raise HTTPException(400, _("This link to a further page is incomplete."))
    return position


def read_number(request: Request, name: str) -> int | None:
    """Return a parameter as a positive number; None where it is not one."""
    text = request.query_params.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) or None if is_number else None


def read_state(request: Request) -> AnswerState | None:
    """Return the parameter ``status``: the tab of a list; None for all questions."""
    text = request.query_params.get("status")
    return cast("AnswerState", text) if text in get_args(AnswerState) else None


def read_text(request: Request, name: str, maximum: int) -> str:
    """Return a parameter without spaces around it and without null characters, cut to a length."""
    return request.query_params.get(name, "").replace("\x00", "").strip()[:maximum]


def build_name_query(field: str, name: str) -> str | None:
    """Return the query for a name in a field: ``asked_by:"Ada Brook"``.

    Returns:
        None if the query language cannot say it: the name has no letters.
    """
    query = f'{field}:"{name.replace(chr(34), " ")}"'
    try:
        parse_query(query)
    except QueryError:
        return None
    return query


def get_meeting_day(question: Question) -> date | None:
    """Return the day of a question's meeting; None where it is unknown."""
    return question.meeting.date if question.meeting else None


def count_days_waiting(question: Question, today: date) -> int | None:
    """Return the days since the meeting of a question that waits; None where they are unknown."""
    asked_on = get_meeting_day(question)
    if question.status == "answered" or asked_on is None or asked_on > today:
        return None
    return (today - asked_on).days


def count_days_to_answer(question: Question) -> int | None:
    """Return the days from the meeting of a question to its answer; None where unknown."""
    asked_on = get_meeting_day(question)
    days = [answer.date for answer in question.answers if answer.date and not answer.holding]
    if asked_on is None or not days or min(days) < asked_on:
        return None
    return (min(days) - asked_on).days


class ListedQuestion(msgspec.Struct, frozen=True):
    """A question as a list shows it."""

    question: Question
    days_waiting: int | None  #: since its meeting; None where it is answered or that is not known
    days_to_answer: int | None  #: None where it waits or that is not known


def describe_questions(records: Sequence[Question], today: date) -> tuple[ListedQuestion, ...]:
    """Return questions with the days that a list shows beside them."""
    return tuple(
        ListedQuestion(one, count_days_waiting(one, today), count_days_to_answer(one))
        for one in records
    )


def find_body_id(question: Question) -> str | None:
    """Return the id of the body that a question was put to, the first of several."""
    return build_person_slug(question.asked_of[0].name) if question.asked_of else None


class NumberedPage(msgspec.Struct, Generic[ItemT], frozen=True):
    """One page of a list whose pages are numbered."""

    items: Sequence[ItemT]
    number: int  #: of the page, from 1
    first_number: int  #: of the first item, counted from 1
    total: int
    has_more: bool

    @property
    def last_number(self) -> int:
        """Of the last item."""
        return self.first_number + len(self.items) - 1


def cut_page(items: Sequence[ItemT], number: int, size: int) -> NumberedPage[ItemT]:
    """Return one page of a list; the last one for a number above it."""
    number = max(1, min(number, -(-len(items) // size)))
    start = (number - 1) * size
    shown = items[start : start + size]
    return NumberedPage(shown, number, start + 1, len(items), start + size < len(items))


def count_state(answers: AnswerTimes, state: AnswerState | None) -> int:
    """Return how many questions are listed under a tab."""
    numbers = {None: answers.questions, "answered": answers.answered}
    return numbers.get(state, answers.unanswered)


def set_form_cookie(
    context: WebContext,
    form_tokens: FormTokens,
    request: Request,
    response: Response,
    csrf_pair: CsrfPair,
) -> Response:
    """Return ``response``, with the cookie of its form where it has one."""
    if context.accepts_sign_ups:
        form_tokens.set_cookie(request, response, csrf_pair.nonce)
    return response


def load_list_page(
    connection: Connection,
    listed: Sequence[DatedQuestion],
    size: int,
    *,
    after: SearchPosition | None,
    total: int,
    today: date,
) -> ListPage:
    """Return one page of a list of questions.

    Args:
        connection: The ledger.
        listed: The questions of the page, and one more if there is a further page.
        size: How many questions a page has.
        after: Where the page begins; None for the first.
        total: How many questions the whole list has.
        today: The present day.
    """
    records = questions.list_records(connection, [one.question_id for one in listed[:size]])
    return ListPage(
        describe_questions(records, today),
        (after.results_before if after else 0) + 1,
        total,
        find_next(listed, size, after),
    )
