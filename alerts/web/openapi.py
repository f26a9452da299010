"""The API described (OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.1). Pure."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec

from alerts.feeds.json_feed import Imprint
from alerts.web.api_models import ChangePage, QuestionPage, Refused, TopicAnswer, TopicPage
from crawler.records import Question

_SCHEMAS = (QuestionPage, Question, TopicPage, TopicAnswer, ChangePage, Refused)
_REFERENCE = "#/components/schemas/{name}"


def document(imprint: Imprint) -> dict[str, Any]:
    """The description, as values for JSON."""
    _, components = msgspec.json.schema_components(_SCHEMAS, ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": imprint.name,
            "version": version("watchword"),
            "description": "Public questions and their answers, and what happens to them.",
        },
        "servers": [{"url": imprint.public_url}] if imprint.public_url else [],
        "paths": _paths(),
        "components": {"schemas": components},
    }


def _paths() -> dict[str, Any]:
    query = _parameter("q", "A query in the language of topics.", {"type": "string"}, needed=True)
    limit = _parameter("limit", "So many at most.", _whole(1, 100, 20))
    after = _parameter("after", "What the last answer gave as `next`.", _whole(0, 2**62, 0))
    cursor = _parameter("cursor", "What the last answer gave as `next`.", _whole(0, 10_000, 0))
    one = _parameter("id", "As records have it.", _SOME_TEXT, place="path", needed=True)
    slug = _parameter("slug", "As in its feeds' names.", _SOME_TEXT, place="path", needed=True)
    topic = _parameter("topic", "A topic's slug: only what matches it.", {"type": "string"})
    return {
        "/api/v1/questions": _get(
            "search", "Questions that match a query", QuestionPage, [query, limit, cursor], "503"
        ),
        "/api/v1/questions/{id}": _get("question", "One record", Question, [one], "404"),
        "/api/v1/topics": _get("topics", "What is watched", TopicPage, [limit, after]),
        "/api/v1/topics/{slug}": _get("topic", "One topic", TopicAnswer, [slug], "404"),
        "/api/v1/changes": _get(
            "changes", "What happened after a cursor", ChangePage, [after, limit, topic], "404"
        ),
        "/api/v1/export.csv": _file("exportCsv", "text/csv", query),
        "/api/v1/export.jsonl": _file("exportJsonLines", "application/jsonl", query),
    }


_SOME_TEXT = {"type": "string", "minLength": 1}


def _whole(least: int, most: int, default: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


def _parameter(
    name: str, said: str, schema: dict[str, Any], place: str = "query", *, needed: bool = False
) -> dict[str, Any]:
    return {"name": name, "in": place, "description": said, "required": needed, "schema": schema}


def _get(
    name: str, said: str, answer: type, parameters: list[dict[str, Any]], *errors: str
) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "200": {
            "description": said,
            "headers": {"ETag": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": _of(answer)}},
        },
        "304": {"description": "The asker has it already (If-None-Match)"},
    }
    return _operation(name, said, parameters, answers, ("400", *errors))


def _file(name: str, kind: str, query: dict[str, Any]) -> dict[str, Any]:
    said = "All questions that match a query, the newest first, ten thousand at most"
    answers: dict[str, Any] = {
        "200": {
            "description": said,
            "headers": {"X-Total-Count": {"schema": {"type": "integer"}}},
            "content": {kind: {"schema": {"type": "string"}}},
        }
    }
    return _operation(name, said, [query], answers, ("400", "429", "503"))


def _operation(
    name: str,
    said: str,
    parameters: list[dict[str, Any]],
    answers: dict[str, Any],
    errors: tuple[str, ...],
) -> dict[str, Any]:
    refusal = {
        "description": "Refused; the answer says why",
        "content": {"application/json": {"schema": _of(Refused)}},
    }
    return {
        "get": {
            "operationId": name,
            "summary": said,
            "parameters": parameters,
            "responses": answers | dict.fromkeys(errors, refusal),
        }
    }


def _of(kind: type) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}
