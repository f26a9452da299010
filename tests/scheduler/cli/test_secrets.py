"""The service's own keys are replaced: what the former ones signed is accepted, for a while."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.bounces.return_path import build_return_path, find_message_number
from alerts.ledger import open_ledger, secrets
from alerts.secret import KeyRing, list_accepted
from alerts.tokens import TokenSigner
from alerts.web import create_app
from scheduler.config import load_config
from scheduler.service import Service, open_service
from scheduler.web import build_web_context, serve
from tests.support.service import ServiceFolder
from tests.support.web_client import WebClient

CONFIG = """
[site]
public_url = "https://watch.example"
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[web]
operator_password = "a password of sixteen"
[[subscriptions]]
email = "ada@demo.example"
query = "benches"
"""


@pytest.fixture
def folder(tmp_path: Path) -> ServiceFolder:
    made = ServiceFolder(tmp_path, CONFIG)
    made.run("once", "--no-crawl")
    return made


def open_at(folder: ServiceFolder, now: datetime) -> Service:
    """The service as after a restart at a moment."""
    return open_service(load_config(folder.folder / "config.toml"), lambda: now)


def build_manage_path(service: Service) -> str:
    with service.ledger.reading() as connection:
        token = connection.exec_driver_sql("SELECT token FROM subscriber").scalar_one()
    link = service.mail_identity.build_manage_link(str(token), service.clock())
    return link.removeprefix("https://watch.example")


@contextmanager
def serving(service: Service) -> Iterator[WebClient]:
    with serve(create_app(build_web_context(service))) as url:
        yield WebClient(service.ledger, service.clock(), Path("not used"), url)
    service.ledger.engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [False, True])
def test_links_of_the_former_key_work_until_it_is_dropped(
    folder: ServiceFolder, at_once: bool
) -> None:
    now = datetime.now(UTC)
    service = open_at(folder, now)
    old = build_manage_path(service)
    service.ledger.engine.dispose()
    said = folder.run("secrets", "rotate", *(["--at-once"] if at_once else [])).stdout
    assert ("not accepted any more" in said) == at_once
    restarted = open_at(folder, now)
    new = build_manage_path(restarted)
    assert old != new
    with serving(restarted) as client:
        assert client.request_text("GET", old)[0] == (404 if at_once else 200)
        assert client.request_text("GET", new)[0] == 200


@pytest.mark.slow
def test_a_former_key_is_accepted_for_sixty_days(folder: ServiceFolder) -> None:
    folder.run("secrets", "rotate")
    listed = folder.run("secrets", "list").stdout
    assert listed.count("accepted until") == 2
    now = datetime.now(UTC)
    for days, number in ((59, 2), (61, 1)):
        service = open_at(folder, now + timedelta(days=days))
        assert len(list_accepted(service.mail_identity.token_secret)) == number
        service.ledger.engine.dispose()


@pytest.mark.slow
def test_rotating_is_recorded_and_shows_no_key(folder: ServiceFolder) -> None:
    shown = folder.run("secrets", "rotate").stdout + folder.run("secrets", "list", "--json").stdout
    ledger = open_ledger(f"sqlite:///{folder.folder}/var/ledger.sqlite3")
    with ledger.reading() as connection:
        ring = secrets.find_key_ring(connection, "pages", datetime.now(UTC))
    ledger.engine.dispose()
    assert ring is not None
    assert all(key.hex() not in shown for key in list_accepted(ring))
    assert "secrets rotate" in folder.run("actions").stdout


def test_a_ring_signs_with_its_first_key_and_accepts_the_others() -> None:
    now = datetime(2026, 7, 16, 12, tzinfo=UTC)
    ring = KeyRing.of([b"new", b"older", b"oldest"])
    day = timedelta(days=1)
    for key in (b"new", b"older", b"oldest"):
        issued = TokenSigner(key, lambda: now).issue("manage", "ada")
        assert TokenSigner(ring, lambda: now).verify("manage", issued, day) == "ada"
        lasting = TokenSigner(key, lambda: now).issue_lasting("feed", "ada")
        assert TokenSigner(ring, lambda: now).verify_lasting("feed", lasting) == "ada"
        address = build_return_path("b@demo.example", 7, key)
        assert find_message_number(address, ring) == 7
    assert TokenSigner(ring, lambda: now).issue("manage", "ada") == TokenSigner(
        b"new", lambda: now
    ).issue("manage", "ada")
    other = TokenSigner(b"other", lambda: now).issue("manage", "ada")
    assert TokenSigner(ring, lambda: now).verify("manage", other, day) is None


def test_a_ring_is_not_shown_and_reaches_other_processes() -> None:
    ring = KeyRing.of([b"SECRETmark", b"SECRETmark2"])
    assert "SECRET" not in f"{ring} {ring!r} {[ring]}"
    assert list_accepted(pickle.loads(pickle.dumps(ring))) == list_accepted(ring)  # noqa: S301


def test_the_secret_of_a_webhook_is_printed(tmp_path: Path) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    service = ServiceFolder(tmp_path, f'{CONFIG}[channels.webhook]\nsecret = "{secret}"\n')
    places = ("https://hooks.example/a", "https://hooks.example/b")
    shown = [service.run("secrets", "webhook", place).stdout.strip() for place in places]
    assert len({*shown, secret}) == 3
    assert all(len(one) == len("whsec_") + 44 for one in shown)  # 32 bytes in base64
    service.run("secrets", "webhook", "ada@demo.example", expect=64)
    assert places[0] not in service.run("actions").stdout
