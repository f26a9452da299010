"""Commands that only look: parse, schema, plan, thread, config."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alerts.errors import ExitStatus
from scheduler.cli.common import get_config, get_service, print_result
from scheduler.cli.exits import print_error

if TYPE_CHECKING:
    from crawler.records import Question


@click.command()
@click.argument("pages", nargs=-1, required=True, metavar="FILE|URL...")
@click.pass_context
def parse(context: click.Context, pages: tuple[str, ...]) -> int:
    """Print what we read in saved or live pages: one canonical record a line, as JSON."""
    from crawler.records import encode_record
    from scheduler.crawls.page_inputs import UnreadableInput, read_inputs

    read = failed = 0
    for found in read_inputs(pages, get_config(context)):
        if isinstance(found, UnreadableInput):
            failed += 1
            print_error(f"{found.name}: {found.reason}")
            continue
        read += 1
        click.echo(encode_record(found).decode())
        if found.suspect:
            failed += 1
            print_error(f"{found.title or found.id}: suspect: {'; '.join(map(str, found.suspect))}")
    return ExitStatus.DATA if not read else ExitStatus.PARTIAL if failed else ExitStatus.OK


@click.command()
def schema() -> int:
    """Print the JSON Schema of the canonical record."""
    import json

    from crawler.records import build_json_schema as of_record

    click.echo(json.dumps(of_record(), indent=2, ensure_ascii=False))
    return ExitStatus.OK


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a source.")
@click.pass_context
def plan(context: click.Context, as_json: bool) -> int:
    """Show what the next crawl would list and look at again, without crawling."""
    import msgspec

    from scheduler.jobs import plan_next_crawl

    service = get_service(context)
    for name, source in service.config.sources.items():
        if not source.enabled:
            continue
        coming = plan_next_crawl(service, name)
        windows = ", ".join(f"{w.since} to {w.until}" for w in coming.windows)
        lines = [
            f"{name}: list what is dated {windows}",
            f"{name}: {len(coming.known_ids)} questions in it are known",
            f"{name}: look again at {len(coming.revisits)} questions",
            *(f"  {visit.url}" for visit in coming.revisits),
        ]
        print_result("\n".join(lines), msgspec.to_builtins(coming), as_json=as_json)
    return ExitStatus.OK


@click.command()
@click.argument("question", metavar="URL|ID")
@click.option("--json", "as_json", is_flag=True, help="The records, one a line, as JSON.")
@click.pass_context
def thread(context: click.Context, question: str, as_json: bool) -> int:
    """Show a question with its supplementaries, as one thread in its order."""
    from alerts.ledger import questions
    from alerts.questions.threads import make_thread_key, sort_thread
    from crawler.reading.urls import build_question_id
    from crawler.records import encode_record

    service = get_service(context)
    names = [question, *(build_question_id(name, question) for name in service.config.sources)]
    with service.ledger.reading() as connection:
        stored = next((s for n in names if (s := questions.find(connection, n))), None)
        if stored is None:
            print_error(f"the ledger has no question {question}")
            return ExitStatus.DATA
        key = make_thread_key(stored.record)
        found = questions.list_in_thread(connection, stored.record.source, key) if key else ()
    for record in sort_thread(found or (stored.record,)):
        click.echo(encode_record(record).decode() if as_json else _format_thread(record))
    return ExitStatus.OK


def _format_thread(record: Question) -> str:
    """A question and its answers, speech by speech."""
    lines = [f"{record.title or record.id} [{record.status}]", record.url or ""]
    for speeches in (record.question, *(answer.speeches for answer in record.answers)):
        for speech in speeches:
            lines += [f"  {speech.speaker or '(nobody named)'}:"]
            lines += [f"    {paragraph}" for paragraph in speech.paragraphs]
    return "\n".join(line for line in lines if line) + "\n"


@click.command(name="config")
@click.pass_context
def show_config(context: click.Context) -> int:
    """Check the config and print what is in force, secrets left out."""
    import msgspec

    config = get_config(context)
    values = msgspec.to_builtins(config, enc_hook=str)
    del values["folder"]
    values["operator"]["notify"] = ["(set)" for _ in values["operator"]["notify"]]
    for channel in values["channels"].values():
        for name in {"password", "secret"} & channel.keys():
            channel[name] = "(set)"
    click.echo(msgspec.json.format(msgspec.json.encode(values), indent=2).decode())
    return ExitStatus.OK


COMMANDS = (parse, schema, plan, thread, show_config)
