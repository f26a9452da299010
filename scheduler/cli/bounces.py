"""Commands about what comes back: bounces, suspended."""

from __future__ import annotations

from collections import Counter

import click

from alerts.errors import ExitStatus
from scheduler.cli.common import get_service, print_result
from scheduler.cli.exits import print_error


@click.command()
@click.argument("location", default="-")
@click.option("--password", help="For a mailbox over IMAP, instead of imap.password.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def bounces(context: click.Context, location: str, password: str | None, as_json: bool) -> int:
    """Read what came back by mail, and stop sending where it says so.

    PLACE is a Maildir, the file of one email, imaps://user@host/folder, or - for one email on
    standard input, as a mail server hands it to a program. Each email is marked as read; those
    that are about no message of ours are left as they are, for you to look at.

    \b
    watchword bounces /var/mail/bounces
    bounces: "|/opt/watchword/watchword -c /etc/watchword.toml bounces"     (in /etc/aliases)
    """
    from alerts.bounces.process import process_report
    from scheduler.bounce_mailbox import read_unread_emails

    service = get_service(context)
    secret = service.config.imap.password
    if password is None and secret is not None:
        password = secret.reveal()
    leave = service.mail_identity.unsubscribe_address
    found: Counter[str] = Counter()
    for raw, done in read_unread_emails(location, password):
        with service.ledger.writing() as connection:
            outcome, detail = process_report(connection, raw, leave, service.clock())
        found[outcome] += 1
        if outcome == "unknown":
            print_error(f"an email is about no message of ours: {detail}")
        else:
            done()
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(found.items()))
    print_result(told or "nothing new", dict(found), as_json=as_json)
    return ExitStatus.PARTIAL if found["unknown"] else ExitStatus.OK


@click.command()
@click.option("--resume", metavar="EMAIL", help="Send to this address again, from now on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def suspended(context: click.Context, resume: str | None, as_json: bool) -> int:
    """List whom nothing is sent to, because mail came back or they complained."""
    import msgspec

    from alerts.ledger import bounces as ledger
    from alerts.ledger import changes, subscriptions
    from alerts.model import Recipient

    service = get_service(context)
    if resume is not None:
        with service.ledger.writing() as connection:
            address = Recipient.parse_email(resume).address
            was = ledger.remove_suppression(connection, address)
            person = subscriptions.find_subscriber_by_email(connection, address)
            if person is not None:
                subscriptions.skip_unsent(connection, person.id, changes.get_newest_seq(connection))
        click.echo(f"{address} is sent to again" if was else f"nothing stood against {address}")
        return ExitStatus.OK if was else ExitStatus.PARTIAL
    with service.ledger.reading() as connection:
        found = ledger.list_suspended(connection)
    for one in found:
        line = f"{one.email}\t{one.because}\t{one.since:%Y-%m-%d}\t{one.detail or ''}"
        print_result(line, msgspec.to_builtins(one), as_json=as_json)
    return ExitStatus.OK


COMMANDS = (bounces, suspended)
