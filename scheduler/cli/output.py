"""Results on standard output, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import click
import msgspec


def print_result(text: str, values: object, *, as_json: bool, quiet: bool = False) -> None:
    """Print the result of a command.

    Args:
        text: The result for a person.
        values: The same for a program: anything that msgspec can turn into JSON.
        as_json: Print ``values`` on one line, in place of ``text``.
        quiet: Do not print ``text``.
    """
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(values), ensure_ascii=False))
    elif not quiet:
        click.echo(text)


def print_indented_json(values: object) -> None:
    """Print values as JSON on several lines, for a person to read."""
    click.echo(msgspec.json.format(msgspec.json.encode(values), indent=2).decode())


def format_counts(counts: Mapping[str, int], *, nothing: str = "nothing") -> str:
    """Return counts as ``3 new, 1 answered``, without those that are 0; ``nothing`` if all are."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or nothing


def format_plural(number: int, noun: str) -> str:
    """Return ``1 question`` or ``1,204 questions``; for nouns that take an ``s``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_moment(moment: datetime | None) -> str:
    """Return a moment in UTC as ``2026-11-26 07:45 UTC``; ``never`` for None."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"
