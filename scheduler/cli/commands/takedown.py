"""The command takedown."""

from __future__ import annotations

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import takedowns
from scheduler.cli.errors import print_error
from scheduler.cli.options import RecordedCommand
from scheduler.cli.output import format_moment, format_plural, print_result
from scheduler.cli.service import get_service
from scheduler.cli.tables import format_table
from scheduler.service import Service
from scheduler.takedown import TakedownResult, take_question_down


class TakedownList(msgspec.Struct, frozen=True):
    """The questions that were taken down."""

    takedowns: list[takedowns.Takedown]


@click.command(
    cls=RecordedCommand,
    data=(TakedownResult, TakedownList),
    about="question",
    only_with=("question",),
)
@click.argument("question", metavar="ID", required=False)
@click.option("--reason", metavar="TEXT", help="Why; kept, and shown to the operator alone.")
@click.pass_context
def takedown_command(context: click.Context, question: str | None, reason: str | None) -> int:
    """Remove what is kept and shown of a question.

    Pages and feeds say that the question ID was taken down. Its words are deleted from the ledger,
    the search, the captured pages and the messages that are kept, and waiting digests are composed
    again without it. No crawl brings it back. It cannot be undone. Without ID, the command lists
    what was taken down.

    \b
    Examples:
      watchword takedown
      watchword takedown london:/questions/2018/5425 --reason 'Court order of 3 May'
    """
    service = get_service(context)
    if question is None:
        if reason is not None:
            raise click.UsageError("--reason goes with the ID of a question")
        return _list_takedowns(service)
    if not (reason and reason.strip()):
        raise click.UsageError("--reason is missing: say why")
    done = take_question_down(service, question, reason.strip())
    print_result(_format_result(done), done)
    if done.digests_being_sent:
        number = format_plural(done.digests_being_sent, "digest")
        print_error(f"{number} with this question were being sent and could not be recalled")
    for name in done.unreadable_archive_files:
        print_error(f"{name} is damaged: it could not be searched to its end")
    is_partial = done.digests_being_sent or done.unreadable_archive_files
    return ExitStatus.PARTIAL if is_partial else ExitStatus.OK


def _format_result(done: TakedownResult) -> str:
    return (
        f"{done.id} is taken down: {format_plural(done.captures_erased, 'captured page')} erased, "
        f"{format_plural(done.feeds, 'feed')} to be written again, "
        f"{format_plural(done.digests_recalled, 'digest')} to be composed again"
    )


def _list_takedowns(service: Service) -> ExitStatus:
    with service.ledger.reading() as connection:
        found = list(takedowns.list_all(connection))
    rows = [
        (entry.question_id, format_moment(entry.taken_down_at), entry.reason) for entry in found
    ]
    table = format_table(("Question", "Since", "Reason"), rows, nothing="Nothing is taken down.")
    print_result(table, TakedownList(found))
    return ExitStatus.OK
