"""The command that runs the daemon: run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.web import create_app
from scheduler.cli.options import ServiceCommand, get_options
from scheduler.cli.output import print_result
from scheduler.cli.service import get_service
from scheduler.daemon import Daemon
from scheduler.exposed_files import warn_of_exposed_files
from scheduler.service import Service
from scheduler.web import build_web_context, serve


class DaemonRun(msgspec.Struct, frozen=True):
    """How long the daemon ran."""

    started_at: datetime
    stopped_at: datetime


@click.command(cls=ServiceCommand, data=(DaemonRun,))
@click.option("--log-json", is_flag=True, help="Write log lines as JSON.")
@click.pass_context
def run_command(context: click.Context, log_json: bool) -> int:
    """Run as a daemon until SIGTERM or Ctrl-C.

    Logs progress as with -v, and serves the web pages if the config sets web.port.

    \b
    Example:
      watchword run --config /etc/watchword.toml
    """
    options = get_options(context)
    context.obj = replace(
        options, verbosity=max(options.verbosity, 1), log_json=options.log_json or log_json
    )
    service = get_service(context)
    warn_of_exposed_files(service.config)
    daemon = Daemon(service)
    started_at = service.clock()
    with _serve_web_pages(service, daemon):
        daemon.run()
    print_result("", DaemonRun(started_at, service.clock()))
    return ExitStatus.OK


def _serve_web_pages(service: Service, daemon: Daemon) -> AbstractContextManager[object]:
    """Return a context in which the web pages are served, if the config says so."""
    web = service.config.web
    if web.port is None:
        return nullcontext()
    app = create_app(build_web_context(service, daemon))
    return serve(app, web.port, web.host, setting="web.port", trusted_proxies=web.trusted_proxies)
