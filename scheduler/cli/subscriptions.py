"""Commands about subscriptions: subscribe, follow, pause, resume, unsubscribe, subscriptions."""

from __future__ import annotations

import sys
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec
from sqlalchemy import Connection

from alerts.errors import ExitStatus
from alerts.ledger import subscriptions as ledger
from alerts.ledger.question_lookups import find_by_identifier
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency, Updates
from alerts.queries import format_canonical, parse_query
from alerts.search import Preview, Suggestion, apply_suggestions, build_preview
from alerts.subscribers import pause, request_confirmation, resume, subscribe, unsubscribe
from crawler.records import Question
from scheduler.cli.errors import print_error
from scheduler.cli.options import ServiceCommand, json_lines_option, json_option
from scheduler.cli.output import format_plural, print_result
from scheduler.cli.queries import format_warnings
from scheduler.cli.service import get_service
from scheduler.service import Service

_FREQUENCY = click.Choice([frequency.value for frequency in Frequency])


def _check_time_zone(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    try:
        if name is not None:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(
            f"there is no time zone {name!r}; write one like Europe/London"
        ) from error
    return name


class SubscribeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``watchword subscribe``."""

    every: Frequency
    updates: Updates
    detail: Literal["full", "titles"]
    hour: int | None  #: of the day for all digests of the subscriber; None to leave it as it is
    zone: str | None  #: time zone of ``hour``, such as ``Europe/London``
    note: str | None
    send_confirmation: bool
    with_other_forms: bool | None  #: None to ask on a terminal, and otherwise leave the query
    as_json: bool

    def build_request(self, query: str) -> SubscriptionRequest:
        """Return what the options ask for, with this query."""
        return SubscriptionRequest(
            query=query,
            frequency=self.every,
            updates=self.updates,
            origin="command",
            detail=self.detail,
            note=self.note,
        )


@click.command(cls=ServiceCommand)
@click.argument("email")
@click.argument("query")
@click.option(
    "--every",
    type=_FREQUENCY,
    default=Frequency.DAILY.value,
    show_default=True,
    help="How often to send a digest; meeting: after each meeting.",
)
@click.option(
    "--updates",
    type=click.Choice(get_args(Updates)),
    default="all",
    show_default=True,
    help="Which updates to send: new questions (asked), answers and corrections (answered) or all.",
)
@click.option(
    "--hour", type=click.IntRange(0, 23), help="Hour at which all digests for EMAIL are sent."
)
@click.option(
    "--zone",
    metavar="ZONE",
    callback=_check_time_zone,
    help="Time zone of the hour, such as Europe/London.",
)
@click.option(
    "--detail",
    type=click.Choice(["full", "titles"]),
    default="full",
    show_default=True,
    help="How much of each question a digest shows.",
)
@click.option("--note", help="A note of your own, shown beside the topic.")
@click.option(
    "--send-confirmation",
    is_flag=True,
    help="Send a confirmation email first.",
)
@click.option(
    "--with-other-forms/--as-typed",
    default=None,
    help="Include what an acronym stands for in the archive, or leave QUERY as it is. "
    "Without either, you are asked if this is a terminal.",
)
@json_option
@click.pass_context
def subscribe_command(context: click.Context, /, email: str, query: str, **values: Any) -> int:
    """Subscribe EMAIL to QUERY.

    Changes from now on are sent. The subscription needs no confirmation, unless you give
    --send-confirmation.

    \b
    A query holds words (all must occur), "exact phrases", AND, OR, NOT and parentheses:
      watchword subscribe you@example.org 'VRU OR "violence reduction unit"'
      watchword subscribe you@example.org 'e-scooter NOT rental' --every immediate
    """
    options = msgspec.convert(values, SubscribeOptions)
    service = get_service(context)
    with service.ledger.reading() as connection:
        preview = build_preview(connection, query, service.clock().date())
    accepted = _choose_suggestions(preview, options.with_other_forms)
    if accepted:
        query = format_canonical(apply_suggestions(parse_query(query), accepted))
    request = options.build_request(query)
    if options.send_confirmation:
        return _send_confirmation(service, email, request)
    _add_subscription(service, email, request, options)
    for line in format_warnings(preview, accepted=accepted):
        click.echo(line, err=True)
    return ExitStatus.OK


def _choose_suggestions(preview: Preview, with_other_forms: bool | None) -> list[Suggestion]:
    """Return the suggestions to include: all, none, or those accepted on the terminal."""
    if with_other_forms is None and sys.stdin.isatty():
        return [
            suggestion
            for suggestion in preview.suggestions
            if click.confirm(f"{suggestion.sentence} Include?", default=True, err=True)
        ]
    return list(preview.suggestions) if with_other_forms else []


def _add_subscription(
    service: Service, email: str, request: SubscriptionRequest, options: SubscribeOptions
) -> None:
    """Subscribe, set the time of digests if asked to, and print the result."""
    with service.ledger.writing() as connection:
        done = subscribe(connection, email, request, service.subscriber_defaults, service.clock())
        if options.hour is not None or options.zone is not None:
            _set_digest_time(connection, done.email, options.hour, options.zone)
    result = "is subscribed to" if done.is_changed else "was already subscribed to"
    values = {"email": done.email, "topic": done.canonical}
    print_result(
        f"{done.email} {result} {done.canonical}, {options.every}",
        {**values, "every": options.every, "changed": done.is_changed},
        as_json=options.as_json,
    )


def _set_digest_time(
    connection: Connection, email: str, hour: int | None, zone: str | None
) -> None:
    """Set the hour, the time zone or both; None leaves one as it is."""
    subscriber = ledger.find_subscriber_by_email(connection, email)
    assert subscriber is not None
    ledger.set_digest_time(
        connection,
        subscriber.id,
        subscriber.zone if zone is None else zone,
        subscriber.hour if hour is None else hour,
    )


def _send_confirmation(service: Service, email: str, request: SubscriptionRequest) -> ExitStatus:
    """Queue a confirmation email, and print whether one was queued before."""
    if not service.mail_identity.public_url:
        print_error("a confirmation email needs a link: set site.public_url and web.port")
        return ExitStatus.CONFIG
    with service.ledger.writing() as connection:
        is_queued = request_confirmation(
            connection,
            service.create_message_context(),
            email,
            request,
            service.subscriber_defaults,
        )
    click.echo(f"{email} is asked to confirm" if is_queued else f"{email} was asked to already")
    return ExitStatus.OK


@click.command(cls=ServiceCommand)
@click.argument("email")
@click.argument("question")
@click.option(
    "--every",
    type=_FREQUENCY,
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
@json_option
@click.pass_context
def follow_command(
    context: click.Context,
    email: str,
    question: str,
    every: str,
    overdue_after: int | None,
    note: str | None,
    as_json: bool,
) -> int:
    """Send EMAIL the updates of one question.

    Ends when the question is answered. QUESTION is an id (london:/questions/2018/5425), a URL or a
    reference (2018/5425).
    """
    service = get_service(context)
    days = overdue_after or service.config.digests.overdue_days
    with service.ledger.writing() as connection:
        record = _find_unanswered(connection, question)
        if record is None:
            return ExitStatus.PARTIAL
        title = record.title or record.reference or record.id
        request = SubscriptionRequest(
            title,
            Frequency(every),
            "all",
            "command",
            note=note,
            overdue_days=days,
            question_id=record.id,
        )
        done = subscribe(connection, email, request, service.subscriber_defaults, service.clock())
    result = "follows" if done.is_changed else "was already following"
    values = {"email": done.email, "question": record.id, "changed": done.is_changed}
    print_result(f"{done.email} {result} {record.id}: {title}", values, as_json=as_json)
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


@click.command(cls=ServiceCommand)
@_SUBSCRIBER
@_OPTIONAL_QUERY
@click.pass_context
def pause_command(context: click.Context, subscriber: str, query: str | None) -> int:
    """Pause subscriptions of EMAIL.

    Pauses the one to QUERY, or all of them. Changes until `watchword resume` are not sent, and not
    sent later either.
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        changed = pause(connection, subscriber, query, service.clock())
    return _print_changed(changed, subscriber, "paused")


@click.command(cls=ServiceCommand)
@_SUBSCRIBER
@_OPTIONAL_QUERY
@click.pass_context
def resume_command(context: click.Context, subscriber: str, query: str | None) -> int:
    """Resume paused subscriptions of EMAIL.

    Resumes the one to QUERY, or all of them. Changes from now on are sent.
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        changed = resume(connection, subscriber, query)
    return _print_changed(changed, subscriber, "resumed")


@click.command(cls=ServiceCommand)
@_SUBSCRIBER
@_OPTIONAL_QUERY
@click.pass_context
def unsubscribe_command(context: click.Context, subscriber: str, query: str | None) -> int:
    """End subscriptions of EMAIL.

    Ends the one to QUERY, or all of them. TOKEN is the subject of an unsubscribe email; it
    identifies the subscriber as well as the address does.
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        ended = unsubscribe(connection, subscriber, query, service.clock())
    return _print_changed(ended, subscriber, "ended")


def _print_changed(number: int, subscriber: str, participle: str) -> ExitStatus:
    click.echo(f"{format_plural(number, 'subscription')} of {subscriber} {participle}")
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
            "email": subscription.email,
            "query": subscription.query,
            "topic": subscription.canonical,
            "question": subscription.question_id,
            "every": subscription.frequency,
            "updates": subscription.updates,
            "origin": subscription.origin,
        }
        columns = (
            subscription.email,
            subscription.frequency,
            subscription.updates,
            subscription.query,
        )
        print_result("\t".join(columns), values, as_json=as_json)
    return ExitStatus.OK
