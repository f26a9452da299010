"""Pages of ``docs/reference`` made from the code: alarms, exit statuses, the record, the API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from alerts.feeds import FeedIdentity
from alerts.operator.overview.advice import ADVICE, JOB_ADVICE, JOB_MEANING, MEANINGS
from alerts.rendering import ALARM_LABELS
from alerts.search import SmallForm
from alerts.web.api.models import (
    ChangePage,
    ChangeResponse,
    ErrorResponse,
    QuestionPage,
    TopicPage,
    TopicResponse,
)
from alerts.web.api.openapi import build_openapi
from crawler.records import RECORD_SCHEMA_ID, Question, build_json_schema
from tools.command_reference import build_exit_statuses, format_struct

_ALARMS = """\
# Alarms

An alarm is something that you must act on. It is raised once, with one email to the operator, and
cleared with another when what it says is over. The open ones are in `watchword status`, on
`/status` and on the operator's page, each with its reason and with what to do. [When something is
wrong](../how-to/when-something-is-wrong.md) has the rules behind them, and a test for each. This
page is written from the code by `make docs`.

## Kinds of alarm

"""
_FINDINGS = """
## Other reasons why the service is not well

They raise no alarm and are shown in the same places.

"""
_RECORD = """\
# The canonical record

One question with its answers, whatever source published it. `watchword parse` prints it,
`watchword ingest` and `watchword match` read it, [the API](api.md) returns it, and exports in
JSON Lines have one on each line. An unknown value is null, never guessed and never an empty text.
Text is Unicode NFC with plain spaces.

[`schemas/record.json`](schemas/record.json) is its JSON Schema, which `watchword schema` prints
as well. Fields may be added in later versions; none is renamed or taken away without a line in
the changelog. This page is written from the code by `make docs`.

The schema's `$id`, `{schema_id}`, is a name by which your own schemas can refer to it; there is
nothing to fetch at it. Its number goes up when a field is renamed, taken away or means something
else. A new field leaves it as it is. The schema refuses fields that it does not know, so take it
from the version of Watchword that wrote the records.

"""
_API = """\
# The API

The API needs no key and is open to scripts of other sites (CORS). Responses have entity tags.
`/api/openapi.json` describes it for programs; [`schemas/openapi.json`](schemas/openapi.json) is
the same document for a service at `watch.example.org`. [How search reaches
everything](pages-and-feeds.md#how-search-reaches-everything) and [how often somebody may
ask](pages-and-feeds.md#limits) are on the page about pages and feeds. This page is written from
the code by `make docs`.

"""
_EXIT_STATUSES = """\
# Exit statuses

The numbers are those of `sysexits.h`, where it has one. Wrong usage is 64, not 2. Every error of
the program has one of them, so a script can tell what to do without reading a message: 69 and 75
are worth another try without a change. This page is written from the code by `make docs`.

{table}
`watchword status` uses 75 for "not yet" and 1 for "trouble".
"""
#: The types of the bodies, but for the record, which has a page of its own.
_BODIES = (
    QuestionPage,
    SmallForm,
    TopicPage,
    TopicResponse,
    ChangePage,
    ChangeResponse,
    ErrorResponse,
)


def build_reference_pages() -> dict[str, str]:
    """Return the pages and the files of schemas, by their paths below ``docs/reference``."""
    return {
        "alarms.md": _build_alarms(),
        "api.md": _build_api(),
        "exit-statuses.md": _EXIT_STATUSES.format(table=build_exit_statuses()),
        "record.md": _RECORD.format(schema_id=RECORD_SCHEMA_ID)
        + "".join(format_struct(one, "##") for one in _list_records()),
        "schemas/openapi.json": _format_json(_build_example_openapi()),
        "schemas/record.json": _format_json(build_json_schema()),
    }


def _build_alarms() -> str:
    alarms = [
        (f"`{kind}`", label, MEANINGS[kind], ADVICE[kind].text)
        for kind, label in ALARM_LABELS.items()
    ]
    alarms.append(("`job NAME`", "", JOB_MEANING, JOB_ADVICE.text))
    others = [
        (f"`{kind}`", meaning, ADVICE[kind].text)
        for kind, meaning in MEANINGS.items()
        if kind not in ALARM_LABELS
    ]
    head = ("kind", "said in emails and on pages", "meaning", "what to do")
    return (
        _ALARMS
        + _format_table(head, alarms)
        + _FINDINGS
        + _format_table(("kind", "meaning", "what to do"), others)
    )


def _format_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ("| " + " | ".join(cells) + " |\n" for cells in (head, ("---",) * len(head), *rows))
    return "".join(lines)


def _list_records() -> list[type[msgspec.Struct]]:
    """Return the parts of the record, itself first."""
    found: dict[type[msgspec.Struct], None] = {}
    _collect_records(inspect.type_info(Question), found)
    return list(found)


def _collect_records(info: Any, found: dict[type[msgspec.Struct], None]) -> None:
    match info:
        case inspect.StructType(cls=cls, fields=fields):
            found[cls] = None
            for field in fields:
                _collect_records(field.type, found)
        case inspect.UnionType(types=parts):
            for part in parts:
                _collect_records(part, found)
        case inspect.VarTupleType(item_type=part):
            _collect_records(part, found)


def _build_example_openapi() -> dict[str, Any]:
    url = "https://watch.example.org"
    document = build_openapi(
        FeedIdentity("Watchword", tag_authority="example.org,2026", home_url=url, public_url=url)
    )
    # The release would change the file without a change of the API.
    return document | {"info": document["info"] | {"version": "1"}}


def _build_api() -> str:
    document = _build_example_openapi()
    parts = [_API]
    for tag in document["tags"]:
        parts.append(f"## {tag['name'].capitalize()}\n\n{tag['description']}\n\n")
        for path, methods in document["paths"].items():
            if tag["name"] in methods["get"]["tags"]:
                parts += _describe_operation(path, methods["get"])
    parts.append("## Bodies\n\n`Question` is [the canonical record](record.md).\n\n")
    parts += (format_struct(one, "###") for one in _BODIES)
    return "".join(parts)


def _describe_operation(path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"### `GET {path}`\n\n{operation['summary']}. {operation['description']}\n\n"
    rows = [
        (f"`{one['name']}`", _describe_schema(one), one["description"])
        for one in operation["parameters"]
    ]
    yield _format_table(("parameter", "", "meaning"), rows) + "\n"
    answers = [
        (status, _name_content(answer), answer["description"])
        for status, answer in operation["responses"].items()
    ]
    yield _format_table(("status", "body", "meaning"), answers) + "\n"


def _describe_schema(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    said = ["required"] if parameter["required"] else []
    if "minimum" in schema:
        said.append(f"{schema['minimum']} to {schema['maximum']}; default {schema['default']}")
    return "; ".join([schema["type"], *said])


def _name_content(answer: Mapping[str, Any]) -> str:
    for kind, content in answer.get("content", {}).items():
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        return f"`{name}`" if name else f"`{kind}`"
    return ""


def _format_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
