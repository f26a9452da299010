"""The command that shows the whole service at work: demo."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from alerts.errors import ExitStatus
from scheduler.cli.config import get_config
from scheduler.cli.options import ServiceCommand, get_options
from scheduler.cli.output import is_json, print_line_of_json
from scheduler.cli.parameters import WholeNumber
from scheduler.cli.umask import use_umask
from scheduler.demo import Demo


@click.command(cls=ServiceCommand, data=(dict[str, Any],))
@click.option("--once", is_flag=True, help="Go through all stages without a browser, then exit.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo",
    show_default=True,
    metavar="DIR",
    help="Folder for the mail, the feeds and summary.json, with the permissions of your umask.",
)
@click.option(
    "--port",
    type=WholeNumber(0, 65_535),
    default=8025,
    show_default=True,
    help="Port of the web pages, or the next free one; 0 for any.",
)
@click.pass_context
def demo_command(context: click.Context, once: bool, out: Path, port: int) -> int:
    """Run the whole service on a replica of the source.

    Needs no network access. A new question is asked every 20 to 30 seconds; the page /demo makes
    more happen: an answer, a correction, a source that breaks. Emails arrive in an inbox on a
    page. A port that is taken is stepped over. --json goes with --once.

    \b
    Examples:
      watchword demo
      watchword demo --once --out demo
    """
    if is_json() and not once:
        raise click.UsageError("--json goes with --once: the demo has no end")
    get_config(context)
    # What --once leaves is the user's own; live, the files are the service's, and private as such.
    umask = use_umask(get_options(context).users_umask) if once else nullcontext()
    with umask, Demo(out, 0 if once else port, is_live=not once) as running:
        if once:
            print_line_of_json(running.run_once())
        else:
            running.run(click.echo)
    return ExitStatus.OK
