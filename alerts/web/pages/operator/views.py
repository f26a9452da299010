"""What the operator's overview and the pages about crawls, changes and settings show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from alerts.bounces import list_waiting
from alerts.ledger import (
    crawl_history,
    held_changes,
    message_lists,
    operator_actions,
    question_lookups,
    secrets,
    takedowns,
)
from alerts.ledger.held_changes import HeldChange
from alerts.operator import (
    DAYS_OF_SUBSCRIBERS,
    DiskMeter,
    Figures,
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
from alerts.web.pages.operator.list_views import ListViews
from alerts.web.pages.operator.rows import PAGE_SIZE, cut, join_groups, load_pauses
from alerts.web.pages.operator.times import Times
from alerts.web.rate_limits import RateLimits

#: Rows on the overview.
_FEW, _FAILURES = 8, 5
#: Changes on a page: two long texts take some ten milliseconds to compare.
_CHANGES = 20
#: Seconds for which numbers are kept that take long to count.
_FIGURES_AGE = 60.0


class OperatorViews:
    """Loads what the templates of the operator's pages are given."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits
        self._figures = Remembered(self._count_figures, _FIGURES_AGE)
        self.lists = ListViews(context, self._figures)
        self._days = MessageDays()
        self._disk = DiskMeter(context.stored_parts, context.clock)

    def forget_figures(self) -> None:
        """Count the numbers anew at the next page: a button was pressed."""
        self._figures.forget()

    def _count_figures(self) -> Figures:
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
            failed = message_lists.list_messages(connection, _FAILURES + 1, ("failed", "in_doubt"))
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
            **load_pauses(self._context),
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
            **load_pauses(self._context),
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


def _find_longest(crawls: Sequence[crawl_history.ListedCrawl]) -> float:
    """Return the longest duration in seconds, which fills the column of bars."""
    lengths = (one.duration.total_seconds() for one in crawls if one.duration)
    return max(lengths, default=0.0) or 1.0
