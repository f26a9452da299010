"""Telling a WebSub hub which feeds have changed (https://www.w3.org/TR/websub/, 7).

At least once each: a feed counts as told when the hub has said yes. A hub that is down is asked
again in the next round, and a slow one is told of some feeds in each round. A feed that it refuses
keeps it from none of the others.
"""

from __future__ import annotations

import logging
import time

import requests

from alerts.feeds.model import MEDIA_TYPES, FeedIdentity
from alerts.ledger import Ledger, feeds

log = logging.getLogger("watchword.websub")

_REQUEST_TIMEOUT = 10
_ACCEPTED = range(200, 300)
#: What may be the fault of one feed's address alone; 429 and whatever the server lacks is not.
_REJECTED = frozenset(range(400, 500)) - {401, 403, 408, 429}
#: Seconds after which the others wait for the next round.
_TIME_LIMIT = 20.0


def ping_hub(ledger: Ledger, feed_identity: FeedIdentity) -> int:
    """Tell the hub of the feeds that it was not told of; of how many it took note."""
    if not feed_identity.hub or not feed_identity.public_url:
        return 0
    with ledger.reading() as connection:
        waiting = feeds.list_unpinged(connection)
    told = 0
    end = time.monotonic() + _TIME_LIMIT
    for filed in waiting:
        addresses = [
            f"{feed_identity.public_url}/feeds/{filed.name}.{ending}" for ending in MEDIA_TYPES
        ]
        answer = _notify_hub(feed_identity.hub, addresses)
        if answer in _REJECTED and time.monotonic() < end:
            continue
        if answer not in _ACCEPTED:
            break
        with ledger.writing() as connection:
            feeds.mark_pinged(connection, filed.name, filed.published_up_to)
        told += 1
        if time.monotonic() > end:
            break
    return told


def _notify_hub(hub: str, addresses: list[str]) -> int | None:
    """The status that the hub answers with; None where it does not."""
    form = {"hub.mode": "publish", "hub.url": addresses}
    try:
        answer = requests.post(hub, data=form, timeout=_REQUEST_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        log.warning("the hub %s cannot be told: %s", hub, error)
        return None
    if answer.status_code not in _ACCEPTED:
        log.warning("the hub %s answers %d: it is asked again", hub, answer.status_code)
    return answer.status_code
