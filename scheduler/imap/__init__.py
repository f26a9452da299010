"""Mailboxes over IMAP, from which returned emails are read.

Owns the addresses of mailboxes and the bounded conversation with their servers. Must not know what
the emails say.
"""

from scheduler.imap.location import (
    IMAP_SCHEMES,
    ImapLocation,
    ImapLocationError,
    parse_imap_location,
)
from scheduler.imap.mailbox import (
    MAX_EMAIL_SIZE,
    EmailNotSent,
    ImapMailbox,
    MailboxError,
    open_imap_mailbox,
)

__all__ = [
    "IMAP_SCHEMES",
    "MAX_EMAIL_SIZE",
    "EmailNotSent",
    "ImapLocation",
    "ImapLocationError",
    "ImapMailbox",
    "MailboxError",
    "open_imap_mailbox",
    "parse_imap_location",
]
