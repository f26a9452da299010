"""Commands about questions and their archive: thread, plan, backfill, reparse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import questions
from alerts.operator import RECENT_PERIOD, measure_completeness
from alerts.questions import make_thread_key, sort_thread
from crawler.archive import CaptureFile, list_capture_files
from crawler.plan import CrawlPlan
from crawler.reading import build_question_id
from crawler.records import Question, name_question
from crawler.storage import LocalFolder
from scheduler.cli.errors import print_error
from scheduler.cli.options import RecordedCommand, ServiceCommand
from scheduler.cli.output import format_counts, format_plural, print_result
from scheduler.cli.parameters import PastDate, SourceName, WholeNumber, check_source
from scheduler.cli.progress import ProgressTask, progress_option, show_progress
from scheduler.cli.service import get_service
from scheduler.crawls import (
    BackfillProgress,
    ReparseResult,
    backfill_source,
    plan_next_crawl,
    reparse_archive,
)
from scheduler.service import Service, lock_ledger

#: The oldest month that is read: sources published nothing before the web.
_FIRST_MONTH = date(1990, 1, 1)
#: A century of months.
_MAX_MONTHS = 1200


class QuestionThread(msgspec.Struct, frozen=True):
    """A question and its supplementaries."""

    questions: list[Question]  #: canonical records, in the order in which they were asked


@click.command(cls=ServiceCommand, data=(QuestionThread,))
@click.argument("question", metavar="URL|ID")
@click.pass_context
def thread_command(context: click.Context, question: str) -> int:
    """Show a question and its supplementaries.

    Shows the whole thread, in the order in which it was asked.

    \b
    Example:
      watchword thread london:/questions/2018/5425
    """
    thread = _load_thread(get_service(context), question)
    if not thread:
        print_error(f"there is no question {question} in the ledger")
        return ExitStatus.DATA
    print_result("\n".join(map(_format_question, thread)), QuestionThread(thread))
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


class PlanList(msgspec.Struct, frozen=True):
    """What the next crawls would request."""

    plans: list[CrawlPlan]  #: one for each enabled source


@click.command(cls=ServiceCommand, data=(PlanList,))
@click.pass_context
def plan_command(context: click.Context) -> int:
    """Show what the next crawl would request.

    Nothing is requested.

    \b
    Examples:
      watchword plan
      watchword plan --json
    """
    service = get_service(context)
    plans: list[CrawlPlan] = []
    lines: list[str] = []
    for name, source in service.config.sources.items():
        if not source.enabled:
            continue
        plan = plan_next_crawl(service, name)
        plans.append(plan)
        windows = ", ".join(f"{window.since} to {window.until}" for window in plan.windows)
        known = format_plural(len(plan.known_ids), "question")
        verb = "is" if len(plan.known_ids) == 1 else "are"
        lines += [
            f"{name}: list questions of {windows}",
            f"{name}: {known} in this period {verb} known",
            f"{name}: visit {format_plural(len(plan.revisits), 'question')} again",
            *(f"  {visit.url}" for visit in plan.revisits),
            *_list_missing_numbers(service, name),
        ]
    print_result("\n".join(lines), PlanList(plans))
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

    since: date  #: the first day of the oldest month to read
    months: int | None  #: months to read now; None for all
    again: bool


class BackfillSummary(msgspec.Struct, frozen=True):
    """How far a backfill has come."""

    done: int  #: months that are read
    total: int  #: months
    problem: str | None  #: why it stopped early; null if it did not


@click.command(cls=RecordedCommand, data=(BackfillSummary,), about="source")
@click.argument("source", default="london", type=SourceName())
@click.option(
    "--since",
    type=PastDate(_FIRST_MONTH, is_month=True),
    default="2000-05",
    show_default=True,
    metavar="YYYY-MM",
    help="The oldest month to read.",
)
@click.option(
    "--months", type=WholeNumber(1, _MAX_MONTHS), help="Stop after this number of months."
)
@click.option("--again", is_flag=True, help="Read finished months again.")
@progress_option
@click.pass_context
def backfill_command(context: click.Context, /, source: str, **values: object) -> int:
    """Read the past of SOURCE month by month.

    The newest month is read first. Nobody is alerted. You can interrupt the command at any time;
    it continues there the next time.

    \b
    Examples:
      watchword backfill london --months 12
      watchword backfill --since 2010-01 --progress 2>> backfill.log
    """
    options = msgspec.convert(values, BackfillOptions)
    service = get_service(context)
    check_source(service.config, source)
    with lock_ledger(service) as service, show_progress() as display:
        result = backfill_source(
            service,
            source,
            options.since,
            options.months,
            _make_progress_update(display.start(f"{source}: backfill", "month")),
            include_finished=options.again,
        )
    summary = "; ".join(filter(None, (result.summary, result.problem)))
    print_result(summary, BackfillSummary(result.done, result.total, result.problem))
    return ExitStatus.UNAVAILABLE if result.problem else ExitStatus.OK


def _make_progress_update(task: ProgressTask) -> Callable[[BackfillProgress], None]:
    def update(progress: BackfillProgress) -> None:
        task.update(progress.done, progress.total, progress.description)

    return update


@click.command(cls=RecordedCommand, data=(ReparseResult,), unless="dry_run")
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only print which fields would differ.")
@progress_option
@click.pass_context
def reparse_command(context: click.Context, files: tuple[Path, ...], dry_run: bool) -> int:
    """Read every archived page again.

    Reads FILES, or the whole archive without any, with the current version of the page readers.
    Nothing is requested from the source, and nobody is alerted. A page that unpacks to more than
    5 MB is named and passed over.

    \b
    Examples:
      watchword reparse --dry-run      look at what would differ first
      watchword reparse
    """
    service = get_service(context)
    hosts = {name: urlsplit(source.url).netloc for name, source in service.config.sources.items()}
    named = [CaptureFile(LocalFolder(path.parent), path.name) for path in files]
    captures = named or list_capture_files(service.config.archive.path)
    with lock_ledger(service) as service, show_progress() as display:
        task = display.start("reading the archive", "page")
        result = reparse_archive(service.ledger, captures, hosts, task.set_done, dry_run=dry_run)
    text = format_counts(result.counts)
    if result.differing_fields:
        text += f"; fields that differ: {format_counts(result.differing_fields)}"
    print_result(text, result)
    return ExitStatus.PARTIAL if result.counts.get("too long") else ExitStatus.OK
