"""What the operator's pages about messages, subscribers, topics and the log show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, get_args

from alerts.bounces import list_waiting
from alerts.ledger import (
    bounces,
    deliveries,
    message_lists,
    operator_actions,
    pending_subscriptions,
    publication,
    subscriber_lists,
    subscriptions,
)
from alerts.ledger.messages import MessagePhase
from alerts.ledger.publication import TopicFilter
from alerts.ledger.subscriber_lists import ListedSubscriber, SubscriberFilter
from alerts.operator import DAYS_OF_SUBSCRIBERS, Figures, Remembered
from alerts.web.context import WebContext
from alerts.web.pages.operator.rows import PAGE_SIZE, cut, load_pauses

#: Bounces beside the list of subscribers.
_FEW = 8
#: A message in one of these phases has not been sent.
_WAITING: tuple[MessagePhase, ...] = ("queued", "sending", "handing_over")
#: The lists of messages, by the name in the address.
MESSAGE_LISTS: Mapping[str, tuple[MessagePhase, ...]] = {
    "all": (),
    "waiting": _WAITING,
    "failed": ("failed",),
    "in_doubt": ("in_doubt",),
    "sent": ("sent",),
    "dropped": ("dropped",),
}
#: Addresses that wait for their suspension to be approved and are shown.
_SHOWN_WAITING = 200
_PENDING_PERIOD = timedelta(days=28)


class ListViews:
    """Loads what the templates of these pages are given. Every list is bounded."""

    def __init__(self, context: WebContext, figures: Remembered[Figures]) -> None:
        self._context, self._figures = context, figures

    def load_messages(self, shown: str, before: int | None) -> dict[str, Any]:
        """Return one list of messages, newest first."""
        phases = MESSAGE_LISTS.get(shown, ())
        with self._context.ledger.reading() as connection:
            found = message_lists.list_messages(connection, PAGE_SIZE + 1, phases, before=before)
            counts = deliveries.count_by_phase(connection)
        messages, has_more = cut(found)
        numbers = {
            name: sum(counts.get(phase, 0) for phase in wanted)
            for name, wanted in MESSAGE_LISTS.items()
        }
        return {
            "messages": messages,
            "has_more": has_more,
            "shown": shown if shown in MESSAGE_LISTS else "all",
            "numbers": numbers | {"all": sum(counts.values())},
            **load_pauses(self._context),
        }

    def load_subscribers(self, shown: str, before: int | None) -> dict[str, Any]:
        """Return one list of subscribers, or those whose suspension waits for approval."""
        now = self._context.clock()
        with self._context.ledger.reading() as connection:
            waiting = list_waiting(connection, now)
            if shown == "waiting":
                found = subscriber_lists.list_by_ids(connection, waiting[:_SHOWN_WAITING])
            else:
                wanted = _choose(shown)
                found = subscriber_lists.list_subscribers(connection, PAGE_SIZE + 1, wanted, before)
            newest_bounces = bounces.list_newest(connection, _FEW)
        rows, has_more = (found, False) if shown == "waiting" else cut(found)
        return {
            "rows": rows,
            "has_more": has_more,
            "shown": shown if shown == "waiting" else _choose(shown),
            "waiting": len(waiting),
            "figures": self._figures.get(),
            "newest_bounces": newest_bounces,
            "left_days": DAYS_OF_SUBSCRIBERS,
            "typed": None,
        }

    def search_subscribers(self, text: str) -> list[ListedSubscriber]:
        """Return the subscribers whose address has a text in it."""
        with self._context.ledger.reading() as connection:
            return subscriber_lists.search_addresses(connection, text, PAGE_SIZE)

    def load_subscriber(self, subscriber_id: int) -> dict[str, Any] | None:
        """Return what is known of a subscriber; None if there is none with this id."""
        now = self._context.clock()
        with self._context.ledger.reading() as connection:
            person = subscriber_lists.find_listed(connection, subscriber_id)
            if person is None:
                return None
            mark = operator_actions.name_address(connection, person.email)
            messages = message_lists.list_messages(
                connection, PAGE_SIZE + 1, subscriber_id=subscriber_id
            )
            return {
                "person": person,
                "alerts": subscriptions.list_active(connection, subscriber_id),
                "pending": pending_subscriptions.list_open(
                    connection, subscriber_id, now - _PENDING_PERIOD
                ),
                "messages": cut(messages),
                "bounces": bounces.list_of_subscriber(connection, subscriber_id, PAGE_SIZE),
                "suppression": bounces.find_suppression(connection, person.email),
                "actions": operator_actions.list_newest(connection, PAGE_SIZE, mark),
                "is_waiting": subscriber_id in list_waiting(connection, now),
            }

    def load_topics(self, shown: str, text: str, page: int) -> dict[str, Any]:
        """Return one page of topics, by title."""
        wanted: TopicFilter = next((one for one in get_args(TopicFilter) if one == shown), "all")
        with self._context.ledger.reading() as connection:
            found = publication.list_states(
                connection, wanted, text, PAGE_SIZE + 1, (page - 1) * PAGE_SIZE
            )
        topics, has_more = cut(found)
        return {
            "topics": topics,
            "has_more": has_more,
            "shown": wanted,
            "text": text,
            "page": page,
            "figures": self._figures.get(),
        }

    def load_actions(self, before: int | None) -> dict[str, Any]:
        """Return the log of actions, newest first."""
        with self._context.ledger.reading() as connection:
            found = operator_actions.list_page(connection, PAGE_SIZE + 1, before)
        actions, has_more = cut(found)
        return {"actions": actions, "has_more": has_more}


def _choose(shown: str) -> SubscriberFilter:
    return next((one for one in subscriber_lists.SHOWN if one == shown), "all")
