"""Commands about questions and their archive: thread, plan, backfill, reparse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec
from rich.progress import Progress

from alerts.errors import ExitStatus
from alerts.ledger import questions
from alerts.operator import RECENT_PERIOD, measure_completeness
from alerts.questions import make_thread_key, sort_thread
from crawler.archive import list_capture_files
from crawler.reading import build_question_id
from crawler.records import Question, encode_record, name_question
from scheduler.cli.errors import print_error
from scheduler.cli.options import RecordedCommand, ServiceCommand, json_lines_option, json_option
from scheduler.cli.output import format_counts, print_result
from scheduler.cli.progress import show_progress
from scheduler.cli.service import get_service
from scheduler.crawls import BackfillProgress, backfill_source, plan_next_crawl, reparse_archive
from scheduler.service import Service, lock_ledger


@click.command(cls=ServiceCommand)
@click.argument("question", metavar="URL|ID")
@json_lines_option
@click.pass_context
def thread_command(context: click.Context, question: str, as_json: bool) -> int:
    """Show a question and its supplementaries.

    Shows the whole thread, in the order in which it was asked.
    """
    thread = _load_thread(get_service(context), question)
    if not thread:
        print_error(f"there is no question {question} in the ledger")
        return ExitStatus.DATA
    for record in thread:
        click.echo(encode_record(record).decode() if as_json else _format_question(record))
    return ExitStatus.OK


def _load_thread(service: Service, url_or_id: str) -> list[Question]:
    """Return the thread of a question, in its order; empty if the question is unknown."""
    ids = [url_or_id, *(build_question_id(name, url_or_id) for name in service.config.sources)]
    with service.ledger.reading() as connection:
        stored = next((q for key in ids if (q := questions.find(connection, key))), None)
        if stored is None:
            return []
        key = make_thread_key(stored.record)
        found = questions.list_in_thread(connection, stored.record.source, key) if key else ()
    return list(sort_thread(found or (stored.record,)))


def _format_question(record: Question) -> str:
    """Return a question and its answers, speech by speech."""
    lines = [f"{name_question(record)} [{record.status}]", record.url or ""]
    for speeches in (record.question, *(answer.speeches for answer in record.answers)):
        for speech in speeches:
            lines.append(f"  {speech.speaker or '(no speaker named)'}:")
            lines.extend(f"    {paragraph}" for paragraph in speech.paragraphs)
    return "\n".join(line for line in lines if line) + "\n"


@click.command(cls=ServiceCommand)
@json_lines_option
@click.pass_context
def plan_command(context: click.Context, as_json: bool) -> int:
    """Show what the next crawl would request.

    Nothing is requested.
    """
    service = get_service(context)
    for name, source in service.config.sources.items():
        if not source.enabled:
            continue
        plan = plan_next_crawl(service, name)
        windows = ", ".join(f"{window.since} to {window.until}" for window in plan.windows)
        lines = [
            f"{name}: list questions of {windows}",
            f"{name}: {len(plan.known_ids)} questions in this period are known",
            f"{name}: visit {len(plan.revisits)} questions again",
            *(f"  {visit.url}" for visit in plan.revisits),
            *_list_missing_numbers(service, name),
        ]
        print_result("\n".join(lines), plan, as_json=as_json)
    return ExitStatus.OK


def _list_missing_numbers(service: Service, source: str) -> Iterator[str]:
    """Yield the line about numbers that no question of a source has, if there are any."""
    since = (service.clock() - RECENT_PERIOD).date()
    with service.ledger.reading() as connection:
        found = measure_completeness(connection, source, since)
    if found.gaps:
        yield f"{source}: no question is known with the number {found.describe_gaps()}"


class BackfillOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``watchword backfill``."""

    since: datetime  #: in the oldest month to read
    months: int | None  #: months to read now; None for all
    again: bool
    as_json: bool


@click.command(cls=RecordedCommand, about="source")
@click.argument("source", default="london")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m"]),
    default="2000-05",
    show_default=True,
    metavar="YYYY-MM",
    help="The oldest month to read.",
)
@click.option("--months", type=click.IntRange(1), help="Stop after this number of months.")
@click.option("--again", is_flag=True, help="Read finished months again.")
@json_option
@click.pass_context
def backfill_command(context: click.Context, /, source: str, **values: object) -> int:
    """Read the past of SOURCE month by month.

    The newest month is read first. Nobody is alerted. You can interrupt the command at any time;
    it continues there the next time.
    """
    options = msgspec.convert(values, BackfillOptions)
    service = get_service(context)
    if source not in service.config.sources:
        raise click.UsageError(f"the config has no source {source!r}")
    with lock_ledger(service) as service, show_progress() as display:
        result = backfill_source(
            service,
            source,
            options.since.date().replace(day=1),
            options.months,
            _make_progress_update(display, source),
            include_finished=options.again,
        )
    summary = "; ".join(filter(None, (result.summary, result.problem)))
    printed = {"done": result.done, "total": result.total, "problem": result.problem}
    print_result(summary, printed, as_json=options.as_json)
    return ExitStatus.UNAVAILABLE if result.problem else ExitStatus.OK


def _make_progress_update(display: Progress, source: str) -> Callable[[BackfillProgress], None]:
    task = display.add_task(f"{source}: backfill", total=None)

    def update(progress: BackfillProgress) -> None:
        display.update(
            task,
            completed=progress.done,
            total=progress.total,
            description=progress.description,
        )

    return update


@click.command(cls=RecordedCommand, unless="dry_run")
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only print which fields would differ.")
@json_option
@click.pass_context
def reparse_command(
    context: click.Context, files: tuple[Path, ...], dry_run: bool, as_json: bool
) -> int:
    """Read every archived page again.

    Reads FILES, or the whole archive without any, with the current version of the page readers.
    Nothing is requested from the source, and nobody is alerted. A page that unpacks to more than
    5 MB is named and passed over.
    """
    service = get_service(context)
    hosts = {name: urlsplit(source.url).netloc for name, source in service.config.sources.items()}
    captures = list(files) or list_capture_files(service.config.archive.path)
    with lock_ledger(service) as service, show_progress() as display:
        task = display.add_task("reading the archive", total=None)
        advance = partial(display.advance, task)
        result = reparse_archive(service.ledger, captures, hosts, advance, dry_run=dry_run)
    text = format_counts(result.counts)
    if result.differing_fields:
        text += f"; fields that differ: {format_counts(result.differing_fields)}"
    print_result(text, result, as_json=as_json)
    return ExitStatus.PARTIAL if result.counts.get("too long") else ExitStatus.OK
