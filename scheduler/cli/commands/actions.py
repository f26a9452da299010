"""The command that shows what the operator did: actions."""

from __future__ import annotations

import click

from alerts.errors import ExitStatus
from alerts.ledger import operator_actions
from scheduler.cli.options import ServiceCommand, json_lines_option
from scheduler.cli.output import format_moment, print_result
from scheduler.cli.service import describe_subject, get_service


@click.command(cls=ServiceCommand)
@click.option("--limit", default=50, show_default=True, help="Number of actions, newest first.")
@click.option("--about", metavar="SUBJECT", help="Only about this address, source or question.")
@json_lines_option
@click.pass_context
def actions_command(context: click.Context, limit: int, about: str | None, as_json: bool) -> int:
    """List what the operator did.

    That is: sign-ins to the operator's page, wrong passwords, the buttons there, and commands that
    change something or show what is kept about somebody. It is kept for 400 days. In place of an
    address stands a keyed hash of it; --about takes the address itself.
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        subject = describe_subject(connection, about) if about else None
        found = operator_actions.list_newest(connection, limit, subject)
    for one in found:
        subject_text = f"\t{one.subject}" if one.subject else ""
        line = f"{format_moment(one.done_at)}\t{one.actor}\t{one.action}{subject_text}"
        print_result(line, one, as_json=as_json)
    if not found and not as_json:
        click.echo("Nothing was done.")
    return ExitStatus.OK
