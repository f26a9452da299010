"""Telling a WebSub hub which feeds have changed (https://www.w3.org/TR/websub/, 7).

At least once each: a feed counts as told when the hub has said yes. A hub that is down is asked
again in the next round, and nothing waits for it.
"""

from __future__ import annotations

import logging

from alerts.feeds import FORMATS
from alerts.json_feed import Imprint
from alerts.ledger import Ledger, feeds

log = logging.getLogger("watchword.websub")

_SECONDS = 10
_ACCEPTED = range(200, 300)


def ping(ledger: Ledger, imprint: Imprint) -> int:
    """Tell the hub of the feeds that it was not told of; of how many it took note."""
    if not imprint.hub or not imprint.public_url:
        return 0
    with ledger.reading() as connection:
        waiting = feeds.unpinged(connection)
    told = 0
    for filed in waiting:
        addresses = [f"{imprint.public_url}/feeds/{filed.name}.{ending}" for ending in FORMATS]
        if not _publish(imprint.hub, addresses):
            break
        with ledger.writing() as connection:
            feeds.pinged(connection, filed.name, filed.published_to)
        told += 1
    return told


def _publish(hub: str, addresses: list[str]) -> bool:
    import requests

    form = {"hub.mode": "publish", "hub.url": addresses}
    try:
        answer = requests.post(hub, data=form, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        log.warning("the hub %s cannot be told: %s", hub, error)
        return False
    if answer.status_code not in _ACCEPTED:
        log.warning("the hub %s answers %d: it is asked again", hub, answer.status_code)
        return False
    return True
