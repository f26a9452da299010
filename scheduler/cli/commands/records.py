"""Commands that need no ledger: parse, schema."""

from __future__ import annotations

import json

import click

from alerts.errors import ExitStatus
from crawler.records import build_json_schema, encode_record
from scheduler.cli.config import get_config
from scheduler.cli.inputs import InputReader, print_suspect
from scheduler.cli.options import ServiceCommand


@click.command(cls=ServiceCommand)
@click.argument("pages", nargs=-1, required=True, metavar="FILE|URL...")
@click.pass_context
def parse_command(context: click.Context, pages: tuple[str, ...]) -> int:
    """Print the records of saved or live pages as JSON.

    Prints one canonical record per line.
    """
    reader = InputReader(get_config(context))
    suspect = 0
    for question in reader.iterate(pages):
        click.echo(encode_record(question).decode())
        if question.suspect:
            suspect += 1
            print_suspect(question)
    if not reader.read:
        return ExitStatus.DATA
    return ExitStatus.PARTIAL if reader.unreadable or suspect else ExitStatus.OK


@click.command(cls=ServiceCommand)
def schema_command() -> int:
    """Print the JSON Schema of the canonical record."""
    click.echo(json.dumps(build_json_schema(), indent=2, ensure_ascii=False))
    return ExitStatus.OK
