"""What the operator says about a new service, and the config keys that follow from it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

Security: TypeAlias = Literal["starttls", "tls", "none"]
#: Header of a section → key → value.
SectionValues: TypeAlias = dict[str, dict[str, Any]]

#: Files of the new service, beside its config.
OPERATOR_PASSWORD_FILE = "secrets/operator-password"  # noqa: S105  # a path
SMTP_PASSWORD_FILE = "secrets/smtp-password"  # noqa: S105  # a path
DKIM_KEY_FILE = "secrets/dkim.pem"

#: A server with TLS that stands before the pages on this machine, over both protocols.
_LOCAL_PROXIES = ["127.0.0.1", "::1"]
#: A monitor here may ask for the metrics. Requests that a proxy passes on come from elsewhere.
_THIS_MACHINE = ["127.0.0.0/8", "::1/128"]
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
#: Submission over TLS from the first byte (RFC 8314, section 3.3).
_SUBMISSIONS_PORT = 465


@dataclass(frozen=True)
class RelayAnswers:
    """The mail server that takes the service's emails."""

    host: str
    port: int
    security: Security
    user: str | None = None


@dataclass(frozen=True)
class SetupAnswers:
    """What a new service is like."""

    public_url: str  #: where people reach the pages: ``https://watch.example.org``
    port: int  #: where the pages are served on this machine
    from_address: str
    year: int  #: the present one, in which the domain is the operator's: for the ids of feeds
    relay: RelayAnswers | None = None  #: None: emails are put into a Maildir and go nowhere
    name: str = "Watchword"
    operator_email: str | None = None
    sign_up: bool = False  #: whether anybody may sign up on the pages
    data_folder: Path | None = None  #: of the ledger and all other data; None for ``var``
    backup_days: float | None = None  #: how old the last backup may be; None where nobody looks

    @property
    def selector(self) -> str:
        """The DKIM selector: ``watch2026``. A later key gets another."""
        return f"watch{self.year}"

    @property
    def _domain(self) -> str:
        """The domain of the pages, as the ids of feeds take it (RFC 4151): in ASCII."""
        host = urlsplit(self.public_url).hostname or "localhost"
        return "localhost" if ":" in host else host.encode("idna").decode()

    def build_values(self) -> SectionValues:
        """Return the keys that differ from the example config, by the header of their section."""
        values: SectionValues = {
            "[site]": {
                "name": self.name,
                "public_url": self.public_url,
                "tag_authority": f"{self._domain},{self.year}",
            },
            "[mail]": {"from_address": self.from_address},
            "[[mail.dkim]]": {"selector": self.selector, "key": DKIM_KEY_FILE},
            "[web]": {
                "port": self.port,
                "sign_up": self.sign_up,
                "operator_password_file": OPERATOR_PASSWORD_FILE,
            },
        }
        if self.public_url.startswith("https:"):
            values["[web]"]["trusted_proxies"] = _LOCAL_PROXIES
            values["[sources.london]"] = {"contact": self.public_url}
            values["[metrics]"] = {"networks": _THIS_MACHINE}
        if self.operator_email:
            values["[operator]"] = {"email": self.operator_email}
        if self.backup_days:
            values["[backup]"] = {"max_age_days": self.backup_days}
        self._add_relay(values)
        self._add_data_folder(values)
        return values

    def _add_relay(self, values: SectionValues) -> None:
        if self.relay is None:
            return
        values["[mail]"]["channel"] = "smtp"
        values["[channels.smtp]"] = {
            "host": self.relay.host,
            "port": self.relay.port,
            "security": self.relay.security,
        }
        if self.relay.user:
            values["[channels.smtp]"]["username"] = self.relay.user
            values["[channels.smtp]"]["password_file"] = SMTP_PASSWORD_FILE

    def _add_data_folder(self, values: SectionValues) -> None:
        if self.data_folder is None:
            return
        folder = self.data_folder
        values["[ledger]"] = {
            "url": f"sqlite:///{folder / 'ledger.sqlite3'}",
            "compiled": str(folder / "topics"),
            "sent_log": str(folder / "sent"),
        }
        values["[feeds]"] = {"path": str(folder / "feeds")}
        values["[archive]"] = {"path": str(folder / "captures")}
        values["[channels.maildir]"] = {"path": str(folder / "mail")}


def choose_security(host: str, port: int) -> Security:
    """Return how a mail server is usually spoken to.

    In the clear on this machine, with TLS from the first byte on port 465, else with STARTTLS.
    """
    if port == _SUBMISSIONS_PORT:
        return "tls"
    return "none" if host in _LOCAL_HOSTS else "starttls"
