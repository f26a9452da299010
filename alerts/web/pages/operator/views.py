"""What each of the operator's pages shows. Every list is bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

import msgspec

from alerts.bounces import list_waiting
from alerts.ledger import (
    bounces,
    crawl_history,
    deliveries,
    held_changes,
    operator_actions,
    pauses,
    pending_subscriptions,
    publication,
    question_lookups,
    secrets,
    subscriber_lists,
    subscriptions,
    takedowns,
)
from alerts.ledger.held_changes import HeldChange, HeldChangeGroup
from alerts.ledger.messages import MessagePhase
from alerts.ledger.publication import TopicFilter
from alerts.ledger.subscriber_lists import ListedSubscriber, SubscriberFilter
from alerts.operator import (
    DAYS_OF_SUBSCRIBERS,
    DiskMeter,
    Finding,
    MessageDays,
    Remembered,
    ServiceStatus,
    count_figures,
    find_advice,
)
from alerts.questions import Correction, find_first_correction
from alerts.web.context import WebContext
from alerts.web.pages.operator.bars import draw_days
from alerts.web.pages.operator.times import Times
from alerts.web.rate_limits import RateLimits

T = TypeVar("T")

#: Rows on the overview, and on the page of one list.
_FEW, _FAILURES, PAGE_SIZE = 8, 5, 50
#: Changes on a page: two long texts take some ten milliseconds to compare.
_CHANGES = 20
#: Seconds for which numbers are kept that take long to count.
_FIGURES_AGE = 60.0
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


class HeldRow(msgspec.Struct, frozen=True):
    """What waits for one decision: the changes of one source that are held for one reason."""

    source: str
    reason: str
    groups: tuple[HeldChangeGroup, ...]  #: by kind of change

    @property
    def since(self) -> datetime:
        """Since when the oldest waits."""
        return min(group.since for group in self.groups)

    @property
    def changes(self) -> int:
        """How many changes they are."""
        return sum(group.changes for group in self.groups)


def join_groups(groups: Sequence[HeldChangeGroup]) -> list[HeldRow]:
    """Return what is decided together, in the order of the groups."""
    found: dict[tuple[str, str], list[HeldChangeGroup]] = {}
    for group in groups:
        found.setdefault((group.source, group.reason), []).append(group)
    return [HeldRow(*key, tuple(mine)) for key, mine in found.items()]


def cut(rows: list[T], size: int = PAGE_SIZE) -> tuple[list[T], bool]:
    """Return at most ``size`` rows, and whether there are more."""
    return rows[:size], len(rows) > size


class OperatorViews:
    """Loads what the templates of the operator's pages are given."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits
        self._figures = Remembered(self._count_figures, _FIGURES_AGE)
        self._days = MessageDays()
        self._disk = DiskMeter(context.stored_parts, context.clock)

    def forget_figures(self) -> None:
        """Count the numbers anew at the next page: a button was pressed."""
        self._figures.forget()

    def _count_figures(self) -> Any:
        with self._context.ledger.reading() as connection:
            return count_figures(connection, self._context.clock())

    def name_times(self) -> Times:
        """Return what names moments near to now."""
        return Times(self._context.clock(), ZoneInfo(self._context.subscriber_defaults.zone))

    def load_overview(self) -> dict[str, Any]:
        """Return what the overview shows."""
        status, disk = self._context.read_status(), self._disk.read()
        with self._context.ledger.reading() as connection:
            held = held_changes.list_awaiting_approval(connection)
            waiting = list_waiting(connection, self._context.clock())
            suspects = question_lookups.list_suspect(connection, _FEW + 1)
            crawls = crawl_history.list_crawls(connection, _FEW)
            days = self._days.count(connection, self._context.clock())
            failed = deliveries.list_messages(connection, _FAILURES + 1, ("failed", "in_doubt"))
            actions = operator_actions.list_newest(connection, _FEW)
        return {
            "status": status,
            "findings": [
                (one, _name_finding(one, status), find_advice(one.kind)) for one in status.findings
            ],
            "warnings": (*status.warnings, *self._limits.limiter.report().warnings),
            "held": join_groups(held),
            "suspensions_waiting": len(waiting),
            "suspects": cut(suspects, _FEW),
            "crawls": crawls,
            "longest": _find_longest(crawls),
            "chart": draw_days(days),
            "failed": cut(failed, _FAILURES),
            "actions": actions,
            "figures": self._figures.get(),
            "left_days": DAYS_OF_SUBSCRIBERS,
            "disk": disk,
            "soonest": min(self.find_next_crawls().items(), key=itemgetter(1), default=None),
            **self._load_pauses(),
        }

    def _load_pauses(self) -> dict[str, Any]:
        with self._context.ledger.reading() as connection:
            paused = pauses.list_all(connection)
        return {
            "crawl_pauses": {one.source: one.since for one in paused if one.activity == "crawl"},
            "delivery_pause": next((one.since for one in paused if not one.source), None),
        }

    def find_next_crawls(self) -> dict[str, datetime]:
        """Return when each source is crawled next, as far as a daemon here knows."""
        controls = self._context.daemon_controls
        if controls is None:
            return {}
        sources = (one.source for one in self._context.find_brief_status().sources)
        found = {source: controls.find_next_crawl(source) for source in sources}
        return {source: moment for source, moment in found.items() if moment}

    def load_crawls(self, source: str | None, before: int | None) -> dict[str, Any]:
        """Return the history of crawls, the jobs, and what is paused."""
        with self._context.ledger.reading() as connection:
            found = crawl_history.list_crawls(connection, PAGE_SIZE + 1, source, before)
        crawls, has_more = cut(found)
        status = self._context.read_status()
        return {
            "status": status,
            "crawls": crawls,
            "has_more": has_more,
            "longest": _find_longest(crawls),
            "source": source,
            "next_crawls": self.find_next_crawls(),
            **self._load_pauses(),
        }

    def load_changes(self, after: int) -> dict[str, Any]:
        """Return what waits for approval, each change of it, and suspect pages."""
        with self._context.ledger.reading() as connection:
            groups = held_changes.list_awaiting_approval(connection)
            found = held_changes.list_waiting(connection, _CHANGES + 1, after)
            suspects = question_lookups.list_suspect(connection, PAGE_SIZE + 1)
            taken_down = takedowns.list_all(connection)
        changes, has_more = cut(found, _CHANGES)
        return {
            "held": join_groups(groups),
            "changes": [(one, _compare(one)) for one in changes],
            "has_more": has_more,
            "suspects": cut(suspects),
            "taken_down": cut(list(taken_down)),
        }

    def load_messages(self, shown: str, before: int | None) -> dict[str, Any]:
        """Return one list of messages, newest first."""
        phases = MESSAGE_LISTS.get(shown, ())
        with self._context.ledger.reading() as connection:
            found = deliveries.list_messages(connection, PAGE_SIZE + 1, phases, before=before)
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
            **self._load_pauses(),
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
        with self._context.ledger.writing() as connection:  # which makes the key of hashes
            person = subscriber_lists.find_listed(connection, subscriber_id)
            if person is None:
                return None
            mark = operator_actions.name_address(connection, person.email)
        with self._context.ledger.reading() as connection:
            messages = deliveries.list_messages(
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

    def load_settings(self) -> dict[str, Any]:
        """Return the limits, the service's keys and the config, without anything secret."""
        with self._context.ledger.reading() as connection:
            keys = secrets.list_keys(connection, self._context.clock())
        return {
            "limits": self._limits.limiter.report(),
            "keys": keys,
            "config": self._context.describe_config(),
            "disk": self._disk.read(),
        }


def _compare(change: HeldChange) -> Correction | None:
    """Return the first passage that a change would correct; None where it corrects none."""
    if change.before is None or change.after is None:
        return None
    return find_first_correction(change.before, change.after)


def _name_finding(finding: Finding, status: ServiceStatus) -> str:
    """Return ``London Assembly: the source blocks us``, or ``The service: many messages fail``."""
    names = {one.source: one.site_name for one in status.sources}
    return f"{names.get(finding.subject, 'The service')}: {finding.label}"


def _choose(shown: str) -> SubscriberFilter:
    return next((one for one in subscriber_lists.SHOWN if one == shown), "all")


def _find_longest(crawls: Sequence[crawl_history.ListedCrawl]) -> float:
    """Return the longest duration in seconds, which fills the column of bars."""
    lengths = (one.duration.total_seconds() for one in crawls if one.duration)
    return max(lengths, default=0.0) or 1.0
