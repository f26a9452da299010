"""Commands that need no ledger: parse, schema."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from alerts.errors import ExitStatus
from crawler.records import Question, build_json_schema, encode_record
from scheduler.cli.config import get_config
from scheduler.cli.inputs import InputReader, print_suspect
from scheduler.cli.options import ServiceCommand
from scheduler.cli.output import is_json, print_indented_json, print_result


class ParsedPages(msgspec.Struct, frozen=True):
    """The records of pages."""

    questions: list[Question]  #: canonical records, in the order of the pages
    unreadable: int  #: pages and lines that are no question


@click.command(cls=ServiceCommand, data=(ParsedPages,))
@click.argument("pages", nargs=-1, required=True, metavar="FILE|URL...", type=click.Path())
@click.pass_context
def parse_command(context: click.Context, pages: tuple[str, ...]) -> int:
    """Print the records of saved or live pages as JSON.

    Prints one canonical record per line, as soon as it is read. With --json it prints all of them
    in one document, at the end.

    \b
    Examples:
      watchword parse saved-page.html
      watchword parse *.html | watchword ingest /dev/stdin
    """
    reader = InputReader(get_config(context))
    suspect = 0
    kept: list[Question] = []
    for question in reader.iterate(pages):
        if is_json():
            kept.append(question)
        else:
            click.echo(encode_record(question).decode())
        if question.suspect:
            suspect += 1
            print_suspect(question)
    if not reader.read:
        return ExitStatus.DATA
    print_result("", ParsedPages(kept, reader.unreadable))
    return ExitStatus.PARTIAL if reader.unreadable or suspect else ExitStatus.OK


@click.command(cls=ServiceCommand, data=(dict[str, Any],))
def schema_command() -> int:
    """Print the JSON Schema of the canonical record.

    \b
    Example:
      watchword schema > record.schema.json
    """
    print_indented_json(build_json_schema())
    return ExitStatus.OK
