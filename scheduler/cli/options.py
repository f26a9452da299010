"""What the commands' declarations share. Imports nothing but click, so that help is quick."""

from __future__ import annotations

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


private_option = click.option(
    "--private", is_flag=True, help="Do not publish the topic; it gets no public page or feeds."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
json_lines_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per line."
)
