"""The service of a command. Apart from the config, because it imports far more."""

from __future__ import annotations

import click

from scheduler.cli.config import get_config
from scheduler.service import Service, open_service


def get_service(context: click.Context) -> Service:
    """Set up logging, load the config, open the ledger and return the service.

    The ledger's connections are closed when the command ends.

    Raises:
        ConfigError: The config cannot be read or is wrong.
        LedgerError: The ledger cannot be opened.
    """
    service = open_service(get_config(context))
    context.call_on_close(service.ledger.engine.dispose)
    return service
