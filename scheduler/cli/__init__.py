"""The command line. Commands import what they need when they run, so that help is quick."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from alerts.errors import ExitStatus
from scheduler.cli.exits import describe_error, print_error

_EPILOG = """
\b
Examples:
  watchword subscribe you@example.org 'VRU OR "violence reduction unit"' --every daily
  watchword once                       one round, for cron
  watchword run                        the daemon
  watchword parse saved-page.html      what we read in a page, as JSON
  watchword demo                       see it all work, with no outside network

\b
Exit status:
  0 done            1 done in part; what went wrong is on standard error
  64 wrong usage   65 the input or the ledger cannot be read
  69 the source or the mail server cannot be used
  75 another watchword is at work          78 the config is wrong
"""


_CONFIG_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.option(
    "--config",
    "config_path",
    type=_CONFIG_FILE,
    metavar="FILE",
    help="The config; ./config.toml when not given, and the defaults without one.",
)
@click.option("-v", "--verbose", count=True, help="Say what is being done; twice: every step.")
@click.option("--log-json", is_flag=True, help="Log lines as JSON.")
@click.version_option(package_name="watchword", message="%(prog)s %(version)s")
@click.pass_context
def watchword(
    context: click.Context, config_path: Path | None, verbose: int, log_json: bool
) -> None:
    """Email digests and feeds for the questions that the London Assembly puts to the Mayor."""
    context.obj = {"path": config_path, "verbose": verbose, "log_json": log_json}


def _add_commands() -> None:
    from scheduler.cli import bounces as returning
    from scheduler.cli import delivery as sending
    from scheduler.cli import inspect as inspecting
    from scheduler.cli import operate as operating
    from scheduler.cli import queries as asking
    from scheduler.cli import question_follows as following
    from scheduler.cli import run as working
    from scheduler.cli import subscribers as subscribing

    modules = (working, subscribing, following, asking, sending, returning, inspecting, operating)
    for module in modules:
        for command in module.COMMANDS:
            # Before the command's name or after it: nobody should have to remember which.
            command.params.append(
                click.Option(
                    ["--config"],
                    type=_CONFIG_FILE,
                    metavar="FILE",
                    expose_value=False,
                    callback=_remember_config,
                    help="The config; ./config.toml when not given.",
                )
            )
            watchword.add_command(command)


def _remember_config(context: click.Context, _option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.find_root().obj["path"] = value


_add_commands()


def main() -> None:
    """Entry point: whatever goes wrong in a known way is one line and an exit status."""
    try:
        status = watchword.main(prog_name="watchword", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(ExitStatus.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitStatus.CONFIG)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(ExitStatus.INTERRUPTED)
    except Exception as error:
        described = describe_error(error)
        if described is None:
            raise
        line, status = described
        print_error(line)
    sys.exit(status if isinstance(status, int) else 0)
