"""Limits: how much a network, a mailbox and everybody together may do in a time.

Owns which limits there are, whom each counts for, and how counts are shared by processes. Must not
know requests and pages: what is refused, and how it is told, is decided by the callers.
"""

from alerts.limits.limiter import Limiter, LimitReport, LimitUse, allow_email_to_unconfirmed
from alerts.limits.networks import Client, find_client, name_network
from alerts.limits.rules import Limit, LimitReached, Scope

__all__ = [
    "Client",
    "Limit",
    "LimitReached",
    "LimitReport",
    "LimitUse",
    "Limiter",
    "Scope",
    "allow_email_to_unconfirmed",
    "find_client",
    "name_network",
]
