"""The example config, ``config.example.toml``: keys that it lacks are added from the classes.

The file is written by hand, with advice. A key that nobody has written about yet is added as a
comment with its default, so that the example shows every key.
"""

from __future__ import annotations

import re

from msgspec import inspect

from scheduler.config.introspection import find_struct, get_section_info
from scheduler.config.reference import format_default, list_sections, read_comments
from scheduler.config.sections import Config

#: The header of a section, in force or commented out: ``[mail]``, ``# [[mail.dkim]]``.
_HEADER = re.compile(r"(?:# )?(\[+[a-z_.-]+\]+)$")
#: A key, in force or commented out.
_KEY = re.compile(r"(?:# )?([a-z_]+) = ")
#: The sections whose names the operator chooses, and the one that stands for all in the example.
_NAMED_SECTIONS = {"[sources.NAME]": "[sources.london]"}


def complete_example(text: str) -> str:
    """Return the example with a commented line for each key that it does not show.

    Args:
        text: The example as it is.
    """
    lines = text.splitlines()
    for name, section in list_sections(get_section_info(Config)):
        header, comments = _NAMED_SECTIONS.get(name, name), read_comments(section)
        for field in get_section_info(section).fields:
            if find_struct(field.type) is None:
                _add_key(lines, header, field, comments[field.name])
    return "\n".join(lines) + "\n"


def _add_key(lines: list[str], header: str, field: inspect.Field, comment: str) -> None:
    """Add a key at the end of its section, unless it is there; add the section if it is missing."""
    end, keys = _find_section(lines, header)
    if field.name in keys:
        return
    if end is None:
        lines += ["", f"# {header}"]
        end = len(lines)
    about = [f"# {comment}"] if comment else []
    lines[end:end] = [*about, f"# {field.name} = {_format_value(field)}"]


def _find_section(lines: list[str], header: str) -> tuple[int | None, set[str]]:
    """Return the line after the section's last key, and its keys; None if it is not there.

    Args:
        lines: Those of the example.
        header: The header of the section; empty for the keys above the first section.
    """
    current, keys = "", set()
    end = 0 if not header else None
    for number, line in enumerate(lines, 1):
        if found := _HEADER.match(line):
            current = found[1]
        key = _KEY.match(line)
        if current == header and (found or key):
            end = number
            keys |= {key[1]} if key else set()
    return end, keys


def _format_value(field: inspect.Field) -> str:
    """Return the default as TOML; where there is none, a value to be replaced."""
    return format_default(field.default).strip("`") or _invent_value(field.type)


def _invent_value(info: inspect.Type) -> str:
    """Return a value within the limits of a type, as TOML: ``1``, ``"..."``."""
    match info:
        case inspect.Metadata(extra_json_schema={"description": str(words)}):
            return f'"{words.partition("like ")[2] or "..."}"'
        case inspect.Metadata():
            return _invent_value(info.type)
        case inspect.UnionType():
            return next(_invent_value(t) for t in info.types if not isinstance(t, inspect.NoneType))
        case inspect.IntType() | inspect.FloatType():
            return f"{1 if info.ge is None else info.ge:g}"
        case inspect.VarTupleType():
            return f"[{_invent_value(info.item_type)}]"
    return '"..."'
