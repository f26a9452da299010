"""Progress of long commands on standard error: a bar on a terminal, lines in a log."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from scheduler.cli.options import choose_colour, get_options
from scheduler.cli.output import format_plural

#: Seconds between two lines where there is no bar: an hour's work is 360 lines.
_LINE_SECONDS = 10.0
#: Seconds before a rate is shown; the first pages take longer than those that follow.
_FIRST_RATE_SECONDS = 2.0
_MINUTE = 60.0
_HOUR = 3600.0


def _set_progress(context: click.Context, _: click.Parameter, shows: bool | None) -> None:
    context.obj = replace(get_options(context), progress=shows)


progress_option = click.option(
    "--progress/--no-progress",
    default=None,
    expose_value=False,
    callback=_set_progress,
    help="Show progress; by default a bar, if standard error is a terminal.",
)


class ProgressTask:
    """How far one piece of work has come."""

    def __init__(self, description: str, noun: str, show: Callable[[ProgressTask], None]) -> None:
        """Begin.

        Args:
            description: What is done: ``reading the archive``.
            noun: What is counted, in the singular: ``page``.
            show: Called after each step.
        """
        self.description = description
        self.done = 0
        self.total: int | None = None  #: None where it is not known
        self._noun, self._show = noun, show
        self._has_estimate = False
        self._began = time.monotonic()

    def advance(self) -> None:
        """Count one more."""
        self.set_done(self.done + 1, self.total)

    def set_done(self, done: int, total: int | None) -> None:
        """Set how many are done, and of how many."""
        self.done, self.total = done, total
        self._show(self)

    def update(self, done: int, total: int, description: str) -> None:
        """Set how many are done, and a description that says how long it takes."""
        self.description, self._has_estimate = description, True
        self.set_done(done, total)

    @property
    def counts(self) -> str:
        """``1,200 of 5,000 pages, 40 a second, 2 min left``, as far as it is known."""
        noun = format_plural(self.done if self.total is None else self.total, self._noun)
        counted = noun if self.total is None else f"{self.done:,} of {noun}"
        seconds = time.monotonic() - self._began
        if self._has_estimate or not self.done or seconds < _FIRST_RATE_SECONDS:
            return counted
        left = "" if self.total is None else _format_time_left(self.total, self.done, seconds)
        return f"{counted}, {_format_rate(self.done / seconds)}{left}"


def _format_rate(per_second: float) -> str:
    if per_second >= 1:
        return f"{per_second:,.0f} a second"
    return f"{per_second * _MINUTE:,.1f} a minute"


def _format_time_left(total: int, done: int, seconds: float) -> str:
    left = (total - done) * seconds / done
    if left < _MINUTE:
        return f", {left:.0f} s left"
    if left < _HOUR:
        return f", {left / _MINUTE:.0f} min left"
    return f", {left / _HOUR:.1f} h left"


class ProgressDisplay:
    """Shows tasks as the block of :func:`show_progress` wants it."""

    def __init__(self, show: Callable[[ProgressTask], None], *, is_shown: bool = True) -> None:
        self._show = show
        self.is_shown = is_shown  #: whether it is worth while to find out how much there is

    def start(self, description: str, noun: str) -> ProgressTask:
        """Begin a task: ``start("reading the archive", "page")``."""
        task = ProgressTask(description, noun, self._show)
        self._show(task)
        return task


@contextmanager
def show_progress() -> Iterator[ProgressDisplay]:
    """Show progress on standard error while the block runs, if somebody looks or asked for it.

    On a terminal it is a bar that disappears at the end. With ``--progress`` elsewhere, on a
    terminal that cannot draw one, or among log lines, it is a line every ten seconds.
    """
    options = get_options(click.get_current_context())
    is_terminal = sys.stderr.isatty()
    if options.progress is False or not (options.progress or is_terminal):
        yield ProgressDisplay(lambda _: None, is_shown=False)
    elif is_terminal and not options.verbosity and os.environ.get("TERM") != "dumb":
        with _open_bars() as bars:
            yield ProgressDisplay(_Bars(bars).show)
    else:
        lines = _Lines(as_json=options.document.is_wanted)
        yield ProgressDisplay(lines.show)
        lines.finish()


def _open_bars() -> Progress:
    console = Console(stderr=True, no_color=choose_colour() is False)
    text, counts = TextColumn("{task.description}"), TextColumn("{task.fields[counts]}")
    return Progress(text, BarColumn(), counts, console=console, transient=True)


class _Bars:
    """Draws tasks as bars."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._ids: dict[ProgressTask, TaskID] = {}

    def show(self, task: ProgressTask) -> None:
        """Draw how far a task has come."""
        if task not in self._ids:
            self._ids[task] = self._bars.add_task(task.description, total=None, counts="")
        self._bars.update(
            self._ids[task],
            description=task.description,
            completed=task.done,
            total=task.total,
            counts=task.counts,
        )


class _Lines:
    """Writes a line now and then, and one at the end of each task."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._written_at = time.monotonic()
        self._unwritten: ProgressTask | None = None

    def show(self, task: ProgressTask) -> None:
        """Write how far a task has come, unless the last line is recent."""
        if task is not self._unwritten:
            self.finish()
        self._unwritten = task
        if time.monotonic() >= self._written_at + _LINE_SECONDS:
            self._write(task)

    def finish(self) -> None:
        """Write where the last task ended, if anything was done."""
        if self._unwritten is not None and self._unwritten.done:
            self._write(self._unwritten)
        self._unwritten = None

    def _write(self, task: ProgressTask) -> None:
        self._written_at = time.monotonic()
        line = f"{task.description}: {task.counts}"
        click.echo(json.dumps({"progress": line}) if self._as_json else line, err=True)
