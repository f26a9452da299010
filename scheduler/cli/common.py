"""What the commands share: the config, and progress on a terminal."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress

    from scheduler.config import Config
    from scheduler.service import Service


def get_config(context: click.Context) -> Config:
    """The config that the command line asks for; sets up the log on the way."""
    from scheduler import logs
    from scheduler.config import load_config

    given = context.find_root().obj
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    logs.configure(levels[min(given["verbose"], 2)], as_json=given["log_json"])
    return load_config(given["path"])


def get_service(context: click.Context) -> Service:
    """The service of that config."""
    from scheduler.service import open_service

    return open_service(get_config(context))


@contextmanager
def show_progress() -> Iterator[Progress]:
    """A progress display on standard error; nothing at all where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as display:
        yield display


def print_result(line: str, values: dict[str, Any], *, as_json: bool, quiet: bool = False) -> None:
    """A command's result: a line for a person, or its values as JSON."""
    if as_json:
        click.echo(json.dumps(values, ensure_ascii=False))
    elif not quiet:
        click.echo(line)


def format_counts(values: dict[str, int]) -> str:
    """``3 new, 1 answered``; "nothing" for nothing."""
    return ", ".join(f"{n} {name}" for name, n in values.items() if n) or "nothing"
