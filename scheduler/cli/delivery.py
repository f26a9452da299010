"""Commands about what is sent: digest, deliveries, dns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from scheduler.cli.common import say, service_of
from scheduler.cli.exits import OK, PARTLY

if TYPE_CHECKING:
    from alerts.ledger.deliveries import Sent
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
    service = service_of(context)
    address = only.lower() if only and "://" not in only else only
    if dry_run or preview:
        return _show(service, address, in_browser=preview, as_json=as_json)
    from alerts.delivery.send import deliver_due
    from alerts.digests.compose import compose_due
    from scheduler.config.load import ways
    from scheduler.service import alone

    config = service.config
    with alone(service):
        made = compose_due(
            *(service.ledger, service.templates, service.letterhead, service.clock()),
            batch=config.digests.batch,
            already=service.already,
            only=address,
        )
        done = deliver_due(
            *(service.ledger, ways(config), service.clock, service.terms), only=address
        )
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(done.items()))
    values = {"composed": made, "deliveries": dict(done)}
    say(f"{made} composed; {told or 'nothing to deliver'}", values, as_json=as_json)
    return OK if set(done) <= {"sent"} else PARTLY


def _show(service: Service, only: str | None, *, in_browser: bool, as_json: bool) -> int:
    """What is due, as text or in a browser."""
    from alerts.digests.compose import digests_due

    batch = service.config.digests.batch
    with service.ledger.reading() as connection:
        due = digests_due(
            *(connection, service.templates, service.letterhead, service.clock(), batch)
        )
        found = [entry for entry in due if only is None or entry[0].recipient == only]
    for composed, text, html in found:
        if in_browser:
            click.echo(f"{composed.recipient}: {_opened(html or text)}")
            continue
        values = {"to": composed.recipient, "subject": composed.subject, "text": text}
        whole = f"{composed.recipient}: {composed.subject}"
        say(f"{whole}\n\n{text}" if only else whole, values, as_json=as_json)
    if not found and not as_json:
        click.echo("No digest is due.")
    return OK


def _opened(html: str) -> str:
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


def _phases() -> list[str]:
    return ["queued", "sending", "dot", "sent", "failed", "held", "dropped"]


@click.command()
@click.option("--phase", type=click.Choice(_phases()), help="Only messages in this phase.")
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

    service = service_of(context)
    wanted = cast("Any", phase)
    with service.ledger.writing() as connection:
        address = to.lower() if to else None
        found = ledger.newest(connection, wanted, address, limit)
        if retry:
            again = ledger.retry(connection, [one.id for one in found], service.clock())
            say(f"{again} messages are queued again", {"queued": again}, as_json=as_json)
            return OK if again else PARTLY
    for one in found:
        say(_line(one), msgspec.to_builtins(one), as_json=as_json)
    if not found and not as_json:
        click.echo("No such message.")
    return OK


def _line(one: Sent) -> str:
    attempts = f"{one.attempts} attempt{'' if one.attempts == 1 else 's'}"
    said = f": {one.detail}" if one.detail else ""
    head = f"{one.composed_at:%Y-%m-%d %H:%M} UTC  {one.phase:<8}{one.recipient}  {one.subject}"
    return f"{head}\n  {attempts}{said}"


@click.command()
@click.pass_context
def dns(context: click.Context) -> int:
    """Print the DNS records that make mailboxes believe our email."""
    service = service_of(context)
    head = service.letterhead
    # What a server name holds is cut into strings of 255 characters (RFC 6376 3.6.2.2).
    for key in head.keys:
        parts = [key.record[at : at + 255] for at in range(0, len(key.record), 255)]
        text = " ".join(f'"{part}"' for part in parts)
        click.echo(f"{key.selector}._domainkey.{key.domain}. TXT {text}")
    if not head.keys:
        click.echo("; no key in [[mail.dkim]]: messages are not signed")
    click.echo(f'{head.domain}. TXT "v=spf1 mx a -all"  ; name the hosts that send for you')
    reports = f"; rua=mailto:{email}" if (email := service.config.operator.email) else ""
    click.echo(f'_dmarc.{head.domain}. TXT "v=DMARC1; p=none{reports}"')
    return OK


COMMANDS = (digest, deliveries, dns)
