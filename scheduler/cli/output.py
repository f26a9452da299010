"""Results on standard output, as text or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import click
import msgspec

from scheduler.cli.documents import JsonDocument
from scheduler.cli.options import get_options


def is_json() -> bool:
    """Return whether the command prints JSON: ``--json`` was given."""
    return _get_document().is_wanted


def print_result(text: str, data: object, *, quiet: bool = False) -> None:
    """Print the result of a command.

    Args:
        text: The result for a person. Nothing is printed of an empty one.
        data: The same for a program: an instance of a type that the command declares. It is
            printed in place of ``text`` with ``--json``, when the command ends.
        quiet: Do not print ``text``.
    """
    if is_json():
        _get_document().set_data(msgspec.to_builtins(data))
    elif text and not quiet:
        click.echo(text)


def print_indented_json(values: object) -> None:
    """Print values as JSON on several lines, or as the data of the JSON document."""
    text = "" if is_json() else msgspec.json.format(msgspec.json.encode(values), indent=2).decode()
    print_result(text, values)


def print_line_of_json(values: object) -> None:
    """Print values as JSON on one line, or as the data of the JSON document."""
    print_result("" if is_json() else msgspec.json.encode(values).decode(), values)


def _get_document() -> JsonDocument:
    return get_options(click.get_current_context()).document


def format_counts(counts: Mapping[str, int], *, nothing: str = "nothing") -> str:
    """Return counts as ``3 new, 1 answered``, without those that are 0; ``nothing`` if all are."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or nothing


def format_plural(number: int, noun: str) -> str:
    """Return ``1 question`` or ``1,204 questions``; for nouns that take an ``s``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_moment(moment: datetime | None) -> str:
    """Return a moment in UTC as ``2026-11-26 07:45 UTC``; ``never`` for None."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"
