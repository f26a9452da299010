"""Commands about who watches for what: subscribe, unsubscribe, subscriptions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import click

from scheduler.cli.common import say, service_of
from scheduler.cli.exits import BUSY, CONFIG, OK, PARTLY, complain

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from alerts.ledger.subscriptions import Wish
    from alerts.search.suggestions import Offer
    from scheduler.service import Service

FREQUENCIES = ("immediate", "hourly", "daily", "weekly", "monthly", "meeting")
_WANTS = ("all", "asked", "answered")


@click.command()
@click.argument("email")
@click.argument("query")
@click.option("--every", type=click.Choice(FREQUENCIES), default="daily", show_default=True)
@click.option(
    "--wants",
    type=click.Choice(_WANTS),
    default="all",
    show_default=True,
    help="Only new questions (asked), only answers and corrections (answered), or all.",
)
@click.option("--hour", type=click.IntRange(0, 23), help="When all their digests come.")
@click.option("--zone", metavar="ZONE", help="In which time zone: Europe/London.")
@click.option("--short", is_flag=True, help="Titles alone, without what they say.")
@click.option("--note", help="Your own words, shown beside the topic.")
@click.option("--ask", is_flag=True, help="Send a link to confirm it with; nothing before that.")
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
    wants: str,
    widen: bool | None,
    hour: int | None,
    zone: str | None,
    short: bool,
    note: str | None,
    ask: bool,
    as_json: bool,
) -> int:
    """Subscribe EMAIL to QUERY from now on, confirmed unless you --ask.

    \b
    A query holds words (all must occur), "exact phrases", AND, OR, NOT and parentheses:
      watchword subscribe you@example.org 'VRU OR "violence reduction unit"'
      watchword subscribe you@example.org 'e-scooter NOT rental' --every immediate
    """
    from alerts.ledger.subscriptions import Wish
    from alerts.queries.parse import canonical, parse
    from alerts.search.preview import preview
    from alerts.search.suggestions import include
    from alerts.subscribers.subscribe import subscribe as enter
    from scheduler.cli.queries import warnings

    service = service_of(context)
    with service.ledger.reading() as connection:
        found = preview(connection, query, service.clock().date())
    taken = [offer for offer in found.offers if _is_taken(offer, widen)]
    if taken:
        query = canonical(include(parse(query), taken))
    wish = Wish(
        *(query, cast("Any", every), cast("Any", wants), "command"),
        length="short" if short else "full",
        note=note,
    )
    if ask:
        return _ask(service, email, wish)
    with service.ledger.writing() as connection:
        done = enter(connection, email, wish, service.habits, service.clock())
        if hour is not None or zone is not None:
            _set_habits(connection, done.email, hour, zone)
    what = "is subscribed to" if done.changed else "was already subscribed to"
    say(
        f"{done.email} {what} {done.canonical}, {every}",
        {"email": done.email, "topic": done.canonical, "every": every, "changed": done.changed},
        as_json=as_json,
    )
    for line in warnings(found, besides=taken):
        click.echo(line, err=True)
    return OK


def _set_habits(connection: Connection, email: str, hour: int | None, zone: str | None) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from alerts.ledger import subscriptions as ledger

    person = ledger.by_email(connection, email)
    assert person is not None
    try:
        ZoneInfo(zone or person.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.UsageError(
            f"there is no time zone {zone!r}; write one like Europe/London"
        ) from error
    ledger.set_habits(
        connection, person.id, zone or person.zone, person.hour if hour is None else hour
    )


def _ask(service: Service, email: str, wish: Wish) -> int:
    from alerts.subscribers.confirm import ask

    if not service.letterhead.public_url:
        complain("there is no link to confirm with: set site.public_url, and web.port")
        return CONFIG
    with service.ledger.writing() as connection:
        asked = ask(
            connection,
            service.templates,
            service.letterhead,
            email,
            wish,
            service.habits,
            service.clock(),
        )
    click.echo(f"{email} is asked to confirm" if asked else f"{email} was asked to already")
    return OK


def _is_taken(offer: Offer, widen: bool | None) -> bool:
    """Whether to include another way to write something: as told, or as answered."""
    if widen is None and sys.stdin.isatty():
        return click.confirm(f"{offer.sentence} Include?", default=True, err=True)
    return bool(widen)


@click.command()
@click.argument("who", metavar="EMAIL|TOKEN")
@click.argument("query", required=False)
@click.pass_context
def unsubscribe(context: click.Context, who: str, query: str | None) -> int:
    """End the subscription of EMAIL to QUERY, or all of them.

    In place of the address stands the TOKEN that came as the subject of an unsubscribe email.
    """
    from alerts.subscribers.subscribe import unsubscribe as leave

    service = service_of(context)
    with service.ledger.writing() as connection:
        ended = leave(connection, who, query, service.clock())
    click.echo(f"{ended} subscriptions of {who} ended")
    return OK if ended else PARTLY


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def subscriptions(context: click.Context, as_json: bool) -> int:
    """List who watches for what."""
    from alerts.ledger.subscriptions import living

    service = service_of(context)
    with service.ledger.reading() as connection:
        found = living(connection)
    for one in found:
        values = {
            "email": one.email,
            "query": one.query,
            "topic": one.canonical,
            "every": one.frequency,
            "wants": one.wants,
            "origin": one.origin,
        }
        say("\t".join([one.email, one.frequency, one.wants, one.query]), values, as_json=as_json)
    return OK


@click.command()
@click.argument("email")
@click.pass_context
def export(context: click.Context, email: str) -> int:
    """Print all that is kept of EMAIL, as JSON, to give to them."""
    import msgspec

    from alerts.ledger import people
    from alerts.ledger.subscriptions import by_email
    from alerts.subscribers.subscribe import email_address

    service = service_of(context)
    with service.ledger.reading() as connection:
        person = by_email(connection, email_address(email))
        found = people.kept(connection, person.id) if person else None
    if found is None:
        complain(f"nothing is kept of {email}")
        return PARTLY
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return OK


@click.command()
@click.argument("email")
@click.pass_context
def forget(context: click.Context, email: str) -> int:
    """Remove EMAIL with all subscriptions and all that was sent to it, at once.

    Who leaves is forgotten without this after 28 days.
    """
    from alerts.ledger import people
    from alerts.ledger.subscriptions import by_email
    from alerts.subscribers.subscribe import email_address, unsubscribe

    service = service_of(context)
    with service.ledger.writing() as connection:
        person = by_email(connection, email_address(email))
        if person is None:
            complain(f"nothing is kept of {email}")
            return PARTLY
        unsubscribe(connection, email, None, service.clock())
        if people.is_awaited(connection, person.id):
            complain(f"a message to {email} is on its way: they are off the list, try again later")
            return BUSY
        people.forget(connection, person.id)
    click.echo(f"{email} is forgotten")
    return OK


COMMANDS = (subscribe, unsubscribe, subscriptions, export, forget)
