"""The files of ``docs/deployment``, and what their command lines mean."""

from __future__ import annotations

import click

from scheduler.cli.group import watchword
from scheduler.config import Config, load_config
from tests.support.paths import REPOSITORY

DEPLOYMENT = REPOSITORY / "docs" / "deployment"


def parse_command(arguments: list[str]) -> click.Context:
    """Return what a command line means; a wrong one raises ``click.UsageError``."""
    name, *more = arguments
    above = click.Context(watchword, info_name="watchword")
    command = watchword.get_command(above, name)
    assert command is not None, f"there is no command {name}"
    return command.make_context(name, more, parent=above)


def load_deployed(name: str) -> Config:
    """Load a config of the folder."""
    return load_config(DEPLOYMENT / name)
