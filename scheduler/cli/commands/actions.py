"""The command that shows what the operator did: actions."""

from __future__ import annotations

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import operator_actions
from alerts.ledger.operator_actions import OperatorAction
from scheduler.cli.options import ServiceCommand
from scheduler.cli.output import format_moment, print_result
from scheduler.cli.parameters import WholeNumber
from scheduler.cli.service import describe_subject, get_service
from scheduler.cli.tables import format_table


class ActionList(msgspec.Struct, frozen=True):
    """What the operator did."""

    actions: list[OperatorAction]  #: the newest first


@click.command(cls=ServiceCommand, data=(ActionList,))
@click.option(
    "--limit",
    type=WholeNumber(1, 10_000),
    default=50,
    show_default=True,
    help="Number of actions, newest first.",
)
@click.option(
    "--about",
    metavar="SUBJECT",
    help="Only about this address, source, question or folder of backups.",
)
@click.pass_context
def actions_command(context: click.Context, limit: int, about: str | None) -> int:
    """List what the operator did.

    That is: sign-ins to the operator's page, wrong passwords, the buttons there, and commands that
    change something or show what is kept about somebody. It is kept for 400 days. In place of an
    address stands a keyed hash of it; --about takes the address itself.

    \b
    Examples:
      watchword actions --limit 10
      watchword actions --about you@example.org
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        subjects = {about, describe_subject(connection, about)} if about else ()
        found = operator_actions.list_newest(connection, limit, *subjects)
    rows = [(format_moment(one.done_at), one.actor, one.action, one.subject or "") for one in found]
    table = format_table(("When", "Who", "What", "About"), rows, nothing="Nothing was done.")
    print_result(table, ActionList(found))
    return ExitStatus.OK
