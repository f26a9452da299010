"""Commands that only look: parse, schema."""

from __future__ import annotations

import click

from scheduler.cli.common import config_of, say, service_of
from scheduler.cli.exits import BAD_DATA, OK, PARTLY, complain


@click.command()
@click.argument("pages", nargs=-1, required=True, metavar="FILE|URL...")
@click.pass_context
def parse(context: click.Context, pages: tuple[str, ...]) -> int:
    """Print what we read in saved or live pages: one canonical record a line, as JSON."""
    from crawler.records import encode
    from scheduler.reading import Unread, read_all

    read = failed = 0
    for found in read_all(pages, config_of(context)):
        if isinstance(found, Unread):
            failed += 1
            complain(f"{found.name}: {found.reason}")
            continue
        read += 1
        click.echo(encode(found).decode())
        if found.suspect:
            failed += 1
            complain(f"{found.title or found.id}: suspect: {'; '.join(found.suspect)}")
    return BAD_DATA if not read else PARTLY if failed else OK


@click.command()
def schema() -> int:
    """Print the JSON Schema of the canonical record."""
    import json

    from crawler.records import schema as of_record

    click.echo(json.dumps(of_record(), indent=2, ensure_ascii=False))
    return OK


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a source.")
@click.pass_context
def plan(context: click.Context, as_json: bool) -> int:
    """Show what the next crawl would list and look at again, without crawling."""
    import msgspec

    from scheduler.jobs import next_plan

    service = service_of(context)
    for name, source in service.config.sources.items():
        if not source.enabled:
            continue
        coming = next_plan(service, name)
        windows = ", ".join(f"{w.since} to {w.until}" for w in coming.windows)
        lines = [
            f"{name}: list what is dated {windows}",
            f"{name}: {len(coming.known)} questions in it are known",
            f"{name}: look again at {len(coming.revisit)} questions",
            *(f"  {visit.url}" for visit in coming.revisit),
        ]
        say("\n".join(lines), msgspec.to_builtins(coming), as_json=as_json)
    return OK


COMMANDS = (parse, schema, plan)
