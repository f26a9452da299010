"""What a section holds: its keys and their types, found from the section classes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec import Struct, inspect

from alerts.secret import Secret


def find_struct(info: inspect.Type) -> inspect.StructType | None:
    """Return the section that a type is, or is a collection of; None for any other type."""
    match info:
        case inspect.StructType():
            return info
        case inspect.Metadata():
            return find_struct(info.type)
        case inspect.UnionType():
            return next(filter(None, map(find_struct, info.types)), None)
        case inspect.VarTupleType() | inspect.ListType():
            return find_struct(info.item_type)
        case inspect.DictType():
            return find_struct(info.value_type)
    return None


@cache
def get_section_info(section: type[Struct]) -> inspect.StructType:
    """Return the keys of a section class and their types."""
    info = inspect.type_info(section)
    assert isinstance(info, inspect.StructType)
    return info


def is_type(info: inspect.Type, kind: type[Any]) -> bool:
    """Return whether a key holds a value of a class of ours, such as ``Secret``, or None."""
    match info:
        case inspect.CustomType():
            return bool(info.cls is kind)
        case inspect.Metadata():
            return is_type(info.type, kind)
        case inspect.UnionType():
            return any(is_type(part, kind) for part in info.types)
    return False


def find_secret_type(info: inspect.Type) -> type[Secret] | None:
    """Return the class of the secrets that a key holds, one or a list of them; None for others."""
    match info:
        case inspect.CustomType(cls=cls) if issubclass(cls, Secret):
            return cls
        case inspect.Metadata():
            return find_secret_type(info.type)
        case inspect.UnionType():
            return next(filter(None, map(find_secret_type, info.types)), None)
        case inspect.VarTupleType():
            return find_secret_type(info.item_type)
    return None


def is_list(info: inspect.Type) -> bool:
    """Return whether a key holds a list."""
    return isinstance(info, inspect.VarTupleType)


def list_secrets(values: Any) -> Iterator[Secret]:
    """Give every secret in a config, at any depth."""
    match values:
        case Secret():
            yield values
        case Struct():
            for key in values.__struct_fields__:
                yield from list_secrets(getattr(values, key))
        case tuple():
            for value in values:
                yield from list_secrets(value)
        case dict():
            for value in values.values():
                yield from list_secrets(value)


def find_key(info: inspect.Type, path: str) -> inspect.Type | None:
    """Return the type of the key at a path of msgspec's: ``mail.dkim[0].selector``, or None."""
    for step in _split_path(path):
        struct = find_struct(info)
        if not isinstance(step, str):
            info = _get_item_type(info) or info
            continue
        fields = {field.encode_name: field.type for field in struct.fields} if struct else {}
        if step not in fields:
            return None
        info = fields[step]
    return info


def find_value(values: Any, path: str) -> Any:
    """Return the value at a path, in the tables that TOML gave."""
    for step in _split_path(path):
        values = values[step]
    return values


def _get_item_type(info: inspect.Type) -> inspect.Type | None:
    match info:
        case inspect.Metadata():
            return _get_item_type(info.type)
        case inspect.VarTupleType() | inspect.ListType():
            return info.item_type
    return None


def _split_path(path: str) -> Iterator[str | int]:
    for part in path.replace("[", ".[").split("."):
        if part.startswith("["):
            yield int(part.strip("[]"))
        elif part:
            yield part
