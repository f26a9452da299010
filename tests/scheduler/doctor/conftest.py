"""A service that sends by SMTP for ``demo.example``, and the DNS server that knows its records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scheduler.clock import wall_clock
from scheduler.config import load_config, load_signing_keys
from scheduler.doctor import CheckResult, DnsLookup, Examination, examine
from tests.support.dns_server import DnsServer, run_dns_server
from tests.support.private_keys import write_key
from tests.support.service import ServiceFolder
from tests.support.smtp_server import SmtpServer, run_smtp_server

SENDING_IP = "198.51.100.25"
CONFIG = """
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[operator]
email = "ada@demo.example"
[mail]
channel = "smtp"
from_address = "alerts@demo.example"
[[mail.dkim]]
selector = "one"
key = "dkim.pem"
[channels.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
"""


@dataclass
class ExaminedService:
    """A service, and all that is outside of it."""

    service: ServiceFolder
    dns: DnsServer
    mail: SmtpServer

    def examine(self, *names: str, **options: Any) -> list[CheckResult]:
        """What some groups of checks find."""
        config = load_config(self.service.folder / "config.toml")
        options = {"sending_ip": SENDING_IP} | options
        clock = options.pop("clock", wall_clock)
        examination = Examination(config, clock, DnsLookup(("127.0.0.1", self.dns.port)), **options)
        return list(examine(examination, names))

    def find(self, name: str, **options: Any) -> CheckResult:
        """The one result of a check."""
        [found] = self.examine(name, **options)
        return found

    def pick(self, group: str, name: str, **options: Any) -> CheckResult:
        """The one result of a name among those of a group of checks."""
        [found] = [one for one in self.examine(group, **options) if one.check == name]
        return found

    def edit_config(self, old: str, new: str) -> None:
        """Replace something in the config."""
        path = self.service.folder / "config.toml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def examined(tmp_path: Path) -> Iterator[ExaminedService]:
    """All is well with it."""
    write_key(tmp_path / "dkim.pem", "ed25519")
    (tmp_path / "dkim.pem").chmod(0o600)
    with run_dns_server() as dns, run_smtp_server() as mail:
        service = ServiceFolder(tmp_path, CONFIG.format(port=mail.port))
        [key] = load_signing_keys(load_config(tmp_path / "config.toml"))
        dns.add("demo.example", "MX", "10 mail.demo.example.")
        dns.add("demo.example", "TXT", "v=spf1 mx -all")
        dns.add("mail.demo.example", "A", SENDING_IP)
        dns.add("_dmarc.demo.example", "TXT", "v=DMARC1; p=quarantine")
        dns.add("one._domainkey.demo.example", "TXT", key.dns_record)
        dns.add_reverse(SENDING_IP, "mail.demo.example")
        yield ExaminedService(service, dns, mail)
