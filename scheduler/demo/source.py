"""What happens at the demo's source: each event changes the replica and lets the service read it.

The service visits a question without an answer every six hours, and an answered one every week.
Nobody waits for that here: an event on a page also lets the ledger say that the page was visited
long ago, so that the next crawl visits it. Everything that follows is the service's own work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger import changes, crawl_runs, questions
from alerts.ledger.crawl_runs import CrawlRun
from alerts.model import ChangeKind
from crawler.replica import (
    InventedQuestion,
    InventedTopic,
    Inventor,
    LivingWorld,
    ReplicaFaults,
)
from scheduler.service import Service

SOURCE = "london"

#: Questions that can be chosen on the page, and events that it lists.
_SHOWN = 10
#: Changes of a question among which an event's own is looked for.
_HISTORY_LENGTH = 20
#: Longer than the longest time between two visits of a question: seven days.
_LONG_AGO = timedelta(days=8)
#: A page that was missing a day ago is due again, and counts as withdrawn if it still is.
_MISSING_SINCE = timedelta(hours=25)
#: Real seconds between two crawls for the same event. One takes about two.
_PATIENCE = timedelta(seconds=6)
#: An event is not waited for any longer: another on the same page has hidden it from the service.
_MAX_UNREAD = timedelta(minutes=2)
#: Questions that can still be answered or corrected: two hours of them.
_MAX_QUESTIONS = 300


class NothingToChange(WatchwordError):
    """No question is in the state that an event needs."""

    exit_status = ExitStatus.DATA


class SourceEvent(msgspec.Struct, frozen=True):
    """Something that happened to a question at the source."""

    kind: ChangeKind
    moment: datetime  #: on the demo's clock
    slug: str
    path: str  #: of the question at the source
    reference: str  #: ``2026/1303``
    title: str
    is_wanted: bool  #: somebody asked for it on the page

    @property
    def identity(self) -> str:
        """What the ledger knows the question by, once it has been read."""
        return f"{SOURCE}:{self.path}"


class LiveQuestion(msgspec.Struct, frozen=True):
    """A question that was invented while the demo runs."""

    slug: str
    path: str  #: at the source
    reference: str
    title: str
    invented: InventedQuestion
    state: str = "unanswered"  #: or ``holding``, ``answered``

    @property
    def identity(self) -> str:
        """What the ledger knows it by, once it has been read."""
        return f"{SOURCE}:{self.path}"


class DemoSource:
    """The replica and its events. Threads may share it."""

    def __init__(
        self,
        service: Service,
        world: LivingWorld,
        inventor: Inventor,
        faults: ReplicaFaults,
        crawl_now: Callable[[], object],
    ) -> None:
        """Begin without events.

        Args:
            service: The service that reads the source.
            world: What the replica serves.
            inventor: Invents questions and answers.
            faults: What the replica does wrong.
            crawl_now: Starts a crawl of the source.
        """
        self._service = service
        self._world = world
        self._inventor = inventor
        self._faults = faults
        self._crawl_now = crawl_now
        self._lock = threading.RLock()
        self._questions: dict[str, LiveQuestion] = {}  #: the newest, oldest first
        self._unread: list[SourceEvent] = []
        self._asked_at = service.clock()  #: when a crawl was started last
        self._mended_at = self._asked_at  #: when the source has shown its last fault
        self.events: deque[SourceEvent] = deque(maxlen=_SHOWN)  #: newest first

    def ask(self, words: str | None = None, *, is_wanted: bool = False) -> SourceEvent:
        """Publish a question, on a topic or on one of the replica's own; return the event."""
        topic = InventedTopic(words) if words else self._inventor.choose_topic()
        with self._lock:
            invented = self._inventor.invent_question(topic)
            asked = self._world.ask(invented, self._service.clock())
            live = LiveQuestion(
                asked.slug, asked.path, asked.reference or "", asked.title, invented
            )
            self._questions[asked.slug] = live
            while len(self._questions) > _MAX_QUESTIONS:
                del self._questions[next(iter(self._questions))]
            return self._note(ChangeKind.ASKED, live, is_wanted)

    def answer(self, slug: str | None = None, *, is_wanted: bool = False) -> SourceEvent:
        """Answer a question, or the newest without an answer.

        Raises:
            NothingToChange: There is none.
        """
        with self._lock:
            live = self._choose(slug, "unanswered", "holding")
            html = self._inventor.invent_answer(live.invented)
            self._world.answer(live.slug, html, self._service.clock())
            return self._note(ChangeKind.ANSWERED, live, is_wanted, "answered")

    def hold(self, slug: str | None = None, *, is_wanted: bool = False) -> SourceEvent:
        """Publish a holding reply to a question, or to the newest that has none.

        Raises:
            NothingToChange: There is none.
        """
        with self._lock:
            live = self._choose(slug, "unanswered")
            self._world.hold(live.slug, self._service.clock())
            return self._note(ChangeKind.HOLDING, live, is_wanted, "holding")

    def correct(self, slug: str | None = None, *, is_wanted: bool = False) -> SourceEvent:
        """Change a number in an answer, of a question or of the newest with an answer.

        Raises:
            NothingToChange: There is none.
        """
        with self._lock:
            live = self._choose(slug, "answered")
            question = self._world.find(live.slug)
            assert question is not None
            html = self._inventor.correct_answer(question.answers[-1].html)
            self._world.answer(live.slug, html, self._service.clock())
            return self._note(ChangeKind.CORRECTED, live, is_wanted, "answered")

    def withdraw(self, slug: str | None = None, *, is_wanted: bool = False) -> SourceEvent:
        """Take down the page of a question, or of the newest that the service has read.

        Raises:
            NothingToChange: There is none.
        """
        with self._lock:
            live = self._choose(slug, "answered", "holding", "unanswered", is_known=True)
            self._world.withdraw(live.slug)
            del self._questions[live.slug]
            return self._note(ChangeKind.WITHDRAWN, live, is_wanted)

    def break_down(self, fault: str) -> None:
        """Let the source show a fault, by its name, until it is mended."""
        self._faults.set_only({fault: "true"})
        self.crawl_soon()

    def mend(self) -> None:
        """Let the source show no fault."""
        self._faults.set_only({})
        self._mended_at = self._service.clock()
        self.crawl_soon()

    @property
    def is_broken(self) -> bool:
        """Whether the source shows a fault."""
        return self._faults != ReplicaFaults()

    def list_questions(self, *states: str) -> list[LiveQuestion]:
        """Return the newest questions in one of some states, newest first; of no state, all."""
        with self._lock:
            found = [
                q for q in reversed(self._questions.values()) if q.state in (states or q.state)
            ]
        return found[:_SHOWN]

    def find_question(self, slug: str) -> LiveQuestion | None:
        """Return a question as it is now, None if it was withdrawn or is forgotten."""
        with self._lock:
            return self._questions.get(slug)

    def is_read(self, event: SourceEvent) -> bool:
        """Return whether the service has recorded an event."""
        with self._service.ledger.reading() as connection:
            stored = questions.find(connection, event.identity)
            if stored is None:
                return False
            history = changes.list_history(connection, [stored.record.id], _HISTORY_LENGTH)
        return any(c.kind == event.kind and c.recorded_at >= event.moment for c in history)

    def find_question_id(self, event: SourceEvent) -> str | None:
        """Return the id that the service has given to an event's question, None if it has none."""
        return self._find_id(event.identity)

    def _find_id(self, identity: str) -> str | None:
        with self._service.ledger.reading() as connection:
            stored = questions.find(connection, identity)
        return stored.record.id if stored else None

    def find_last_crawl(self) -> CrawlRun | None:
        """Return the last crawl that has ended."""
        with self._service.ledger.reading() as connection:
            return next(iter(crawl_runs.list_recent(connection, SOURCE, 1)), None)

    def crawl_soon(self) -> None:
        """Start a crawl."""
        self._asked_at = self._service.clock()
        self._crawl_now()

    def crawl_for_unread(self) -> None:
        """Start a crawl again if one has missed an event: it may have been under way already."""
        with self._lock:
            recent = [one for one in self._unread if self._is_recent(one)]
            self._unread = [event for event in recent if not self.is_read(event)]
            unread = tuple(self._unread)
        if unread and not self.is_broken and self._service.clock() - self._asked_at > _PATIENCE:
            for event in unread:
                self._make_visit_due(event)
            self.crawl_soon()

    def _is_recent(self, event: SourceEvent) -> bool:
        since = max(event.moment, self._mended_at)
        return self.is_broken or self._service.clock() - since < _MAX_UNREAD

    def _choose(self, slug: str | None, *states: str, is_known: bool = False) -> LiveQuestion:
        """Return a question that is in one of some states: the one named, or the newest.

        Where ``is_known``, only questions count that the service has read.
        """
        fitting = [one for one in self.list_questions(*states) if slug in {None, one.slug}]
        if is_known:
            fitting = [one for one in fitting if self._find_id(one.identity) is not None]
        if not fitting:
            raise NothingToChange("No question is in the right state. Ask one first")
        return fitting[0]

    def _note(
        self, kind: ChangeKind, live: LiveQuestion, is_wanted: bool, state: str | None = None
    ) -> SourceEvent:
        """Remember an event and let the service read its page; return the event."""
        if state is not None:
            self._questions[live.slug] = msgspec.structs.replace(live, state=state)
        event = SourceEvent(
            kind,
            self._service.clock(),
            live.slug,
            live.path,
            live.reference,
            live.title,
            is_wanted,
        )
        self.events.appendleft(event)
        self._unread.append(event)
        self._make_visit_due(event)
        self.crawl_soon()
        return event

    def _make_visit_due(self, event: SourceEvent) -> None:
        """Let the next crawl visit the page of an event, if the service knows the question."""
        now = self._service.clock()
        with self._service.ledger.writing() as connection:
            stored = questions.find(connection, event.identity)
            if stored is None:
                return
            if event.kind is ChangeKind.WITHDRAWN:
                questions.mark_not_found(connection, stored.record.id, now - _MISSING_SINCE)
            else:
                questions.mark_visited(connection, stored.record.id, now - _LONG_AGO)
