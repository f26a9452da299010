"""The service of a command. Apart from the config, because it imports far more."""

from __future__ import annotations

import json
import os
import pwd
import sys
from contextlib import suppress
from functools import partial

import click
from sqlalchemy import Connection

from alerts.ledger import operator_actions
from alerts.ledger.operator_actions import OperatorAction
from alerts.model import AddressError, Recipient
from scheduler.cli.config import get_config
from scheduler.cli.options import RecordedCommand, get_options
from scheduler.cli.output import format_plural
from scheduler.service import Service, open_service
from scheduler.systemd import notify_systemd


def get_service(context: click.Context) -> Service:
    """Set up logging, load the config, open the ledger and return the service.

    The ledger's connections are closed when the command ends.

    Raises:
        ConfigError: The config cannot be read or is wrong.
        LedgerError: The ledger cannot be opened.
    """
    name = context.command_path.partition(" ")[2]
    show = partial(_show_upgrade, context)
    service = open_service(get_config(context), on_upgrade=show, role=name)
    context.call_on_close(service.ledger.engine.dispose)
    command = context.command
    if isinstance(command, RecordedCommand) and command.changes_something(context.params):
        subject = command.find_subject(context.params)
        _record(service, context.command_path, subject, is_place=command.names_place)
    return service


def _show_upgrade(context: click.Context, done: int, total: int) -> None:
    """Write how far the upgrade of an older ledger is, if somebody looks or asked for it."""
    line = f"upgrading the ledger: {done} of {format_plural(total, 'step')}"
    notify_systemd(f"STATUS={line}")
    shows = get_options(context).progress
    if shows or (shows is None and sys.stderr.isatty()):
        is_json = get_options(context).document.is_wanted
        click.echo(json.dumps({"progress": line}) if is_json else line, err=True)


def describe_subject(connection: Connection, subject: str) -> str:
    """Return a subject as the log of actions has it: of an address its keyed hash."""
    if "@" not in subject and "://" not in subject:
        return subject
    with suppress(AddressError):
        subject = Recipient.parse(subject).address
    return operator_actions.name_address(connection, subject)


def _record(service: Service, command_path: str, subject: str | None, *, is_place: bool) -> None:
    if service.ledger.is_read_only:
        return  # the command cannot change anything either
    with service.ledger.writing() as connection:
        shown = subject
        if subject and not is_place:
            shown = describe_subject(connection, subject)
        name = command_path.partition(" ")[2]
        action = OperatorAction(service.clock(), describe_actor(), name, shown)
        operator_actions.record(connection, action)


def describe_actor() -> str:
    """Return who gave this command, as the log of actions has it: ``command by ada``."""
    return f"command by {_name_user()}"


def _name_user() -> str:
    """Return the system's user, and who became that user with sudo: ``root (sudo by ada)``."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run with a number that has no name
        name = f"user {os.getuid()}"
    caller = os.environ.get("SUDO_USER")
    return f"{name} (sudo by {caller})" if caller else name
