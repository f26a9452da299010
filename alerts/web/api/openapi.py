"""The OpenAPI 3.1 document of the API (https://spec.openapis.org/oas/v3.1.1). Pure."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from alerts.feeds import FeedIdentity
from alerts.web.api.models import ChangePage, ErrorResponse, QuestionPage, TopicPage, TopicResponse
from crawler.records import Question, clean_descriptions

#: What the operations are about.
_TAGS = {
    "questions": "Questions with their answers: search them, read one, export them.",
    "topics": "Topics that the operator has published, each with a page and feeds.",
    "changes": "What happened to questions, in the order in which it was recorded.",
}
#: By operation, its tag and what a client has to know.
_OPERATIONS = {
    "search": (
        "questions",
        (
            "The newest questions come first. Pass `next` as `cursor` until it is null: a page can "
            "have few questions, or none, and still have a next one."
        ),
    ),
    "question": (
        "questions",
        (
            "The canonical record of a question, as it was last read. One that was taken down "
            "has no texts and no names."
        ),
    ),
    "topics": (
        "topics",
        (
            "Topics in the order in which they were made. Pass `next` as `after` until it is null. "
            "Alerts that people have are private and are not among them."
        ),
    ),
    "topic": ("topics", "The query of a topic, and the addresses of its page and its feeds."),
    "changes": (
        "changes",
        (
            "Changes have numbers that only grow. A client that continues with `next` misses "
            "nothing and gets nothing twice. After the last change, ask again later with the same "
            "`after`."
        ),
    ),
    "exportCsv": (
        "questions",
        (
            "One row for each question, without a limit. Cells that a spreadsheet would take for a "
            "formula begin with an apostrophe. If anything goes wrong, the transfer is broken off."
        ),
    ),
    "exportJsonLines": (
        "questions",
        (
            "One canonical record on each line, without a limit. If anything goes wrong, the "
            "transfer is broken off, so that no part is taken for the whole."
        ),
    ),
}
_SCHEMAS = (QuestionPage, Question, TopicPage, TopicResponse, ChangePage, ErrorResponse)
_REFERENCE_TEMPLATE = "#/components/schemas/{name}"


def build_openapi(identity: FeedIdentity) -> dict[str, Any]:
    """Return the document, ready to be encoded as JSON."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": identity.name,
            "version": version("watchword"),
            "description": "Public questions, their answers, and how they change.",
            "contact": _describe_contact(identity),
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "servers": [{"url": identity.public_url}] if identity.public_url else [],
        "paths": _describe_paths(),
        "components": {"schemas": _describe_schemas()},
    }


def _describe_contact(identity: FeedIdentity) -> dict[str, str]:
    """Return who publishes; the page about the service says how to reach them."""
    about = {"url": f"{identity.public_url}/about"} if identity.public_url else {}
    return {"name": identity.name, **about}


@cache
def _describe_schemas() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(_SCHEMAS, ref_template=_REFERENCE_TEMPLATE)
    return clean_descriptions(components)


def _describe_paths() -> dict[str, Any]:
    query = _describe_parameter(
        "q", "A query, as typed into the search box.", {"type": "string"}, required=True
    )
    limit = _describe_parameter("limit", "Items on one page.", _describe_integer(1, 100, 20))
    after = _describe_parameter(
        "after", "`next` of the last response.", _describe_integer(0, 2**62, 0)
    )
    cursor = _describe_parameter("cursor", "`next` of the last response.", _NON_EMPTY_TEXT)
    question_id = _describe_parameter(
        "id", "The `id` of a record.", _NON_EMPTY_TEXT, location="path", required=True
    )
    slug = _describe_parameter(
        "slug",
        "A topic's slug, as in the addresses of its feeds.",
        _NON_EMPTY_TEXT,
        location="path",
        required=True,
    )
    topic = _describe_parameter(
        "topic", "A topic's slug: only changes that match the topic.", {"type": "string"}
    )
    return {
        "/api/v1/questions": _describe_get(
            "search",
            "Questions that match a query",
            QuestionPage,
            [query, limit, cursor],
            "429",
            "503",
        ),
        "/api/v1/questions/{id}": _describe_get(
            "question", "One question", Question, [question_id], "404"
        ),
        "/api/v1/topics": _describe_get("topics", "All public topics", TopicPage, [limit, after]),
        "/api/v1/topics/{slug}": _describe_get(
            "topic", "One public topic", TopicResponse, [slug], "404", "410"
        ),
        "/api/v1/changes": _describe_get(
            "changes", "Changes after a cursor", ChangePage, [after, limit, topic], "404", "410"
        ),
        "/api/v1/export.csv": _describe_export("exportCsv", "text/csv", query),
        "/api/v1/export.jsonl": _describe_export("exportJsonLines", "application/jsonl", query),
    }


_NON_EMPTY_TEXT = {"type": "string", "minLength": 1}


def _describe_integer(minimum: int, maximum: int, default: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, "maximum": maximum, "default": default}


def _describe_parameter(
    name: str,
    description: str,
    schema: dict[str, Any],
    location: str = "query",
    *,
    required: bool = False,
) -> dict[str, Any]:
    return {
        "name": name,
        "in": location,
        "description": description,
        "required": required,
        "schema": schema,
    }


def _describe_get(
    name: str, summary: str, response_type: type, parameters: list[dict[str, Any]], *errors: str
) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "200": {
            "description": summary,
            "headers": {"ETag": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": _build_reference(response_type)}},
        },
        "304": {"description": "Not modified (If-None-Match)"},
    }
    return _describe_operation(name, summary, parameters, answers, ("400", *errors))


def _describe_export(name: str, kind: str, query: dict[str, Any]) -> dict[str, Any]:
    summary = "All questions that match a query, newest first"
    answers: dict[str, Any] = {
        "200": {
            "description": summary,
            "headers": {
                "X-Total-Count": {
                    "description": "How many; missing where counting takes too long",
                    "schema": {"type": "integer"},
                }
            },
            "content": {kind: {"schema": {"type": "string"}}},
        }
    }
    return _describe_operation(name, summary, [query], answers, ("400", "429", "503"))


def _describe_operation(
    name: str,
    summary: str,
    parameters: list[dict[str, Any]],
    responses: dict[str, Any],
    errors: tuple[str, ...],
) -> dict[str, Any]:
    refusal = {
        "description": "Refused; `error` says why",
        "content": {"application/json": {"schema": _build_reference(ErrorResponse)}},
    }
    tag, description = _OPERATIONS[name]
    return {
        "get": {
            "operationId": name,
            "tags": [tag],
            "summary": summary,
            "description": description,
            "parameters": parameters,
            "responses": responses | dict.fromkeys(errors, refusal),
        }
    }


def _build_reference(kind: type) -> dict[str, str]:
    return {"$ref": _REFERENCE_TEMPLATE.format(name=kind.__name__)}
