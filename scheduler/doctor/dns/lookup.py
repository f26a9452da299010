"""Questions to DNS, with a deadline, of the system's server or of one that is named."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal, TypeAlias

import dns.exception
import dns.resolver
import dns.reversename

from alerts.errors import ExitStatus, WatchwordError

RecordKind: TypeAlias = Literal["A", "AAAA", "MX", "PTR", "TXT"]
#: Seconds for one question with all its tries.
_SECONDS = 5.0


class LookupFailed(WatchwordError):
    """DNS gave no answer: not even that there is no such record."""

    exit_status = ExitStatus.UNAVAILABLE


class DnsLookup:
    """Asks a DNS server."""

    def __init__(self, server: tuple[str, int] | None = None) -> None:
        """Choose the server.

        Args:
            server: IP address and port; None for the servers of the system.

        Raises:
            LookupFailed: The system names no server.
        """
        try:
            self._resolver = dns.resolver.Resolver(configure=server is None)
        except dns.resolver.NoResolverConfiguration as error:
            raise LookupFailed(f"this machine has no DNS server: {error}") from error
        if server is not None:
            self._resolver.nameservers = [server[0]]
            self._resolver.port = server[1]
        self._resolver.lifetime = _SECONDS

    def find(self, name: str, kind: RecordKind) -> list[str]:
        """Return the records of a name as text; none where there is no such name or record.

        The strings of a TXT record are joined, as RFC 7208 (3.3) and RFC 6376 (3.6.2.2) say. An MX
        record is its preference and its host: ``10 mail.example.org.``.

        Raises:
            LookupFailed: There was no answer in time, or the server failed.
        """
        try:
            answer = self._resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise LookupFailed(f"DNS has no answer about {kind} of {name}: {error}") from error
        if kind == "TXT":
            return [b"".join(one.strings).decode("utf-8", "replace") for one in answer]
        return [one.to_text() for one in answer]

    def find_addresses(self, name: str) -> list[str]:
        """Return the IP addresses of a host, of both versions."""
        return [*self.find(name, "A"), *self.find(name, "AAAA")]

    def find_names(self, ip: str) -> list[str]:
        """Return the names that the reverse record of an IP address has, without the last dot."""
        name = dns.reversename.from_address(str(ip_address(ip))).to_text()
        return [one.rstrip(".") for one in self.find(name, "PTR")]
