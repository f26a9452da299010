"""A replica of the API of the UK Parliament's written questions, with an invented world.

It repeats the source's pitfalls: lists cut texts, the question's without a mark, run tables
together and set no flags. The call for a single question is complete. Errors are objects too.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from crawler.replica.site import MAX_REQUESTS, ROBOTS_TXT, RequestRecorder
from crawler.replica.world import LONDON_TIME_ZONE, REPLICA_NOTICE, STAGES

API_PATH = "/api/writtenquestions/questions"
FILES_URL = "https://questions-statements.parliament.uk/replica/files"

#: The most rows in a list, however many are requested. Fewer than the source returns, so that a
#: small world has a second page.
MAX_ROWS = 5
_TRUNCATED_LENGTH = 255


class _StrictScriptEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the script's entries. A misspelt key is an error."""


class ReplicaParliamentMember(_StrictScriptEntry, frozen=True):
    """An invented member of one of the Houses."""

    name: str
    party: str


class ReplicaReply(_StrictScriptEntry, frozen=True):
    """The answer from ``stage`` on, until the next reply replaces it."""

    html: str
    stage: int = 0
    holding: bool = False
    file: str | None = None


class ReplicaWrittenQuestion(_StrictScriptEntry, frozen=True):
    """One written question with all its replies, now and later."""

    id: int
    uin: str
    days_ago: int
    heading: str
    text: str
    by: str  #: a member's key
    body: str
    reply: tuple[ReplicaReply, ...] = ()
    stage: int = 0
    withdrawn: int | None = None  #: the stage from which it is withdrawn
    grouped: tuple[str, ...] = ()


class ParliamentScript(_StrictScriptEntry, frozen=True):
    """The world in ``parliament.toml``."""

    minister: str
    member: dict[str, ReplicaParliamentMember]
    question: tuple[ReplicaWrittenQuestion, ...]


def create_api(
    start: datetime, clock: Callable[[], datetime], session_began: date | None = None
) -> Starlette:
    """Return the API as an ASGI application.

    ``app.state.requests`` lists the newest requests as ``GET /path?query``, in order.

    Args:
        start: When the world starts; aware.
        clock: Returns the time now, which decides the replies that can be seen.
        session_began: Questions that were tabled before this day are of an earlier session, which
            only ``sessionStatus=Any`` shows. None: all are of the current session. It can be set
            later as ``app.state.session_began``.
    """
    calls = _ApiEndpoints(start, clock)
    requests: deque[str] = deque(maxlen=MAX_REQUESTS)
    app = Starlette(
        routes=[
            Route(API_PATH, calls.listing),
            Route(f"{API_PATH}/{{id:int}}", calls.by_id),
            Route(f"{API_PATH}/{{day}}/{{uin}}", calls.by_day),
            Route("/robots.txt", lambda _: PlainTextResponse(ROBOTS_TXT)),
        ],
        middleware=[Middleware(RequestRecorder, requests=requests)],
        exception_handlers={HTTPException: _handle_error},
    )
    app.state.requests = requests
    app.state.session_began = session_began
    return app


async def _handle_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"status": error.status_code, "title": error.detail}
    return JSONResponse(body, error.status_code)


class _ApiEndpoints:
    """The endpoints of the API."""

    def __init__(self, start: datetime, clock: Callable[[], datetime]) -> None:
        text = Path(__file__).with_name("parliament.toml").read_bytes()
        self.script = msgspec.toml.decode(text, type=ParliamentScript)
        self.start = start
        self.clock = clock

    def list_session(self, request: Request) -> Iterator[dict[str, Any]]:
        """Yield the questions of the sessions that a request asks for, newest first.

        The default is not documented; here it is the current session, which hides most.
        """
        status = request.query_params.get("sessionStatus", "Current")
        if status not in {"Any", "Current"}:
            raise HTTPException(400, f"sessionStatus: {status}")
        began = request.app.state.session_began
        for value in self.list_objects():
            tabled = datetime.fromisoformat(value["dateTabled"]).date()
            if status == "Any" or began is None or tabled >= began:
                yield value

    def list_objects(self) -> Iterator[dict[str, Any]]:
        """Yield every question as the call for a single one returns it now, newest first."""
        age = self.clock() - self.start
        stage = sum(begins <= age for begins in STAGES)
        return _ParliamentSnapshot(
            self.script, self.start.astimezone(LONDON_TIME_ZONE).date(), stage
        ).list_objects()

    async def listing(self, request: Request) -> Response:
        query = request.query_params
        try:
            since = date.fromisoformat(query.get("tabledWhenFrom", "0001-01-01"))
            until = date.fromisoformat(query.get("tabledWhenTo", "9999-12-31"))
            take, skip = int(query.get("take", "20")), int(query.get("skip", "0"))
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        found = [
            value
            for value in self.list_session(request)
            if since <= datetime.fromisoformat(value["dateTabled"]).date() <= until
            and not (value["isWithdrawn"] and query.get("includeWithdrawn") != "true")
        ]
        rows = found[skip : skip + min(take, MAX_ROWS)]
        return _build_response(
            totalResults=len(found), results=[_wrap_value(_build_list_row(v, query)) for v in rows]
        )

    async def by_id(self, request: Request) -> Response:
        return self._find_question(request, id=request.path_params["id"])

    async def by_day(self, request: Request) -> Response:
        day = f"{request.path_params['day']}T00:00:00"
        return self._find_question(request, dateTabled=day, uin=request.path_params["uin"])

    def _find_question(self, request: Request, **wanted: object) -> Response:
        for value in self.list_session(request):
            if wanted == {name: value[name] for name in wanted}:
                return _build_response(**_wrap_value(_expand_members(value, request.query_params)))
        raise HTTPException(404, "Not Found")


def _build_response(**body: Any) -> Response:
    return JSONResponse({"notice": REPLICA_NOTICE, **body})


def _wrap_value(value: dict[str, Any]) -> dict[str, Any]:
    link = {"rel": "self", "href": f"/Questions/{value['id']}", "method": "GET"}
    return {"value": value, "links": [link]}


def _expand_members(value: dict[str, Any], query: Any) -> dict[str, Any]:
    """Return ``value`` with members only if the query asks for them."""
    if query.get("expandMember") == "true":
        return value
    return value | {"askingMember": None, "answeringMember": None, "correctingMember": None}


def _build_list_row(value: dict[str, Any], query: Any) -> dict[str, Any]:
    """Return ``value`` as a list has it: with cut texts and without flags."""
    words = unescape(re.sub(r"<[^>]+>", "", value["answerText"] or ""))
    return _expand_members(value, query) | {
        "questionText": value["questionText"][:_TRUNCATED_LENGTH],
        "answerText": words
        if len(words) <= _TRUNCATED_LENGTH
        else words[:_TRUNCATED_LENGTH] + "...",
        "answerIsHolding": None,
        "isWithdrawn": False,
        "attachments": [],
    }


class _ParliamentSnapshot:
    """The world as it is at one stage."""

    def __init__(self, script: ParliamentScript, today: date, stage: int) -> None:
        self.script = script
        self.today = today
        self.stage = stage

    def list_objects(self) -> Iterator[dict[str, Any]]:
        """Yield every question as the call for a single one returns it, newest first."""
        for question in sorted(self.script.question, key=lambda q: (q.days_ago, q.id)):
            if question.stage <= self.stage:
                yield self._build_question_fields(question) | self._build_answer_fields(question)

    def _build_question_fields(self, question: ReplicaWrittenQuestion) -> dict[str, Any]:
        tabled = self.today - timedelta(days=question.days_ago)
        return {
            "id": question.id,
            "askingMember": self._build_member(question.by),
            "house": "Lords" if question.uin.startswith("HL") else "Commons",
            "memberHasInterest": False,
            "dateTabled": _format_midnight(tabled),
            "dateForAnswer": _format_midnight(tabled + timedelta(days=5)),
            "uin": question.uin,
            "heading": question.heading,
            "questionText": question.text,
            "answeringBodyName": question.body,
            "isNamedDay": False,
            "isWithdrawn": question.withdrawn is not None and question.withdrawn <= self.stage,
            "groupedQuestions": list(question.grouped),
            "groupedQuestionsDates": [],
        }

    def _build_answer_fields(self, question: ReplicaWrittenQuestion) -> dict[str, Any]:
        given = [reply for reply in question.reply if reply.stage <= self.stage]
        now = given[-1] if given else None
        answers = [reply for reply in given if not reply.holding]
        first, more = answers[0] if answers else None, answers[1:]
        minister = self._build_member(self.script.minister)
        return {
            "answeringMember": minister if now else None,
            "correctingMember": minister if more else None,
            "answerIsHolding": now.holding if now else None,
            "answerIsCorrection": bool(more),
            "dateAnswered": self._format_reply_day(first),
            "dateHoldingAnswer": self._format_reply_day(
                next((r for r in given if r.holding), None)
            ),
            "dateAnswerCorrected": self._format_reply_day(more[-1] if more else None),
            "answerText": now.html if now else None,
            "originalAnswerText": answers[0].html if more else "",
            "comparableAnswerText": "",
            "attachmentCount": int(bool(now and now.file)),
            "attachments": [_build_file(now.file)] if now and now.file else [],
        }

    def _build_member(self, key: str) -> dict[str, Any]:
        member = self.script.member[key]
        return {"name": member.name, "listAs": member.name, "party": member.party}

    def _format_reply_day(self, reply: ReplicaReply | None) -> str | None:
        """Return the day on which the stage of ``reply`` starts, None without a reply."""
        if reply is None:
            return None
        return _format_midnight(
            self.today + (STAGES[reply.stage - 1] if reply.stage else timedelta(0))
        )


def _build_file(name: str) -> dict[str, Any]:
    return {
        "url": f"{FILES_URL}/{name}",
        "title": name,
        "fileType": "text/plain",
        "fileSizeBytes": 64,
    }


def _format_midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00"
