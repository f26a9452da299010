"""How often one network may do what costs somebody something. Kept in memory, for an hour."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

#: Each may cost somebody a letter.
SIGN_UP_RATE = parse("10/hour")
#: Wrong links; the right ones have 128 bits.
WRONG_LINK_RATE = parse("60/hour")
#: Questions of whole exports, and words that the archive is searched for.
EXPORT_RATE = parse("60/hour")

_UNKNOWN_NETWORK = "unknown"


class RateLimits:
    """Counts by what is done and from where."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def allow_sign_up(self, request: Request) -> bool:
        """Whether somebody may have a letter sent."""
        return self._limiter.hit(SIGN_UP_RATE, "sign-up", find_network(request))

    def allow_export(self, request: Request) -> bool:
        """Whether all that matches a query may be had once more."""
        return self._limiter.hit(EXPORT_RATE, "export", find_network(request))

    def count_wrong_link(self, request: Request) -> None:
        """Count a wrong link."""
        self._limiter.hit(WRONG_LINK_RATE, "guess", find_network(request))

    def may_try_link(self, request: Request) -> bool:
        """Whether links are still looked at."""
        return self._limiter.test(WRONG_LINK_RATE, "guess", find_network(request))


def find_network(request: Request) -> str:
    """Where a request is from: an address of IPv4, a customer's network (/64) of IPv6."""
    host = request.client.host if request.client else _UNKNOWN_NETWORK
    try:
        address = ip_address(host)
    except ValueError:
        return _UNKNOWN_NETWORK
    if isinstance(address, IPv6Address):
        return f"{int(address) >> 64:x}"
    return host
