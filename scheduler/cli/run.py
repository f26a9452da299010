"""Commands that do the work: once, run, ingest, demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scheduler.cli.common import config_of, counted, progress, say, service_of
from scheduler.cli.exits import BAD_DATA, OK, PARTLY, UNAVAILABLE, complain

if TYPE_CHECKING:
    from scheduler.crawls.crawl import Outcome
    from scheduler.daemon import Daemon
    from scheduler.jobs import Round
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
    from scheduler.jobs import follow_config, go_round
    from scheduler.service import alone

    service = service_of(context)
    with alone(service):
        follow_config(service)
        outcomes = [] if no_crawl else _crawl_all(service)
        done = go_round(service)
    lines = [f"{o.source}: {o.verdict}, {o.reason}" for o in outcomes]
    say(
        "; ".join([*lines, told_of(done)]),
        {"crawls": [_as_dict(o) for o in outcomes], "round": _as_dict(done)},
        as_json=as_json,
        quiet=quiet,
    )
    return _status(outcomes, done)


def _crawl_all(service: Service) -> list[Outcome]:
    """Every enabled source, one after the other; one that fails does not stop the next."""
    from crawler.fetching.plan import Line, Read
    from scheduler.jobs import crawl

    outcomes: list[Outcome] = []
    with progress() as display:
        for name, source in service.config.sources.items():
            if not source.enabled:
                continue
            task = display.add_task(f"reading {name}", total=None)

            def step(line: Line, task: Any = task) -> None:
                if isinstance(line, Read):
                    display.advance(task)

            outcomes.append(crawl(service, name, step))
    return outcomes


def _status(outcomes: list[Outcome], done: Round) -> int:
    """The exit status: 69 when nothing could be fetched or sent, 1 when something failed."""
    useless = {"unreachable", "blocked"}
    if done.problem or (outcomes and all(o.verdict in useless for o in outcomes)):
        return UNAVAILABLE
    failed = any(o.verdict not in {"ok", "empty"} for o in outcomes)
    return PARTLY if failed or done.deliveries.get("failed") else OK


def told_of(done: Round) -> str:
    feeds = f"{done.feeds} feeds written" if done.feeds else "no feed changed"
    sent = counted(done.deliveries) if done.deliveries else "nothing to send"
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
    service = service_of(context)
    daemon = Daemon(service)
    with _pages(service, daemon):
        daemon.run()
    return OK


@contextmanager
def _pages(service: Service, daemon: Daemon) -> Iterator[None]:
    """The small server of the daemon, where the config says that there is to be one."""
    web = service.config.web
    if web.port is None:
        yield
        return
    from alerts.web.app import create_app
    from scheduler.web.serve import serve
    from scheduler.web.site import site_of

    app = create_app(site_of(service, daemon))
    with serve(app, web.port, web.host, web.trusted_proxies):
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

    from alerts.recording.record import Reading, Rules, record
    from scheduler.crawls.saved_pages import Unread, read_all
    from scheduler.jobs import follow_config, go_round
    from scheduler.service import alone

    service = service_of(context)
    rules = Rules(as_new=as_new)
    counts: Counter[str] = Counter()
    with alone(service), progress() as display:
        follow_config(service)
        task = display.add_task("reading", total=None)
        for found in read_all(files, service.config):
            display.advance(task)
            if isinstance(found, Unread):
                complain(f"{found.name}: {found.reason}")
                counts["unreadable"] += 1
                continue
            with service.ledger.writing() as connection:
                counts.update(record(connection, [Reading(found)], service.clock(), rules))
            counts["read"] += 1
            if found.suspect:
                complain(
                    f"{found.title or found.id}: suspect, so nobody is alerted: "
                    f"{'; '.join(found.suspect)}"
                )
        done = go_round(service)
    recorded = {name: n for name, n in counts.items() if n}
    say(
        f"{counted(recorded)}; {told_of(done)}",
        {"recorded": recorded, "round": _as_dict(done)},
        as_json=as_json,
    )
    if not counts["read"]:
        return BAD_DATA
    return PARTLY if counts["unreadable"] or counts["suspect"] else _status([], done)


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
    config_of(context)
    from scheduler.demo.run import Demo

    with Demo(out or Path("demo"), 0 if once else port) as stage:
        if once:
            say("", stage.play_once(), as_json=True)
        else:
            stage.play(click.echo)
    return OK


COMMANDS = (run, once, ingest, demo)
