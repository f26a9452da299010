"""Commands that do the work: once, run, ingest, demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.errors import ExitStatus
from scheduler.cli.common import format_counts, get_config, get_service, print_result, show_progress
from scheduler.cli.exits import print_error

if TYPE_CHECKING:
    from alerts.recording import CrawlOutcome
    from scheduler.daemon import Daemon
    from scheduler.jobs import PipelineResult
    from scheduler.service import Service

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_QUIET = click.option("-q", "--quiet", is_flag=True, help="Print nothing when all went well.")


@click.command()
@click.option("--no-crawl", is_flag=True, help="Do everything but the crawl.")
@_JSON
@_QUIET
@click.pass_context
def once(context: click.Context, no_crawl: bool, as_json: bool, quiet: bool) -> int:
    """Crawl, match, publish and send what is due, then leave. Made for cron.

    \b
    Every quarter of an hour, from the folder of the config:
      */15 * * * *  cd /srv/watchword && .venv/bin/watchword once --quiet
    """
    from scheduler.jobs import run_pipeline, sync_config
    from scheduler.service import lock_ledger

    service = get_service(context)
    with lock_ledger(service):
        sync_config(service)
        outcomes = [] if no_crawl else _crawl_all_sources(service)
        done = run_pipeline(service)
    lines = [f"{o.source}: {o.verdict}, {o.reason}" for o in outcomes]
    print_result(
        "; ".join([*lines, format_pipeline_result(done)]),
        {"crawls": [_as_dict(o) for o in outcomes], "round": _as_dict(done)},
        as_json=as_json,
        quiet=quiet,
    )
    return _compute_exit_status(outcomes, done)


def _crawl_all_sources(service: Service) -> list[CrawlOutcome]:
    """Every enabled source, one after the other; one that fails does not stop the next."""
    from crawler.report import CrawlLine, QuestionRead
    from scheduler.jobs import run_crawl

    outcomes: list[CrawlOutcome] = []
    with show_progress() as display:
        for name, source in service.config.sources.items():
            if not source.enabled:
                continue
            task = display.add_task(f"reading {name}", total=None)

            def step(line: CrawlLine, task: Any = task) -> None:
                if isinstance(line, QuestionRead):
                    display.advance(task)

            outcomes.append(run_crawl(service, name, step))
    return outcomes


def _compute_exit_status(outcomes: list[CrawlOutcome], done: PipelineResult) -> int:
    """The exit status: 69 when nothing could be fetched or sent, 1 when something failed."""
    useless = {"unreachable", "blocked"}
    if done.problem or (outcomes and all(o.verdict in useless for o in outcomes)):
        return ExitStatus.UNAVAILABLE
    failed = any(o.verdict not in {"ok", "empty"} for o in outcomes)
    return ExitStatus.PARTIAL if failed or done.deliveries.get("failed") else ExitStatus.OK


def format_pipeline_result(done: PipelineResult) -> str:
    feeds = f"{done.feeds} feeds written" if done.feeds else "no feed changed"
    sent = format_counts(done.deliveries) if done.deliveries else "nothing to send"
    return f"{done.matches} new matches, {feeds}, {done.digests} digests composed; mail: {sent}"


def _as_dict(record: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(record)


@click.command()
@click.option("--log-json", is_flag=True, help="Log lines as JSON.")
@click.pass_context
def run(context: click.Context, log_json: bool) -> int:
    """Run as a daemon until SIGTERM or Ctrl-C."""
    from scheduler.daemon import Daemon

    given = context.find_root().obj
    given["verbose"] = max(given["verbose"], 1)  # a daemon says what it does
    given["log_json"] = given["log_json"] or log_json
    service = get_service(context)
    daemon = Daemon(service)
    with _serve_web_pages(service, daemon):
        daemon.run()
    return ExitStatus.OK


@contextmanager
def _serve_web_pages(service: Service, daemon: Daemon) -> Iterator[None]:
    """The small server of the daemon, where the config says that there is to be one."""
    web = service.config.web
    if web.port is None:
        yield
        return
    from alerts.web import create_app
    from scheduler.web import build_web_context, serve

    app = create_app(build_web_context(service, daemon))
    with serve(app, web.port, web.host, trusted_proxies=web.trusted_proxies):
        yield


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--as-new", is_flag=True, help="Alert whatever the date of the questions.")
@_JSON
@click.pass_context
def ingest(context: click.Context, files: tuple[str, ...], as_new: bool, as_json: bool) -> int:
    """Take saved pages (HTML or text) or records (JSON Lines) through all the steps.

    Old questions are recorded without an alert unless --as-new is given.
    """
    from collections import Counter

    from alerts.recording import QuestionReading, RecordingRules, record_readings
    from scheduler.crawls.page_inputs import UnreadableInput, read_inputs
    from scheduler.jobs import run_pipeline, sync_config
    from scheduler.service import lock_ledger

    service = get_service(context)
    rules = RecordingRules(as_new=as_new)
    counts: Counter[str] = Counter()
    with lock_ledger(service), show_progress() as display:
        sync_config(service)
        task = display.add_task("reading", total=None)
        for found in read_inputs(files, service.config):
            display.advance(task)
            if isinstance(found, UnreadableInput):
                print_error(f"{found.name}: {found.reason}")
                counts["unreadable"] += 1
                continue
            with service.ledger.writing() as connection:
                counts.update(
                    record_readings(connection, [QuestionReading(found)], service.clock(), rules)
                )
            counts["read"] += 1
            if found.suspect:
                print_error(
                    f"{found.title or found.id}: suspect, so nobody is alerted: "
                    f"{'; '.join(map(str, found.suspect))}"
                )
        done = run_pipeline(service)
    recorded = {name: n for name, n in counts.items() if n}
    print_result(
        f"{format_counts(recorded)}; {format_pipeline_result(done)}",
        {"recorded": recorded, "round": _as_dict(done)},
        as_json=as_json,
    )
    if not counts["read"]:
        return ExitStatus.DATA
    return (
        ExitStatus.PARTIAL
        if counts["unreadable"] or counts["suspect"]
        else _compute_exit_status([], done)
    )


@click.command()
@click.option("--once", is_flag=True, help="Go through it once without a browser, then leave.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Leave mail, feeds and summary.json here; ./demo when not given.",
)
@click.option("--port", default=8025, show_default=True, help="Of the demo's pages; 0: any.")
@click.pass_context
def demo(context: click.Context, once: bool, out: Path | None, port: int) -> int:
    """See the whole service work on a replica of the source, with no outside network."""
    get_config(context)
    from scheduler.demo.run import Demo

    with Demo(out or Path("demo"), 0 if once else port) as stage:
        if once:
            print_result("", stage.run_once(), as_json=True)
        else:
            stage.run(click.echo)
    return ExitStatus.OK


COMMANDS = (run, once, ingest, demo)
