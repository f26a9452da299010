"""Notifying a WebSub hub of feeds that have changed (https://www.w3.org/TR/websub/, section 7).

Each change is notified at least once: a feed is marked when the hub has accepted the notification.
A hub that is down is tried again in the next run, and one that is slow is notified of some feeds in
each run. A feed that it rejects does not hold up the others.
"""

from __future__ import annotations

import time

import requests

from alerts.delivery import BoundedSession
from alerts.feeds.model import MEDIA_TYPES, FeedIdentity
from alerts.ledger import Ledger, feeds
from crawler.event_log import get_logger

log = get_logger("watchword.websub")

#: Seconds to wait for the hub: it only has to take note, and digests wait meanwhile.
_REQUEST_TIMEOUT = 10
_ACCEPTED = range(200, 300)
#: Statuses that concern one feed. 401 and 403 concern us, 408 and 429 the hub's load: the other
#: feeds would be answered in the same way.
_REJECTED = frozenset(range(400, 500)) - {401, 403, 408, 429}
#: Seconds after which the other feeds wait for the next run.
_TIME_LIMIT = 20.0


def is_ping_due(ledger: Ledger, identity: FeedIdentity) -> bool:
    """Return whether there is a hub that must be notified of a feed."""
    if not identity.hub or not identity.public_url:
        return False
    with ledger.reading() as connection:
        return feeds.has_unpinged(connection)


def ping_hub(ledger: Ledger, identity: FeedIdentity) -> int:
    """Notify the hub of the feeds that have changed; return how many it accepted."""
    if not identity.hub or not identity.public_url:
        return 0
    with ledger.reading() as connection:
        waiting = feeds.list_unpinged(connection)
    accepted = 0
    end = time.monotonic() + _TIME_LIMIT
    for feed in waiting:
        addresses = [
            f"{identity.public_url}/feeds/{feed.name}.{extension}" for extension in MEDIA_TYPES
        ]
        status = _notify_hub(identity.hub, addresses)
        if status in _REJECTED and time.monotonic() < end:
            continue
        if status not in _ACCEPTED:
            break
        with ledger.writing() as connection:
            feeds.mark_pinged(connection, feed.name, feed.published_up_to)
        accepted += 1
        if time.monotonic() > end:
            break
    return accepted


def _notify_hub(hub: str, addresses: list[str]) -> int | None:
    """Return the status of the hub's answer; None without an answer."""
    form = {"hub.mode": "publish", "hub.url": addresses}
    try:
        with BoundedSession() as session:
            response = session.post(hub, data=form, timeout=_REQUEST_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        log.warning("cannot notify the hub", hub=hub, reason=error)
        return None
    if response.status_code not in _ACCEPTED:
        log.warning(
            "the hub refused a notification; trying again later",
            hub=hub,
            status=response.status_code,
        )
    return response.status_code
