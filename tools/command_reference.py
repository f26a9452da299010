"""The reference of commands for ``docs/reference/command-line.md``, and the schema of their JSON.

Both are made from the commands themselves: their help, their options, and the types of their data.
"""

from __future__ import annotations

import inspect as python_inspect
import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import click
import msgspec
from msgspec import inspect

from alerts.errors import ExitStatus
from crawler.records import Question, clean_descriptions
from scheduler.cli.group import SECTIONS, watchword
from scheduler.cli.options import ServiceCommand
from scheduler.config.reference import read_comments

_REF_TEMPLATE = "#/$defs/{name}"
#: Name of the schema. What the commands print breaks only with a major version of Watchword, whose
#: number this ends with.
SCHEMA_ID = "urn:watchword:command-line:1"
#: Options of every command, which the page explains once.
_COMMON_OPTIONS = {"config", "json"}
_STATUS_MEANINGS = {
    ExitStatus.OK: ("EX_OK", "success"),
    ExitStatus.PARTIAL: ("", "partial success, or nothing was found; standard error says what"),
    ExitStatus.USAGE: ("EX_USAGE", "wrong usage: arguments, a query, an address"),
    ExitStatus.DATA: ("EX_DATAERR", "the input or the ledger cannot be read, or has no such thing"),
    ExitStatus.UNAVAILABLE: (
        "EX_UNAVAILABLE",
        "the source, the mail server or the port of the pages is unavailable; nothing is lost",
    ),
    ExitStatus.RETRY: (
        "EX_TEMPFAIL",
        "try again later: another process is using the ledger, or a message is being sent",
    ),
    ExitStatus.CONFIG: ("EX_CONFIG", "the config is wrong"),
    ExitStatus.INTERRUPTED: ("", "interrupted by Ctrl-C (128 + SIGINT)"),
}


def list_commands() -> Iterator[tuple[str, str, ServiceCommand]]:
    """Yield each command with its section and its name, ``topics list``, in the help's order."""
    context = click.Context(watchword, info_name="watchword")
    for section, names in SECTIONS.items():
        for name in names:
            command = watchword.get_command(context, name)
            if isinstance(command, click.Group):
                for inner, one in command.commands.items():
                    assert isinstance(one, ServiceCommand)
                    yield section, f"{name} {inner}", one
            else:
                assert isinstance(command, ServiceCommand)
                yield section, name, command


def build_exit_statuses() -> str:
    """Return the table of exit statuses."""
    head = "| exit status | name in `sysexits.h` | |\n|---|---|---|\n"
    rows = (
        f"| {status} | {f'`{name}`' if name else ''} | {meaning} |\n"
        for status, (name, meaning) in _STATUS_MEANINGS.items()
    )
    return head + "".join(rows)


def build_command_reference() -> str:
    """Return a part of the page for each command: usage, help, options and data."""
    parts: list[str] = []
    current = ""
    for section, name, command in list_commands():
        if section != current:
            parts.append(f"### {section}\n\n")
            current = section
        parts.append(_format_command(name, command))
    return "".join(parts)


def build_data_reference() -> str:
    """Return a table of fields for each type that the data of a command holds."""
    return "".join(format_struct(struct) for struct in _list_structs())


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema of every document that ``--json`` prints."""
    types = [kind for *_, command in list_commands() for kind in command.data]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF_TEMPLATE)
    found = iter(schemas)
    results = [
        _describe_result(name, [next(found) for _ in command.data])
        for _, name, command in list_commands()
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "What watchword prints with --json",
        "anyOf": [*results, _ERROR],
        "$defs": clean_descriptions(components),
    }


def format_schema() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(build_schema(), indent=1, ensure_ascii=False) + "\n"


_STATUS = {"enum": [int(status) for status in ExitStatus]}
_WARNINGS = {"type": "array", "items": {"type": "string"}}
_ERROR: dict[str, Any] = {
    "title": "error",
    "type": "object",
    "properties": {
        "command": {"type": "string"},
        "ok": {"const": False},
        "exit_status": _STATUS,
        "error": {"type": "string"},
        "warnings": _WARNINGS,
    },
    "required": ["command", "ok", "exit_status", "error", "warnings"],
    "additionalProperties": False,
}


def _describe_result(name: str, data: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": name,
        "type": "object",
        "properties": {
            "command": {"const": name},
            "ok": {"type": "boolean"},
            "exit_status": _STATUS,
            "data": data[0] if len(data) == 1 else {"anyOf": data},
            "warnings": _WARNINGS,
        },
        "required": ["command", "ok", "exit_status", "data", "warnings"],
        "additionalProperties": False,
    }


def _format_command(name: str, command: ServiceCommand) -> str:
    context = click.Context(command, info_name=f"watchword {name}")
    summary, *blocks = python_inspect.cleandoc(command.help or "").split("\n\n")
    lines = [f"#### `watchword {name}`", "", " ".join(summary.split()), ""]
    lines += ["```", context.get_usage().removeprefix("Usage: "), "```", ""]
    for block in blocks:
        if block.startswith("\b"):
            heading, *examples = block.replace("\b\n", "").splitlines()
            lines += [heading, "", "```", textwrap.dedent("\n".join(examples)), "```", ""]
        else:
            lines += [_escape(" ".join(block.split())), ""]
    lines += _format_options(command, context)
    names = " or ".join(_name_type(inspect.type_info(kind)) for kind in command.data)
    lines += [f"Data: {names}.", ""]
    return "\n".join(lines) + "\n"


def _format_options(command: ServiceCommand, context: click.Context) -> list[str]:
    records = [
        record
        for param in command.params
        if isinstance(param, click.Option)
        and param.name not in _COMMON_OPTIONS
        and (record := param.get_help_record(context))
    ]
    if not records:
        return []
    rows = (f"| `{_escape(option)}` | {_escape(text)} |" for option, text in records)
    return ["| option | |", "|---|---|", *rows, ""]


def _list_structs() -> list[type[msgspec.Struct]]:
    """Return every struct in the data of a command, each once, in the order of their names."""
    found: dict[str, type[msgspec.Struct]] = {}
    for *_, command in list_commands():
        for kind in command.data:
            _collect_structs(inspect.type_info(kind), found)
    return [found[name] for name in sorted(found)]


def _collect_structs(info: Any, found: dict[str, type[msgspec.Struct]]) -> None:
    """Add the structs that a type consists of; of the canonical record only its name is told."""
    match info:
        case inspect.StructType(cls=cls):
            if cls.__name__ in found or cls is Question:
                return
            found[cls.__name__] = cls
            for field in info.fields:
                _collect_structs(field.type, found)
        case inspect.UnionType(types=parts) | inspect.TupleType(item_types=parts):
            for part in parts:
                _collect_structs(part, found)
        case inspect.ListType(item_type=part) | inspect.VarTupleType(item_type=part):
            _collect_structs(part, found)
        case inspect.DictType(value_type=part):
            _collect_structs(part, found)
        case inspect.Metadata(type=part):
            _collect_structs(part, found)


def format_struct(struct: type[msgspec.Struct], heading: str = "####") -> str:
    """Return a heading, the description and the table of the fields of a struct."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    about = (python_inspect.getdoc(struct) or "").split("\n\n")[0]
    comments: dict[str, str] = {}
    for cls in reversed(struct.__mro__):
        if cls is not msgspec.Struct and issubclass(cls, msgspec.Struct):
            comments |= read_comments(cls)
    rows = []
    for field in info.fields:
        about_field = _clean(comments.get(field.name, ""))
        rows.append(f"| `{field.encode_name}` | {_name_type(field.type)} | {about_field} |")
    head = [f"{heading} {struct.__name__}", "", _clean(" ".join(about.split())), ""]
    return "\n".join([*head, "| field | type | |", "|---|---|---|", *rows, "", ""])


def _clean(text: str) -> str:
    """Return a comment as Markdown, without the markup of Python's documentation."""
    plain = re.sub(r":(?:attr|func|class|data):|\bNone\b", _write_plainly, text.replace("``", "`"))
    return _escape(plain)


def _write_plainly(found: re.Match[str]) -> str:
    return "null" if found[0] == "None" else ""


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


_NAMES: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "boolean",
    inspect.NoneType: "null",
    inspect.DateTimeType: "time",
    inspect.DateType: "date",
    inspect.AnyType: "any",
}


def _name_type(info: inspect.Type) -> str:
    """Return a type in words: ``list of [FoundQuestion](#foundquestion)``."""
    match info:
        case inspect.StructType(cls=cls):
            name = cls.__name__
            is_record = cls is Question
            words = "[canonical record](record.md)" if is_record else f"[{name}](#{name.lower()})"
        case inspect.UnionType(types=parts):
            words = " or ".join(_name_type(part) for part in parts)
        case inspect.ListType(item_type=part) | inspect.VarTupleType(item_type=part):
            words = f"list of {_name_type(part)}"
        case inspect.TupleType(item_types=parts):
            words = f"list: {', '.join(_name_type(part) for part in parts)}"
        case inspect.DictType(value_type=part):
            words = "object" if isinstance(part, inspect.AnyType) else f"{_name_type(part)} by name"
        case inspect.LiteralType(values=values):
            words = ", ".join(f"`{value}`" for value in values)
        case inspect.EnumType(cls=cls):
            words = ", ".join(f"`{member.value}`" for member in cls)
        case inspect.Metadata(type=part):
            words = _name_type(part)
        case _:
            words = _NAMES.get(type(info), "text")
    return words
