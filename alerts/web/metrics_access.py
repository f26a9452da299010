"""Who may see the metrics."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

import msgspec
from starlette.requests import Request

from alerts.secret import Secret
from alerts.web.rate_limits import find_untrusted_proxy

Network = IPv4Network | IPv6Network


class MetricsAccess(msgspec.Struct, frozen=True):
    """What a request for the metrics must have: whatever is set, so one of the two must be."""

    token: Secret | None = None  #: sent as ``Authorization: Bearer TOKEN``
    networks: tuple[Network, ...] = ()  #: one of which the client's address is in

    def is_allowed(self, request: Request) -> bool:
        """Return whether a request has all that is asked for."""
        has_token = self.token is None or _has_token(request, self.token)
        return has_token and (not self.networks or _is_from(request, self.networks))


def _has_token(request: Request, token: Secret) -> bool:
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token.reveal()}".encode())


def _is_from(request: Request, networks: Sequence[Network]) -> bool:
    """Return whether a request comes from one of some networks.

    One that a proxy has passed on for somebody whom it names, and whom we are not to believe, may
    come from anywhere.
    """
    if request.client is None or find_untrusted_proxy(request.scope) is not None:
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        # Not those of 6to4 and Teredo: a client chooses for which address of IPv4 they stand.
        address = address.ipv4_mapped or address
    return any(address in network for network in networks)
