"""The command that checks and prints the config: config."""

from __future__ import annotations

import click
import msgspec

from alerts.errors import ExitStatus
from scheduler.cli.config import get_config
from scheduler.cli.options import ServiceCommand
from scheduler.cli.output import print_indented_json


@click.command(cls=ServiceCommand)
@click.pass_context
def config_command(context: click.Context) -> int:
    """Check the config and print it.

    Prints every key as it is in force. Secrets are left out.
    """
    config = get_config(context)
    values = msgspec.to_builtins(config, enc_hook=str)
    values["operator"]["notify"] = ["(set)" for _ in values["operator"]["notify"]]
    print_indented_json(values)
    return ExitStatus.OK
