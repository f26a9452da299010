"""The page on which somebody makes something happen, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.model import ChangeKind
from alerts.rendering import question_path
from scheduler.clock import FastClock
from scheduler.daemon import Daemon
from scheduler.demo.config import OPERATOR_PASSWORD
from scheduler.demo.inbox import Inbox, InboxMessage
from scheduler.demo.inbox_pages import PageRenderer
from scheduler.demo.source import SOURCE, DemoSource, NothingToChange, SourceEvent
from scheduler.demo.timetable import Timetable

#: Characters of a topic that is typed, as the field says.
MAX_TOPIC_LENGTH: Final = 80
#: What a source can be made to do wrong, by the name of the fault, as an option of the form.
FAULTS: Final = {
    "maintenance": "Every page says “try again later”",
    "blank_listing": "The search finds nothing",
}
#: What is said when it is done, by the name of the action.
_DONE: Final = {
    "broken": "The source is broken. The next crawl finds out.",
    "mended": "The source is mended. The next crawl finds out.",
    "morning": "It is the next morning. Daily digests are sent.",
}
#: How an event is told on the page, by its kind.
EVENT_LABELS: Final = {
    ChangeKind.ASKED: "New question",
    ChangeKind.HOLDING: "Holding reply",
    ChangeKind.ANSWERED: "Answer",
    ChangeKind.CORRECTED: "Correction",
    ChangeKind.WITHDRAWN: "Page withdrawn",
}
#: Daily digests are sent at this hour; the clock is put a little past it.
_DIGEST_HOUR: Final = 7
_ZONE: Final = ZoneInfo("Europe/London")
#: Emails that are listed beside an event.
_EMAILS_SHOWN: Final = 3
#: Emails of the list below the events.
_INBOX_SHOWN: Final = 5


class EventView(msgspec.Struct, frozen=True):
    """An event and how far it has come."""

    event: SourceEvent
    label: str
    is_read: bool
    question_path: str | None  #: on the pages of the service; None before it was read
    emails: list[InboxMessage]  #: about the question, sent since


class EventPages:
    """The handlers of the page."""

    def __init__(
        self,
        source: DemoSource,
        timetable: Timetable,
        inbox: Inbox,
        clock: FastClock,
        render: PageRenderer,
        daemon: Daemon,
    ) -> None:
        """Keep what the page shows and starts.

        Args:
            source: Where things happen.
            timetable: Plans the answer to a question that was asked here.
            inbox: The emails that follow.
            clock: The demo's clock, which can be put forward.
            render: Renders a template.
            daemon: Crawls the source, and sends the digests that are due.
        """
        self._source = source
        self._timetable = timetable
        self._inbox = inbox
        self._clock = clock
        self._render = render
        self._daemon = daemon

    def build_routes(self) -> list[Route]:
        """Return the routes of the page."""
        return [
            Route("/demo", self.show, methods=["GET"]),
            Route("/demo/{action}", self.act, methods=["POST"]),
        ]

    def show(self, request: Request) -> Response:
        """Show the forms, the state of the source and the newest events."""
        return self._render_page(done=request.query_params.get("done", ""))

    async def act(self, request: Request) -> Response:
        """Make something happen, then show the page again with what was done.

        Status 422 with the error in its place where it cannot be done.
        """
        form = await request.form()
        values = {name: str(value) for name, value in form.items()}
        action: str = request.path_params["action"]
        try:
            done = await run_in_threadpool(self._act, action, values)
        except NothingToChange as error:
            return await run_in_threadpool(self._render_error, action, values, f"{error}.")
        return RedirectResponse(f"/demo?{urlencode({'done': done})}#done", 303)

    def _act(self, action: str, values: Mapping[str, str]) -> str:
        """Do an action; return what names it in the address of the page."""
        chosen = values.get("question") or None
        match action:
            case "ask":
                event = self._source.ask(_read_topic(values), is_wanted=True)
                self._timetable.plan_replies(event)
            case "answer":
                event = self._source.answer(chosen, is_wanted=True)
            case "hold":
                event = self._source.hold(chosen, is_wanted=True)
            case "correct":
                event = self._source.correct(chosen, is_wanted=True)
            case "withdraw":
                event = self._source.withdraw(chosen, is_wanted=True)
            case _:
                return self._act_on_all(action, values)
        return f"{event.kind}-{event.slug}"

    def _act_on_all(self, action: str, values: Mapping[str, str]) -> str:
        """Do an action that is about no single question."""
        match action:
            case "break" if values.get("fault") in FAULTS:
                self._source.break_down(values["fault"])
                return "broken"
            case "mend":
                self._source.mend()
                return "mended"
            case "morning":
                self._clock.skip_to(_find_next_morning(self._clock()))
                self._daemon.run_pipeline_soon()
                return "morning"
        raise HTTPException(404)

    def _render_error(self, action: str, values: Mapping[str, str], error: str) -> Response:
        response = self._render_page(error_at=action, error=error, typed=values.get("topic", ""))
        response.status_code = 422
        return response

    def _render_page(self, **values: str) -> Response:
        events = [self._describe(event) for event in tuple(self._source.events)]
        done, next_crawl = values.get("done", ""), self._daemon.find_next_crawl(SOURCE)
        return self._render(
            "index",
            done=done,
            chosen=done.partition("-")[2],
            done_text=_DONE.get(done),
            done_event=next((e for e in events if f"{e.event.kind}-{e.event.slug}" == done), None),
            error_at=values.get("error_at", ""),
            error=values.get("error", ""),
            typed=values.get("typed", ""),
            events=events,
            questions=self._source.list_questions(),
            last_crawl=self._source.find_last_crawl(),
            next_crawl=next_crawl,
            seconds_to_crawl=max(1, round((next_crawl - datetime.now(UTC)).total_seconds()))
            if next_crawl
            else None,
            emails=self._inbox.list_messages()[:_INBOX_SHOWN],
            inbox=self._inbox,
            operator_password=OPERATOR_PASSWORD,
            is_broken=self._source.is_broken,
            is_watched=self._timetable.is_watched,
            faults=FAULTS,
            max_topic_length=MAX_TOPIC_LENGTH,
        )

    def _describe(self, event: SourceEvent) -> EventView:
        """Return an event with what the service has made of it."""
        question_id = self._source.find_question_id(event)
        return EventView(
            event=event,
            label=EVENT_LABELS[event.kind],
            is_read=self._source.is_read(event),
            question_path=question_path(question_id) if question_id else None,
            emails=self._find_emails(event),
        )

    def _find_emails(self, event: SourceEvent) -> list[InboxMessage]:
        """Return the first email to each address that names an event's question since."""
        since, is_named = event.moment.replace(microsecond=0), re.compile(rf"{event.reference}\b")
        first: dict[str, InboxMessage] = {}
        for email in reversed(self._inbox.list_messages()):
            if email.moment >= since and is_named.search(email.text):
                first.setdefault(email.to, email)
        return list(first.values())[:_EMAILS_SHOWN]


def _read_topic(values: Mapping[str, str]) -> str:
    """Return the topic that was typed, on one line.

    Raises:
        NothingToChange: None was typed, or it is too long.
    """
    topic = " ".join(
        "".join(c if c.isprintable() else " " for c in values.get("topic", "")).split()
    )
    if not topic:
        raise NothingToChange("Type a topic, for example: school meals")
    if len(topic) > MAX_TOPIC_LENGTH:
        raise NothingToChange(f"Type a topic of at most {MAX_TOPIC_LENGTH} characters")
    return topic


def _find_next_morning(now: datetime) -> datetime:
    """Return the next time at which daily digests are due, and a minute more."""
    local = now.astimezone(_ZONE)
    due = local.replace(hour=_DIGEST_HOUR, minute=1, second=0, microsecond=0)
    return (due if due > local else due + timedelta(days=1)).astimezone(UTC)
