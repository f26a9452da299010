"""The config of a service that is restored into another folder: its absolute paths lead there.

So nothing that a trial of a restore does reaches the files of the service that was backed up.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from scheduler.backup.errors import RestoreRefused

_SQLITE = "sqlite:///"
#: What is read, and belongs to other programs: the mail server's log.
_READ_ONLY_KEYS = frozenset(("log",))
#: Keys of folders, which may be URLs of an object store: those are the other service's.
_FOLDER_KEYS = frozenset(("compiled", "sent_log", "path"))


def move_paths(text: str, ledger_url: str | None = None) -> tuple[str, dict[str, str]]:
    """Return a config whose absolute paths lead below its own folder, and where each leads now.

    Args:
        text: The config.
        ledger_url: What to put in the place of ``ledger.url``; None to leave it where it is.

    Raises:
        RestoreRefused: A path cannot be replaced in the text.
    """
    values = tomllib.loads(text)
    moved: dict[str, str] = {}
    for path in _list_absolute_paths(values):
        moved.setdefault(path, _choose_place(path, set(moved.values())))
    changes = dict(moved)
    url = values.get("ledger", {}).get("url")
    if ledger_url is not None:
        if url is None:
            raise RestoreRefused("config.toml has no ledger.url that --ledger could replace")
        changes[url] = ledger_url
    for old, new in changes.items():
        for quote in ('"', "'"):
            text = text.replace(f"{quote}{old}{quote}", f'"{new}"')
    _check(tomllib.loads(text), ledger_url)
    return text, moved


def _check(values: dict[str, Any], ledger_url: str | None) -> None:
    """Check that no path leads elsewhere any more: a value may be written with escapes."""
    if left := next(_list_absolute_paths(values), None):
        raise RestoreRefused(f"config.toml: {left} cannot be replaced in it")
    if ledger_url is not None and values["ledger"]["url"] != ledger_url:
        raise RestoreRefused("config.toml: ledger.url cannot be replaced in it")


def _list_absolute_paths(values: Any, key: str = "") -> Iterator[str]:
    match values:
        case dict():
            for name, value in values.items():
                yield from _list_absolute_paths(value, name)
        case list():
            for value in values:
                yield from _list_absolute_paths(value, key)
        case str() if key not in _READ_ONLY_KEYS:
            is_store = key in _FOLDER_KEYS and "://" in values
            if is_store or values.removeprefix(_SQLITE).startswith(("/", "~")):
                yield values


def _choose_place(path: str, taken: set[str]) -> str:
    """Return a path below ``var`` that no other one leads to."""
    scheme = _SQLITE if path.startswith(_SQLITE) else ""
    whole = PurePosixPath(path.removeprefix(scheme))
    for place in (f"var/{whole.name}", f"var/{whole.parent.name}-{whole.name}"):
        if scheme + place not in taken:
            return scheme + place
    return f"{scheme}var/{len(taken)}-{whole.name}"
