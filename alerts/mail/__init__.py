"""Mail: every message that leaves us, from its kind and Message-ID to its bytes.

Owns the sender's identity, the links in emails, MIME, DKIM signatures, the JSON for recipients that
are not mailboxes, the table of the kinds of message, and which addresses lead to one mailbox. Must
not know the ledger, what a digest is, or how messages are delivered.
"""

from alerts.mail.context import MessageContext
from alerts.mail.digest_page import find_message_key
from alerts.mail.dkim import SigningKey, UnusableKey, read_key
from alerts.mail.identity import (
    MANAGE_LINK_VALIDITY,
    STOP_LINK_VALIDITY,
    EmailLinks,
    MailIdentity,
)
from alerts.mail.mailboxes import fold_address
from alerts.mail.mime import RenderedMessage, bound_part_size, encode_lines
from alerts.mail.notification import parse_notification
from alerts.mail.outgoing import (
    DIGEST_LANE,
    PRIORITY_LANE,
    OutgoingMessage,
    build_message_id,
    draft_message,
    find_message_id,
    write_email,
    write_notification,
)

__all__ = [
    "DIGEST_LANE",
    "MANAGE_LINK_VALIDITY",
    "PRIORITY_LANE",
    "STOP_LINK_VALIDITY",
    "EmailLinks",
    "MailIdentity",
    "MessageContext",
    "OutgoingMessage",
    "RenderedMessage",
    "SigningKey",
    "UnusableKey",
    "bound_part_size",
    "build_message_id",
    "draft_message",
    "encode_lines",
    "find_message_id",
    "find_message_key",
    "fold_address",
    "parse_notification",
    "read_key",
    "write_email",
    "write_notification",
]
