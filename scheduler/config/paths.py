"""Relative paths in the config: taken from the folder of its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from scheduler.config.fields import DatabaseURL

SectionT = TypeVar("SectionT", bound=msgspec.Struct)

_SQLITE = "sqlite:///"


def resolve_paths(section: SectionT, folder: Path) -> SectionT:
    """Return a section in which every path, at any depth, is taken from ``folder``."""
    values = {key: _resolve(getattr(section, key), folder) for key in section.__struct_fields__}
    return msgspec.structs.replace(section, **values)


def _resolve(value: Any, folder: Path) -> Any:
    match value:
        case Path():
            return folder / value
        case DatabaseURL():
            return _resolve_url(value, folder)
        case msgspec.Struct():
            return resolve_paths(value, folder)
        case tuple():
            return tuple(_resolve(item, folder) for item in value)
        case dict():
            return {key: _resolve(item, folder) for key, item in value.items()}
    return value


def _resolve_url(url: DatabaseURL, folder: Path) -> DatabaseURL:
    """``sqlite:///ledger`` has a relative path, ``sqlite:////srv/ledger`` an absolute one."""
    if not url.startswith(_SQLITE) or url.startswith(f"{_SQLITE}/"):
        return url
    return DatabaseURL(f"{_SQLITE}{folder / url.removeprefix(_SQLITE)}")
