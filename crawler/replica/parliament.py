"""A stand-in for the API of UK Parliament's written questions, with its traps. Invented content.

Lists cut an answer at 255 characters with three dots and a question with no mark at all, glue the
cells of tables, and say nothing reliable about holding replies; errors are JSON.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

API = "/api/writtenquestions/questions"
_CUT = 255


def question(uin: str, tabled: str, **changed: Any) -> dict[str, Any]:
    """One question as the single call gives it; ``changed`` by the API's own names."""
    usual: dict[str, Any] = {
        "id": 1_000_000 + int(uin),
        "askingMemberId": 1,
        "askingMember": {"id": 1, "name": "Ada Brook", "party": "Riverside Group"},
        "house": "Commons",
        "dateTabled": f"{tabled}T00:00:00",
        "uin": uin,
        "questionText": "<p>To ask the Secretary of State for Piers, how many are open.</p>",
        "answeringBodyName": "Department for Piers",
        "heading": "Piers",
        "isWithdrawn": False,
        "answerIsHolding": False,
        "answerIsCorrection": False,
        "answeringMember": None,
        "dateAnswered": None,
        "dateHoldingAnswer": None,
        "answerText": None,
        "attachments": [],
        "groupedQuestions": [],
    }
    return usual | changed


def create_api(questions: Sequence[dict[str, Any]]) -> Starlette:
    """The API over ``questions``, which the caller may change. ``app.state.requests`` lists what
    was asked for.
    """
    asked: list[str] = []

    def many(request: Request) -> Response:
        asked.append(str(request.url))
        query = request.query_params
        found = [q for q in questions if _in(q, "dateTabled", query, "tabled")]
        found = [q for q in found if _in(q, "dateAnswered", query, "answered")]
        take, skip = int(query.get("take", 20)), int(query.get("skip", 0))
        results = [{"value": _cut(q), "links": []} for q in found[skip : skip + take]]
        return JSONResponse({"totalResults": len(found), "results": results})

    def one(request: Request) -> Response:
        asked.append(str(request.url))
        tabled, uin = request.path_params["tabled"], request.path_params["uin"]
        for q in questions:
            if q["uin"] == uin and q["dateTabled"].startswith(tabled):
                return JSONResponse({"value": q, "links": []})
        return JSONResponse({"status": 404, "title": "Not Found"}, 404)

    app = Starlette(
        routes=[
            Route(API, many),
            Route(f"{API}/{{tabled}}/{{uin}}", one),
            Route("/robots.txt", lambda _: PlainTextResponse("User-agent: *\nAllow: /\n")),
        ]
    )
    app.state.requests = asked
    return app


def _in(question: dict[str, Any], field: str, query: Any, name: str) -> bool:
    """Whether a question's day is in the window that the query has for it, if it has one."""
    since, until = query.get(f"{name}WhenFrom"), query.get(f"{name}WhenTo")
    if since is None:
        return True
    day = (question[field] or "")[:10]
    return bool(day) and since <= day <= until


def _cut(question: dict[str, Any]) -> dict[str, Any]:
    """A question as lists have it."""
    bare = {name: _text(question[name] or "") for name in ("questionText", "answerText")}
    answer = bare["answerText"]
    return question | {
        "questionText": bare["questionText"][:_CUT],
        "answerText": f"{answer[:_CUT]}..." if len(answer) > _CUT else answer,
        "answerIsHolding": None,
    }


def _text(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)
