"""What is wrong with a config, in one line: the key first, then what to write."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, ValidationError, inspect

from alerts.secret import hide_user
from scheduler.config.fields import shorten
from scheduler.config.introspection import (
    find_key,
    find_secret_type,
    find_struct,
    find_value,
    get_section_info,
)

#: msgspec's messages: ``Expected `int`, got `str` - at `$.digests.hour```.
_MESSAGE = re.compile(r"^(?P<text>.*?)(?: - at `\$?\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_WRONG_TYPE = re.compile(r"^Expected `[^`]+`, got `")
_UNKNOWN_KEY = re.compile(r"unknown field `([^`]+)`")
_MISSING_KEY = re.compile(r"missing required field `([^`]+)`")
_KEY_AND_TEXT = re.compile(r"^[a-z_.]+: ")

#: What a type is written as; any other type is written as text.
_TYPE_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (inspect.IntType, "a whole number"),
    (inspect.FloatType, "a number"),
    (inspect.BoolType, "true or false"),
    ((inspect.VarTupleType, inspect.ListType), "a list"),
    ((inspect.StructType, inspect.DictType), "a section"),
)
#: What TOML's values are called; any other value is a date or time.
_TOML_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a section",
}


def explain_error(
    error: ValidationError, section: type[Struct], values: Any, place: str = ""
) -> str:
    """Say what is wrong.

    Args:
        error: What msgspec raised when it converted ``values``.
        section: The section class that they were converted to.
        values: What the file holds.
        place: The dotted name of the section: ``channels.smtp``. Empty for the whole file.

    Returns:
        One line: ``digests.hour: expected 0 to 23, got 24``.
    """
    match = _MESSAGE.match(str(error))
    assert match is not None
    text, path = match["text"], match["path"] or ""
    where = ".".join(part for part in (place, path) if part)
    info = get_section_info(section)
    if unknown := _UNKNOWN_KEY.search(text):
        known = list_keys(find_key(info, path) or info)
        return f"unknown key {_join(where, unknown[1])}{suggest(unknown[1], known)}"
    if missing := _MISSING_KEY.search(text):
        return f"{where or 'the file'}: missing required field {missing[1]}"
    if not text.startswith(("Expected", "Invalid")):  # raised by a section's __post_init__
        return _join(where, text) if _KEY_AND_TEXT.match(text) else f"{where}: {text}"
    key, value = find_key(info, path) or info, find_value(values, path)
    if _WRONG_TYPE.match(text):
        return f"{where}: expected {name_type(key)}, got {_TOML_NAMES.get(type(value), 'a date')}"
    return f"{where}: expected {describe_limits(key)}, got {_format_value(value)}"


def suggest(name: str, known: list[str]) -> str:
    """Return `` (did you mean NEAR?)`` for a name that is close to a known one, else nothing."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def list_keys(info: inspect.Type) -> list[str]:
    """Return the keys of a section, and for each secret the key of its file."""
    struct = find_struct(info)
    fields = struct.fields if struct else ()
    secrets = [f"{field.name}_file" for field in fields if find_secret_type(field.type)]
    return [field.name for field in fields] + secrets


def name_type(info: inspect.Type) -> str:
    """Say what TOML value a type is written as: ``a whole number``."""
    match info:
        case inspect.Metadata():
            return name_type(info.type)
        case inspect.UnionType():
            return " or ".join(map(name_type, _list_parts(info)))
    return next((name for kinds, name in _TYPE_NAMES if isinstance(info, kinds)), "text")


def describe_limits(info: inspect.Type) -> str:
    """Say what to write for a type, within its limits: ``0 to 23``, ``"resend" or "hold"``."""
    match info:
        case inspect.Metadata():
            words = (info.extra_json_schema or {}).get("description")
            return str(words) if words else describe_limits(info.type)
        case inspect.UnionType():
            return " or ".join(map(describe_limits, _list_parts(info)))
        case inspect.IntType() | inspect.FloatType():
            return _describe_range(info)
        case inspect.LiteralType():
            return _list_choices(info.values)
        case inspect.EnumType():
            return _list_choices(member.value for member in info.cls)
    return name_type(info)


def _list_parts(info: inspect.UnionType) -> list[inspect.Type]:
    return [part for part in info.types if not isinstance(part, inspect.NoneType)]


def _describe_range(info: inspect.IntType | inspect.FloatType) -> str:
    if info.ge is not None and info.le is not None:
        return f"{_format_number(info.ge)} to {_format_number(info.le)}"
    if info.gt is not None and info.le is not None:
        return f"more than {_format_number(info.gt)}, at most {_format_number(info.le)}"
    if info.ge is not None:
        return f"at least {info.ge:g}"
    if info.gt is not None:
        return f"more than {info.gt:g}"
    return name_type(info)


def _list_choices(values: Iterable[Any]) -> str:
    quoted = [f'"{value}"' for value in values]
    return " or ".join((", ".join(quoted[:-1]), quoted[-1])) if len(quoted) > 1 else quoted[0]


def _format_value(value: Any) -> str:
    if isinstance(value, str):
        return shorten(hide_user(value))
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _format_number(number: float) -> str:
    """Return a limit without needless zeros: ``0.05``, ``525600``."""
    return f"{number:.10g}"


def _join(where: str, text: str) -> str:
    return f"{where}.{text}" if where else text
