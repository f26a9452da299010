"""The JSON document of a command: what ``--json`` prints, in one shape for all commands.

``docs/reference/command-line.md`` describes it. Imports nothing but click and the standard library,
so that help is quick.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import click

#: Warnings that are kept: a file may hold a million lines that cannot be read.
_MAX_WARNINGS = 1000
_NO_DATA = object()
#: The error of a job whose failure is in the log lines.
_LOGGED = "it failed: the log lines on standard error say why"


def is_json_wanted(arguments: Sequence[str]) -> bool:
    """Return whether the arguments of the program ask for JSON, also where they are wrong."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


@dataclass
class JsonDocument:
    """What a command has to say, collected until it ends.

    Attributes:
        is_wanted: Whether ``--json`` was given. Without it nothing is collected.
        command: The name of the command: ``topics list``. Empty until it is known.
    """

    is_wanted: bool = False
    command: str = ""
    _data: Any = _NO_DATA
    _warnings: list[str] = field(default_factory=list)
    _dropped_warnings: int = 0

    def set_data(self, data: object) -> None:
        """Set the result, as Python's own types: dictionaries, lists, texts, numbers."""
        self._data = data

    def add_warning(self, line: str) -> None:
        """Add a line that would stand on standard error without ``--json``."""
        if len(self._warnings) < _MAX_WARNINGS:
            self._warnings.append(line)
        else:
            self._dropped_warnings += 1

    def print(self, exit_status: int) -> None:
        """Print the result; without one, print on standard error why there is none."""
        if self._data is not _NO_DATA:
            document = {"data": self._data, "warnings": self._list_warnings()}
            self._write(exit_status, document, is_error=False)
            return
        *before, last = self._list_warnings() or [_LOGGED]
        self._warnings, self._dropped_warnings = before, 0
        self.print_error(exit_status, last)

    def print_error(self, exit_status: int, error: str) -> None:
        """Print on standard error what ended the command."""
        document = {"error": error, "warnings": self._list_warnings()}
        self._write(exit_status, document, is_error=True)

    def _list_warnings(self) -> list[str]:
        more = self._dropped_warnings
        return [*self._warnings, f"{more:,} more warnings"] if more else list(self._warnings)

    def _write(self, exit_status: int, document: dict[str, Any], *, is_error: bool) -> None:
        head = {"command": self.command, "ok": not exit_status, "exit_status": int(exit_status)}
        click.echo(json.dumps(head | document, ensure_ascii=False), err=is_error)
