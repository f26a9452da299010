"""Commands about who watches for what: subscribe, unsubscribe, subscriptions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import click

from alerts.errors import ExitStatus
from scheduler.cli.common import get_service, print_result
from scheduler.cli.exits import print_error

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from alerts.ledger.subscriptions import SubscriptionRequest
    from alerts.search import Suggestion
    from scheduler.service import Service

FREQUENCIES = ("immediate", "hourly", "daily", "weekly", "monthly", "meeting")
_UPDATES = ("all", "asked", "answered")


@click.command()
@click.argument("email")
@click.argument("query")
@click.option("--every", type=click.Choice(FREQUENCIES), default="daily", show_default=True)
@click.option(
    "--updates",
    type=click.Choice(_UPDATES),
    default="all",
    show_default=True,
    help="Only new questions (asked), only answers and corrections (answered), or all.",
)
@click.option("--hour", type=click.IntRange(0, 23), help="When all their digests come.")
@click.option("--zone", metavar="ZONE", help="In which time zone: Europe/London.")
@click.option(
    "--detail",
    type=click.Choice(["full", "titles"]),
    default="full",
    show_default=True,
    help="How much of each question a digest shows.",
)
@click.option("--note", help="Your own words, shown beside the topic.")
@click.option(
    "--send-confirmation", is_flag=True, help="Send a link to confirm it with; nothing before that."
)
@click.option(
    "--with-other-forms/--as-typed",
    "widen",
    default=None,
    help="Include what an acronym stands for in the archive, or leave QUERY as it is; without "
    "either you are asked on a terminal.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def subscribe(
    context: click.Context,
    email: str,
    query: str,
    every: str,
    updates: str,
    widen: bool | None,
    hour: int | None,
    zone: str | None,
    detail: str,
    note: str | None,
    send_confirmation: bool,
    as_json: bool,
) -> int:
    """Subscribe EMAIL to QUERY from now on, confirmed unless you give --send-confirmation.

    \b
    A query holds words (all must occur), "exact phrases", AND, OR, NOT and parentheses:
      watchword subscribe you@example.org 'VRU OR "violence reduction unit"'
      watchword subscribe you@example.org 'e-scooter NOT rental' --every immediate
    """
    from alerts.ledger.subscriptions import SubscriptionRequest
    from alerts.queries import format_canonical, parse_query
    from alerts.search import apply_suggestions, build_preview
    from alerts.subscribers import subscribe as enter
    from scheduler.cli.queries import list_warnings

    service = get_service(context)
    with service.ledger.reading() as connection:
        found = build_preview(connection, query, service.clock().date())
    taken = [offer for offer in found.suggestions if _is_offer_accepted(offer, widen)]
    if taken:
        query = format_canonical(apply_suggestions(parse_query(query), taken))
    wish = SubscriptionRequest(
        *(query, cast("Any", every), cast("Any", updates), "command"),
        length="short" if detail == "titles" else "full",
        note=note,
    )
    if send_confirmation:
        return _send_confirmation(service, email, wish)
    with service.ledger.writing() as connection:
        done = enter(connection, email, wish, service.subscriber_defaults, service.clock())
        if hour is not None or zone is not None:
            _set_digest_time(connection, done.email, hour, zone)
    what = "is subscribed to" if done.is_changed else "was already subscribed to"
    print_result(
        f"{done.email} {what} {done.canonical}, {every}",
        {"email": done.email, "topic": done.canonical, "every": every, "changed": done.is_changed},
        as_json=as_json,
    )
    for line in list_warnings(found, accepted_offers=taken):
        click.echo(line, err=True)
    return ExitStatus.OK


def _set_digest_time(
    connection: Connection, email: str, hour: int | None, zone: str | None
) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from alerts.ledger import subscriptions as ledger

    person = ledger.find_subscriber_by_email(connection, email)
    assert person is not None
    try:
        ZoneInfo(zone or person.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.UsageError(
            f"there is no time zone {zone!r}; write one like Europe/London"
        ) from error
    ledger.set_digest_time(
        connection, person.id, zone or person.zone, person.hour if hour is None else hour
    )


def _send_confirmation(service: Service, email: str, wish: SubscriptionRequest) -> int:
    from alerts.subscribers import request_confirmation

    if not service.mail_identity.public_url:
        print_error("there is no link to confirm with: set site.public_url, and web.port")
        return ExitStatus.CONFIG
    with service.ledger.writing() as connection:
        asked = request_confirmation(
            connection,
            service.create_message_context(),
            email,
            wish,
            service.subscriber_defaults,
        )
    click.echo(f"{email} is asked to confirm" if asked else f"{email} was asked to already")
    return ExitStatus.OK


def _is_offer_accepted(offer: Suggestion, widen: bool | None) -> bool:
    """Whether to include another way to write something: as told, or as answered."""
    if widen is None and sys.stdin.isatty():
        return click.confirm(f"{offer.sentence} Include?", default=True, err=True)
    return bool(widen)


@click.command()
@click.argument("subscriber", metavar="EMAIL|TOKEN")
@click.argument("query", required=False)
@click.pass_context
def unsubscribe(context: click.Context, subscriber: str, query: str | None) -> int:
    """End the subscription of EMAIL to QUERY, or all of them.

    In place of the address stands the TOKEN that came as the subject of an unsubscribe email.
    """
    from alerts.subscribers import unsubscribe as leave

    service = get_service(context)
    with service.ledger.writing() as connection:
        ended = leave(connection, subscriber, query, service.clock())
    click.echo(f"{ended} subscriptions of {subscriber} ended")
    return ExitStatus.OK if ended else ExitStatus.PARTIAL


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def subscriptions(context: click.Context, as_json: bool) -> int:
    """List who watches for what."""
    from alerts.ledger.subscriptions import list_active

    service = get_service(context)
    with service.ledger.reading() as connection:
        found = list_active(connection)
    for one in found:
        values = {
            "email": one.email,
            "query": one.query,
            "topic": one.canonical,
            "every": one.frequency,
            "wants": one.wants,
            "origin": one.origin,
        }
        print_result(
            "\t".join([one.email, one.frequency, one.wants, one.query]), values, as_json=as_json
        )
    return ExitStatus.OK


@click.command()
@click.argument("email")
@click.pass_context
def export(context: click.Context, email: str) -> int:
    """Print all that is kept of EMAIL, as JSON, to give to them."""
    import msgspec

    from alerts.ledger import personal_data
    from alerts.ledger.subscriptions import find_subscriber_by_email
    from alerts.model import Recipient

    service = get_service(context)
    with service.ledger.reading() as connection:
        person = find_subscriber_by_email(connection, Recipient.parse_email(email).address)
        found = personal_data.collect_data(connection, person.id) if person else None
    if found is None:
        print_error(f"nothing is kept of {email}")
        return ExitStatus.PARTIAL
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return ExitStatus.OK


@click.command()
@click.argument("email")
@click.pass_context
def forget(context: click.Context, email: str) -> int:
    """Remove EMAIL with all subscriptions and all that was sent to it, at once.

    Who leaves is forgotten without this after 28 days.
    """
    from alerts.ledger import personal_data
    from alerts.ledger.subscriptions import find_subscriber_by_email
    from alerts.model import Recipient
    from alerts.subscribers import unsubscribe

    service = get_service(context)
    with service.ledger.writing() as connection:
        person = find_subscriber_by_email(connection, Recipient.parse_email(email).address)
        if person is None:
            print_error(f"nothing is kept of {email}")
            return ExitStatus.PARTIAL
        unsubscribe(connection, email, None, service.clock())
        if personal_data.has_unsent_messages(connection, person.id):
            print_error(
                f"a message to {email} is on its way: they are off the list, try again later"
            )
            return ExitStatus.RETRY
        personal_data.delete_subscriber(connection, person.id)
    click.echo(f"{email} is forgotten")
    return ExitStatus.OK


COMMANDS = (subscribe, unsubscribe, subscriptions, export, forget)
