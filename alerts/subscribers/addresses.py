"""The addresses that visitors may give, and when one may be sent a confirmation email. Pure.

The operator's own subscriptions are not bound by these rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from email_validator import EmailNotValidError, validate_email

from alerts.language import gettext, gettext_noop
from alerts.ledger.confirmation_history import MAX_UNANSWERED, ConfirmationHistory
from alerts.mail import fold_address
from alerts.model import AddressError, Recipient
from alerts.text import load_top_level_domains

#: How long an address is left alone then. Nobody gets more than 36 of our emails a year by
#: strangers' hands, even if they never open one.
PAUSE = timedelta(days=30)

#: No mail is delivered to it (RFC 2606), so that it does no harm. The demo's people live there.
_DOCUMENTATION_DOMAIN = "example"
_NO_ADDRESS = gettext_noop("Enter an email address, such as ann@example.org.")
_NOT_DELIVERABLE = gettext_noop(
    "Enter an address that email from the internet reaches, such as ann@example.org."
)
_OWN_ADDRESS = gettext_noop("This is our own address. Enter yours.")


def parse_address_of_visitor(text: str, own_addresses: Iterable[str]) -> Recipient:
    """Return the recipient with an email address that a visitor typed.

    Refused are domains that the public DNS does not have (RFC 6761, RFC 6762, RFC 9476), single
    names and IP addresses (RFC 5321, sections 2.3.5 and 4.1.3), local parts of more than 64
    characters (section 4.5.3.1.1) and quoted ones (section 4.1.2 advises against them), and our own
    addresses. A domain in other letters is accepted in its ASCII form (RFC 5891).

    Args:
        text: What was typed.
        own_addresses: The service's addresses, to which it would write to itself.

    Raises:
        AddressError: It is no address, or not one that visitors may give.
    """
    try:
        recipient = Recipient.parse_email(text)
    except AddressError as error:
        raise AddressError(gettext(_NO_ADDRESS)) from error
    domain = recipient.address.rpartition("@")[2]
    ending = domain.rpartition(".")[2]
    is_known = ending in load_top_level_domains() and ending != "arpa"
    if not is_known and ending != _DOCUMENTATION_DOMAIN:
        raise AddressError(gettext(_NOT_DELIVERABLE))
    try:
        validate_email(
            recipient.address, check_deliverability=False, globally_deliverable=True, strict=True
        )
    except EmailNotValidError as error:
        raise AddressError(gettext(_NOT_DELIVERABLE)) from error
    if fold_address(recipient.address) in {fold_address(own) for own in own_addresses}:
        raise AddressError(gettext(_OWN_ADDRESS))
    return recipient


def may_be_emailed(history: ConfirmationHistory, now: datetime) -> bool:
    """Return whether an address may be sent a confirmation email for a visitor's request."""
    return history.refused_at is None and not is_paused(history, now)


def is_paused(history: ConfirmationHistory, now: datetime) -> bool:
    """Return whether too many emails to an address were not answered."""
    return history.unanswered >= MAX_UNANSWERED and _is_recent(history, now)


def count_email(history: ConfirmationHistory, now: datetime) -> ConfirmationHistory:
    """Return the history after one more email."""
    before = history.unanswered if _is_recent(history, now) else 0
    return msgspec.structs.replace(history, unanswered=before + 1, last_sent_at=now)


def _is_recent(history: ConfirmationHistory, now: datetime) -> bool:
    """Return whether the last email was sent within the pause.

    One in the future was sent before the clock was set back, so it says nothing of now.
    """
    sent_at = history.last_sent_at
    return sent_at is not None and timedelta() <= now - sent_at < PAUSE
