"""The command that checks and prints the config: config."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from alerts.errors import ExitStatus
from scheduler.cli.config import get_config
from scheduler.cli.options import ServiceCommand
from scheduler.cli.output import print_indented_json


@click.command(cls=ServiceCommand, data=(dict[str, Any],))
@click.pass_context
def config_command(context: click.Context) -> int:
    """Check the config and print it.

    Prints every key as it is in force. Of secrets it says that they are set; of addresses of chat
    services and webhooks it prints what tells which service it is.

    \b
    Example:
      watchword config --config /etc/watchword.toml
    """
    config = get_config(context)
    values = msgspec.to_builtins(config, enc_hook=str)
    print_indented_json(values)
    return ExitStatus.OK
