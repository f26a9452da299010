"""Commands about what is sent: digest, deliveries, dns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from alerts.errors import ExitStatus
from scheduler.cli.common import get_service, print_result

if TYPE_CHECKING:
    from alerts.ledger.deliveries import MessageStatus
    from scheduler.service import Service

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show them; nothing is written or sent.")
@click.option("--preview", is_flag=True, help="The same, as HTML in your browser.")
@click.option("--only", metavar="EMAIL", help="This subscriber's, shown in full.")
@_JSON
@click.pass_context
def digest(
    context: click.Context, dry_run: bool, preview: bool, only: str | None, as_json: bool
) -> int:
    """Compose the digests that are due now, and send them.

    \b
    watchword digest --dry-run --only you@example.org
    watchword digest --preview
    """
    service = get_service(context)
    from alerts.model import Recipient

    address = Recipient.parse(only).address if only else None
    if dry_run or preview:
        return _show_due_digests(service, address, in_browser=preview, as_json=as_json)
    from alerts.delivery import deliver_due
    from alerts.digests.compose import compose_due_digests
    from scheduler.service import lock_ledger

    config = service.config
    with lock_ledger(service):
        made = compose_due_digests(
            *(service.ledger, service.templates, service.mail_identity, service.clock()),
            batch_interval=config.digests.batch_interval,
            sent_log=service.sent_log,
            only_email=address,
        )
        done = deliver_due(
            service.ledger,
            config.channel_table,
            service.clock,
            config.mail.delivery_policy,
            sent_log=service.sent_log,
            recipient=address,
        )
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(done.items()))
    values = {"composed": made, "deliveries": dict(done)}
    print_result(f"{made} composed; {told or 'nothing to deliver'}", values, as_json=as_json)
    return ExitStatus.OK if set(done) <= {"sent"} else ExitStatus.PARTIAL


def _show_due_digests(
    service: Service, only: str | None, *, in_browser: bool, as_json: bool
) -> int:
    """What is due, as text or in a browser."""
    from alerts.digests.compose import preview_due_digests

    batch = service.config.digests.batch_interval
    with service.ledger.reading() as connection:
        due = preview_due_digests(
            *(connection, service.templates, service.mail_identity, service.clock(), batch)
        )
        found = [entry for entry in due if only is None or entry[0].recipient == only]
    for composed, text, html in found:
        if in_browser:
            click.echo(f"{composed.recipient}: {_open_in_browser(html or text)}")
            continue
        values = {"to": composed.recipient, "subject": composed.subject, "text": text}
        whole = f"{composed.recipient}: {composed.subject}"
        print_result(f"{whole}\n\n{text}" if only else whole, values, as_json=as_json)
    if not found and not as_json:
        click.echo("No digest is due.")
    return ExitStatus.OK


def _open_in_browser(html: str) -> str:
    """Show a page in the browser; its address, for where there is none."""
    import tempfile
    import webbrowser
    from pathlib import Path

    with tempfile.NamedTemporaryFile(
        "w", prefix="watchword-", suffix=".html", delete=False, encoding="utf-8"
    ) as file:
        file.write(html)
    address = Path(file.name).as_uri()
    webbrowser.open(address)
    return address


def _list_phases() -> list[str]:
    return ["queued", "sending", "dot", "sent", "failed", "held", "dropped"]


@click.command()
@click.option("--phase", type=click.Choice(_list_phases()), help="Only messages in this phase.")
@click.option("--to", metavar="EMAIL", help="Only messages to this address.")
@click.option("--limit", default=20, show_default=True, help="So many, the newest first.")
@click.option("--retry", is_flag=True, help="Queue those of them that failed or are held again.")
@_JSON
@click.pass_context
def deliveries(
    context: click.Context,
    phase: str | None,
    to: str | None,
    limit: int,
    retry: bool,
    as_json: bool,
) -> int:
    """Show what was sent, what waits and what failed, and why.

    \b
    watchword deliveries --phase failed
    watchword deliveries --phase held --retry
    """
    import msgspec

    from alerts.ledger import deliveries as ledger

    service = get_service(context)
    wanted = cast("Any", phase)
    with service.ledger.writing() as connection:
        address = to.lower() if to else None
        found = ledger.list_newest(connection, wanted, address, limit)
        if retry:
            again = ledger.requeue(connection, [one.id for one in found], service.clock())
            print_result(f"{again} messages are queued again", {"queued": again}, as_json=as_json)
            return ExitStatus.OK if again else ExitStatus.PARTIAL
    for one in found:
        print_result(_format_delivery(one), msgspec.to_builtins(one), as_json=as_json)
    if not found and not as_json:
        click.echo("No such message.")
    return ExitStatus.OK


def _format_delivery(one: MessageStatus) -> str:
    attempts = f"{one.attempts} attempt{'' if one.attempts == 1 else 's'}"
    said = f": {one.detail}" if one.detail else ""
    head = f"{one.composed_at:%Y-%m-%d %H:%M} UTC  {one.phase:<8}{one.recipient}  {one.subject}"
    return f"{head}\n  {attempts}{said}"


@click.command()
@click.pass_context
def dns(context: click.Context) -> int:
    """Print the DNS records that make mailboxes believe our email."""
    service = get_service(context)
    head = service.mail_identity
    # What a server name holds is cut into strings of 255 characters (RFC 6376 3.6.2.2).
    for key in head.signing_keys:
        parts = [key.dns_record[at : at + 255] for at in range(0, len(key.dns_record), 255)]
        text = " ".join(f'"{part}"' for part in parts)
        click.echo(f"{key.selector}._domainkey.{key.domain}. TXT {text}")
    if not head.signing_keys:
        click.echo("; no key in [[mail.dkim]]: messages are not signed")
    click.echo(f'{head.domain}. TXT "v=spf1 mx a -all"  ; name the hosts that send for you')
    reports = f"; rua=mailto:{email}" if (email := service.config.operator.email) else ""
    click.echo(f'_dmarc.{head.domain}. TXT "v=DMARC1; p=none{reports}"')
    return ExitStatus.OK


COMMANDS = (digest, deliveries, dns)
