"""The command that makes a new service: init."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace as replace_fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from alerts.errors import ExitStatus
from scheduler.cli.options import ServiceCommand, get_options
from scheduler.cli.output import is_json, print_result
from scheduler.cli.parameters import WholeNumber
from scheduler.config import ConfigError, parse_config
from scheduler.setup import (
    OPERATOR_PASSWORD_FILE,
    SMTP_PASSWORD_FILE,
    SYSTEM_USER,
    NewService,
    RelayAnswers,
    SetupAnswers,
    choose_security,
    install_system_service,
    write_service,
)

_SHOWN_ONCE = """\
The password of the operator's pages, {url}/operator, is shown this once:

  {password}
"""
_DONE = """\
Wrote {config}: every key is in it, with its explanation.
Secrets are in files of their own beside it, which only their owner can read.
{deployment}{password}
Next:
{steps}"""


class NewServiceData(msgspec.Struct, frozen=True):
    """What `watchword init` wrote."""

    config: str  #: the path of the config
    kept: list[str]  #: files with secrets that were there before, and are used
    deployment: list[str]  #: units for systemd, and the config of a proxy with TLS
    operator_password: str | None  #: the one that was made; it is shown this once
    next: list[str]  #: commands to run next, in this order


class ConfigText(click.ParamType[str]):
    """A value that the config takes for a key, checked as `watchword config` checks it."""

    def __init__(self, key: str) -> None:
        """Check values of a key: ``site.public_url``."""
        self._section, _, self._key = key.rpartition(".")
        self.name = self._key

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value; fail with what the config says about it."""
        text = f"[{self._section}]\n{self._key} = {json.dumps(str(value))}\n"
        try:
            parse_config(text, Path(), "")
        except ConfigError as error:
            self.fail(str(error).partition(f"{self._section}.{self._key}: ")[2], param, ctx)
        return str(value)


class ServerAddress(click.ParamType[tuple[str, int]]):
    """A mail server: ``mail.example.org:587``; without a port 25."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the host and the port."""
        if isinstance(value, tuple):
            return value
        try:
            parts = urlsplit(f"//{value}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.path or parts.username:
            self.fail(f"expected HOST:PORT, like mail.example.org:587, got {value!r}", param, ctx)
        return host, 25 if port is None else port


#: How the proxy's config is put to use where Caddy serves nothing else.
_PROXY = """
Caddy puts TLS before the pages:
  sudo cp {proxy} /etc/caddy/Caddyfile && sudo systemctl reload caddy

"""

#: The sender of a service that is tried on this machine: no domain of anybody.
_LOCAL_SENDER = "watchword@localhost.localdomain"


@click.command(cls=ServiceCommand, data=(NewServiceData,))
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the new config.toml; the working folder by default.",
)
@click.option(
    "--data",
    "data_folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the ledger and all other data; var beside the config by default.",
)
@click.option(
    "--system",
    is_flag=True,
    help="By root: a service for this machine, in /etc/watchword and /var/lib/watchword.",
)
@click.option(
    "--public-url",
    type=ConfigText("site.public_url"),
    metavar="URL",
    help="Where people reach the pages: https://watch.example.org.",
)
@click.option("--port", type=WholeNumber(1, 65_535), help="Port of the pages here. Default: 8080.")
@click.option("--name", type=ConfigText("site.name"), help="Name of the service.")
@click.option(
    "--from",
    "from_address",
    type=ConfigText("mail.from_address"),
    metavar="ADDRESS",
    help="The From address of all emails.",
)
@click.option(
    "--smtp",
    type=ServerAddress(),
    metavar="HOST:PORT",
    help="The mail server that takes the emails; without one they are put into a Maildir.",
)
@click.option(
    "--smtp-security",
    type=click.Choice(("starttls", "tls", "none")),
    help="tls for port 465, none for this machine, else starttls, unless you say so.",
)
@click.option("--smtp-user", metavar="NAME", help="To log in with; needs --smtp-password-file.")
@click.option(
    "--smtp-password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Its first line is copied into the service's secrets.",
)
@click.option(
    "--operator-email",
    type=ConfigText("operator.email"),
    metavar="ADDRESS",
    help="Yours: alarms are sent to it.",
)
@click.option(
    "--operator-password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The password of /operator; one is made and shown otherwise.",
)
@click.option("--sign-up/--no-sign-up", default=None, help="Whether anybody may sign up.")
@click.option("--replace", is_flag=True, help="Replace a config that is there; secrets are kept.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the defaults, for a trial here.")
@click.pass_context
def init_command(
    context: click.Context,
    /,
    folder: Path | None,
    data_folder: Path | None,
    system: bool,
    smtp_password_file: Path | None,
    operator_password_file: Path | None,
    replace: bool,
    yes: bool,
    **given: Any,
) -> int:
    """Make a new service: its config, passwords and DKIM key.

    Asks for what no option says. Without a terminal, or with --json, --public-url and --from must
    be given, or --yes.

    Everything is written, or nothing. A config that is there is left alone without --replace.

    With --system, root makes the user watchword, who owns all of it, and units for the service and
    for a backup every night.

    \b
    Examples:
      watchword init
      watchword init --yes
      sudo watchword init --system
      watchword init --folder /srv/watchword --public-url https://watch.example.org \\
        --from alerts@example.org --smtp localhost:25 --operator-email you@example.org
    """
    if get_options(context).config_path:
        raise click.UsageError("init writes a new config.toml: --folder says where")
    if system and (folder or data_folder):
        raise click.UsageError("--system has its own folders: leave out --folder and --data")
    secrets = _read_secrets(smtp_password_file, operator_password_file)
    if yes or is_json() or not sys.stdin.isatty():
        values = _take_defaults(given, is_trial=yes)
    else:
        values = _ask(given, secrets)
    answers = _build_answers(values, data_folder)
    if answers.relay and answers.relay.user and SMTP_PASSWORD_FILE not in secrets:
        raise click.UsageError("--smtp-user needs --smtp-password-file")
    program, units = _find_program(), tuple[Path, ...]()
    if system:
        made, units = install_system_service(answers, secrets, program=program, replace=replace)
    else:
        made = write_service(folder or Path(), answers, secrets, program=program, replace=replace)
    data = _describe(made, units, answers)
    print_result(_format_result(data, made, answers), data)
    return ExitStatus.OK


def _describe(made: NewService, units: tuple[Path, ...], answers: SetupAnswers) -> NewServiceData:
    return NewServiceData(
        str(made.config),
        list(map(str, made.kept)),
        list(map(str, (*made.deployment, *units))),
        made.operator_password,
        _list_system_commands(made, answers) if units else _list_next_commands(made, answers),
    )


def _find_program() -> Path:
    """Return the path of this command, as it was called."""
    called = Path(sys.argv[0])
    return called if called.name == "watchword" else Path(sys.executable).with_name("watchword")


def _read_secrets(smtp_password: Path | None, operator_password: Path | None) -> dict[str, str]:
    """Return the operator's own secrets, by the name of the file that they go into."""
    given = {SMTP_PASSWORD_FILE: smtp_password, OPERATOR_PASSWORD_FILE: operator_password}
    found = {name: path.read_text("utf-8-sig").strip() for name, path in given.items() if path}
    if "" in found.values():
        raise click.UsageError("a file that should hold a password is empty")
    return found


def _take_defaults(given: dict[str, Any], *, is_trial: bool) -> dict[str, Any]:
    """Return what was given, and the defaults of the rest, without asking.

    Args:
        given: By the name of the parameter.
        is_trial: Whether the service may be one for this machine alone.
    """
    port = given["port"] or 8080
    local = {"public_url": f"http://localhost:{port}", "from_address": _LOCAL_SENDER}
    names = {"public_url": "--public-url", "from_address": "--from"}
    missing = [option for name, option in names.items() if given[name] is None]
    if missing and not (is_trial and given["smtp"] is None):
        raise click.UsageError(
            f"missing: {', '.join(missing)}. There is no terminal to ask on"
            if not is_trial
            else f"missing: {', '.join(missing)}, which --smtp needs: its emails reach people"
        )
    return {**given, "port": port, **{name: given[name] or local[name] for name in names}}


def _ask(given: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """Return what was given, and the answers to the questions about the rest."""
    found = dict(given)

    def ask(name: str, question: str, default: Any, kind: click.ParamType[Any]) -> None:
        if found[name] is None:
            answer = click.prompt(question, default=default, type=_Optional(kind), err=True)
            found[name] = answer or None

    ask("name", "Name of the service", "Watchword", ConfigText("site.name"))
    ask("port", "Port of the pages on this machine", 8080, WholeNumber(1, 65_535))
    local = f"http://localhost:{found['port']}"
    ask("public_url", "Address at which people reach them", local, ConfigText("site.public_url"))
    ask("smtp", "Mail server (host:port; empty to keep emails here)", "", ServerAddress())
    if found["smtp"]:
        ask("smtp_user", "User name at the mail server (empty: no login)", "", click.STRING)
    if found["smtp_user"] and SMTP_PASSWORD_FILE not in secrets:
        secrets[SMTP_PASSWORD_FILE] = click.prompt("Password there", hide_input=True, err=True)
    host = urlsplit(found["public_url"]).hostname or ""
    sender = f"alerts@{host}" if "." in host else _LOCAL_SENDER
    ask("from_address", "From address of all emails", sender, ConfigText("mail.from_address"))
    ask(
        "operator_email", "Your address, for alarms (empty: none)", "", ConfigText("operator.email")
    )
    if found["sign_up"] is None:
        found["sign_up"] = click.confirm("May anybody sign up on the pages?", err=True)
    return found


class _Optional(click.ParamType[Any]):
    """An answer of another type, or an empty one."""

    name = "answer"

    def __init__(self, kind: click.ParamType[Any]) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the answer; the empty text for an empty one."""
        return self._kind.convert(value, param, ctx) if value != "" else ""


def _build_answers(values: dict[str, Any], data_folder: Path | None) -> SetupAnswers:
    relay = None
    if values["smtp"]:
        host, port = values["smtp"]
        security = values["smtp_security"] or choose_security(host, port)
        relay = RelayAnswers(host, port, security, values["smtp_user"])
    elif values["smtp_user"] or values["smtp_security"]:
        raise click.UsageError("--smtp-user and --smtp-security need --smtp")
    return SetupAnswers(
        public_url=values["public_url"],
        port=values["port"],
        from_address=values["from_address"],
        year=datetime.now(UTC).year,
        relay=relay,
        name=values["name"] or "Watchword",
        operator_email=values["operator_email"],
        sign_up=bool(values["sign_up"]),
        data_folder=data_folder.absolute() if data_folder else None,
    )


def _list_next_commands(made: NewService, answers: SetupAnswers) -> list[str]:
    """Return three commands: publish or subscribe something, run it, and see that it is right."""
    config = str(made.config)
    option = "" if config == "config.toml" else f" --config {shlex.quote(config)}"
    address = answers.operator_email or "you@example.org"
    test = f" --send-to {address}" if answers.relay else ""
    subscribe = f"watchword subscribe{option} {address} 'cycling OR walking' --every daily"
    return [
        f"watchword dns{option}" if answers.relay else subscribe,
        _start_by_systemd(made.deployment[0]) if made.deployment else f"watchword run{option}",
        f"watchword doctor{option}{test}",
    ]


def _list_system_commands(made: NewService, answers: SetupAnswers) -> list[str]:
    """Return the same for root, who runs commands as the user of the service."""
    first, _, last = _list_next_commands(replace_fields(made, deployment=()), answers)
    as_user = f"runuser -u {SYSTEM_USER} --"
    start = "systemctl enable --now watchword watchword-backup.timer"
    return [f"{as_user} {first}", start, f"{as_user} {last}"]


def _start_by_systemd(unit: Path) -> str:
    """Return the command that starts the service, now and whenever the machine starts."""
    return f"sudo systemctl enable --now {shlex.quote(str(unit.absolute()))}"


def _format_result(data: NewServiceData, made: NewService, answers: SetupAnswers) -> str:
    """Return the result for a person: what was written, the password, and what comes next."""
    if data.operator_password:
        password = _SHOWN_ONCE.format(url=answers.public_url, password=data.operator_password)
    else:
        password = ""
    kept = "".join(f"Kept: {path}\n" for path in data.kept)
    steps = "\n".join(f"  {step}" for step in data.next)
    deployment = ""
    if made.deployment:
        deployment = _PROXY.format(proxy=shlex.quote(str(made.deployment[-1].absolute())))
    return _DONE.format(
        config=data.config, password=kept + password, deployment=deployment, steps=steps
    )
