"""Results on standard output, as text or JSON, and progress on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


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


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Show progress bars on standard error while the block runs, if it is a terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as display:
        yield display
