"""What is looked at on the machine, and from outside, after a command of the operator."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import TypeVar

import dkim
import dns.name
import dns.zone

from tests.walk.machine import ACCOUNT, SUBSCRIBER, Machine
from tests.walk.network import HOST_NAME
from tests.walk.surroundings import Surroundings

Found = TypeVar("Found")

#: For a certificate and for an email: both take a second or two.
_MAX_SECONDS = 60
#: The first crawl reads some fifty pages, two seconds apart.
_MAX_CRAWL_SECONDS = 300
_MAILDIR = f"/home/{SUBSCRIBER}/Maildir/new"


class NotAsItMustBe(Exception):
    """Something is not as it must be after a command."""


@dataclass(frozen=True)
class Site:
    """What a walk looks at."""

    machine: Machine
    outside: Surroundings

    def read(self, command: str, account: str = ACCOUNT) -> str:
        """Return what a command of our own prints, which the operator need not type.

        Raises:
            NotAsItMustBe: It failed.
        """
        done = self.machine.run(command, account)
        if done.status:
            raise NotAsItMustBe(f"{command} ended with {done.status}: {done.output[-500:]}")
        return done.output.strip()


def see_programs(site: Site, _output: str) -> list[str]:
    """The mail server runs. Another person's mailbox is a Maildir."""
    site.read("postfix status 2>&1", "root")
    site.read("echo ~/Maildir/ > ~/.forward", SUBSCRIBER)
    return [f"Postfix runs, and delivers to {SUBSCRIBER}'s Maildir."]


def see_files(site: Site, _output: str) -> list[str]:
    """Nobody else can read the config and the secrets."""
    listed = site.read("stat --format '%a %n' config.toml secrets/*")
    if any(not line.startswith("600 ") for line in listed.splitlines()):
        raise NotAsItMustBe(f"others can read: {listed}")
    return [f"Only the account can read {', '.join(line[4:] for line in listed.splitlines())}."]


def publish_records(site: Site, output: str) -> list[str]:
    """Publish what was printed, as it was printed."""
    records = output.rstrip("\n") + "\n"
    # A zone that cannot be read would take all other names away.
    dns.zone.from_text(f"$TTL 60\n{records}", origin=".", relativize=False, check_origin=False)
    site.outside.publish(records)
    names = [line.split()[0].rstrip(".") for line in output.splitlines() if " TXT " in line]
    return [f"Published: {', '.join(names)}."]


def see_service(site: Site, _output: str) -> list[str]:
    """The service runs without root, has told systemd so, and may do little."""
    shown = site.read("systemctl show watchword -p ActiveState -p User -p StatusText")
    values = dict(line.split("=", 1) for line in shown.splitlines())
    if (values["ActiveState"], values["User"]) != ("active", ACCOUNT):
        raise NotAsItMustBe(shown)
    judged = site.read("systemd-analyze security --no-pager watchword | tail -1")
    return [
        f"It runs as {values['User']} and says: {values['StatusText']}.",
        f"systemd judges what it may do: {judged.strip('→ ')}",
    ]


def see_pages(site: Site, _output: str) -> list[str]:
    """A stranger gets the pages over TLS with a certificate that is trusted, and no metrics."""
    page = wait_for(lambda: _fetch(site, "/"), "the pages over TLS")
    if not page.startswith("HTTP/2 200") or "<title>" not in page:
        raise NotAsItMustBe(page[:500])
    hidden = site.outside.fetch("/metrics")
    if not hidden.startswith("HTTP/2 404"):
        raise NotAsItMustBe(f"a stranger gets the metrics: {hidden[:200]}")
    return [
        f"From another machine: https://{HOST_NAME}/ answers by HTTP/2 with a trusted certificate.",
        "From another machine: /metrics is not found.",
    ]


def _fetch(site: Site, path: str) -> str | None:
    try:
        return site.outside.fetch(path)
    except RuntimeError:
        return None


def see_mailbox(site: Site, _output: str) -> list[str]:
    """The email is in the mailbox, and its signature fits the key that was published."""
    files = wait_for(lambda: site.machine.run(f"ls {_MAILDIR}", SUBSCRIBER).output, "an email")
    name = files.split()[0]
    content = (site.machine.root / _MAILDIR.lstrip("/") / name).read_bytes()
    # Postfix delivers what it was given, under a few headers of its own.
    signed = dkim.verify(content, dnsfunc=lambda asked, **_: _find_text(site, asked))
    if not signed:
        raise NotAsItMustBe("the signature of the email does not fit the published key")
    message = message_from_bytes(content, policy=policy.default)
    return [
        f"In {SUBSCRIBER}'s mailbox: “{message['Subject']}” from {message['From']}.",
        "Its DKIM signature fits the key in DNS.",
    ]


def _find_text(site: Site, asked: bytes) -> bytes | None:
    """Return the TXT record of a name, as the published zone has it."""
    zone_text = (site.outside.folder / "zone").read_text()
    zone = dns.zone.from_text(zone_text, origin=".", relativize=False, check_origin=False)
    records = zone.get_rdataset(dns.name.from_text(asked.decode()), "TXT")
    return b"".join(next(iter(records)).strings) if records else None


def see_first_crawl(site: Site, _output: str) -> list[str]:
    """The first crawl ends well."""

    def find_end() -> str | None:
        done = site.machine.run("watchword status")
        return done.output if done.status == 0 else None

    status = wait_for(find_end, "a complete crawl", _MAX_CRAWL_SECONDS, pause=10)
    return [next(line for line in status.splitlines() if line.startswith("london"))]


def see_metrics(_site: Site, output: str) -> list[str]:
    """The metrics say that the service is well."""
    if 'watchword_health_state{state="well"} 1.0' not in output:
        raise NotAsItMustBe(output[:500])
    names = {line.split()[2] for line in output.splitlines() if line.startswith("# TYPE")}
    return [f"{len(names)} metrics; the service is well."]


def see_restored_ledger(site: Site, _output: str) -> list[str]:
    """The restored ledger is whole and holds what the first one held."""
    count = "import sqlite3; c = sqlite3.connect('{}').execute; print(*c('PRAGMA integrity_check')"
    count += ".fetchone(), *c('SELECT count(*) FROM question').fetchone())"
    first, second = (
        site.read(f'python3 -c "{count.format(path)}"')
        for path in ("var/ledger.sqlite3", "second/var/ledger.sqlite3")
    )
    if first != second or not second.startswith("ok "):
        raise NotAsItMustBe(f"the ledger: {first}; the restored one: {second}")
    return [f"The restored ledger is whole and holds {second.split()[1]} questions, as the first."]


def wait_for(
    look: Callable[[], Found | None], what: str, seconds: float = _MAX_SECONDS, pause: float = 1
) -> Found:
    """Look until something is found; return it.

    Raises:
        NotAsItMustBe: It is not there in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(pause)
    raise NotAsItMustBe(f"no {what} within {seconds:.0f} seconds")
