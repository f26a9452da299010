"""When something happens at the demo's source by itself: a question, and what becomes of it."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable
from functools import partial

from alerts.errors import WatchwordError
from alerts.ledger import subscriptions
from alerts.ledger.subscriptions import Subscription
from alerts.queries import ast, iter_words, parse_canonical
from crawler.event_log import get_logger
from scheduler.demo.source import DemoSource, SourceEvent
from scheduler.service import Service

log = get_logger("watchword.demo")

#: Real seconds between two questions; they are chosen evenly from this range, as all below.
_QUESTION_SECONDS = 20.0, 30.0
#: From a question to its holding reply or answer, and from a holding reply to the answer.
_REPLY_SECONDS = 35.0, 75.0
_CORRECTION_SECONDS = 30.0, 60.0
#: From a new alert to a question on its topic, and on to its answer.
_FIRST_QUESTION_SECONDS = 1.0
_FIRST_ANSWER_SECONDS = 12.0
#: How many of the questions get a holding reply first, and of the answers a correction.
_HOLDING_SHARE = 0.35
_CORRECTED_SHARE = 0.2
#: How many questions are about a topic that somebody here has an alert for.
_FOLLOWED_SHARE = 0.4
#: Without a page opened for an hour, questions are asked 24 times as rarely: one in ten minutes.
#: A question costs 27 kB of the ledger: 4 MB in an hour of 144, or in a day that nobody watches.
_SECONDS_WATCHED = 3600.0
_UNWATCHED_FACTOR = 24.0
#: Seconds between two looks for new alerts and for what is due.
_TICK_SECONDS = 0.5
#: Characters of a topic that a question is asked about.
_MAX_WORDS_LENGTH = 80


class Timetable:
    """Lets things happen in a thread of its own until it is told to stop."""

    def __init__(self, service: Service, source: DemoSource, seed: int) -> None:
        """Begin with an empty timetable; :meth:`start` fills it.

        Args:
            service: Whose new alerts get a question at once.
            source: Where things happen.
            seed: Of the random times and choices.
        """
        self._service = service
        self._source = source
        self._random = random.Random(seed)  # noqa: S311  # nothing here is secret
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._opened_at = time.monotonic()
        self._last_subscription = 0
        self._thread = threading.Thread(target=self._run, name="timetable", daemon=True)

    def start(self) -> None:
        """Let the first question be asked soon, and others after it."""
        self._last_subscription = max((one.id for one in self._list_alerts()), default=0)
        self._plan(_FIRST_QUESTION_SECONDS, self._ask_next)
        self._thread.start()

    def join(self) -> None:
        """Wait for the thread to end, which it does once the service is told to stop."""
        if self._thread.is_alive():
            self._thread.join()

    def note_visitor(self) -> None:
        """Note that somebody has opened a page."""
        self._opened_at = time.monotonic()

    @property
    def is_watched(self) -> bool:
        """Whether somebody has opened a page in the last hour."""
        return time.monotonic() - self._opened_at < _SECONDS_WATCHED

    def _run(self) -> None:
        while not self._service.stop.wait(_TICK_SECONDS):
            try:
                self._tick()
            except WatchwordError as error:  # the ledger is busy, or the question was withdrawn
                log.info("nothing happened", reason=error)
            except Exception:  # the boundary of a thread: the demo goes on
                log.exception("the timetable goes on after a failure")

    def _tick(self) -> None:
        self._welcome_alerts()
        self._source.crawl_for_unread()
        if self._source.is_broken:
            return
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def _plan(self, seconds: float, event: Callable[[], object]) -> None:
        due = time.monotonic() + seconds
        heapq.heappush(self._due, (due, next(self._numbers), event))

    def _ask_next(self) -> None:
        """Ask a question, and plan what becomes of it and the next one."""
        factor = 1.0 if self.is_watched else _UNWATCHED_FACTOR
        self._plan(self._random.uniform(*_QUESTION_SECONDS) * factor, self._ask_next)
        words = self._choose_followed() if self._random.random() < _FOLLOWED_SHARE else None
        self.plan_replies(self._source.ask(words))

    def plan_replies(self, event: SourceEvent, seconds: float | None = None) -> None:
        """Plan the answer to a question, often with a holding reply first.

        Args:
            event: The question.
            seconds: From now to the answer; None for a usual time.
        """
        after = seconds or self._random.uniform(*_REPLY_SECONDS)
        if seconds is None and self._random.random() < _HOLDING_SHARE:
            self._plan(after, partial(self._source.hold, event.slug))
            after += self._random.uniform(*_REPLY_SECONDS)
        self._plan(after, partial(self._answer, event.slug))

    def _answer(self, slug: str) -> None:
        live = self._source.find_question(slug)
        if live is None or live.state == "answered":  # somebody did it on the page
            return
        self._source.answer(slug)
        if self._random.random() < _CORRECTED_SHARE:
            self._plan(
                self._random.uniform(*_CORRECTION_SECONDS), partial(self._source.correct, slug)
            )

    def _choose_followed(self) -> str | None:
        """Return the words of an alert's topic, None where there is none."""
        found = {words for one in self._list_alerts() if (words := read_words(one))}
        return self._random.choice(sorted(found)) if found else None

    def _welcome_alerts(self) -> None:
        """Plan a question, and its answer soon after, for each alert that is new."""
        for alert in self._list_alerts():
            if alert.id > self._last_subscription:
                self._last_subscription = alert.id
                if words := read_words(alert):
                    self._plan(_FIRST_QUESTION_SECONDS, partial(self._ask_soon_answered, words))
                elif live := self._find_followed(alert):
                    self._plan(_FIRST_ANSWER_SECONDS, partial(self._answer, live))

    def _ask_soon_answered(self, words: str) -> None:
        self.plan_replies(self._source.ask(words), _FIRST_ANSWER_SECONDS)

    def _find_followed(self, alert: Subscription) -> str | None:
        """Return the slug of the question that an alert follows."""
        return alert.question_id.rpartition("/")[2] if alert.question_id else None

    def _list_alerts(self) -> list[Subscription]:
        """Return the alerts in the order in which they were made."""
        with self._service.ledger.reading() as connection:
            return sorted(subscriptions.list_active(connection), key=lambda one: one.id)


def read_words(alert: Subscription) -> str | None:
    """Return words that an alert's topic finds, as a question would have them.

    Returns:
        None where the alert follows a question, or its topic has no word that a text could have.
    """
    if not alert.canonical:
        return None
    words = _write_query(parse_canonical(alert.canonical), alert.query.casefold())
    return words[:_MAX_WORDS_LENGTH].strip() or None


def _write_query(query: ast.Query, typed: str) -> str:
    """Return words that a query finds, of its first alternative; empty where there are none.

    Args:
        query: The query, whose parts are in the order of the alphabet.
        typed: The same as somebody typed it, case-folded: its order makes better titles.
    """
    match query:
        case ast.And(parts) | ast.Or(parts):
            found = [written for part in parts if (written := _write_query(part, typed))]
            found.sort(key=lambda words: typed.find(words.casefold()))
            return " ".join(found) if isinstance(query, ast.And) else next(iter(found), "")
        case ast.Not():
            return ""
        case _ if query.field is not None:
            return ""
    return " ".join("-".join(word.tokens) for word in iter_words(query))
