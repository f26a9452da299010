"""The commands about the service's own keys: secrets list, secrets rotate."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import operator_sessions, secrets
from alerts.subscribers import parse_reachable_recipient
from scheduler.cli.options import (
    RecordedCommand,
    ServiceCommand,
    build_config_option,
)
from scheduler.cli.output import format_moment, format_plural, print_result
from scheduler.cli.service import get_service
from scheduler.cli.tables import format_table

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

    \b
    Examples:
      watchword secrets list
      watchword secrets rotate
    """


class KeyList(msgspec.Struct, frozen=True):
    """The service's own keys, without their values."""

    keys: list[secrets.KeyState]


class ReceiverSecret(msgspec.Struct, frozen=True):
    """The secret of one receiver of webhooks."""

    secret: str


class RotatedKeys(msgspec.Struct, frozen=True):
    """What `watchword secrets rotate` did."""

    rotated: list[str]  #: what the keys are for
    accepted_until: datetime  #: until when the former keys are accepted
    sessions: int  #: of the operator that were ended


@secrets_command.command(name="list", cls=ServiceCommand, data=(KeyList,))
@click.pass_context
def list_command(context: click.Context) -> ExitStatus:
    """List the keys, without their values, and until when former ones are accepted.

    \b
    Example:
      watchword secrets list
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        found = list(secrets.list_keys(connection, service.clock()))
    rows = [(key.id, key.name, _format_key_state(key)) for key in found]
    print_result(
        format_table(("Key", "For", "State"), rows, nothing="No key is made yet."), KeyList(found)
    )
    return ExitStatus.OK


def _format_key_state(key: secrets.KeyState) -> str:
    until = key.accepted_until
    return f"accepted until {format_moment(until)}" if until else "in use"


@secrets_command.command(
    name="webhook", cls=RecordedCommand, data=(ReceiverSecret,), about="address"
)
@click.argument("address", metavar="URL")
@click.pass_context
def webhook_command(context: click.Context, address: str) -> ExitStatus:
    """Print the secret with which the receiver at URL checks our signatures.

    Give it to nobody else. Each receiver has one of its own, made from channels.webhook.secret.
    To replace them, move that to channels.webhook.former_secret and set a new one: messages are
    signed with both until you remove the former.

    \b
    Example:
      watchword secrets webhook https://example.org/hook
    """
    service = get_service(context)
    recipient = parse_reachable_recipient(address, service.config.channel_table)
    channel = service.config.channel_table.find(recipient)
    secret = channel.show_receiver_secret(recipient.address) if channel else None
    if secret is None:
        raise click.UsageError("what is sent to this address is not signed")
    print_result(secret, ReceiverSecret(secret))
    return ExitStatus.OK


@secrets_command.command(name="rotate", cls=RecordedCommand, data=(RotatedKeys,))
@click.option("--at-once", is_flag=True, help="Accept nothing of the former keys any more.")
@click.pass_context
def rotate_command(context: click.Context, at_once: bool) -> ExitStatus:
    """Replace the keys that sign links, forms and return paths.

    What the former keys signed is accepted for 60 days, as long as a link to alerts works. Use
    --at-once if somebody may have read the ledger or a backup of it. The operator is signed out.

    \b
    Example:
      watchword secrets rotate --at-once
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
    print_result(text, RotatedKeys(list(secrets.ROTATED_PURPOSES), until, sessions))
    return ExitStatus.OK
