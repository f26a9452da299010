"""Commands about subscriptions: follow, pause, resume, unsubscribe, subscriptions."""

from __future__ import annotations

import click
from sqlalchemy import Connection

from alerts.errors import ExitStatus
from alerts.ledger import subscriptions as ledger
from alerts.ledger.question_lookups import find_by_identifier
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.secret import show_address
from alerts.subscribers import pause, resume, subscribe, unsubscribe
from crawler.records import Question, name_question
from scheduler.cli.choices import FREQUENCY_CHOICE
from scheduler.cli.errors import print_error
from scheduler.cli.options import (
    RecordedCommand,
    ServiceCommand,
    json_lines_option,
    json_option,
    private_option,
)
from scheduler.cli.output import format_plural, print_result
from scheduler.cli.service import get_service


@click.command(cls=RecordedCommand, about="email")
@click.argument("email")
@click.argument("question")
@click.option(
    "--every",
    type=FREQUENCY_CHOICE,
    default=Frequency.IMMEDIATE.value,
    show_default=True,
    help="How often to send a digest.",
)
@click.option(
    "--overdue-after",
    type=click.IntRange(1),
    metavar="DAYS",
    help="Days after the meeting without an answer until EMAIL is told, once; "
    "digests.overdue_days of the config by default.",
)
@click.option("--note", help="A note of your own, shown in the email.")
@private_option
@json_option
@click.pass_context
def follow_command(
    context: click.Context,
    email: str,
    question: str,
    every: str,
    overdue_after: int | None,
    note: str | None,
    private: bool,
    as_json: bool,
) -> int:
    """Send EMAIL the updates of one question.

    Ends when the question is answered. The feed of what is followed is public, unless you give
    --private. QUESTION is an id (london:/questions/2018/5425), a URL or a
    reference (2018/5425).
    """
    service = get_service(context)
    days = overdue_after or service.config.digests.overdue_days
    with service.ledger.writing() as connection:
        record = _find_unanswered(connection, question)
        if record is None:
            return ExitStatus.DATA
        title = name_question(record)
        request = SubscriptionRequest(
            title,
            Frequency(every),
            "all",
            "command",
            note=note,
            overdue_days=days,
            question_id=record.id,
            publishes=not private,
        )
        done = subscribe(connection, email, request, service.subscriber_defaults, service.clock())
    result = "follows" if done.is_changed else "was already following"
    shown = show_address(done.email)
    values = {"email": shown, "question": record.id, "changed": done.is_changed}
    print_result(f"{shown} {result} {record.id}: {title}", values, as_json=as_json)
    return ExitStatus.OK


def _find_unanswered(connection: Connection, identifier: str) -> Question | None:
    """Return the question that can be followed; None after an error was printed."""
    found = find_by_identifier(connection, identifier)
    if len(found) != 1:
        number = format_plural(len(found), "question") if found else "no question"
        print_error(f"{number} found for {identifier!r}: see `watchword search`")
        return None
    if found[0].status == "answered":
        print_error(f"{found[0].id} is already answered")
        return None
    return found[0]


_SUBSCRIBER = click.argument("subscriber", metavar="EMAIL|TOKEN")
_OPTIONAL_QUERY = click.argument("query", required=False)


@click.command(cls=RecordedCommand, about="subscriber")
@_SUBSCRIBER
@_OPTIONAL_QUERY
@json_option
@click.pass_context
def pause_command(context: click.Context, subscriber: str, query: str | None, as_json: bool) -> int:
    """Pause subscriptions of EMAIL.

    Pauses the one to QUERY, or all of them. Changes until `watchword resume` are not sent, and not
    sent later either.
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        changed = pause(connection, subscriber, query, service.clock())
    return _print_changed(changed, subscriber, "paused", as_json=as_json)


@click.command(cls=RecordedCommand, about="subscriber")
@_SUBSCRIBER
@_OPTIONAL_QUERY
@json_option
@click.pass_context
def resume_command(
    context: click.Context, subscriber: str, query: str | None, as_json: bool
) -> int:
    """Resume paused subscriptions of EMAIL.

    Resumes the one to QUERY, or all of them. Changes from now on are sent.
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        changed = resume(connection, subscriber, query)
    return _print_changed(changed, subscriber, "resumed", as_json=as_json)


@click.command(cls=RecordedCommand, about="subscriber")
@_SUBSCRIBER
@_OPTIONAL_QUERY
@json_option
@click.pass_context
def unsubscribe_command(
    context: click.Context, subscriber: str, query: str | None, as_json: bool
) -> int:
    """End subscriptions of EMAIL.

    Ends the one to QUERY, or all of them. TOKEN is the subject of an unsubscribe email; it
    identifies the subscriber as well as the address does.
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        ended = unsubscribe(connection, subscriber, query, service.clock())
    return _print_changed(ended, subscriber, "ended", as_json=as_json)


def _print_changed(number: int, subscriber: str, participle: str, *, as_json: bool) -> ExitStatus:
    shown = show_address(subscriber)
    text = f"{format_plural(number, 'subscription')} of {shown} {participle}"
    print_result(text, {"subscriber": shown, participle: number}, as_json=as_json)
    return ExitStatus.OK if number else ExitStatus.PARTIAL


@click.command(cls=ServiceCommand)
@json_lines_option
@click.pass_context
def subscriptions_command(context: click.Context, as_json: bool) -> int:
    """List active subscriptions."""
    service = get_service(context)
    with service.ledger.reading() as connection:
        active = ledger.list_active(connection)
    for subscription in active:
        values = {
            "email": show_address(subscription.email),
            "query": subscription.query,
            "topic": subscription.canonical,
            "question": subscription.question_id,
            "every": subscription.frequency,
            "updates": subscription.updates,
            "origin": subscription.origin,
        }
        columns = (
            show_address(subscription.email),
            subscription.frequency,
            subscription.updates,
            subscription.query,
        )
        print_result("\t".join(columns), values, as_json=as_json)
    return ExitStatus.OK
