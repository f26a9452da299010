"""Relative paths in the config: taken from the folder of its file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from alerts.ledger import DatabaseURL
from crawler.storage import LocalFolder
from scheduler.config.errors import ConfigError

SectionT = TypeVar("SectionT", bound=msgspec.Struct)

_SQLITE = "sqlite:///"
#: The longest name of a file or folder in the usual file systems: ext4, XFS, Btrfs, APFS.
_MAX_NAME_BYTES = 255


def resolve_paths(section: SectionT, folder: Path, place: str = "") -> SectionT:
    """Return a section in which every path, at any depth, is taken from ``folder``.

    Args:
        section: The section, as it was converted.
        folder: That of the config file.
        place: The dotted name of the section; empty for the whole file.

    Raises:
        ConfigError: A path begins with the home folder of a user who does not exist.
    """
    values = {
        key: _resolve(getattr(section, key), folder, f"{place}.{key}".strip("."))
        for key in section.__struct_fields__
    }
    return msgspec.structs.replace(section, **values)


def resolve_path(path: Path | str, folder: Path, key: str) -> Path:
    """Return a path as it is meant: ``~`` is a home folder, and the rest begins at ``folder``.

    Raises:
        ConfigError: There is no such home folder, or a name in the path cannot be used; the message
            begins with ``key``.
    """
    try:
        found = folder / Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{key}: {path}: there is no such home folder") from error
    try:
        str(found.absolute()).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(found.absolute()).decode("utf-8", "backslashreplace")
        raise ConfigError(f"{key}: {shown}: the name of a folder is not UTF-8") from error
    if any(len(os.fsencode(part)) > _MAX_NAME_BYTES for part in found.parts):
        raise ConfigError(f"{key}: a name in this path is longer than {_MAX_NAME_BYTES} bytes")
    return found


def _resolve(value: Any, folder: Path, key: str) -> Any:
    match value:
        case Path() | LocalFolder():
            path = value if isinstance(value, Path) else value.path
            return type(value)(resolve_path(path, folder, key))
        case DatabaseURL():
            return _resolve_url(value, folder, key)
        case msgspec.Struct():
            return resolve_paths(value, folder, key)
        case tuple():
            return tuple(
                _resolve(item, folder, f"{key}[{number}]") for number, item in enumerate(value)
            )
        case dict():
            return {name: _resolve(item, folder, f"{key}.{name}") for name, item in value.items()}
    return value


def _resolve_url(url: DatabaseURL, folder: Path, key: str) -> DatabaseURL:
    """``sqlite:///ledger`` has a relative path, ``sqlite:////srv/ledger`` an absolute one."""
    text = url.reveal()
    if not text.startswith(_SQLITE):
        return url
    path = text.removeprefix(_SQLITE)
    if "?" in path:
        raise ConfigError(
            f"{key}: options after a question mark are not supported, "
            "and a file name with one cannot be written here"
        )
    return url.replace(f"{_SQLITE}{resolve_path(path, folder, key)}") if path else url
