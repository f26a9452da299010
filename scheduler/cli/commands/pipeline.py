"""Commands that run the pipeline once: once, ingest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

import click
import msgspec

from alerts.errors import ExitStatus, WatchwordError
from alerts.recording import CrawlOutcome, QuestionReading, RecordingRules, record_readings
from crawler.records import Question
from crawler.report import CrawlLine, CrawlReport, QuestionsListed
from scheduler import clock_check
from scheduler.cli.inputs import InputReader, print_suspect
from scheduler.cli.options import RecordedCommand, ServiceCommand
from scheduler.cli.output import format_counts, format_plural, print_result
from scheduler.cli.progress import ProgressDisplay, progress_option, show_progress
from scheduler.cli.service import get_service
from scheduler.crawls import find_crawl_pause, plan_next_crawl, run_crawl
from scheduler.exposed_files import warn_of_exposed_files
from scheduler.jobs import PipelineResult, run_pipeline, sync_config
from scheduler.pings import RunPing
from scheduler.service import Service, lock_ledger


class OneRun(msgspec.Struct, frozen=True):
    """What one run did."""

    crawls: list[CrawlOutcome]
    paused: list[str]  #: sources that the operator has paused
    pipeline: PipelineResult


@click.command(cls=ServiceCommand, data=(OneRun,))
@click.option("--no-crawl", is_flag=True, help="Do everything but the crawl.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing on success.")
@click.option(
    "--accept-clock", is_flag=True, help="Accept a clock that is far ahead of the last round."
)
@progress_option
@click.pass_context
def once_command(context: click.Context, no_crawl: bool, accept_clock: bool, quiet: bool) -> int:
    """Crawl, match, publish and send what is due, then exit.

    \b
    Examples:
      watchword once --no-crawl
      */15 * * * *  cd /srv/watchword && .venv/bin/watchword once --quiet   (in a crontab)
    """
    service = get_service(context)
    ping = RunPing(service.config.ping.round, service.config.ping)
    ping.start()
    try:
        status = _run_once(service, no_crawl=no_crawl, accept_clock=accept_clock, quiet=quiet)
    except WatchwordError as error:
        ping.end(error.exit_status)
        raise
    ping.end(status)
    return status


def _run_once(opened: Service, *, no_crawl: bool, accept_clock: bool, quiet: bool) -> ExitStatus:
    warn_of_exposed_files(opened.config)
    with lock_ledger(opened) as service:
        if accept_clock:
            clock_check.accept_clock(service)
        sync_config(service)
        paused = {} if no_crawl else _find_paused_sources(service)
        outcomes = [] if no_crawl else _crawl_sources(service, paused)
        result = run_pipeline(service)
    crawls = [
        *(f"{name}: {reason}" for name, reason in paused.items()),
        *(f"{outcome.source}: {outcome.verdict}, {outcome.reason}" for outcome in outcomes),
    ]
    print_result(
        "; ".join([*crawls, format_pipeline_result(result)]),
        OneRun(outcomes, list(paused), result),
        quiet=quiet,
    )
    return _compute_exit_status(outcomes, result)


def _find_paused_sources(service: Service) -> dict[str, str]:
    """Return the enabled sources that the operator has paused, each with since when."""
    reasons = {
        name: find_crawl_pause(service, name)
        for name, source in service.config.sources.items()
        if source.enabled
    }
    return {name: reason for name, reason in reasons.items() if reason}


def _crawl_sources(service: Service, paused: Collection[str]) -> list[CrawlOutcome]:
    """Crawl every enabled source in turn; a failed crawl does not stop the next.

    Paused sources are left out: the operator's own decision is no failure.
    """
    with show_progress() as display:
        return [
            run_crawl(service, name, _watch_crawl(service, display, name))
            for name, source in service.config.sources.items()
            if source.enabled and name not in paused
        ]


def _watch_crawl(
    service: Service, display: ProgressDisplay, source: str
) -> Callable[[CrawlLine], None]:
    """Return what counts the pages of a crawl, of those that are known to be visited so far."""
    if not display.is_shown:
        return lambda _line: None
    task = display.start(f"reading {source}", "page")
    plan = plan_next_crawl(service, source)
    known, listed = set(plan.known_ids), set[str]()
    done = 0

    def count(line: CrawlLine) -> None:
        nonlocal done
        if isinstance(line, QuestionsListed):
            listed.update(line.ids)
        elif not isinstance(line, CrawlReport):
            done += 1
        task.set_done(done, max(done, len(plan.revisits) + len(listed - known)))

    return count


def _compute_exit_status(outcomes: Sequence[CrawlOutcome], result: PipelineResult) -> ExitStatus:
    """Return UNAVAILABLE if nothing could be fetched or sent, PARTIAL if something failed.

    A step of the pipeline that failed decides first, with the status of its error.
    """
    if result.failures:
        return ExitStatus(result.failures[0].exit_status)
    unavailable = {"unreachable", "blocked"}
    if result.problem or (outcomes and all(o.verdict in unavailable for o in outcomes)):
        return ExitStatus.UNAVAILABLE
    has_failed_crawl = any(outcome.verdict not in {"ok", "empty"} for outcome in outcomes)
    if has_failed_crawl or result.deliveries.get("failed"):
        return ExitStatus.PARTIAL
    return ExitStatus.OK


def format_pipeline_result(result: PipelineResult) -> str:
    """Return a run of the pipeline as one line."""
    feeds = f"{format_plural(result.feeds, 'feed')} written" if result.feeds else "no feed changed"
    matches = f"{result.matches:,} new {'match' if result.matches == 1 else 'matches'}"
    digests = f"{format_plural(result.digests, 'digest')} composed"
    sent = format_counts(result.deliveries, nothing="nothing to send")
    return f"{matches}, {feeds}, {digests}; mail: {sent}"


class IngestSummary(msgspec.Struct, frozen=True):
    """What was read, and what one run did with it."""

    recorded: dict[str, int]  #: inputs and questions by what became of them: `read`, `new`, `same`
    pipeline: PipelineResult


@click.command(cls=RecordedCommand, data=(IngestSummary,))
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--as-new", is_flag=True, help="Notify subscribers, however old a question is.")
@progress_option
@click.pass_context
def ingest_command(context: click.Context, files: tuple[str, ...], as_new: bool) -> int:
    """Process saved pages or records as if crawled.

    FILE holds a page (HTML or text) or records (JSON Lines). Old questions are recorded without
    notifying anybody, unless you give --as-new.

    \b
    Examples:
      watchword ingest saved-page.html
      watchword ingest --as-new records.jsonl
    """
    service = get_service(context)
    reader = InputReader(service.config)
    with lock_ledger(service) as service, show_progress() as display:
        sync_config(service)
        task = display.start("reading", "question")
        counts = _record_questions(
            service,
            reader.iterate(files),
            RecordingRules(as_new=as_new),
            on_question=task.advance,
        )
        result = run_pipeline(service)
    counts.update(read=reader.read, unreadable=reader.unreadable)
    recorded = {name: number for name, number in counts.items() if number}
    print_result(
        f"{format_counts(recorded)}; {format_pipeline_result(result)}",
        IngestSummary(recorded, result),
    )
    if not reader.read:
        return ExitStatus.DATA
    if reader.unreadable or counts["suspect"]:
        return ExitStatus.PARTIAL
    return _compute_exit_status([], result)


def _record_questions(
    service: Service,
    questions: Iterable[Question],
    rules: RecordingRules,
    *,
    on_question: Callable[[], None],
) -> Counter[str]:
    """Record each question in a transaction of its own, and count what was recorded."""
    counts: Counter[str] = Counter()
    for question in questions:
        with service.ledger.writing() as connection:
            reading = QuestionReading(question)
            counts.update(record_readings(connection, [reading], service.clock(), rules))
        if question.suspect:
            print_suspect(question, ", so nobody is alerted")
        on_question()
    return counts
