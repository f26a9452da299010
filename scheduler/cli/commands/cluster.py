"""The commands of a cluster: serve, work, schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import click

from alerts.errors import ExitStatus
from scheduler.cli.commands.daemon import DaemonRun
from scheduler.cli.options import ServiceCommand, get_options
from scheduler.cli.output import print_result
from scheduler.cli.service import get_service
from scheduler.exposed_files import warn_of_exposed_files
from scheduler.service import Service

#: Where the config names no port: what a reverse proxy in the documentation points to.
_PORT = 8080


def _run(context: click.Context, work: Callable[[Service], None]) -> int:
    """Do the work of a role, with log lines as with -v, until it ends."""
    options = get_options(context)
    context.obj = replace(options, verbosity=max(options.verbosity, 1))
    service = get_service(context)
    warn_of_exposed_files(service.config)
    started_at = service.clock()
    work(service)
    print_result("", DaemonRun(started_at, service.clock()))
    return ExitStatus.OK


@click.command(cls=ServiceCommand, data=(DaemonRun,))
@click.option("--host", help="Address to listen on; web.host of the config by default.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port to listen on; web.port of the config by default, or {_PORT}.",
)
@click.pass_context
def serve_command(context: click.Context, host: str | None, port: int | None) -> int:
    """Serve the pages and feeds of a cluster.

    Any number of these may run, on any number of machines, behind a load balancer. They do no
    other work. The ledger must be on PostgreSQL.

    \b
    Example:
      watchword serve --host 0.0.0.0 --port 8080
    """

    def serve(service: Service) -> None:
        from scheduler.cluster import run_serve  # noqa: PLC0415

        web = service.config.web
        run_serve(service, host or web.host, _choose_port(port, web.port))

    return _run(context, serve)


def _choose_port(wanted: int | None, configured: int | None) -> int:
    return next((port for port in (wanted, configured) if port is not None), _PORT)


@click.command(cls=ServiceCommand, data=(DaemonRun,))
@click.option(
    "--queues",
    help="Queues to take jobs from, separated by commas; all by default.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="Jobs at a time, in threads of one process.",
)
@click.pass_context
def work_command(context: click.Context, queues: str | None, concurrency: int) -> int:
    """Do the work of a cluster: crawl, match, compose, deliver, publish.

    The queues are crawl, match, compose, deliver, publish, words and upkeep, and each needs a
    worker. Any number of workers may run. Matching and composing use a processor: run one process
    for each core, because the threads of one process share a core. Crawling and delivering mostly
    wait, so a process for them may have a concurrency of ten or more. SIGTERM lets the jobs end
    that run.

    \b
    Examples:
      watchword work
      watchword work --queues crawl,deliver,upkeep --concurrency 8
    """
    from scheduler.cluster import QUEUES, run_work  # noqa: PLC0415

    wanted = QUEUES if queues is None else tuple(name.strip() for name in queues.split(","))
    for name in wanted:
        if name not in QUEUES:
            known = ", ".join(QUEUES)
            raise click.BadParameter(f"there is no queue {name!r}; there are {known}", context)
    return _run(context, lambda service: run_work(service, wanted, concurrency))


@click.command(cls=ServiceCommand, data=(DaemonRun,))
@click.pass_context
def schedule_command(context: click.Context) -> int:
    """Start the jobs of a cluster when they are due.

    Run two of these or more, on different machines: each moment is acted on once, and whoever is
    left goes on when one is lost. They do no other work.

    \b
    Example:
      watchword schedule --config /etc/watchword.toml
    """
    from scheduler.cluster import run_schedule  # noqa: PLC0415

    return _run(context, run_schedule)
