"""The JSON API, for programs: search, records, topics, changes since a cursor, exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from alerts.export.tables import as_csv, as_json_lines
from alerts.ledger import changes, matches, questions, topics
from alerts.ledger.engine import TooLong
from alerts.queries.parse import QueryError, parse
from alerts.search.search import Budget, Found, search
from alerts.web.api_models import (
    Changed,
    ChangePage,
    QuestionPage,
    Refused,
    TopicAnswer,
    TopicPage,
    described_topic,
)
from alerts.web.context import Site
from alerts.web.http_cache import is_unchanged, strong_tag
from alerts.web.limits import Limits
from alerts.web.openapi import document
from crawler.records import Question

#: What a search may spend on deciding, and an export, in seconds; and the database on a statement.
_DECIDING, _EXPORTING, _ASKING = 0.5, 20.0, 10.0
_LIMIT, _MOST = 20, 100
#: How far a search can be paged, and how much of it exported; there is more in the changes.
_DEEPEST = 10_000
_LARGEST_CURSOR = 2**62

#: For everybody, from any page, for a minute.
_PUBLIC = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}

_Work: TypeAlias = Callable[[Request], msgspec.Struct]


class Wrong(Exception):
    """A request that we refuse: the status, and what to do in one sentence."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


class Api:
    """The API, over an open ledger."""

    def __init__(self, site: Site, limits: Limits) -> None:
        self._site, self._limits = site, limits
        self._document = msgspec.json.encode(document(site.imprint))

    def routes(self) -> list[Route]:
        """Where it is."""
        return [
            Route("/api/openapi.json", self._openapi, methods=["GET"]),
            _route("/api/v1/questions", self.search),
            _route("/api/v1/questions/{id:path}", self.question),
            _route("/api/v1/topics", self.topics),
            _route("/api/v1/topics/{slug}", self.topic),
            _route("/api/v1/changes", self.changes),
            Route("/api/v1/export.csv", self._csv, methods=["GET"]),
            Route("/api/v1/export.jsonl", self._json_lines, methods=["GET"]),
            Route("/api/{rest:path}", _nowhere),
        ]

    async def _openapi(self, request: Request) -> Response:
        return _answered(request, self._document)

    def search(self, request: Request) -> QuestionPage:
        """The newest questions that match a query, page by page."""
        limit = _number(request, "limit", _LIMIT, 1, _MOST)
        offset = _number(request, "cursor", 0, 0, _DEEPEST)
        found, records = self._found(request, limit, offset, Budget(_DECIDING))
        more = offset + limit < found.total and len(records) == limit
        return QuestionPage(
            tuple(records), found.total, found.is_estimate, offset + limit if more else None
        )

    def _found(
        self, request: Request, limit: int, offset: int, budget: Budget
    ) -> tuple[Found, list[Question]]:
        query = parse(_text(request, "q"))
        with self._site.ledger.reading_for(_ASKING) as connection:
            found = search(connection, query, offset + limit, budget)
            ids = [one.question_id for one in found.newest[offset:]]
            records: dict[str, Question] = {}
            for start in range(0, len(ids), 500):
                records |= {q.id: q for q in questions.all_of(connection, ids[start : start + 500])}
        return found, [records[one] for one in ids]

    def question(self, request: Request) -> Question:
        """One canonical record."""
        with self._site.ledger.reading() as connection:
            stored = questions.find(connection, _sound(request.path_params["id"]))
        if stored is None:
            raise Wrong(404, "There is no such question.")
        return stored.record

    def topics(self, request: Request) -> TopicPage:
        """Topics that anybody watches or watched, oldest first."""
        limit = _number(request, "limit", _LIMIT, 1, _MOST)
        after = _number(request, "after", 0, 0, _LARGEST_CURSOR)
        with self._site.ledger.reading() as connection:
            found = topics.page(connection, after, limit)
        listed = tuple(described_topic(topic, self._site.imprint) for topic in found)
        return TopicPage(listed, found[-1].id if len(found) == limit else None)

    def topic(self, request: Request) -> TopicAnswer:
        """One topic, with how many questions match it."""
        with self._site.ledger.reading() as connection:
            topic = topics.by_slug(connection, _sound(request.path_params["slug"]))
            if topic is None:
                raise Wrong(404, "There is no such topic.")
            ever = sum(matches.days(connection, topic.id).values())
        return msgspec.structs.replace(described_topic(topic, self._site.imprint), questions=ever)

    def changes(self, request: Request) -> ChangePage:
        """What happened, in the order in which we recorded it, after a cursor."""
        limit = _number(request, "limit", _LIMIT, 1, _MOST)
        after = _number(request, "after", 0, 0, _LARGEST_CURSOR)
        slug = request.query_params.get("topic")
        with self._site.ledger.reading() as connection:
            if slug is None:
                newest = changes.newest(connection)
                found = changes.between(connection, after, newest, limit)
            else:
                topic = topics.by_slug(connection, _sound(slug))
                if topic is None:
                    raise Wrong(404, "There is no such topic.")
                numbers = matches.after(connection, topic.id, after, limit)
                known = changes.get(connection, numbers)
                found = [known[number] for number in numbers]
        told = tuple(
            Changed(one.seq, one.change.kind, one.recorded_at, one.change.after) for one in found
        )
        return ChangePage(told, told[-1].number if told else after, len(told) == limit)

    async def _csv(self, request: Request) -> Response:
        return await self._export(request, as_csv, "text/csv; charset=utf-8; header=present", "csv")

    async def _json_lines(self, request: Request) -> Response:
        return await self._export(request, as_json_lines, "application/jsonl", "jsonl")

    async def _export(
        self,
        request: Request,
        written: Callable[[Iterator[Question]], Iterator[bytes]],
        kind: str,
        ending: str,
    ) -> Response:
        """All that matches a query, the newest first, as a file."""
        if not self._limits.export(request):
            return _refusal(Wrong(429, "That was often. Please try again in an hour."))
        try:
            ids, total = await run_in_threadpool(self.exported, request)
        except (Wrong, QueryError, TooLong) as error:
            return _refusal(error)
        headers = {
            "Content-Disposition": f'attachment; filename="questions.{ending}"',
            "X-Total-Count": str(total),
            "Cache-Control": "public, max-age=60",
        }
        return StreamingResponse(written(self._records(ids)), 200, headers, media_type=kind)

    def exported(self, request: Request) -> tuple[list[str], int]:
        """The ids of what an export holds, and how many questions match."""
        query = parse(_text(request, "q"))
        with self._site.ledger.reading_for(_ASKING) as connection:
            found = search(connection, query, _DEEPEST, Budget(_EXPORTING))
        if found.is_estimate:
            raise Wrong(503, "That takes too long to look for. Add a rarer word.")
        return [one.question_id for one in found.newest], found.total

    def _records(self, ids: list[str]) -> Iterator[Question]:
        for start in range(0, len(ids), 200):
            some = ids[start : start + 200]
            with self._site.ledger.reading() as connection:
                records = {q.id: q for q in questions.all_of(connection, some)}
            yield from (records[one] for one in some if one in records)


def _route(path: str, work: _Work) -> Route:
    async def answer(request: Request) -> Response:
        try:
            found = await run_in_threadpool(work, request)
        except (Wrong, QueryError, TooLong) as error:
            return _refusal(error)
        return _answered(request, msgspec.json.encode(found))

    return Route(path, answer, methods=["GET"])


def _answered(request: Request, body: bytes) -> Response:
    """JSON with an entity tag, or the word that the asker has it."""
    tag = strong_tag(body)
    headers = {"ETag": tag, **_PUBLIC}
    if is_unchanged(request.headers, tag):
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")


def _refusal(error: Wrong | QueryError | TooLong) -> Response:
    match error:
        case Wrong():
            status, said = error.status, error.error
        case QueryError():
            status, said = 400, str(error)
        case _:
            status, said = 503, "That takes too long to look for. Add a rarer word."
    return Response(msgspec.json.encode(Refused(said)), status, media_type="application/json")


async def _nowhere(_request: Request) -> Response:
    return _refusal(Wrong(404, "There is nothing here; /api/openapi.json says what there is."))


def _text(request: Request, name: str) -> str:
    return _sound(request.query_params.get(name, ""))


def _sound(text: str) -> str:
    """``text``, which no database takes with a NUL in it."""
    if "\0" in text:
        raise Wrong(400, "Leave out the NUL character.")
    return text


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    if not is_number or not least <= int(text) <= most:
        raise Wrong(400, f"{name}: expected a whole number from {least} to {most}.")
    return int(text)
