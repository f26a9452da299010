"""Commands about email: digest, deliveries, bounces."""

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
from alerts.digests import DigestPreview, preview_due_digests
from alerts.errors import ExitStatus
from alerts.ledger import deliveries as ledger
from alerts.ledger.deliveries import MessageStatus
from alerts.ledger.messages import MessagePhase
from alerts.model import Recipient
from alerts.operator import update_report_alarm
from alerts.secret import show_address
from scheduler.bounce_mailbox import read_unread_emails
from scheduler.cli.errors import print_error
from scheduler.cli.options import RecordedCommand, ServiceCommand
from scheduler.cli.output import format_counts, format_moment, format_plural, print_result
from scheduler.cli.parameters import WholeNumber
from scheduler.cli.progress import progress_option, show_progress
from scheduler.cli.service import get_service
from scheduler.cli.tables import format_table
from scheduler.service import Service, lock_ledger
from scheduler.tasks import compose_digests, deliver_messages

#: The outcomes for which a returned email is set aside, and what is wrong with it then.
_PROBLEMS: dict[str, str] = {
    "unreadable": "cannot be read",
    "unproven": "does not prove that it is about one of our messages",
}


class SentDigests(msgspec.Struct, frozen=True):
    """The digests that were composed, and what became of the messages that were due."""

    composed: int  #: digests
    deliveries: dict[str, int]  #: messages by the outcome of their delivery attempt


class DueDigest(msgspec.Struct, frozen=True):
    """A digest that is due."""

    to: str  #: its recipient
    subject: str
    text: str
    url: str | None = None  #: of the page that was opened in the browser


class DueDigestList(msgspec.Struct, frozen=True):
    """The digests that are due, with `--dry-run` or `--preview`."""

    digests: list[DueDigest]


@click.command(cls=ServiceCommand, data=(SentDigests, DueDigestList))
@click.option("--dry-run", is_flag=True, help="Show the digests; write and send nothing.")
@click.option("--preview", is_flag=True, help="Like --dry-run, but as HTML in your browser.")
@click.option("--only", metavar="EMAIL", help="Only the digest of this subscriber, in full.")
@progress_option
@click.pass_context
def digest_command(context: click.Context, dry_run: bool, preview: bool, only: str | None) -> int:
    """Compose and send the digests that are due.

    \b
    Examples:
      watchword digest --dry-run --only you@example.org
      watchword digest --preview
    """
    recipient = Recipient.parse(only).address if only else None
    service = get_service(context)
    if dry_run or preview:
        return _show_due_digests(service, recipient, in_browser=preview)
    with lock_ledger(service) as service, show_progress() as display:
        composing = display.start("composing digests", "digest")
        composed = compose_digests(service, only_email=recipient, on_progress=composing.set_done)
        sending = display.start("sending", "message")
        outcomes = deliver_messages(service, recipient=recipient, on_progress=sending.set_done)
    deliveries = dict(sorted(outcomes.items()))
    sent = format_counts(deliveries, nothing="nothing to deliver")
    text = f"{format_plural(composed, 'digest')} composed; {sent}"
    print_result(text, SentDigests(composed, deliveries))
    return ExitStatus.OK if set(outcomes) <= {"sent"} else ExitStatus.PARTIAL


def _show_due_digests(service: Service, recipient: str | None, *, in_browser: bool) -> ExitStatus:
    """Print the due digests, or show them in the browser; only one recipient's, if given."""
    with service.ledger.reading() as connection:
        due = [
            digest
            for digest in preview_due_digests(connection, service.digest_settings, service.clock())
            if recipient is None or digest.message.recipient == recipient
        ]
    shown = [_describe_due_digest(digest, in_browser=in_browser) for digest in due]
    lines = [_format_due_digest(digest, in_full=recipient is not None) for digest in shown]
    print_result("\n".join(lines) or "No digest is due.", DueDigestList(shown))
    return ExitStatus.OK


def _describe_due_digest(digest: DigestPreview, *, in_browser: bool) -> DueDigest:
    """Return a digest as it is printed, after opening it in the browser if asked to."""
    return DueDigest(
        to=show_address(digest.message.recipient),
        subject=digest.message.subject,
        text=digest.text,
        url=_open_in_browser(digest.html or digest.text) if in_browser else None,
    )


def _format_due_digest(digest: DueDigest, *, in_full: bool) -> str:
    if digest.url:
        return f"{digest.to}: {digest.url}"
    title = f"{digest.to}: {digest.subject}"
    return f"{title}\n\n{digest.text}" if in_full else title


def _open_in_browser(html: str) -> str:
    """Write a page to a temporary file, open it in the browser and return its ``file:`` URL."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="watchword-", suffix=".html", delete=False, encoding="utf-8"
    ) as file:
        file.write(html)
    url = Path(file.name).as_uri()
    webbrowser.open(url)
    return url


class MessageList(msgspec.Struct, frozen=True):
    """Messages and how each was delivered."""

    messages: list[MessageStatus]  #: the newest first


class QueuedMessages(msgspec.Struct, frozen=True):
    """What `watchword deliveries --retry` did."""

    queued: int  #: messages


class SettledMessages(msgspec.Struct, frozen=True):
    """What `watchword deliveries --arrived` did."""

    settled: int  #: messages


@click.command(
    cls=RecordedCommand,
    data=(MessageList, QueuedMessages, SettledMessages),
    about="to",
    only_with=("retry", "arrived"),
)
@click.option(
    "--phase", type=click.Choice(get_args(MessagePhase)), help="Only messages in this phase."
)
@click.option("--to", metavar="EMAIL", help="Only messages to this recipient.")
@click.option(
    "--limit",
    type=WholeNumber(1, 10_000),
    default=20,
    show_default=True,
    help="Number of messages, newest first.",
)
@click.option("--retry", is_flag=True, help="Queue again those listed that failed or are in doubt.")
@click.option("--arrived", is_flag=True, help="Count those listed that are held in doubt as sent.")
@click.pass_context
def deliveries_command(
    context: click.Context,
    phase: MessagePhase | None,
    to: str | None,
    limit: int,
    retry: bool,
    arrived: bool,
) -> int:
    """List messages and how each was delivered.

    A message in doubt is held after the second time: send it again with --retry, or settle it with
    --arrived if the mail server's log says that it was accepted.

    \b
    Examples:
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
        return _requeue(service, found)
    if arrived:
        return _settle(service, found)
    shown = [
        msgspec.structs.replace(message, recipient=show_address(message.recipient))
        for message in found
    ]
    columns = ("Composed", "Phase", "Tries", "To", "Subject", "Last attempt")
    rows = [_build_row(message) for message in shown]
    print_result(format_table(columns, rows, nothing="No such message."), MessageList(shown))
    return ExitStatus.OK


def _requeue(service: Service, messages: list[MessageStatus]) -> ExitStatus:
    """Queue messages again, and print how many that were."""
    with service.ledger.writing() as connection:
        ids = [message.id for message in messages]
        queued = ledger.requeue(connection, ids, service.clock())
    print_result(f"queued {format_plural(queued, 'message')}", QueuedMessages(queued))
    return ExitStatus.OK if queued else ExitStatus.PARTIAL


def _settle(service: Service, messages: list[MessageStatus]) -> ExitStatus:
    """Count messages in doubt as sent, and print how many that were."""
    with service.ledger.writing() as connection:
        ids = [message.id for message in messages]
        settled = ledger.mark_arrived(connection, ids, service.clock())
    print_result(f"settled {format_plural(settled, 'message')}", SettledMessages(settled))
    return ExitStatus.OK if settled else ExitStatus.PARTIAL


def _build_row(message: MessageStatus) -> tuple[str, ...]:
    """Return the cells of a message: what it is, and how its last delivery attempt ended."""
    return (
        format_moment(message.composed_at),
        message.phase,
        str(message.attempts),
        message.recipient,
        message.subject,
        message.detail or "",
    )


@click.command(cls=ServiceCommand, data=(dict[str, int],))
@click.argument("location", default="-")
@click.pass_context
def bounces_command(context: click.Context, location: str) -> int:
    """Process returned emails.

    Suspends addresses that bounce, and unsubscribes those who complain or reply to the unsubscribe
    address. Without mail.bounce_address no report proves which message it is about, and what
    follows waits for `watchword suspended --approve`. LOCATION is a Maildir, a file that holds one
    email, imaps://user@host/folder, or - for one email on standard input, as a mail server pipes it
    to a program. The password for IMAP is imap.password_file in the config.

    Emails are marked as read. Those that are about none of our messages are left unread for you.
    Those that cannot be read, or that do not prove which message they are about, are flagged.

    \b
    Examples:
      watchword bounces /var/mail/bounces
      bounces: "|/opt/watchword/watchword --config /etc/watchword.toml bounces"  (/etc/aliases)
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
    print_result(format_counts(outcomes, nothing="no new email"), outcomes)
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
