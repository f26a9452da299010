"""What the commands' declarations share. Imports nothing but click, so that help is quick."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from scheduler.cli.documents import JsonDocument


@dataclass(frozen=True)
class GlobalOptions:
    """Options that every command understands; the object of each click context."""

    config_path: Path | None = None  #: None for ``./config.toml``, or the defaults without one
    verbosity: int = 0  #: 0 logs warnings, 1 progress, 2 every step
    log_json: bool = False
    #: With which the user creates files: for what they ask for, such as ``demo --out``.
    users_umask: int = 0o022
    #: Whether to show progress; None where standard error is a terminal.
    progress: bool | None = None
    document: JsonDocument = field(default_factory=JsonDocument)  #: what ``--json`` prints


def get_options(context: click.Context) -> GlobalOptions:
    """Return the global options as given so far."""
    return context.ensure_object(GlobalOptions)


def choose_colour() -> bool | None:
    """Return whether to write colours; None to decide by whether the stream is a terminal.

    ``FORCE_COLOR`` comes first, then ``NO_COLOR`` (https://no-color.org), then a terminal that
    has none.
    """
    if os.environ.get("FORCE_COLOR"):
        return True
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return None


def _set_config_path(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is not None:
        context.obj = replace(get_options(context), config_path=path)


def build_config_option() -> click.Option:
    """Return the option ``--config``, for the program or for one command."""
    return click.Option(
        ["--config"],
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        expose_value=False,
        callback=_set_config_path,
        help="Config file; ./config.toml by default, and built-in defaults without one.",
    )


def _want_json(context: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if is_wanted:
        get_options(context).document.is_wanted = True


def _build_json_option() -> click.Option:
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=_want_json,
        help="Print the result as one JSON document.",
    )


class ServiceCommand(click.Command):
    """A command that takes ``--config`` after its name, too, and ``--json``.

    Its function returns the exit status, and prints its result with
    :func:`scheduler.cli.output.print_result`.
    """

    def __init__(self, *args: Any, data: tuple[Any, ...], **kwargs: Any) -> None:
        """Declare what the command prints.

        Args:
            args: As of `click.Command`.
            data: The types of ``data`` in its JSON document: one, or several of which it is one.
            kwargs: As of `click.Command`.
        """
        super().__init__(*args, **kwargs)
        self.data = data
        self.params += [_build_json_option(), build_config_option()]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, then print its JSON document if it is wanted; return its status."""
        document = get_options(ctx).document
        document.command = ctx.command_path.partition(" ")[2]
        status = super().invoke(ctx)
        if document.is_wanted:
            document.print(status or 0)
        return status


class RecordedCommand(ServiceCommand):
    """A command that is recorded in the operator's log of actions, before it does anything."""

    def __init__(
        self,
        *args: Any,
        about: str | None = None,
        names_place: bool = False,
        only_with: tuple[str, ...] = (),
        unless: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Declare what is recorded.

        Args:
            args: As of `click.Command`.
            about: The parameter that is recorded with the command's name: ``email``, ``source``.
            names_place: Whether that is a folder or a URL of a store, which is recorded as it is.
            only_with: Parameters without all of which the command only lists something.
            unless: A flag with which it changes nothing, such as ``dry_run``.
            kwargs: As of `click.Command`.
        """
        super().__init__(*args, **kwargs)
        self.names_place = names_place
        self._about, self._only_with, self._unless = about, only_with, unless

    def find_subject(self, values: Mapping[str, Any]) -> str | None:
        """Return what the command is about; None for nothing in particular."""
        value = values.get(self._about) if self._about else None
        if self._about == "subscriber" and not ("@" in str(value) or "://" in str(value)):
            return "the owner of a token"  # a token opens their page
        return str(value) if value else None

    def changes_something(self, values: Mapping[str, Any]) -> bool:
        """Return whether the command is recorded with these parameters."""
        if self._unless and values.get(self._unless):
            return False
        return not self._only_with or any(values.get(name) for name in self._only_with)


private_option = click.option(
    "--private", is_flag=True, help="Do not publish the topic; it gets no public page or feeds."
)
