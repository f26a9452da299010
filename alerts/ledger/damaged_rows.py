"""Rows that no step can use, because they were damaged on the disk or edited by hand.

Each costs only itself: the queries of the steps pass it over. It is counted here, so that the
operator hears of it.
"""

from __future__ import annotations

from typing import get_args

from sqlalchemy import ColumnElement, Connection, Table, and_, false, func, or_, select
from sqlalchemy.types import Text

from alerts.ledger import changes
from alerts.ledger.messages import UNSENT_PHASES, MessagePhase
from alerts.ledger.schema import change, message, subscriber, subscription
from alerts.model import Frequency, Updates

#: Changes that are read again to find the unreadable among them: about a week's of a busy
#: assembly. Reading all would take a second for each 50,000.
_NEWEST_CHANGES = 200


def count_all(connection: Connection) -> dict[str, int]:
    """Return how many rows of each kind cannot be used; kinds without any are left out."""
    is_sqlite = connection.dialect.name == "sqlite"
    counted = {
        "messages": (message, _is_damaged_message(is_sqlite=is_sqlite)),
        "subscribers": (subscriber, _is_damaged_subscriber(is_sqlite=is_sqlite)),
        "subscriptions": (subscription, _is_damaged_subscription(is_sqlite=is_sqlite)),
    }
    found = {name: _count(connection, *wanted) for name, wanted in counted.items()}
    found["changes"] = changes.count_unreadable(connection, _NEWEST_CHANGES)
    return {name: number for name, number in found.items() if number}


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    wanted = select(func.count()).select_from(table).where(condition)
    return connection.execute(wanted).scalar_one()


def _is_damaged_message(*, is_sqlite: bool) -> ColumnElement[bool]:
    is_unsent = message.c.phase.in_(UNSENT_PHASES)
    return or_(
        message.c.phase.not_in(get_args(MessagePhase)),
        and_(
            is_unsent,
            or_(
                _is_no_moment(message.c.due_at, is_sqlite=is_sqlite),
                func.trim(message.c.recipient) == "",
                (func.typeof(message.c.recipient) != "text") if is_sqlite else false(),
            ),
        ),
    )


def _is_damaged_subscriber(*, is_sqlite: bool) -> ColumnElement[bool]:
    return or_(
        ~subscriber.c.hour.between(0, 23),
        _is_no_moment(subscriber.c.paused_until, is_sqlite=is_sqlite),
    )


def _is_damaged_subscription(*, is_sqlite: bool) -> ColumnElement[bool]:
    newest = select(func.coalesce(func.max(change.c.seq), 0)).scalar_subquery()
    return and_(
        subscription.c.ended_at.is_(None),
        or_(
            subscription.c.sent_up_to > newest,  # nothing would be sent until there are as many
            subscription.c.frequency.not_in([str(every) for every in Frequency]),
            subscription.c.updates.not_in(get_args(Updates)),
            _is_no_moment(subscription.c.last_due_at, is_sqlite=is_sqlite),
        ),
    )


def _is_no_moment(column: ColumnElement[object], *, is_sqlite: bool) -> ColumnElement[bool]:
    """Return the condition that a column does not hold a time. SQLite would keep any text."""
    if not is_sqlite:
        return false()
    read = func.julianday(column.cast(Text))
    return and_(column.is_not(None), read.is_(None))
