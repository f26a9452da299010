"""Refusals: whom a mail server's negative reply is about.

Owns the table of reply codes, enhanced codes and words, which is read for the replies of an SMTP
conversation and for delivery reports alike. Must not know messages, subscribers or the database:
it works on strings. Pure.
"""

from alerts.refusals.table import (
    Blame,
    SmtpStage,
    classify_reply,
    get_reply_kind,
    mask_addresses,
    strip_addresses,
)

__all__ = [
    "Blame",
    "SmtpStage",
    "classify_reply",
    "get_reply_kind",
    "mask_addresses",
    "strip_addresses",
]
