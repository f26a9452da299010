"""Secrets come from four places, and are shown in none."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.secret import Secret
from scheduler.config import ConfigError, load_config, parse_config
from tests.support.imap_server import run_imap_server
from tests.support.service import ServiceFolder

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
LONG = "a password of sixteen or more"


def operator_password(text: str, folder: Path, **environment: str) -> Secret | None:
    config = parse_config(text, folder, "config.toml", environment)
    return config.web.operator_password


def test_the_environment_goes_before_the_credentials_and_they_before_the_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "password").write_text("from a file of its own\n")
    (tmp_path / "web.operator_password").write_text("from systemd's folder")
    text = '[web]\noperator_password_file = "password"'
    found = [
        operator_password(f"[web]\noperator_password = '{LONG}'", tmp_path),
        operator_password(text, tmp_path),
        operator_password(text, tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path)),
        operator_password(
            text,
            tmp_path,
            CREDENTIALS_DIRECTORY=str(tmp_path),
            WATCHWORD_WEB_OPERATOR_PASSWORD="from the environment",
        ),
        operator_password("", tmp_path, WATCHWORD_WEB_OPERATOR_PASSWORD="from the environment"),
    ]
    assert [(secret.reveal(), secret.source) for secret in found if secret] == [
        (LONG, "web.operator_password"),
        ("from a file of its own", "web.operator_password_file"),
        ("from systemd's folder", "$CREDENTIALS_DIRECTORY/web.operator_password"),
        ("from the environment", "$WATCHWORD_WEB_OPERATOR_PASSWORD"),
        ("from the environment", "$WATCHWORD_WEB_OPERATOR_PASSWORD"),
    ]
    assert operator_password("", tmp_path, CREDENTIALS_DIRECTORY="/nowhere") is None


@pytest.mark.parametrize(
    ("text", "environment", "says"),
    [
        (
            f"[web]\noperator_password = '{LONG}'\noperator_password_file = 'x'",
            {},
            "web.operator_password: give it or web.operator_password_file, not both",
        ),
        (
            "[web]\noperator_password_file = 'none'",
            {},
            "web.operator_password_file: none cannot be read (No such file or directory)",
        ),
        ("[web]\noperator_password_file = 3", {}, "web.operator_password_file: expected text"),
        ("[web]\noperator_password = 3", {}, "web.operator_password: expected text"),
        (
            "",
            {"WATCHWORD_WEB_OPERATOR_PASSWORD": "short"},
            "(from $WATCHWORD_WEB_OPERATOR_PASSWORD)",
        ),
        (
            "[channels.webhook]\n",
            {"WATCHWORD_CHANNELS_WEBHOOK_SECRET": "not base64"},
            "(from $WATCHWORD_CHANNELS_WEBHOOK_SECRET)",
        ),
        ("[web]\noperator_pasword_file = 'x'", {}, "did you mean operator_password_file?"),
    ],
)
def test_an_error_names_the_source_and_not_the_secret(
    text: str, environment: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config(text, Path(), "config.toml", environment)
    assert says in str(error.value)
    assert LONG not in str(error.value)
    assert "not base64" not in str(error.value)


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    with pytest.raises(ConfigError, match="password is empty"):
        operator_password('[web]\noperator_password_file = "password"', tmp_path)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("d2hpc3BlcmVkIGluIHRoZSBkYXJrIG9mIG5pZ2h0\n")
    service = ServiceFolder(
        tmp_path,
        f'{QUIET}[web]\noperator_password = "{LONG}"\n[imap]\npassword = "{LONG}"\n'
        f'[channels.smtp]\npassword = "{LONG}"\n[channels.webhook]\nsecret_file = "secret"\n',
    )
    shown = service.run("config").stdout
    assert shown.count('"(set)"') == 4
    assert LONG not in shown
    assert "d2hpc3" not in shown
    config = load_config(tmp_path / "config.toml")
    assert LONG not in repr(config)
    assert LONG not in f"{config.web.operator_password}"
    assert config.web.operator_password == Secret(LONG)


@pytest.mark.slow
def test_the_password_of_the_mailbox_comes_from_the_config(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, f'{QUIET}[imap]\npassword_file = "password"\n')
    (tmp_path / "password").write_text("secret")
    with run_imap_server([], "secret") as server:
        done = service.run("bounces", f"imap://watchword@127.0.0.1:{server.port}/INBOX")
    assert done.stdout == "no new email\n"
