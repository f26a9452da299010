"""Commands about subscriptions: follow, pause, resume, unsubscribe, subscriptions."""

from __future__ import annotations

import click
import msgspec
from sqlalchemy import Connection

from alerts.errors import ExitStatus
from alerts.ledger import subscriptions as ledger
from alerts.ledger.question_lookups import find_by_identifier
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency, Updates
from alerts.secret import show_address
from alerts.subscribers import pause, resume, subscribe, unsubscribe
from crawler.records import Question, name_question
from scheduler.cli.choices import FREQUENCY_CHOICE
from scheduler.cli.errors import print_error
from scheduler.cli.options import (
    RecordedCommand,
    ServiceCommand,
    private_option,
)
from scheduler.cli.output import format_plural, print_result
from scheduler.cli.parameters import WholeNumber
from scheduler.cli.service import get_service
from scheduler.cli.tables import format_table

#: Ten years.
_MAX_OVERDUE_DAYS = 3650


class FollowedQuestion(msgspec.Struct, frozen=True):
    """The question that an address follows."""

    email: str
    question: str  #: its id
    changed: bool  #: false if the address already followed it


class PausedSubscriptions(msgspec.Struct, frozen=True):
    """What `watchword pause` did."""

    subscriber: str
    paused: int  #: subscriptions


class ResumedSubscriptions(msgspec.Struct, frozen=True):
    """What `watchword resume` did."""

    subscriber: str
    resumed: int  #: subscriptions


class EndedSubscriptions(msgspec.Struct, frozen=True):
    """What `watchword unsubscribe` did."""

    subscriber: str
    ended: int  #: subscriptions


class ListedSubscription(msgspec.Struct, frozen=True):
    """An active subscription."""

    email: str
    query: str  #: as it was typed
    topic: str | None  #: the canonical form of the query; null for a followed question
    question: str | None  #: the id of a followed question; null for a query
    every: Frequency
    updates: Updates
    origin: str  #: `command`, `config` or `web`


class SubscriptionList(msgspec.Struct, frozen=True):
    """The active subscriptions."""

    subscriptions: list[ListedSubscription]


@click.command(cls=RecordedCommand, data=(FollowedQuestion,), about="email")
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
    type=WholeNumber(1, _MAX_OVERDUE_DAYS),
    metavar="DAYS",
    help="Days after the meeting without an answer until EMAIL is told, once; "
    "digests.overdue_days of the config by default.",
)
@click.option("--note", help="A note of your own, shown in the email.")
@private_option
@click.pass_context
def follow_command(
    context: click.Context,
    email: str,
    question: str,
    every: str,
    overdue_after: int | None,
    note: str | None,
    private: bool,
) -> int:
    """Send EMAIL the updates of one question.

    Ends when the question is answered. The feed of what is followed is public, unless you give
    --private. QUESTION is an id (london:/questions/2018/5425), a URL or a reference (2018/5425).

    \b
    Example:
      watchword follow you@example.org 2018/5425 --overdue-after 28
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
    followed = FollowedQuestion(shown, record.id, done.is_changed)
    print_result(f"{shown} {result} {record.id}: {title}", followed)
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


@click.command(cls=RecordedCommand, data=(PausedSubscriptions,), about="subscriber")
@_SUBSCRIBER
@_OPTIONAL_QUERY
@click.pass_context
def pause_command(context: click.Context, subscriber: str, query: str | None) -> int:
    """Pause subscriptions of EMAIL.

    Pauses the one to QUERY, or all of them. Changes until `watchword resume` are not sent, and not
    sent later either.

    \b
    Examples:
      watchword pause you@example.org
      watchword pause you@example.org VRU
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        changed = pause(connection, subscriber, query, service.clock())
    shown = show_address(subscriber)
    return _print_changed(changed, shown, "paused", PausedSubscriptions(shown, changed))


@click.command(cls=RecordedCommand, data=(ResumedSubscriptions,), about="subscriber")
@_SUBSCRIBER
@_OPTIONAL_QUERY
@click.pass_context
def resume_command(context: click.Context, subscriber: str, query: str | None) -> int:
    """Resume paused subscriptions of EMAIL.

    Resumes the one to QUERY, or all of them. Changes from now on are sent.

    \b
    Example:
      watchword resume you@example.org
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        changed = resume(connection, subscriber, query)
    shown = show_address(subscriber)
    return _print_changed(changed, shown, "resumed", ResumedSubscriptions(shown, changed))


@click.command(cls=RecordedCommand, data=(EndedSubscriptions,), about="subscriber")
@_SUBSCRIBER
@_OPTIONAL_QUERY
@click.pass_context
def unsubscribe_command(context: click.Context, subscriber: str, query: str | None) -> int:
    """End subscriptions of EMAIL.

    Ends the one to QUERY, or all of them. TOKEN is the subject of an unsubscribe email; it
    identifies the subscriber as well as the address does.

    \b
    Examples:
      watchword unsubscribe you@example.org VRU
      watchword unsubscribe you@example.org
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        ended = unsubscribe(connection, subscriber, query, service.clock())
    shown = show_address(subscriber)
    return _print_changed(ended, shown, "ended", EndedSubscriptions(shown, ended))


def _print_changed(number: int, shown: str, participle: str, data: msgspec.Struct) -> ExitStatus:
    print_result(f"{format_plural(number, 'subscription')} of {shown} {participle}", data)
    return ExitStatus.OK if number else ExitStatus.PARTIAL


@click.command(cls=ServiceCommand, data=(SubscriptionList,))
@click.pass_context
def subscriptions_command(context: click.Context) -> int:
    """List active subscriptions.

    \b
    Examples:
      watchword subscriptions
      watchword subscriptions --json
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        active = ledger.list_active(connection)
    listed = [
        ListedSubscription(
            email=show_address(subscription.email),
            query=subscription.query,
            topic=subscription.canonical,
            question=subscription.question_id,
            every=subscription.frequency,
            updates=subscription.updates,
            origin=subscription.origin,
        )
        for subscription in active
    ]
    rows = [(one.email, one.every, one.updates, one.query) for one in listed]
    columns = ("Address", "Every", "Updates", "Topic")
    table = format_table(columns, rows, nothing="Nobody is subscribed yet.")
    print_result(table, SubscriptionList(listed))
    return ExitStatus.OK
