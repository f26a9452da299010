"""SPF (RFC 7208): what a record says about an address, what it costs to ask, and how to add to it.

A record is walked to its end, also behind the term that decides: the limits are for all that a
receiver may have to ask.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Literal, TypeAlias

from scheduler.doctor.dns.lookup import RecordKind

#: Given a name and a kind, returns the records.
FindRecords: TypeAlias = Callable[[str, RecordKind], list[str]]
SpfResult: TypeAlias = Literal["pass", "fail", "softfail", "neutral"]

#: Terms that make a receiver ask DNS; more are a permanent error (RFC 7208, section 4.6.4).
MAX_LOOKUPS = 10
#: The first words of an SPF record (section 4.5).
_VERSION = "v=spf1"
_RESULTS: dict[str, SpfResult] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM = re.compile(
    r"(?P<sign>[-+~?]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)"
    r"(?:[:](?P<value>[^/\s]+(?:/.*)?))?(?P<lengths>/.*)?$",
    re.I,
)


@dataclass(frozen=True)
class SpfVerdict:
    """What a record says about an address."""

    result: SpfResult
    lookups: int  #: terms that make a receiver ask DNS, in all records that it includes
    errors: tuple[str, ...] = ()  #: for which receivers reject the record as a whole


def list_spf_records(texts: list[str]) -> list[str]:
    """Return those of a domain's TXT records that are SPF records."""
    return [text for text in texts if text.lower().split(" ")[0] == _VERSION]


def evaluate_spf(domain: str, record: str, ip: str, find: FindRecords) -> SpfVerdict:
    """Return what a record says about emails from an IP address.

    Terms with macros, which depend on the message, match nothing here.

    Args:
        domain: Whose record it is.
        record: ``v=spf1 mx -all``.
        ip: The address, of either version.
        find: Asks DNS.

    Raises:
        LookupFailed: DNS gave no answer.
    """
    walk = _Walk(ip, find)
    result = walk.evaluate(domain, record)
    if walk.lookups > MAX_LOOKUPS:
        walk.errors.append(f"it asks DNS {walk.lookups} times; {MAX_LOOKUPS} are allowed")
    return SpfVerdict(result or "neutral", walk.lookups, tuple(walk.errors))


class _Walk:
    """One evaluation: what was asked, and what is wrong."""

    #: An `include` that leads back to itself ends here; no record of more is valid either.
    _MAX_DEPTH = MAX_LOOKUPS + 1

    def __init__(self, ip: str, find: FindRecords) -> None:
        self._ip, self._find = ip_address(ip), find
        self.lookups = 0
        self.errors: list[str] = []

    def evaluate(self, domain: str, record: str, depth: int = 0) -> SpfResult | None:
        """Return the result of the first term that matches; None where none does."""
        decided: SpfResult | None = None
        redirect = None
        for text in record.split()[1:]:
            if text.lower().startswith("redirect="):
                redirect = text.partition("=")[2]
                continue
            if re.match(r"[A-Za-z][A-Za-z0-9_.-]*=", text):
                continue  # another modifier, such as exp=
            term = _TERM.match(text)
            if term is None:
                self.errors.append(f"it has a term that is none: {text}")
                continue
            if self._matches(term, domain, depth) and decided is None:
                decided = _RESULTS[term["sign"] or "+"]
        if redirect and not re.search(r"(^| )[-+~?]?all( |$)", record, re.I):
            redirected = self._follow(redirect, depth)
            decided = decided or redirected
        return decided

    def _matches(self, term: re.Match[str], domain: str, depth: int) -> bool:
        kind, value = term["name"].lower(), term["value"] or ""
        if kind == "all":
            return True
        if kind in {"ip4", "ip6"}:
            return self._is_in(value)
        self.lookups += 1
        if "%" in value or kind in {"ptr", "exists"}:
            return False
        name, slash, rest = value.partition("/")
        lengths = f"{slash}{rest}" or term["lengths"] or ""
        if kind == "include":
            return self._follow(name, depth, is_counted=True) == "pass"
        hosts = [name or domain] if kind == "a" else self._list_mail_hosts(name or domain)
        return any(self._has_address(host, lengths) for host in hosts)

    def _follow(self, domain: str, depth: int, *, is_counted: bool = False) -> SpfResult | None:
        """Evaluate another domain's record."""
        self.lookups += not is_counted
        if depth >= self._MAX_DEPTH or self.lookups > 2 * MAX_LOOKUPS or "%" in domain:
            return None
        records = list_spf_records(self._find(domain, "TXT"))
        if len(records) != 1:
            found = "no SPF record" if not records else f"{len(records)} SPF records"
            self.errors.append(f"it includes {domain}, which has {found}")
            return None
        return self.evaluate(domain, records[0], depth + 1)

    def _list_mail_hosts(self, domain: str) -> list[str]:
        return [record.split()[-1].rstrip(".") for record in self._find(domain, "MX")]

    def _has_address(self, host: str, lengths: str) -> bool:
        """Return whether a host has the address, or one in its network: ``/24``, ``//64``, both."""
        kind: RecordKind = "A" if self._ip.version == 4 else "AAAA"
        four, _, six = lengths.partition("//")
        length = four.removeprefix("/") if self._ip.version == 4 else six
        ends = f"/{length}" if length else ""
        return any(self._is_in(f"{address}{ends}") for address in self._find(host, kind))

    def _is_in(self, network: str) -> bool:
        try:
            return self._ip in ip_network(network, strict=False)
        except ValueError:
            self.errors.append(f"it has an address that is none: {network}")
            return False


def propose_spf(record: str | None, ip: str | None) -> str:
    """Return an SPF record that lets an address send.

    Args:
        record: What is there; None for nothing. Its other terms stay as they are.
        ip: The address; None where it is not known: then the hosts of the domain may send.
    """
    added = f"ip{ip_address(ip).version}:{ip}" if ip else "a mx"
    if record is None:
        return f"{_VERSION} {added} -all"
    terms = record.split()
    is_last = re.compile(r"[-+~?]?all$|redirect=", re.I)
    at = next((n for n, term in enumerate(terms) if is_last.match(term)), len(terms))
    return " ".join([*terms[:at], added, *terms[at:]])
