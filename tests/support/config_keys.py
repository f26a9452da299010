"""Every key of the config, found from the section classes, and TOML to set them with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from alerts.delivery import list_channel_names, load_channel
from scheduler.config import Config
from scheduler.config.introspection import find_struct, get_section_info


class ConfigKey(msgspec.Struct, frozen=True):
    """One key of one section."""

    section: tuple[str, ...]  #: ``("mail", "dkim", "0")``; a number for an array of tables
    field: inspect.Field

    @property
    def name(self) -> str:
        """The dotted name: ``mail.dkim.0.selector``."""
        return ".".join((*self.section, self.field.name))


def list_config_keys() -> list[ConfigKey]:
    """Return the keys of every section, and of every channel's."""
    keys = list(_list_keys(get_section_info(Config), ()))
    for name in list_channel_names():
        keys += _list_keys(get_section_info(load_channel(name)), ("channels", name))
    return keys


def _list_keys(info: inspect.StructType, section: tuple[str, ...]) -> Iterator[ConfigKey]:
    for field in info.fields:
        struct = find_struct(field.type)
        if struct is None:
            yield ConfigKey(section, field)
        elif isinstance(field.type, inspect.VarTupleType):
            yield from _list_keys(struct, (*section, field.name, "0"))
        elif not isinstance(field.type, inspect.DictType):
            yield from _list_keys(struct, (*section, field.name))
        elif field.name == "sources":
            yield from _list_keys(struct, (*section, field.name, "london"))


def get_value(config: Any, key: ConfigKey) -> Any:
    """Return what is in force for a key."""
    for part in (*key.section, key.field.name):
        match config:
            case tuple():
                config = config[int(part)]
            case dict():
                config = config[part]
            case _:
                config = getattr(config, part)
    return config


def format_toml(tables: dict[tuple[str, ...], dict[str, Any]]) -> str:
    """Return TOML with some sections; those whose name ends in a number are arrays of tables."""
    parts = []
    for section, values in sorted(tables.items()):
        if section and section[-1].isdigit():
            parts.append(f"[[{'.'.join(section[:-1])}]]")
        elif section:
            parts.append(f"[{'.'.join(section)}]")
        parts += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(parts) + "\n"
