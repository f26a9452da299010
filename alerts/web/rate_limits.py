"""Rate limits by client network, kept in memory: they start anew with the process."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

#: Requests that may send somebody an email. An office shares one IPv4 address, so not fewer.
SIGN_UP_RATE = parse("10/hour")
#: Requests with a wrong link or operator password. Tokens have 128 bits, so this only limits noise.
WRONG_LINK_RATE = parse("60/hour")
#: Exports: each may take 20 seconds of the database's time, so 20 minutes in an hour.
EXPORT_RATE = parse("60/hour")

TOO_MANY_REQUESTS = "Too many requests from your network. Try again in an hour."

_UNKNOWN_NETWORK = "unknown"


class RateLimits:
    """Counts requests by kind and network within a moving hour."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def allow_sign_up(self, request: Request) -> bool:
        """Count a request that may send an email; return whether it is within the limit."""
        return self._limiter.hit(SIGN_UP_RATE, "sign-up", find_network(request))

    def allow_export(self, request: Request) -> bool:
        """Count an export; return whether it is within the limit."""
        return self._limiter.hit(EXPORT_RATE, "export", find_network(request))

    def count_wrong_link(self, request: Request) -> None:
        """Count a request with a wrong link or password."""
        self._limiter.hit(WRONG_LINK_RATE, "wrong-link", find_network(request))

    def may_try_link(self, request: Request) -> bool:
        """Return whether a network may still try links, without counting."""
        return self._limiter.test(WRONG_LINK_RATE, "wrong-link", find_network(request))


def find_network(request: Request) -> str:
    """Return the network of a request's client, as :func:`name_network` names it."""
    return name_network(request.client.host if request.client else _UNKNOWN_NETWORK)


def name_network(host: str) -> str:
    """Return an IPv4 address, or the /64 prefix of an IPv6 address: what one customer is given."""
    try:
        address = ip_address(host)
    except ValueError:
        return _UNKNOWN_NETWORK
    if isinstance(address, IPv6Address):
        return f"{int(address) >> 64:x}"
    return host
