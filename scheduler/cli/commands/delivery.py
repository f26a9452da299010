"""Commands about email: digest, deliveries, bounces, dns."""

from __future__ import annotations

import tempfile
import webbrowser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import get_args

import click
import msgspec

from alerts.bounces import name_email, process_report
from alerts.digests import preview_due_digests
from alerts.errors import ExitStatus
from alerts.ledger import deliveries as ledger
from alerts.ledger.deliveries import MessageStatus
from alerts.ledger.messages import MessagePhase
from alerts.model import Recipient
from alerts.operator import update_report_alarm
from alerts.secret import show_address
from scheduler.bounce_mailbox import read_unread_emails
from scheduler.cli.errors import print_error
from scheduler.cli.options import RecordedCommand, ServiceCommand, json_lines_option, json_option
from scheduler.cli.output import format_counts, format_plural, print_result
from scheduler.cli.service import get_service
from scheduler.jobs import compose_digests, deliver_messages
from scheduler.service import Service, lock_ledger

#: A TXT record holds strings of at most 255 bytes (RFC 1035 3.3; RFC 6376 3.6.2.2 joins them).
_DNS_STRING_LENGTH = 255
#: The outcomes for which a returned email is set aside, and what is wrong with it then.
_PROBLEMS: dict[str, str] = {
    "unreadable": "cannot be read",
    "unproven": "does not prove that it is about one of our messages",
}


@click.command(cls=ServiceCommand)
@click.option("--dry-run", is_flag=True, help="Show the digests; write and send nothing.")
@click.option("--preview", is_flag=True, help="Like --dry-run, but as HTML in your browser.")
@click.option("--only", metavar="EMAIL", help="Only the digest of this subscriber, in full.")
@json_option
@click.pass_context
def digest_command(
    context: click.Context, dry_run: bool, preview: bool, only: str | None, as_json: bool
) -> int:
    """Compose and send the digests that are due.

    \b
    watchword digest --dry-run --only you@example.org
    watchword digest --preview
    """
    recipient = Recipient.parse(only).address if only else None
    service = get_service(context)
    if dry_run or preview:
        return _show_due_digests(service, recipient, in_browser=preview, as_json=as_json)
    with lock_ledger(service) as service:
        composed = compose_digests(service, only_email=recipient)
        outcomes = deliver_messages(service, recipient=recipient)
    deliveries = dict(sorted(outcomes.items()))
    sent = format_counts(deliveries, nothing="nothing to deliver")
    values = {"composed": composed, "deliveries": deliveries}
    print_result(f"{composed} composed; {sent}", values, as_json=as_json)
    return ExitStatus.OK if set(outcomes) <= {"sent"} else ExitStatus.PARTIAL


def _show_due_digests(
    service: Service, recipient: str | None, *, in_browser: bool, as_json: bool
) -> ExitStatus:
    """Print the due digests, or show them in the browser; only one recipient's, if given."""
    with service.ledger.reading() as connection:
        due = [
            digest
            for digest in preview_due_digests(connection, service.digest_settings, service.clock())
            if recipient is None or digest.message.recipient == recipient
        ]
    for digest in due:
        message, text = digest.message, digest.text
        shown = show_address(message.recipient)
        if in_browser:
            click.echo(f"{shown}: {_open_in_browser(digest.html or text)}")
            continue
        title = f"{shown}: {message.subject}"
        values = {"to": shown, "subject": message.subject, "text": text}
        print_result(f"{title}\n\n{text}" if recipient else title, values, as_json=as_json)
    if not due and not as_json:
        click.echo("No digest is due.")
    return ExitStatus.OK


def _open_in_browser(html: str) -> str:
    """Write a page to a temporary file, open it in the browser and return its ``file:`` URL."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="watchword-", suffix=".html", delete=False, encoding="utf-8"
    ) as file:
        file.write(html)
    url = Path(file.name).as_uri()
    webbrowser.open(url)
    return url


@click.command(cls=RecordedCommand, about="to", only_with=("retry", "arrived"))
@click.option(
    "--phase", type=click.Choice(get_args(MessagePhase)), help="Only messages in this phase."
)
@click.option("--to", metavar="EMAIL", help="Only messages to this recipient.")
@click.option("--limit", default=20, show_default=True, help="Number of messages, newest first.")
@click.option("--retry", is_flag=True, help="Queue again those listed that failed or are in doubt.")
@click.option("--arrived", is_flag=True, help="Count those listed that are held in doubt as sent.")
@json_lines_option
@click.pass_context
def deliveries_command(
    context: click.Context,
    phase: MessagePhase | None,
    to: str | None,
    limit: int,
    retry: bool,
    arrived: bool,
    as_json: bool,
) -> int:
    """List messages and how each was delivered.

    A message in doubt is held after the second time: send it again with --retry, or settle it with
    --arrived if the mail server's log says that it was accepted.

    \b
    watchword deliveries --phase failed
    watchword deliveries --phase in_doubt --retry
    """
    if retry and arrived:
        raise click.UsageError("--retry and --arrived exclude each other")
    service = get_service(context)
    recipient = to.lower() if to else None
    with service.ledger.reading() as connection:
        found = ledger.list_newest(connection, phase, recipient, limit)
    if retry:
        return _requeue(service, found, as_json=as_json)
    if arrived:
        return _settle(service, found, as_json=as_json)
    for message in found:
        shown = msgspec.structs.replace(message, recipient=show_address(message.recipient))
        print_result(_format_message(shown), shown, as_json=as_json)
    if not found and not as_json:
        click.echo("No such message.")
    return ExitStatus.OK


def _requeue(service: Service, messages: list[MessageStatus], *, as_json: bool) -> ExitStatus:
    """Queue messages again, and print how many that were."""
    with service.ledger.writing() as connection:
        ids = [message.id for message in messages]
        queued = ledger.requeue(connection, ids, service.clock())
    print_result(f"queued {format_plural(queued, 'message')}", {"queued": queued}, as_json=as_json)
    return ExitStatus.OK if queued else ExitStatus.PARTIAL


def _settle(service: Service, messages: list[MessageStatus], *, as_json: bool) -> ExitStatus:
    """Count messages in doubt as sent, and print how many that were."""
    with service.ledger.writing() as connection:
        ids = [message.id for message in messages]
        settled = ledger.mark_arrived(connection, ids, service.clock())
    text = f"settled {format_plural(settled, 'message')}"
    print_result(text, {"settled": settled}, as_json=as_json)
    return ExitStatus.OK if settled else ExitStatus.PARTIAL


def _format_message(message: MessageStatus) -> str:
    """Return a message on two lines: what it is, and how its last delivery attempt ended."""
    reason = f": {message.detail}" if message.detail else ""
    return (
        f"{message.composed_at:%Y-%m-%d %H:%M} UTC  {message.phase:<8}"
        f"{message.recipient}  {message.subject}\n"
        f"  {format_plural(message.attempts, 'attempt')}{reason}"
    )


@click.command(cls=ServiceCommand)
@click.argument("location", default="-")
@json_option
@click.pass_context
def bounces_command(context: click.Context, location: str, as_json: bool) -> int:
    """Process returned emails.

    Suspends addresses that bounce, and unsubscribes those who complain or reply to the unsubscribe
    address. Without mail.bounce_address no report proves which message it is about, and what
    follows waits for `watchword suspended --approve`. LOCATION is a Maildir, a file that holds one
    email, imaps://user@host/folder, or - for one email on standard input, as a mail server pipes it
    to a program. The password for IMAP is imap.password_file in the config.

    Emails are marked as read. Those that are about none of our messages are left unread for you.
    Those that cannot be read, or that do not prove which message they are about, are flagged.

    \b
    watchword bounces /var/mail/bounces
    bounces: "|/opt/watchword/watchword --config /etc/watchword.toml bounces"   (in /etc/aliases)
    """
    service = get_service(context)
    process = partial(_process_reports, service, location)
    if location == "-":  # such processes may overlap, which jobs do not
        counts = process()
    else:
        notes = service.note_jobs()
        counts = notes.run("bounces", process, Counter())
        if notes.failures:
            return notes.failures[0].exit_status
    outcomes = dict(sorted(counts.items()))
    print_result(format_counts(outcomes, nothing="no new email"), outcomes, as_json=as_json)
    if counts["unreadable"] and counts["unreadable"] == counts.total():
        return ExitStatus.DATA
    needs_you = counts["unknown"] or any(counts[outcome] for outcome in _PROBLEMS)
    return ExitStatus.PARTIAL if needs_you else ExitStatus.OK


def _process_reports(service: Service, location: str) -> Counter[str]:
    """Process the unread emails at a location; return the number of each outcome."""
    counts: Counter[str] = Counter()
    password = service.config.imap.password
    with _report_alarm(service) as set_aside:
        for raw, mark_as_read in read_unread_emails(
            location, password.reveal() if password else None
        ):
            outcome, detail = process_report(
                service.ledger,
                raw,
                service.mail_identity.unsubscribe_address,
                service.clock(),
                has_return_paths=service.config.mail.bounce_address is not None,
            )
            counts[outcome] += 1
            if outcome == "unknown":
                print_error(f"an email is about none of our messages: {detail}")
                continue
            if problem := _PROBLEMS.get(outcome):
                set_aside.append(name_email(raw))
                print_error(f"an email {problem}: {set_aside[-1]}: {detail}")
            mark_as_read(flagged=outcome in _PROBLEMS)
    return counts


@contextmanager
def _report_alarm(service: Service) -> Iterator[list[str]]:
    """Give a list for the names of emails that are set aside, and raise the alarm about them.

    It is raised also where the mailbox fails before its end.
    """
    set_aside: list[str] = []
    try:
        yield set_aside
    finally:
        with service.ledger.writing() as connection:
            update_report_alarm(connection, set_aside, service.clock())


@click.command(cls=ServiceCommand)
@click.pass_context
def dns_command(context: click.Context) -> int:
    """Print the DNS records for DKIM, SPF and DMARC.

    Receiving mail servers use them to check that our emails are from us.
    """
    service = get_service(context)
    identity = service.mail_identity
    for key in identity.signing_keys:
        record = _quote_dns_text(key.dns_record)
        click.echo(f"{key.selector}._domainkey.{key.domain}. TXT {record}")
    if not identity.signing_keys:
        click.echo("; no key in [[mail.dkim]]: messages are not signed")
    click.echo(f'{identity.domain}. TXT "v=spf1 mx a -all"  ; name the hosts that send for you')
    reports = f"; rua=mailto:{email}" if (email := service.config.operator.email) else ""
    click.echo(f'_dmarc.{identity.domain}. TXT "v=DMARC1; p=none{reports}"')
    return ExitStatus.OK


def _quote_dns_text(text: str) -> str:
    """Return a TXT record's value as quoted strings, none longer than the format allows."""
    starts = range(0, len(text), _DNS_STRING_LENGTH)
    return " ".join(f'"{text[start : start + _DNS_STRING_LENGTH]}"' for start in starts)
