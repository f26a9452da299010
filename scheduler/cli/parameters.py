"""Types of arguments and options: what is allowed, and what a shell completes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import click
from click.shell_completion import CompletionItem

from alerts.errors import WatchwordError
from alerts.ledger import find_ledger, publication
from scheduler.cli.options import get_options
from scheduler.config import Config, load_config


class UnknownSource(WatchwordError):
    """The config has no source of this name."""


class WholeNumber(click.IntRange):
    """A whole number between two bounds, both included."""

    def __init__(self, lowest: int, highest: int) -> None:
        super().__init__(lowest, highest)
        self._bounds = f"{lowest:,} to {highest:,}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; fail with the bounds where it is not one between them."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"expected {self._bounds}, got {value or 'nothing'}", param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return what stands for the number in the help."""
        return "N"

    def _describe_range(self) -> str:
        return self._bounds


class PastDate(click.ParamType[date]):
    """A day or a month between a first one and today."""

    name = "date"

    def __init__(self, first: date, *, is_month: bool = False) -> None:
        self._first = first
        self._format, self._kind = ("%Y-%m", "month") if is_month else ("%Y-%m-%d", "day")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day, or the first day of the month."""
        today = datetime.now(UTC).date()
        try:
            found = datetime.strptime(str(value), self._format).date()  # noqa: DTZ007
        except ValueError:
            found = None
        if found is None or not self._first <= found <= today:
            first, last = self._first.strftime(self._format), today.strftime(self._format)
            self.fail(f"expected a {self._kind} from {first} to {last}, got {value}", param, ctx)
        return found


class SourceName(click.ParamType[str]):
    """The name of a source of the config; whether there is one is known when it is loaded."""

    name = "source"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the sources of the config that begin with what was typed."""
        config = _load_config_quietly(ctx)
        return _complete(config.sources if config else (), incomplete)


class TopicName(click.ParamType[str]):
    """A query, the name of a topic in its address, or the id of a followed question."""

    name = "topic"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names of topics in the ledger that begin with what was typed."""
        config = _load_config_quietly(ctx)
        try:
            ledger = find_ledger(config.ledger.url.reveal()) if config else None
        except WatchwordError:
            ledger = None
        if ledger is None:
            return []
        with ledger.reading() as connection:
            names = [state.slug for state in publication.list_states(connection)]
        ledger.engine.dispose()
        return _complete(names, incomplete)


def check_source(config: Config, name: str) -> str:
    """Return the name of a source.

    Raises:
        UnknownSource: The config has no such source. The message names one that is near.
    """
    if name in config.sources:
        return name
    near = difflib.get_close_matches(name, config.sources, n=1)
    known = f"did you mean {near[0]}?" if near else f"there are: {', '.join(config.sources)}"
    raise UnknownSource(f"there is no source {name!r} in the config; {known}")


def _load_config_quietly(context: click.Context) -> Config | None:
    try:
        return load_config(get_options(context).config_path)
    except WatchwordError:
        return None  # a shell that completes has no place for errors


def _complete(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
