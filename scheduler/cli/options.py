"""What the commands' declarations share. Imports nothing but click, so that help is quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click


@dataclass(frozen=True)
class GlobalOptions:
    """Options that every command understands; the object of each click context."""

    config_path: Path | None = None  #: None for ``./config.toml``, or the defaults without one
    verbosity: int = 0  #: 0 logs warnings, 1 progress, 2 every step
    log_json: bool = False
    #: With which the user creates files: for what they ask for, such as ``demo --out``.
    users_umask: int = 0o022


def get_options(context: click.Context) -> GlobalOptions:
    """Return the global options as given so far."""
    return context.ensure_object(GlobalOptions)


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


class ServiceCommand(click.Command):
    """A command that takes ``--config`` after its name, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(build_config_option())


class RecordedCommand(ServiceCommand):
    """A command that is recorded in the operator's log of actions, before it does anything."""

    def __init__(
        self,
        *args: Any,
        about: str | None = None,
        only_with: tuple[str, ...] = (),
        unless: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Declare what is recorded.

        Args:
            args: As of `click.Command`.
            about: The parameter that is recorded with the command's name: ``email``, ``source``.
            only_with: Parameters without all of which the command only lists something.
            unless: A flag with which it changes nothing, such as ``dry_run``.
            kwargs: As of `click.Command`.
        """
        super().__init__(*args, **kwargs)
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
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
json_lines_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per line."
)
