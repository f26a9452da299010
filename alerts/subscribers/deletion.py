"""Deleting the data of a subscriber, wherever this machine keeps it, for every caller."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from alerts.delivery import ChannelTable, SentLog
from alerts.ledger import personal_data
from alerts.ledger.personal_data import DeletedData

#: Where deleted things were that are in no table of the ledger.
_COPIES = "mail_files"


class DataStores(msgspec.Struct, frozen=True):
    """What keeps personal data beside the ledger."""

    sent_log: SentLog = msgspec.field(default_factory=SentLog)
    channels: ChannelTable = ChannelTable()  #: some keep what they delivered on this machine


def delete_personal_data(connection: Connection, email: str, stores: DataStores) -> DeletedData:
    """Delete everything about an address at once, also what waits in the outbox.

    After the transaction, call :func:`alerts.ledger.erasure.erase_deleted`.

    Args:
        connection: A connection that may write. What is beside the ledger goes before its
            transaction is committed: one that fails can be done again.
        email: The address in its normal form.
        stores: What keeps personal data beside the ledger.

    Returns:
        What went, and what stays.

    Raises:
        SentLogError: The sent log cannot be written.
    """
    deleted = personal_data.delete_data(connection, email)
    stores.sent_log.remove(deleted.sent_log_data)
    copies = 0
    if deleted.message_ids:
        copies = sum(c.delete_copies(deleted.message_ids) for c in stores.channels.channels)
    rows = deleted.rows | ({_COPIES: copies} if copies else {})
    return msgspec.structs.replace(deleted, rows=rows)
