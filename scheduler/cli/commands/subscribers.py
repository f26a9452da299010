"""Commands about subscribers: export, forget, suspended."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import click
import msgspec

from alerts.bounces import list_waiting, resume_since, suspend_waiting
from alerts.errors import ExitStatus
from alerts.ledger import bounces, personal_data
from alerts.ledger.erasure import erase_deleted
from alerts.ledger.personal_data import DeletedData
from alerts.model import Recipient
from alerts.secret import show_address
from alerts.subscribers import delete_personal_data, lift_suspension
from scheduler.cli.errors import print_error
from scheduler.cli.options import RecordedCommand
from scheduler.cli.output import print_indented_json, print_result
from scheduler.cli.parameters import PastDate
from scheduler.cli.service import get_service
from scheduler.cli.tables import format_table
from scheduler.service import Service

#: Seconds for which the command waits for readers of the ledger.
_MAX_ERASING_SECONDS = 5.0
#: What ``--resume`` is without an address.
_ALL = "all"


#: Nothing was sent before.
_FIRST_DAY = date(2000, 1, 1)


class ForgottenSubscriber(msgspec.Struct, frozen=True):
    """What is deleted about an address."""

    email: str
    deleted: bool  #: false with `--dry-run`
    rows: dict[str, int]  #: by table
    kept: dict[str, str]  #: what stays, and why


class SuspendedList(msgspec.Struct, frozen=True):
    """The addresses that get no email."""

    suspended: list[bounces.SuspendedSubscriber]


class WaitingList(msgspec.Struct, frozen=True):
    """The addresses whose suspension waits for approval, or was approved just now."""

    emails: list[str]
    suspended: bool  #: whether they are suspended now


class ResumedList(msgspec.Struct, frozen=True):
    """The addresses that get email again."""

    resumed: list[str]


@click.command(cls=RecordedCommand, data=(dict[str, Any],), about="email")
@click.argument("email")
@click.pass_context
def export_command(context: click.Context, email: str) -> int:
    """Print all data that is kept about EMAIL.

    The output is JSON, to hand over to the subscriber.

    \b
    Example:
      watchword export you@example.org > you.json
    """
    address = Recipient.parse(email).address
    service = get_service(context)
    with service.ledger.reading() as connection:
        data = personal_data.collect_data(connection, address)
        kept = personal_data.find_data(connection, address)
    if data is None:
        print_error(f"nothing is kept about {show_address(address)}{_format_kept(kept)}")
        return ExitStatus.PARTIAL
    print_indented_json(data)
    return ExitStatus.OK


@click.command(cls=RecordedCommand, data=(ForgottenSubscriber,), about="email", unless="dry_run")
@click.argument("email")
@click.option("--dry-run", is_flag=True, help="Print what would be deleted; delete nothing.")
@click.pass_context
def forget_command(context: click.Context, email: str, dry_run: bool) -> int:
    """Delete EMAIL and all data about it now.

    Prints what went, table by table.

    Ends all subscriptions, cancels the emails that wait, and deletes the address and the messages
    that were sent to it. Of an address that bounced or complained a hash is kept, so that nothing
    is ever sent to it again. Without this command, the data of former subscribers is deleted after
    28 days.

    \b
    Examples:
      watchword forget you@example.org --dry-run
      watchword forget you@example.org
    """
    address = Recipient.parse(email).address
    service = get_service(context)
    if dry_run:
        with service.ledger.reading() as connection:
            deleted = personal_data.find_data(connection, address)
    else:
        with service.ledger.writing() as connection:
            deleted = delete_personal_data(connection, address, service.data_stores)
        erase_deleted(service.ledger, _MAX_ERASING_SECONDS)
    shown = show_address(address)
    if not deleted.rows:
        print_error(f"nothing is kept about {shown}{_format_kept(deleted)}")
        return ExitStatus.PARTIAL
    _print_deleted(shown, deleted, is_done=not dry_run)
    configured = (entry.email.reveal() for entry in service.config.subscriptions)
    if address in {Recipient.parse(entry).address for entry in configured}:
        print_error(f"{shown} is in the config and comes back from there: remove it")
    return ExitStatus.OK


def _format_kept(deleted: DeletedData) -> str:
    return "".join(f" but {reason}" for reason in deleted.kept.values())


def _print_deleted(shown: str, deleted: DeletedData, *, is_done: bool) -> None:
    """Print how many rows of each table went, or would go, and what stays."""
    values = ForgottenSubscriber(shown, is_done, dict(deleted.rows), dict(deleted.kept))
    lines = [f"{shown} {'is' if is_done else 'would be'} deleted"]
    lines += [f"  {name.replace('_', ' ')}: {number:,}" for name, number in deleted.rows.items()]
    lines += [f"  kept: {reason}" for reason in deleted.kept.values()]
    print_result("\n".join(lines), values)


@click.command(
    cls=RecordedCommand,
    data=(SuspendedList, WaitingList, ResumedList),
    about="resume",
    only_with=("resume", "approve"),
)
@click.option(
    "--resume",
    metavar="EMAIL",
    is_flag=False,
    flag_value=_ALL,
    help="Send email to this address again; with --since, to all suspended for bounces.",
)
@click.option(
    "--since", type=PastDate(_FIRST_DAY), metavar="DAY", help="With --resume: the first day."
)
@click.option("--waiting", is_flag=True, help="List addresses whose suspension needs approval.")
@click.option("--approve", is_flag=True, help="Suspend the addresses that --waiting lists.")
@click.pass_context
def suspended_command(
    context: click.Context,
    resume: str | None,
    since: date | None,
    waiting: bool,
    approve: bool,
) -> int:
    """List addresses that get no email.

    An address is suspended after its emails bounced or its owner complained. More suspensions in a
    day than 2 % of the subscribers wait for your approval, and so do all that follow from reports
    that prove nothing because mail.bounce_address is not set.

    \b
    Examples:
      watchword suspended
      watchword suspended --resume you@example.org
      watchword suspended --resume --since 2026-07-01
    """
    if (since is not None) != (resume == _ALL):
        raise click.UsageError("--since DATE goes with --resume without an address")
    service = get_service(context)
    if since is not None:
        return _resume_since(service, datetime.combine(since, time(), UTC))
    if waiting or approve:
        return _show_waiting(service, approve=approve)
    if resume is not None:
        return _resume_address(service, Recipient.parse_email(resume).address)
    with service.ledger.reading() as connection:
        suspensions = bounces.list_suspended(connection)
    shown = [
        msgspec.structs.replace(entry, email=show_address(entry.email)) for entry in suspensions
    ]
    rows = [
        (entry.email, entry.reason, f"{entry.since:%Y-%m-%d}", entry.detail or "")
        for entry in shown
    ]
    columns = ("Address", "Reason", "Since", "Last report")
    print_result(
        format_table(columns, rows, nothing="No address is suspended."), SuspendedList(shown)
    )
    return ExitStatus.OK


def _show_waiting(service: Service, *, approve: bool) -> ExitStatus:
    """List the addresses whose suspension waits for approval, and suspend them if approved."""
    with service.ledger.writing() as connection:
        now = service.clock()
        addresses = bounces.list_addresses(connection, list_waiting(connection, now))
        if approve:
            suspend_waiting(connection, now)
    shown = [show_address(address) for address in addresses]
    lines = [f"{address} is suspended" if approve else address for address in shown]
    print_result("\n".join(lines), WaitingList(shown, approve))
    return ExitStatus.OK


def _resume_since(service: Service, since: datetime) -> ExitStatus:
    """Resume all who were suspended for bounces, and send what they missed."""
    with service.ledger.writing() as connection:
        addresses = resume_since(connection, since, service.clock())
    shown = [show_address(address) for address in addresses]
    lines = [f"{email} gets email again" for email in shown]
    print_result("\n".join(lines), ResumedList(shown))
    return ExitStatus.OK if addresses else ExitStatus.PARTIAL


def _resume_address(service: Service, address: str) -> ExitStatus:
    """Lift the suspension of an address; skip what happened while it lasted.

    Alerts that a complaint has ended begin again. Where the address only bounces, its bounces are
    not counted any more.
    """
    with service.ledger.writing() as connection:
        lifted = lift_suspension(connection, address, service.clock())
    if lifted == "bounces":
        print_result(f"the bounces of {address} are not counted any more", ResumedList([address]))
        return ExitStatus.OK
    if lifted == "nothing":
        print_result(f"{address} was not suspended", ResumedList([]))
        return ExitStatus.PARTIAL
    print_result(f"{address} gets email again", ResumedList([address]))
    return ExitStatus.OK
