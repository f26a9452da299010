"""`watchword init`: what it writes, what it asks, and what it leaves alone."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from alerts.delivery.channels.smtp import SmtpSettings
from scheduler.config import load_config, load_signing_keys
from tests.support.paths import WATCHWORD_COMMAND
from tests.support.service import ServiceFolder

pytestmark = pytest.mark.process

PUBLIC = ("--public-url", "https://watch.example.org", "--from", "alerts@example.org")
RELAY = (
    "--smtp",
    "mail.example.org:587",
    "--smtp-user",
    "ada",
    "--operator-email",
    "ada@demo.example",
)


@pytest.fixture
def here(tmp_path: Path) -> ServiceFolder:
    """A folder in which the command is run; the new service is in ``new`` below it."""
    (tmp_path / "password").write_text("correct horse battery staple\n")
    return ServiceFolder(tmp_path, "", is_new=True)


def init(here: ServiceFolder, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    return here.run("init", "--folder", "new", *arguments, expect=status)


def list_files(folder: Path) -> dict[str, int]:
    """All that is in a folder, with its permissions."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


def test_everything_that_was_said_is_in_the_config(here: ServiceFolder) -> None:
    done = init(here, *PUBLIC, *RELAY, "--smtp-password-file", "password", "--sign-up")
    new = here.folder / "new"
    config = load_config(new / "config.toml")
    relay = config.channels["smtp"]
    assert isinstance(relay, SmtpSettings)
    assert (relay.host, relay.port, relay.security) == ("mail.example.org", 587, "starttls")
    user, password = relay.credentials
    assert (user.reveal(), password.reveal()) == ("ada", "correct horse battery staple")
    assert config.mail.channel == "smtp"
    assert config.mail.from_address == "alerts@example.org"
    assert config.site.public_url == "https://watch.example.org"
    assert config.site.tag_authority.startswith("watch.example.org,")
    assert config.web.port == 8080
    assert config.web.sign_up
    assert config.web.trusted_proxies == ("127.0.0.1", "::1")
    assert config.operator.email == "ada@demo.example"
    assert config.sources["london"].contact == "https://watch.example.org"
    [key] = load_signing_keys(config)
    assert key.domain == "example.org"
    assert isinstance(key.private_key, RSAPrivateKey)
    assert key.private_key.key_size == 2048
    assert config.web.operator_password is not None
    assert config.web.operator_password.reveal() in done.stdout
    assert list_files(new) == {
        "Caddyfile": 0o644,
        "config.toml": 0o600,
        "secrets": 0o700,
        "secrets/dkim.pem": 0o600,
        "secrets/operator-password": 0o600,
        "secrets/smtp-password": 0o600,
        "var": 0o711,
        "watchword.service": 0o644,
    }


def test_the_new_service_runs_and_its_operator_signs_in(here: ServiceFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    document = json.loads(init(here, "--yes", "--port", str(port), "--json").stdout)
    config = here.folder / "new" / "config.toml"
    # No test reads the real source.
    text = config.read_text().replace("https://www.london.gov.uk", "http://127.0.0.1:1")
    config.write_text(text)
    here.run("config", "--config", "new/config.toml")
    with here.running("run", "--config", "new/config.toml") as daemon:
        url = f"http://localhost:{port}"
        assert "Watchword" in read_page(url)
        form = {"action": "sign-in", "password": document["data"]["operator_password"]}
        assert sign_in(url, form) == 303
        assert sign_in(url, form | {"password": "wrong"}) == 403
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=30) == 0


def read_page(url: str) -> str:
    """A page, once it is served."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urlopen(url) as page:
                text: str = page.read().decode()
                return text
        except URLError:
            assert time.monotonic() < deadline, "it was never served"
            time.sleep(0.1)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def sign_in(url: str, form: dict[str, str]) -> int:
    """The status of signing in to the operator's pages."""
    request = Request(f"{url}/operator", urlencode(form).encode(), method="POST")
    with pytest.raises(HTTPError) as answer:
        build_opener(_NoRedirect).open(request)
    answer.value.close()
    return answer.value.code


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ((), "missing: --public-url, --from. There is no terminal"),
        (PUBLIC[:2], "missing: --from. There is no terminal"),
        (("--yes", *RELAY[:2]), "missing: --public-url, --from, which --smtp needs"),
        ((*PUBLIC, *RELAY), "needs --smtp-password-file"),
        ((*PUBLIC, "--smtp-user", "ada"), "need --smtp"),
        (("--public-url", "ftp://x"), "scheme and host alone"),
        ((*PUBLIC[:3], "nobody"), "nobody"),
        ((*PUBLIC, "--smtp", "http://x:25"), "expected HOST:PORT"),
    ],
)
def test_what_is_missing_or_wrong_is_named_and_nothing_is_written(
    here: ServiceFolder, arguments: tuple[str, ...], missing: str
) -> None:
    assert missing in init(here, *arguments, status=64).stderr
    assert not (here.folder / "new").exists()


def test_a_service_that_is_there_is_left_alone(here: ServiceFolder) -> None:
    init(here, "--yes")
    new = here.folder / "new"
    before = {path: path.read_bytes() for path in new.rglob("*") if path.is_file()}
    refused = init(here, *PUBLIC, status=78)
    assert "`--replace` writes a new one" in refused.stderr
    assert {path: path.read_bytes() for path in new.rglob("*") if path.is_file()} == before
    replaced = init(here, *PUBLIC, "--replace")
    assert "Kept: new/secrets/dkim.pem" in replaced.stdout
    assert (new / "config.toml.former").read_bytes() == before[new / "config.toml"]
    for name in ("dkim.pem", "operator-password"):
        path = new / "secrets" / name
        assert path.read_bytes() == before[path]
    assert load_config(new / "config.toml").mail.from_address == "alerts@example.org"


def test_killed_at_any_moment_it_leaves_a_whole_service_or_none(here: ServiceFolder) -> None:
    """Killed after more and more time, and then run to its end."""
    config = here.folder / "new" / "config.toml"
    for step in range(12):
        with (
            here.start("init", "--folder", "new", "--yes") as process,
            suppress(ProcessLookupError),
        ):
            time.sleep(0.05 * step)
            process.kill()
        if config.exists():
            load_config(config)
            break
    else:
        init(here, "--yes")
    load_config(config)


def test_on_a_terminal_it_asks_again_after_a_wrong_answer(here: ServiceFolder) -> None:
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [WATCHWORD_COMMAND, "init", "--folder", "new"],
        cwd=here.folder,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        shown = answer(
            controller,
            ("Name of the service", "Trees"),
            ("Port of the pages", ""),
            ("people reach them", "watch.example.org"),
            ("people reach them", "https://watch.example.org"),
            ("Mail server", "mail.example.org:465"),
            ("User name", "ada"),
            ("Password there", "hunter2 and more"),
            ("From address", ""),
            ("Your address", ""),
            ("sign up", "y"),
        )
        assert process.wait(30) == 0
    assert "like https://watchword.example.org" in shown
    assert "hunter2" not in shown
    config = load_config(here.folder / "new" / "config.toml")
    assert (config.site.name, config.mail.from_address) == ("Trees", "alerts@watch.example.org")
    relay = config.channels["smtp"]
    assert isinstance(relay, SmtpSettings)
    assert (relay.port, relay.security) == (465, "tls")
    assert [one.reveal() for one in relay.credentials] == ["ada", "hunter2 and more"]
    assert config.operator.email is None
    assert config.web.sign_up


def answer(controller: int, *answers: tuple[str, str]) -> str:
    """Answer each question when it is asked; return all that was shown."""
    shown, seen = "", 0
    for question, text in answers:
        while question not in shown[seen:]:
            assert select.select([controller], [], [], 30)[0], shown
            shown += os.read(controller, 4096).decode()
        seen = len(shown)
        os.write(controller, f"{text}\n".encode())
    with suppress(OSError):  # Linux says so at the end of a terminal
        while chunk := os.read(controller, 4096):
            shown += chunk.decode()
    os.close(controller)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)
