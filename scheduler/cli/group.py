"""The ``watchword`` command and its subcommands, imported when they are used.

The pattern is the one of click's documentation ("Lazily loading subcommands"). Help for the whole
program needs only this module and click, because it contains the summaries. A test checks that they
equal the first lines of the commands' own help.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple

import click

from scheduler.cli.options import build_config_option, choose_colour, get_options


class LazyCommand(NamedTuple):
    """Where a command is defined, and its line in the program's help."""

    #: Module of ``scheduler.cli.commands``. It defines the command ``once`` as ``once_command``.
    module: str
    summary: str


#: Heading in the help → command name → command, in the order of the help: what is used daily first.
SECTIONS: dict[str, dict[str, LazyCommand]] = {
    "Run the service": {
        "init": LazyCommand("init", "Make a new service: its config, passwords and DKIM key."),
        "run": LazyCommand("daemon", "Run as a daemon until SIGTERM or Ctrl-C."),
        "once": LazyCommand("pipeline", "Crawl, match, publish and send what is due, then exit."),
        "demo": LazyCommand("demo", "Run the whole service on a replica of the source."),
    },
    "Run it on several machines": {
        "serve": LazyCommand("cluster", "Serve the pages and feeds of a cluster."),
        "work": LazyCommand(
            "cluster", "Do the work of a cluster: crawl, match, compose, deliver, publish."
        ),
        "schedule": LazyCommand("cluster", "Start the jobs of a cluster when they are due."),
    },
    "Look after it": {
        "status": LazyCommand("status", "Show the state of the service and of each source."),
        "approvals": LazyCommand("approvals", "List changes that wait for approval."),
        "approve": LazyCommand("approvals", "Publish held changes and notify subscribers."),
        "reject": LazyCommand("approvals", "Record held changes without notifying anybody."),
        "actions": LazyCommand("actions", "List what the operator did."),
        "doctor": LazyCommand("doctor", "Check the service from all sides and say what to do."),
        "config": LazyCommand("config", "Check the config and print it."),
        "backup": LazyCommand("backup", "Back up the service into a folder or an object store."),
        "restore": LazyCommand("restore", "Restore a backup, all or nothing."),
        "prune": LazyCommand("prune", "Delete what became of old messages, and old crawl runs."),
        "migrate-to": LazyCommand("migrate", "Copy the ledger into another database."),
        "secrets": LazyCommand("secrets", "List the service's own keys, and replace them."),
    },
    "Search and try queries": {
        "search": LazyCommand("queries", "Search the archive."),
        "preview": LazyCommand("queries", "Show what QUERY would have matched."),
        "explain": LazyCommand("queries", "Show how QUERY is understood and what it matches."),
        "match": LazyCommand("queries", "Match each query of a file with questions."),
    },
    "Manage alerts": {
        "subscribe": LazyCommand("subscribe", "Subscribe EMAIL to QUERY."),
        "subscriptions": LazyCommand("subscriptions", "List active subscriptions."),
        "unsubscribe": LazyCommand("subscriptions", "End subscriptions of EMAIL."),
        "pause": LazyCommand("subscriptions", "Pause subscriptions of EMAIL."),
        "resume": LazyCommand("subscriptions", "Resume paused subscriptions of EMAIL."),
        "follow": LazyCommand("subscriptions", "Send EMAIL the updates of one question."),
        "topics": LazyCommand("topics", "List topics, publish them, or keep them private."),
    },
    "Manage subscribers": {
        "export": LazyCommand("subscribers", "Print all data that is kept about EMAIL."),
        "forget": LazyCommand("subscribers", "Delete EMAIL and all data about it now."),
        "suspended": LazyCommand("subscribers", "List addresses that get no email."),
    },
    "Send email": {
        "deliveries": LazyCommand("delivery", "List messages and how each was delivered."),
        "digest": LazyCommand("delivery", "Compose and send the digests that are due."),
        "bounces": LazyCommand("delivery", "Process returned emails."),
        "dns": LazyCommand("doctor", "Print the DNS records for DKIM, SPF and DMARC."),
    },
    "Read questions": {
        "thread": LazyCommand("archive", "Show a question and its supplementaries."),
        "parse": LazyCommand("records", "Print the records of saved or live pages as JSON."),
        "ingest": LazyCommand("pipeline", "Process saved pages or records as if crawled."),
        "plan": LazyCommand("archive", "Show what the next crawl would request."),
        "backfill": LazyCommand("archive", "Read the past of SOURCE month by month."),
        "reparse": LazyCommand("archive", "Read every archived page again."),
        "takedown": LazyCommand("takedown", "Remove what is kept and shown of a question."),
        "schema": LazyCommand("records", "Print the JSON Schema of the canonical record."),
    },
}

#: What `watchword` alone shows: from a first look to daily use.
_FIRST_COMMANDS = ("demo", "subscribe", "once", "run", "status", "search")

_EPILOG = """
\b
Examples:
  watchword subscribe you@example.org 'VRU OR "violence reduction unit"' --every daily
  watchword once                       one run, for cron
  watchword run                        the daemon
  watchword parse saved-page.html      the record of a page, as JSON
  watchword demo                       see it all work, without network access

\b
Exit status:
  0   success
  1   partial success; errors are on standard error
  64  wrong usage
  65  the input or the ledger cannot be read
  69  the source, the mail server or a port is unavailable
  75  try again later; for example, another process is using the ledger
  78  the config is wrong
  130 interrupted by Ctrl-C

docs/reference/command-line.md describes what each command prints with --json,
and how a shell completes commands.
"""


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is used or its own help is shown."""

    def __init__(
        self, *args: Any, sections: dict[str, dict[str, LazyCommand]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections
        self._commands = {
            name: command for section in sections.values() for name, command in section.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands in the order of the help."""
        return list(self._commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None when there is none of this name."""
        if cmd_name not in self._commands:
            return None
        module = import_module(f"scheduler.cli.commands.{self._commands[cmd_name].module}")
        command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name; the error about another names near ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(
                error.command_name, possibilities=self._commands, ctx=ctx
            ) from None

    def format_short_help(self) -> str:
        """Return a few commands to begin with, and where the others are."""
        rows = "\n".join(f"  {name:<11}{self._commands[name].summary}" for name in _FIRST_COMMANDS)
        return (
            f"Usage: watchword COMMAND\n\n{self.help}\n\nTo begin with:\n{rows}\n\n"
            f"`watchword --help` lists all {len(self._commands)} commands, "
            "and `watchword COMMAND --help` explains one."
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, from the summaries and without importing any."""
        for heading, commands in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, command.summary) for name, command in commands.items()])


def _show_versions(context: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not context.resilient_parsing:
        click.echo(import_module("scheduler.cli.versions").describe_versions())
        context.exit()


@click.group(
    cls=LazyGroup,
    sections=SECTIONS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
    params=[build_config_option()],
)
@click.option("-v", "--verbose", count=True, help="Log progress; -vv logs every step.")
@click.option("--log-json", is_flag=True, help="Write log lines as JSON.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_versions,
    help="Show the version, and those of what it runs on.",
)
@click.pass_context
def watchword(context: click.Context, verbose: int, log_json: bool) -> None:
    """Send email alerts about public questions, and publish them as pages and feeds."""
    context.color = choose_colour()
    context.obj = replace(get_options(context), verbosity=verbose, log_json=log_json)
    if context.invoked_subcommand is None:
        _show_short_help(context, is_plain=not (verbose or log_json))


def _show_short_help(context: click.Context, *, is_plain: bool) -> None:
    """Print the short help for ``watchword`` alone; with options, a command is missing."""
    if not is_plain or get_options(context).config_path or get_options(context).document.is_wanted:
        raise click.UsageError("Missing command.", context)
    assert isinstance(context.command, LazyGroup)
    click.echo(context.command.format_short_help())
