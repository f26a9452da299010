"""Commands about one question, and about a rest: follow, pause, resume."""

from __future__ import annotations

from typing import Any, cast

import click

from alerts.errors import ExitStatus
from scheduler.cli.common import get_service, print_result
from scheduler.cli.exits import print_error
from scheduler.cli.subscribers import FREQUENCIES


@click.command()
@click.argument("email")
@click.argument("question")
@click.option("--every", type=click.Choice(FREQUENCIES), default="immediate", show_default=True)
@click.option(
    "--overdue-after", type=click.IntRange(1), metavar="DAYS", help="Say once that it is."
)
@click.option("--note", help="Your own words, shown in the email.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def follow(
    context: click.Context,
    email: str,
    question: str,
    every: str,
    overdue_after: int | None,
    note: str | None,
    as_json: bool,
) -> int:
    """Tell EMAIL what happens to one QUESTION until it is answered; then stop.

    QUESTION is its id (london:/questions/2018/5425), its address, or its number.
    """
    from alerts.ledger.question_lookups import find_by_identifier
    from alerts.ledger.subscriptions import SubscriptionRequest
    from alerts.subscribers import subscribe

    service = get_service(context)
    days = overdue_after or service.config.digests.overdue_days
    with service.ledger.writing() as connection:
        found = find_by_identifier(connection, question)
        if len(found) != 1:
            many = "no question" if not found else f"{len(found)} questions"
            print_error(f"{many} known as {question!r}: see `watchword search`")
            return ExitStatus.PARTIAL
        record = found[0]
        if record.status == "answered":
            print_error(f"{record.id} is answered already")
            return ExitStatus.PARTIAL
        title = record.title or record.reference or record.id
        wish = SubscriptionRequest(
            title,
            cast("Any", every),
            "all",
            "command",
            note=note,
            overdue_days=days,
            question_id=record.id,
        )
        done = subscribe(connection, email, wish, service.subscriber_defaults, service.clock())
    what = "follows" if done.is_changed else "was following"
    values = {"email": done.email, "question": record.id, "changed": done.is_changed}
    print_result(f"{done.email} {what} {record.id}: {title}", values, as_json=as_json)
    return ExitStatus.OK


@click.command()
@click.argument("subscriber", metavar="EMAIL|TOKEN")
@click.argument("query", required=False)
@click.pass_context
def pause(context: click.Context, subscriber: str, query: str | None) -> int:
    """Send nothing for the subscription of EMAIL to QUERY, or for any of them.

    What happens until `watchword resume` is not sent later.
    """

    from alerts import subscribers

    service = get_service(context)
    with service.ledger.writing() as connection:
        changed = subscribers.pause(connection, subscriber, query, service.clock())
    click.echo(f"{changed} subscriptions of {subscriber} are paused")
    return ExitStatus.OK if changed else ExitStatus.PARTIAL


@click.command()
@click.argument("subscriber", metavar="EMAIL|TOKEN")
@click.argument("query", required=False)
@click.pass_context
def resume(context: click.Context, subscriber: str, query: str | None) -> int:
    """Go on with what was paused, from now on."""

    from alerts import subscribers

    service = get_service(context)
    with service.ledger.writing() as connection:
        changed = subscribers.resume(connection, subscriber, query)
    click.echo(f"{changed} subscriptions of {subscriber} go on")
    return ExitStatus.OK if changed else ExitStatus.PARTIAL


COMMANDS = (follow, pause, resume)
