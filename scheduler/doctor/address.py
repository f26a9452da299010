"""Checks of the public address, from outside in: that it leads here, and what a proxy passes on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests

from alerts.delivery import find_authorities
from alerts.ledger import secrets
from alerts.tokens import TokenSigner
from scheduler.config import Config
from scheduler.doctor.certificates import is_renewal_overdue
from scheduler.doctor.examination import CONVERSATION_SECONDS, Examination
from scheduler.doctor.http_errors import describe_http_error
from scheduler.doctor.report import CheckResult, failed, ok, skipped, warning
from scheduler.doctor.rounds import open_current_ledger

#: An address that nobody has (RFC 5737): whoever takes it for ours believes strangers.
_INVENTED_IP = "203.0.113.77"
_MAX_AGE = timedelta(minutes=2)


class _Arrival(msgspec.Struct, frozen=True):
    """How the request arrived, as the service says it."""

    answer: str
    client: str
    scheme: str


def check_public_address(examination: Examination) -> Iterator[CheckResult]:
    """Check that the public address leads to this service, and what arrives of a request."""
    name, url = "address.reached", examination.config.site.public_url
    if url is None:
        yield skipped(name, "site.public_url is not set: emails have no links to pages")
        return
    signer = _open_signer(examination)
    if signer is None:
        yield skipped(name, "there is no ledger yet: start `watchword run` first")
        return
    yield from _check_certificate(url, examination.clock())
    number = token_hex(8)
    reply = _ask(url, {"token": signer.issue("self_check", number)})
    if isinstance(reply, str):
        advice = (
            "is `watchword run` running, and does the web server with TLS lead to web.port? A "
            "router at home may not let this machine reach its own public address"
        )
        yield failed(name, f"{url} cannot be reached: {reply}", advice)
        return
    arrival = _read_arrival(reply)
    if arrival is None or signer.verify("self_checked", arrival.answer, _MAX_AGE) != number:
        detail = f"{url} does not lead to this service (HTTP {reply.status_code})"
        advice = "see what answers there: is it another ledger, another program, or a redirect?"
        yield failed(name, detail, advice)
        return
    yield ok(name, f"{url} leads to this service")
    yield from _judge_arrival(examination.config, url, arrival)


def _open_signer(examination: Examination) -> TokenSigner | None:
    """Return what signs with the service's key; None where there is none yet."""
    ledger = open_current_ledger(examination)
    if ledger is None:
        return None
    try:
        with ledger.reading() as connection:
            ring = secrets.find_key_ring(connection, "pages", examination.clock())
    finally:
        ledger.engine.dispose()
    return TokenSigner(ring, examination.clock) if ring is not None else None


def _ask(url: str, query: dict[str, str]) -> requests.Response | str:
    """Ask the service how a request arrives that claims to come from somebody else.

    Returns:
        The answer, or why there is none.
    """
    headers = {"X-Forwarded-For": _INVENTED_IP, "User-Agent": "watchword doctor"}
    try:
        with requests.Session() as session:
            session.verify = find_authorities()
            session.trust_env = False  # a proxy of the machine is not how others come here
            return session.get(
                f"{url}/self-check",
                params=query,
                headers=headers,
                timeout=CONVERSATION_SECONDS,
                allow_redirects=False,
            )
    except requests.RequestException as error:
        return describe_http_error(error)


def _read_arrival(reply: requests.Response) -> _Arrival | None:
    try:
        return msgspec.json.decode(reply.content, type=_Arrival) if reply.ok else None
    except msgspec.MsgspecError:
        return None


def _judge_arrival(config: Config, url: str, arrival: _Arrival) -> Iterator[CheckResult]:
    """Judge what the service takes for the client's address and scheme."""
    scheme = urlsplit(url).scheme
    trust = "name the proxy in web.trusted_proxies, and let it set"
    if arrival.scheme != scheme:
        detail = f"the service takes {scheme} for {arrival.scheme}"
        yield failed("address.scheme", detail, f"{trust} X-Forwarded-Proto")
    else:
        yield ok("address.scheme", f"requests arrive as {scheme}")
    name, own = "address.client", _find_own_address(url)
    if own is not None and _is_trusted(config, own):
        yield skipped(name, f"this machine reaches the service as {own}, which is trusted itself")
    elif arrival.client == _INVENTED_IP:
        advice = "let the proxy set X-Forwarded-For anew, or add to it what it sees"
        yield failed(name, "the service believes whatever address a client claims", advice)
    elif _is_trusted(config, arrival.client) or (
        own is not None and arrival.client != own and ip_address(arrival.client).is_loopback
    ):
        detail = f"the service takes the proxy {arrival.client} for every client"
        yield failed(name, detail, f"{trust} X-Forwarded-For: the limits are for each client")
    else:
        yield ok(name, f"clients are told apart; this machine is {arrival.client}")


def _find_own_address(url: str) -> str | None:
    """Return from which address this machine reaches a site; None if it does not."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        place = (parts.hostname or "", port)
        with socket.create_connection(place, timeout=CONVERSATION_SECONDS) as wire:
            return str(wire.getsockname()[0])
    except OSError:
        return None


def _is_trusted(config: Config, ip: str) -> bool:
    return any(
        ip_address(ip) in ip_network(proxy, strict=False) for proxy in config.web.trusted_proxies
    )


def _check_certificate(url: str, now: datetime) -> Iterator[CheckResult]:
    """Check how long the certificate of an https address is still valid."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        return
    context = ssl.create_default_context()
    place = (parts.hostname, parts.port or 443)
    try:
        with (
            socket.create_connection(place, timeout=CONVERSATION_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as wire,
        ):
            certificate = wire.getpeercert() or {}
    except OSError:
        return  # the request says what is wrong
    begins, ends = _read_moment(certificate, "notBefore"), _read_moment(certificate, "notAfter")
    detail = f"the certificate of {parts.hostname} is valid until {ends:%Y-%m-%d %H:%M} UTC"
    if is_renewal_overdue(begins, ends, now):
        yield warning("address.certificate", detail, "see why it was not renewed")
    else:
        yield ok("address.certificate", detail)


def _read_moment(certificate: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate[name])), UTC)
