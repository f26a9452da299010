"""What the public status says, in the order in which a reader needs it.

Nothing here depends on who is subscribed or on what one visitor does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from alerts.language import format_short_day, gettext, ngettext
from alerts.ledger import alarms, crawl_history
from alerts.ledger.crawl_history import CrawlDay
from alerts.ledger.publication_delays import PublicationDelay
from alerts.model import Alarm
from alerts.operator import (
    PAST_KINDS,
    Health,
    Impact,
    PublicSourceStatus,
    PublicStatus,
    find_impact,
)

#: Days in the row of bars: a quarter shows whether a fault is rare.
_DAYS = 90
#: Past trouble that is shown: what lasted for an hour or more.
_MIN_PAST = timedelta(hours=1)
_MAX_PAST = 5
#: The height of a day's bar and where it begins, in pixels, by its state.
_BARS: Mapping[str, tuple[str, int]] = {
    "good": ("day", 0),
    "part": ("day part", 9),
    "bad": ("day off", 18),
    "none": ("day none", 24),
}
_BAR_HEIGHT = 28
#: Of the alarms of a source, the one that its label says: the first of these.
_ORDER = ("blocked", "unreachable", "changed", "redirect_refused", "unavailable", "partial")


class DayOfCrawls(msgspec.Struct, frozen=True):
    """One bar: percent across, pixels down."""

    css_class: str
    x: float
    width: float
    y: int
    height: int
    title: str | None  #: what was wrong that day


class SourceView(msgspec.Struct, frozen=True):
    """One source."""

    status: PublicSourceStatus
    state: Health
    label: str
    is_running: bool  #: its first crawl is under way
    is_paused: bool
    next_crawl: datetime | None
    attempts: int  #: crawls since it was last read in full
    days: tuple[DayOfCrawls, ...]  #: empty before the first crawl has ended
    good_crawls: int
    all_crawls: int

    @property
    def open_questions(self) -> int:
        """How many of its questions have no answer yet."""
        counts = self.status.questions
        return counts.get("unanswered", 0) + counts.get("holding", 0)

    @property
    def all_questions(self) -> int:
        """How many of its questions are known and read with certainty."""
        return sum(number for name, number in self.status.questions.items() if name != "suspect")


class PastTrouble(msgspec.Struct, frozen=True):
    """An alarm that is over."""

    since: datetime
    source: str | None  #: what people call it; None for emails
    length: str


class StatusView(msgspec.Struct, frozen=True):
    """The whole page."""

    status: PublicStatus
    now: datetime  #: in the zone in which days are reckoned
    sources: tuple[SourceView, ...]
    impacts: tuple[Impact, ...]  #: of the findings, each once, in their order
    unread: tuple[SourceView, ...]  #: sources that are not read in full now
    past: tuple[PastTrouble, ...]
    names: Mapping[str, str]  #: what people call each source

    @property
    def delay(self) -> PublicationDelay | None:
        """The longest of the sources' delays from publication to our reading."""
        delays = (one.status.reading_delay for one in self.sources)
        return max((one for one in delays if one), key=lambda one: one.median, default=None)

    @property
    def all_questions(self) -> int:
        """How many questions are known."""
        return sum(source.all_questions for source in self.sources)

    @property
    def open_questions(self) -> int:
        """How many questions have no answer yet."""
        return sum(source.open_questions for source in self.sources)


def build_view(
    connection: Connection,
    status: PublicStatus,
    zone: ZoneInfo,
    next_crawls: Mapping[str, datetime],
) -> StatusView:
    """Return what the page says.

    Args:
        connection: The ledger.
        status: The state of the service.
        zone: The time zone in which days are reckoned.
        next_crawls: When each source is crawled next, as far as it is known.
    """
    paused = {one.subject for one in status.findings if find_impact(one.kind) is Impact.PAUSE}
    sources = tuple(
        _build_source(connection, one, status.now, next_crawls.get(one.source), paused)
        for one in status.sources
    )
    names = {one.source: one.site_name for one in status.sources}
    return StatusView(
        status=status,
        now=status.now.astimezone(zone),
        sources=sources,
        impacts=_list_impacts(status),
        unread=tuple(one for one in sources if _is_unread(one, status)),
        past=_list_past(connection, status.now, names),
        names=names,
    )


def _list_impacts(status: PublicStatus) -> tuple[Impact, ...]:
    found = {find_impact(one.kind) for one in status.findings}
    return tuple(one for one in Impact if one in found)


def _is_unread(source: SourceView, status: PublicStatus) -> bool:
    """Return whether a source is in trouble and not read in full."""
    return any(
        one.subject == source.status.source
        and one.state is Health.TROUBLE
        and find_impact(one.kind) is Impact.READING
        for one in status.findings
    )


def _build_source(
    connection: Connection,
    status: PublicSourceStatus,
    now: datetime,
    next_crawl: datetime | None,
    paused: set[str],
) -> SourceView:
    newest = crawl_history.list_crawls(connection, 1, status.source)
    is_running = bool(newest) and newest[0].verdict is None and newest[0].finished_at is None
    today = now.date()
    first = today - timedelta(days=_DAYS - 1)
    since = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_DAYS - 1)
    days = crawl_history.count_by_day(connection, status.source, first, today, since)
    is_paused = status.source in paused
    state, label = _judge_source(status, is_running=is_running, is_paused=is_paused)
    begin = status.last_good
    starts = [moment for moment in (next_crawl, status.backoff_until) if moment]
    return SourceView(
        status=status,
        state=state,
        label=label,
        is_running=is_running,
        is_paused=is_paused,
        next_crawl=max(starts) if starts and not is_paused else None,
        attempts=crawl_history.count_since(connection, status.source, begin) if begin else 0,
        days=_draw_days(days) if status.verdict else (),
        good_crawls=sum(day.good for day in days),
        all_crawls=sum(day.crawls for day in days),
    )


def _judge_source(
    status: PublicSourceStatus, *, is_running: bool, is_paused: bool
) -> tuple[Health, str]:
    kinds = [alarm.kind for alarm in status.alarms]
    if kinds:
        kind = next((one for one in _ORDER if one in kinds), kinds[0])
        return Health.TROUBLE, label_trouble(kind)
    if is_paused:
        return Health.NOT_YET, gettext("Paused")
    if status.last_good is None:
        return Health.NOT_YET, gettext("First read under way") if is_running else gettext("Waiting")
    return Health.WELL, gettext("Well")


def label_trouble(kind: str) -> str:
    """Return the label of a source with an open alarm of a kind."""
    labels = {
        "blocked": gettext("Blocked"),
        "unreachable": gettext("Cannot be reached"),
        "changed": gettext("Pages have changed"),
        "redirect_refused": gettext("Has moved"),
        "unavailable": gettext("Not read for long"),
        "partial": gettext("Read in part"),
        "missing": gettext("Some questions unread"),
        "gaps": gettext("Numbers missing"),
        "awaiting_approval": gettext("Changes are checked"),
    }
    return labels.get(kind, gettext("Trouble"))


def _draw_days(days: Sequence[CrawlDay]) -> tuple[DayOfCrawls, ...]:
    place = 100 / len(days)
    return tuple(_draw_day(day, at * place, place) for at, day in enumerate(days))


def _draw_day(day: CrawlDay, x: float, place: float) -> DayOfCrawls:
    css_class, y = _BARS[day.state]
    title = None
    if day.state in {"part", "bad"}:
        title = f"{format_short_day(day.day)}: {day.good} / {day.crawls}"
    return DayOfCrawls(css_class, round(x, 2), round(place * 0.72, 2), y, _BAR_HEIGHT - y, title)


def _list_past(
    connection: Connection, now: datetime, names: Mapping[str, str]
) -> tuple[PastTrouble, ...]:
    since = now - timedelta(days=_DAYS)
    found = alarms.list_cleared(connection, PAST_KINDS, since, 4 * _MAX_PAST)
    shown = (one for one in found if one.source is None or one.source in names)
    past = [_name_past(one, names) for one in shown if _get_length(one) >= _MIN_PAST]
    return tuple(past[:_MAX_PAST])


def _get_length(alarm: Alarm) -> timedelta:
    return (alarm.cleared_at - alarm.raised_at) if alarm.cleared_at else timedelta()


def _name_past(alarm: Alarm, names: Mapping[str, str]) -> PastTrouble:
    source = names[alarm.source] if alarm.source else None
    minutes = _get_length(alarm) / timedelta(minutes=1)
    return PastTrouble(alarm.raised_at, source, format_length(minutes))


def format_length(minutes: float) -> str:
    """Return how long something takes, for people: ``12 minutes``, ``3 hours``, ``20 days``."""
    hours = round(minutes / 60)
    if round(minutes) < 60:
        number = round(minutes)
        return ngettext("%(n)s minute", "%(n)s minutes", number) % {"n": number}
    if hours < 48:
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
    days = round(hours / 24)
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}


def format_minutes(minutes: float) -> str:
    """Return a delay for people, to the minute: ``12 minutes``, ``3 hours``, ``3 h 5 min``."""
    hours, rest = divmod(round(minutes), 60)
    if not hours or not rest:
        return format_length(minutes)
    return gettext("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": rest}
