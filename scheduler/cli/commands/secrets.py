"""The commands about the service's own keys: secrets list, secrets rotate."""

from __future__ import annotations

import click

from alerts.errors import ExitStatus
from alerts.ledger import operator_sessions, secrets
from alerts.subscribers import parse_reachable_recipient
from scheduler.cli.options import (
    RecordedCommand,
    ServiceCommand,
    build_config_option,
    json_lines_option,
    json_option,
)
from scheduler.cli.output import format_moment, format_plural, print_result
from scheduler.cli.service import get_service

_ROTATED = """\
New keys sign the links to alerts, digests and private feeds, forms and return paths.
{former}
The operator is signed out everywhere ({sessions}).
Links to unsubscribe in emails stay valid; each subscriber can end theirs on their own page.
Restart `watchword run` now: until then it uses the keys that it has loaded.
DKIM keys are files of yours: name a new one in [[mail.dkim]], with its DNS record."""
_KEPT = "What the former keys signed is accepted until {until}; a bounce comes back by then."
_DROPPED = (
    "What the former keys signed is not accepted any more: links to alerts, to the pages of long "
    "digests and to private feeds in earlier emails, forms that are open, and bounces of earlier "
    "emails. Subscribers can ask for a new link at /your-alerts."
)


@click.group(name="secrets", params=[build_config_option()])
def secrets_command() -> None:
    """List the service's own keys, and replace them.

    The service makes them itself and keeps them in the ledger. Passwords of yours are in the
    config. The key of hashes of addresses is never replaced: what was hashed would not be found
    again.
    """


@secrets_command.command(name="list", cls=ServiceCommand)
@json_lines_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> ExitStatus:
    """List the keys, without their values, and until when former ones are accepted."""
    service = get_service(context)
    with service.ledger.reading() as connection:
        found = secrets.list_keys(connection, service.clock())
    for key in found:
        until = f"accepted until {format_moment(key.accepted_until)}"
        state = until if key.accepted_until else "in use"
        print_result(f"{key.id}\t{key.name}\t{state}", key, as_json=as_json)
    return ExitStatus.OK


@secrets_command.command(name="webhook", cls=RecordedCommand, about="address")
@click.argument("address", metavar="URL")
@json_option
@click.pass_context
def webhook_command(context: click.Context, address: str, as_json: bool) -> ExitStatus:
    """Print the secret with which the receiver at URL checks our signatures.

    Give it to nobody else. Each receiver has one of its own, made from channels.webhook.secret.
    To replace them, move that to channels.webhook.former_secret and set a new one: messages are
    signed with both until you remove the former.
    """
    service = get_service(context)
    recipient = parse_reachable_recipient(address, service.config.channel_table)
    channel = service.config.channel_table.find(recipient)
    secret = channel.show_receiver_secret(recipient.address) if channel else None
    if secret is None:
        raise click.UsageError("what is sent to this address is not signed")
    print_result(secret, {"secret": secret}, as_json=as_json)
    return ExitStatus.OK


@secrets_command.command(name="rotate", cls=RecordedCommand)
@click.option("--at-once", is_flag=True, help="Accept nothing of the former keys any more.")
@json_option
@click.pass_context
def rotate_command(context: click.Context, at_once: bool, as_json: bool) -> ExitStatus:
    """Replace the keys that sign links, forms and return paths.

    What the former keys signed is accepted for 60 days, as long as a link to alerts works. Use
    --at-once if somebody may have read the ledger or a backup of it. The operator is signed out.
    """
    service = get_service(context)
    now = service.clock()
    until = now if at_once else now + secrets.ACCEPTED_AFTERWARDS
    with service.ledger.writing() as connection:
        if at_once:
            secrets.drop_former(connection)
        for purpose in secrets.ROTATED_PURPOSES:
            secrets.rotate(connection, purpose, now, until)
        sessions = operator_sessions.end_all(connection)
    former = _DROPPED if at_once else _KEPT.format(until=format_moment(until))
    text = _ROTATED.format(former=former, sessions=format_plural(sessions, "session"))
    values = {"rotated": secrets.ROTATED_PURPOSES, "accepted_until": until, "sessions": sessions}
    print_result(text, values, as_json=as_json)
    return ExitStatus.OK
