"""The command that subscribes an address to a query: subscribe."""

from __future__ import annotations

import sys
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec
from sqlalchemy import Connection

from alerts.errors import ExitStatus
from alerts.ledger import questions
from alerts.ledger import subscriptions as ledger
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Detail, Frequency, Updates
from alerts.queries import format_canonical, parse_query
from alerts.search import (
    Preview,
    Suggestion,
    TimeBudget,
    apply_suggestions,
    build_preview,
    estimate_volume,
)
from alerts.secret import show_address
from alerts.subscribers import AlertSample, request_confirmation, subscribe
from scheduler.cli.choices import DETAIL_CHOICE, FREQUENCY_CHOICE, UPDATES_CHOICE
from scheduler.cli.commands.queries import format_warnings
from scheduler.cli.errors import print_error, print_hint
from scheduler.cli.options import RecordedCommand, private_option
from scheduler.cli.output import is_json, print_result
from scheduler.cli.parameters import WholeNumber
from scheduler.cli.service import get_service
from scheduler.service import Service

#: Seconds to find out how much an alert brings. Nobody compares the times of a command, so it may
#: take longer than a page.
_SAMPLE_SECONDS = 2.0


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
    detail: Detail
    hour: int | None  #: of the day for all digests of the subscriber; None to leave it as it is
    zone: str | None  #: time zone of ``hour``, such as ``Europe/London``
    note: str | None
    private: bool
    send_confirmation: bool
    with_other_forms: bool | None  #: None to ask on a terminal, and otherwise leave the query

    def build_request(self, query: str) -> SubscriptionRequest:
        """Return what the options ask for, with this query."""
        return SubscriptionRequest(
            query=query,
            frequency=self.every,
            updates=self.updates,
            origin="command",
            detail=self.detail,
            note=self.note,
            publishes=not self.private,
        )


class NewSubscription(msgspec.Struct, frozen=True):
    """The subscription of an address to a topic."""

    email: str
    topic: str  #: the canonical form of the query
    every: Frequency
    changed: bool  #: false if the address was already subscribed like this


class RequestedConfirmation(msgspec.Struct, frozen=True):
    """What `watchword subscribe --send-confirmation` did."""

    email: str
    query: str
    queued: bool  #: false if a confirmation email was queued before


@click.command(cls=RecordedCommand, data=(NewSubscription, RequestedConfirmation), about="email")
@click.argument("email")
@click.argument("query")
@click.option(
    "--every",
    type=FREQUENCY_CHOICE,
    default=Frequency.DAILY.value,
    show_default=True,
    help="How often to send a digest; meeting: after each meeting.",
)
@click.option(
    "--updates",
    type=UPDATES_CHOICE,
    default="all",
    show_default=True,
    help="Which updates to send: new questions (asked), answers and corrections (answered) or all.",
)
@click.option(
    "--hour", type=WholeNumber(0, 23), help="Hour at which all digests for EMAIL are sent."
)
@click.option(
    "--zone",
    metavar="ZONE",
    callback=_check_time_zone,
    help="Time zone of the hour, such as Europe/London.",
)
@click.option(
    "--detail",
    type=DETAIL_CHOICE,
    default="full",
    show_default=True,
    help="How much of each question a digest shows.",
)
@click.option("--note", help="A note of your own, shown beside the topic.")
@private_option
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
@click.pass_context
def subscribe_command(context: click.Context, /, email: str, query: str, **values: Any) -> int:
    """Subscribe EMAIL to QUERY.

    Changes from now on are sent. The subscription needs no confirmation, unless you give
    --send-confirmation. QUERY gets a public page and feeds, unless you give --private.

    \b
    A query holds words (all must occur), "exact phrases", AND, OR, NOT and parentheses.

    Examples:
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
    status = ExitStatus.OK
    if options.send_confirmation:
        status = _send_confirmation(service, email, request)
    else:
        _add_subscription(service, email, request, options)
    for line in format_warnings(preview, accepted=accepted):
        print_hint(line)
    return status


def _choose_suggestions(preview: Preview, with_other_forms: bool | None) -> list[Suggestion]:
    """Return the suggestions to include: all, none, or those accepted on the terminal."""
    if with_other_forms is None and sys.stdin.isatty() and not is_json():
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
    if done.is_suspended:
        print_error(
            f"nothing is sent to {done.email}, because its emails bounced or somebody complained: "
            f"see `watchword suspended`, and `watchword suspended --resume {done.email}`"
        )
    result = "is subscribed to" if done.is_changed else "was already subscribed to"
    shown = show_address(done.email)
    assert done.canonical is not None
    print_result(
        f"{shown} {result} {request.query}, {options.every}",
        NewSubscription(shown, done.canonical, options.every, done.is_changed),
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
    sample = _find_sample(service, request.query)
    with service.ledger.writing() as connection:
        is_queued = request_confirmation(
            connection,
            service.create_message_context(),
            email,
            request,
            service.subscriber_defaults,
            sample=sample,
        )
    text = f"{email} is asked to confirm" if is_queued else f"{email} was asked to already"
    print_result(text, RequestedConfirmation(email, request.query, is_queued))
    return ExitStatus.OK


def _find_sample(service: Service, query: str) -> AlertSample:
    """Return how much an alert brings, and the newest question that it finds."""
    with service.ledger.reading() as connection:
        today = service.clock().date()
        volume = estimate_volume(connection, query, today, TimeBudget(_SAMPLE_SECONDS))
        newest = questions.find(connection, volume.newest_id) if volume.newest_id else None
    return AlertSample(volume.per_month, newest.record if newest else None)
