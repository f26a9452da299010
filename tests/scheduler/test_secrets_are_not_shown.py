"""A config full of marked secrets: no command, log line, error, page, status or alarm shows one."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import traceback
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.delivery import list_channel_names
from alerts.ledger import DatabaseURL
from alerts.secret import Secret, SecretAddress, redact, show_address
from alerts.web import create_app
from scheduler.cli.group import SECTIONS
from scheduler.clock import wall_clock
from scheduler.config import load_config, parse_config
from scheduler.config.introspection import find_secret_type, is_list
from scheduler.service import open_service
from scheduler.web import build_web_context, serve
from tests.support.config_keys import ConfigKey, format_toml, list_config_keys
from tests.support.service import ServiceFolder
from tests.support.smtp_server import SmtpServer
from tests.support.web_client import WebClient

MARK = "SECRETmark"
#: base64, so that it is a webhook's secret as well; 24 bytes of what is marked.
TEXT = base64.b64encode(MARK.encode() * 3).decode() + MARK * 2
SECRET_KEYS = [key for key in list_config_keys() if find_secret_type(key.field.type)]
#: No request leaves this machine: nobody listens on port 1.
CLOSED = f"http://127.0.0.1:1/{MARK}/x?token={MARK}2"
CHAT = f"json://user:{MARK}@127.0.0.1:1/{MARK}"


def write_value(key: ConfigKey, number: int = 0) -> Any:
    """A marked value for a secret key; the database stays where a test needs one."""
    kind = find_secret_type(key.field.type)
    if kind is DatabaseURL:
        return "sqlite:///var/ledger.sqlite3"
    if kind is SecretAddress:
        return [CLOSED, CHAT] if is_list(key.field.type) else (CLOSED, CHAT)[number]
    return TEXT


def marked_config(port: int = 1) -> str:
    """A config whose secret-bearing keys, found by their types, hold marked values."""
    tables: dict[tuple[str, ...], dict[str, Any]] = {
        **{("channels", name): {} for name in list_channel_names()},
        ("sources", "london"): {"url": "http://127.0.0.1:1", "enabled": False},
        ("mail",): {"channel": "smtp"},
        ("subscriptions", "0"): {"query": "benches", "every": "immediate"},
        ("operator",): {"email": "op@demo.example"},
        ("site",): {"public_url": "https://watch.example"},
    }
    for key in SECRET_KEYS:
        tables.setdefault(key.section, {})[key.field.name] = write_value(key)
    tables[("subscriptions", "1")] = {"query": "trams", "email": CHAT}
    tables[("channels", "smtp")] |= {"host": "127.0.0.1", "port": port, "security": "none"}
    return format_toml(tables)


#: How each command is called; a new command has to be added.
CALLS: dict[str, list[list[str]]] = {
    "run": [],  # its pages and log lines are tested below
    "serve": [],  # its pages are those of run
    "work": [[]],
    "schedule": [[]],
    "demo": [],  # has a config of its own
    "init": [],  # it reads no config; what it shows is tested with it
    "once": [["--no-crawl"]],
    "ingest": [["missing.html"]],
    "subscribe": [[CLOSED + "3", "VRU"], [CHAT, "VRU"], [f"what{MARK}://x", "VRU"]],
    "follow": [[CLOSED, "2018/5425"]],
    "pause": [[CLOSED]],
    "resume": [[CLOSED]],
    "unsubscribe": [[CHAT]],
    "subscriptions": [[], ["--json"]],
    "export": [["nobody@demo.example"]],
    "forget": [["nobody@demo.example"]],
    "suspended": [[], ["--waiting"]],
    "preview": [["VRU"]],
    "search": [["VRU"]],
    "explain": [["VRU"]],
    "match": [["missing"]],
    "parse": [["missing.html"]],
    "schema": [[]],
    "thread": [["2018/5425"]],
    "plan": [[]],
    "backfill": [["london"]],
    "reparse": [[]],
    "takedown": [[]],
    "digest": [["--dry-run"], []],
    "deliveries": [[], ["--json"]],
    "bounces": [["missing"]],
    "dns": [["--offline"]],
    "doctor": [[]],
    "status": [[], ["--json"]],
    "approvals": [[]],
    "approve": [["london"]],
    "reject": [["london"]],
    "config": [[]],
    "topics": [["list"], ["publish", "benches"], ["hide", "benches"]],
    "prune": [["--dry-run"], []],
    "migrate-to": [[f"postgresql://ada:{MARK}@127.0.0.1:1/ledger"]],
    "backup": [["backups"], ["backups", "--without-secrets", "--json"]],
    "restore": [["backups", "--to", "trial", "--ledger", f"postgresql://a:{MARK}@127.0.0.1:1/b"]],
    "secrets": [["list"], ["list", "--json"], ["rotate"]],
    "actions": [[], ["--about", CLOSED]],
}
#: A crawl; and a library of the engine's asks the program `file` about Python.
STARTS_PROCESS = {"backfill", "work", "schedule"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> ServiceFolder:
    """A service that has tried to send to each of its addresses in vain."""
    made = ServiceFolder(tmp_path_factory.mktemp("marked"), marked_config())
    made.run("once", "--no-crawl", expect=None)
    return made


def test_every_secret_key_is_marked() -> None:
    """So that the other tests look for each of them."""
    assert {key.name for key in SECRET_KEYS} >= {
        "ledger.url",
        "imap.password",
        "web.operator_password",
        "operator.notify",
        "subscriptions.0.email",
        "channels.smtp.username",
        "channels.smtp.password",
    }
    suspicious = ("password", "secret", "token", "notify")
    for key in list_config_keys():
        if any(word in key.field.name for word in suspicious):
            assert key in SECRET_KEYS, key.name


def test_every_command_is_called() -> None:
    assert CALLS.keys() >= {name for section in SECTIONS.values() for name in section}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.process) if name in STARTS_PROCESS else name
        for name in CALLS
    ],
)
def test_no_command_shows_one(service: ServiceFolder, name: str) -> None:
    for arguments in CALLS[name]:
        for options in (["-vv"], ["-vv", "--log-json"]):
            done = service.run(*options, name, *arguments, expect=None)
            assert MARK not in done.stdout + done.stderr


@pytest.mark.slow
def test_the_config_says_what_is_set(service: ServiceFolder) -> None:
    shown = json.loads(service.run("config").stdout)
    assert shown["web"]["operator_password"] == "(set)"
    assert shown["channels"]["smtp"]["username"] == "(set)"
    assert shown["operator"]["notify"] == ["http://127.0.0.1:1/...", "json://..."]
    assert [one["email"] for one in shown["subscriptions"]] == shown["operator"]["notify"]


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://watchword:{MARK}@127.0.0.1:1/watchword",
        f"postgresql://watchword:{MARK}@127.0.0.1:1/watchword?sslpassword={MARK}",
        f"postgresql://watchword:{MARK}@127.0.0.1:99999999/watchword",
        f"postgres://watchword:{MARK}@127.0.0.1/watchword",
        f"watchword:{MARK}@127.0.0.1",
    ],
)
def test_no_command_shows_the_password_of_the_database(tmp_path: Path, url: str) -> None:
    service = ServiceFolder(tmp_path, f'[ledger]\nurl = "{url}"\n')
    for command in (["config"], ["status"], ["status", "--json"], ["subscriptions"]):
        done = service.run("-vv", *command, expect=None)
        assert MARK not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        'nonsense = "x"',
        "[digests]\nhour = 99",
        "hour = = 1",
        f'[site]\npublic_url = "https://user:{MARK}@watch.example/"',
        f'[site]\npublic_url = "https://user:{MARK}@watch.example"',
        f'[feeds]\nhub = "https://user:{MARK}@hub.example"',
        f'[sources.uk-parliament]\nurl = "https://user:{MARK}@watch.example"',
        f'[sources.uk-parliament]\nurl = "https://user:{MARK}@watch.example/a/b"',
        f'[sources.uk-parliament]\nurl = "https://x.example"\nhome = "https://{MARK}@watch.example"',
        f'[[subscriptions]]\nemail = "what://{MARK}"\nquery = "x"',
        f'[[subscriptions]]\nemail = "https:// {MARK}"\nquery = "x"',
        f'[[subscriptions]]\nemail_file = "{{}}"\nemail = "{CLOSED}"\nquery = "x"',
        f'[imap]\npassword = "{MARK}é"',
        f'[channels.smtp]\nusername = "{MARK}é"',
        f'[channels.smtp]\npassword = "{MARK}é"',
        f'[web]\noperator_password = "{MARK}"',
    ],
)
def test_no_error_of_the_config_shows_one(tmp_path: Path, wrong: str) -> None:
    service = ServiceFolder(tmp_path, f'[ledger]\nurl = "postgresql://w:{MARK}@h/d"\n{wrong}\n')
    done = service.run("-vv", "config", expect=78)
    assert MARK not in done.stdout + done.stderr


@pytest.mark.slow
def test_no_error_shows_what_a_mail_server_quotes(tmp_path: Path) -> None:
    server = SmtpServer()
    server.script["AUTH"] = f"535 5.7.8 wrong: {TEXT}"
    server.start()
    try:
        service = ServiceFolder(tmp_path, marked_config(server.port))
        service.run("once", "--no-crawl", expect=None)
        shown = "".join(
            done.stdout + done.stderr
            for done in (
                service.run("-vv", "once", "--no-crawl", expect=None),
                service.run("status", "--json", expect=None),
                service.run("deliveries", "--json", expect=None),
            )
        )
    finally:
        server.stop()
    assert MARK not in shown


def test_neither_pages_nor_alarms_show_one(service: ServiceFolder) -> None:
    opened = open_service(load_config(service.folder / "config.toml"), wall_clock)
    with serve(create_app(build_web_context(opened))) as url:
        client = WebClient(opened.ledger, opened.clock(), service.folder, url)
        form = f"action=sign-in&password={TEXT}"
        _, headers, _ = client.request(
            "POST", "/operator", form.encode(), "application/x-www-form-urlencoded"
        )
        cookie = str(headers["Set-Cookie"]).partition(";")[0]
        for path in ("/", "/status", "/status.json", "/operator", "/api/v1/topics"):
            _, text = client.request_text("GET", path, headers={"Cookie": cookie})
            assert MARK not in text
    with opened.ledger.reading() as connection:
        reasons = connection.exec_driver_sql("SELECT reason FROM alarm").scalars().all()
        details = connection.exec_driver_sql("SELECT detail FROM delivery_attempt").scalars().all()
    assert MARK not in " ".join(map(str, [*reasons, *details]))
    opened.ledger.engine.dispose()


@pytest.mark.parametrize(
    "secret", [Secret(MARK), SecretAddress(CLOSED), SecretAddress(CHAT), DatabaseURL(f"x:{MARK}")]
)
def test_no_way_of_writing_a_secret_shows_it(secret: Secret) -> None:
    written = [str(secret), repr(secret), f"{secret}", f"{secret:>9}", f"{[secret]} {secret!r}"]
    written.append(str(msgspec.to_builtins({"x": secret}, enc_hook=str)))
    try:
        raise ValueError(secret)
    except ValueError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        written.append("".join(trace.format()))
    assert MARK not in " ".join(written)
    assert copy.deepcopy([secret]) == [secret]
    encoders = (msgspec.json.encode, json.dumps, pickle.dumps, msgspec.to_builtins)
    for encode in encoders:
        with pytest.raises(TypeError):
            encode({"x": secret})


def test_every_secret_may_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite:///x\n")
    (tmp_path / "notify").write_text("ada@demo.example\n\nbo@demo.example\n")
    (tmp_path / "subscriptions.1.email").write_text("cy@demo.example")
    text = (
        '[ledger]\nurl_file = "url"\n[operator]\nnotify_file = "notify"\n'
        '[[subscriptions]]\nquery = "x"\n[[subscriptions]]\nquery = "y"\nemail_file = "notify"\n'
    )
    environment = {
        "WATCHWORD_SUBSCRIPTIONS_0_EMAIL": "bo@demo.example",
        "CREDENTIALS_DIRECTORY": str(tmp_path),
    }
    config = parse_config(text, tmp_path, "config.toml", environment)
    assert config.ledger.url.reveal() == f"sqlite:///{tmp_path}/x"
    assert config.operator.addresses == ("ada@demo.example", "bo@demo.example")
    assert [one.email.reveal() for one in config.subscriptions] == [
        "bo@demo.example",
        "cy@demo.example",
    ]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ada@demo.example", "ada@demo.example"),
        ("https://hooks.example/a/b?c#d", "https://hooks.example/..."),
        ("https://u:p@hooks.example:8443/a", "https://hooks.example:8443/..."),
        ("https://[::1", "https://..."),
        ("slack://token/other", "slack://..."),
        ("mailtos://u:p@mail.example", "mailtos://..."),
    ],
)
def test_an_address_is_shown_as_far_as_it_is_no_secret(address: str, shown: str) -> None:
    assert show_address(address) == shown


def test_what_others_write_is_redacted() -> None:
    secrets = [Secret("hunter2!"), SecretAddress("https://u:p4ss@hooks.example/api/tok3n")]
    text = "hunter2! at https://u:p4ss@hooks.example/api/tok3n: /api/tok3n of hooks.example, p4ss"
    shown = redact(text, secrets)
    assert shown == "(hidden) at (hidden): /api/(hidden) of hooks.example, (hidden)"
