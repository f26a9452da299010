"""Limits: how much a network, a mailbox and everybody together may do in a time.

Owns which limits there are, whom each counts for, and how counts are shared by processes. Must not
know requests and pages: what is refused, and how it is told, is decided by the callers.
"""

from alerts.limits.limiter import (
    Limiter,
    LimitUse,
    allow_email_to_unconfirmed,
    describe_untrusted_proxy,
)
from alerts.limits.mailboxes import fold_address
from alerts.limits.networks import UNKNOWN_NETWORK, Client, find_client, find_embedded_ipv4
from alerts.limits.rules import (
    CHANGES,
    CONFIRMATIONS,
    EXPORTS,
    FEEDS,
    LIMITS,
    MAILBOX_CONFIRMATIONS,
    PREVIEWS,
    SEARCHES,
    SIGN_UPS,
    WRONG_LINKS,
    Limit,
    LimitReached,
    Scope,
)

__all__ = [
    "CHANGES",
    "CONFIRMATIONS",
    "EXPORTS",
    "FEEDS",
    "LIMITS",
    "MAILBOX_CONFIRMATIONS",
    "PREVIEWS",
    "SEARCHES",
    "SIGN_UPS",
    "UNKNOWN_NETWORK",
    "WRONG_LINKS",
    "Client",
    "Limit",
    "LimitReached",
    "LimitUse",
    "Limiter",
    "Scope",
    "allow_email_to_unconfirmed",
    "describe_untrusted_proxy",
    "find_client",
    "find_embedded_ipv4",
    "fold_address",
]
