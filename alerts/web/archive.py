"""The pages to read on: topics, questions, members, what is overdue, and the archived page."""

from __future__ import annotations

from datetime import date, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.export.akoma_ntoso import debate
from alerts.export.json_ld import described
from alerts.ledger import lookups, members, questions
from alerts.rendering.urls import web_address
from alerts.web.context import Captured, Site
from alerts.web.forms import Forms, Ticket
from alerts.web.presenters import told_of, topic_told
from crawler.records import Question

#: Questions on one page of a list; in those of a topic the words that matched are looked for.
_LISTED, _MARKED = 20, 12
_OVERDUE = 50
_TOPICS = 20
#: The source's page may bring its own pictures and styles; it may do nothing.
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline' *; img-src *; font-src *"
_MOST_PAGES = 10_000


class Reading:
    """The pages, over an open ledger."""

    def __init__(self, site: Site, forms: Forms) -> None:
        self._site, self._forms = site, forms

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/topic/{slug}", self._topic, methods=["GET"]),
            Route("/question/{id:path}", self._question, methods=["GET"]),
            Route("/akoma-ntoso/{id:path}", self._akoma_ntoso, methods=["GET"]),
            Route("/capture/{id:path}", self._capture, methods=["GET"]),
            Route("/members", self._members, methods=["GET"]),
            Route("/member/{person}", self._member, methods=["GET"]),
            Route("/overdue", self._overdue, methods=["GET"]),
        ]

    async def _topic(self, request: Request) -> Response:
        ticket = self._forms.ticket(request)
        slug, page = request.path_params["slug"], _page_of(request)
        response = await run_in_threadpool(self.topic, slug, page, ticket.csrf)
        return self._kept(request, response, ticket)

    def topic(self, slug: str, page: int, csrf: str) -> Response:
        """A topic: its questions as threads, how many a month, its feeds."""
        site = self._site
        with site.ledger.reading() as connection:
            told = topic_told(connection, slug, site.clock().date(), page, _MARKED)
        if told is None:
            raise HTTPException(404, "There is no such topic.")
        return site.page("topic", told=told, page=page, csrf=csrf, open=site.is_open)

    async def _question(self, request: Request) -> Response:
        ticket = self._forms.ticket(request)
        response = await run_in_threadpool(self.question, request.path_params["id"], ticket.csrf)
        return self._kept(request, response, ticket)

    def _kept(self, request: Request, response: Response, ticket: Ticket) -> Response:
        """A page, with the cookie of its form where it has one."""
        if self._site.is_open:
            self._forms.keep(request, response, ticket.nonce)
        return response

    def question(self, question_id: str, csrf: str) -> Response:
        """A question with its supplementaries, and what became of it."""
        site = self._site
        with site.ledger.reading() as connection:
            told = told_of(connection, question_id)
        if told is None:
            raise HTTPException(404, "There is no such question.")
        return site.page(
            "question",
            told=told,
            described=described(told.thread, site.imprint),
            csrf=csrf,
            open=site.is_open,
        )

    async def _akoma_ntoso(self, request: Request) -> Response:
        found = await run_in_threadpool(self.akoma_ntoso, request.path_params["id"])
        kept = {"Cache-Control": "public, max-age=300"}
        return Response(found, 200, kept, "application/akn+xml")

    def akoma_ntoso(self, question_id: str) -> bytes:
        """The thread of a question as a debate in Akoma Ntoso."""
        site = self._site
        with site.ledger.reading() as connection:
            told = told_of(connection, question_id)
        if told is None:
            raise HTTPException(404, "There is no such question.")
        return debate(told.thread, site.imprint, told.seen_at.date())

    async def _capture(self, request: Request) -> Response:
        found = await run_in_threadpool(self.capture, request.path_params["id"])
        headers = {
            "Content-Security-Policy": _SANDBOX,
            "Memento-Datetime": f"{found.fetched_at:%a, %d %b %Y %H:%M:%S GMT}",  # RFC 7089
        }
        if original := web_address(found.url):
            headers["Link"] = f'<{original}>; rel="original"'
        return Response(found.body, 200, headers, found.content_type or "text/plain")

    def capture(self, question_id: str) -> Captured:
        """The page of a question as it was when we last read it."""
        with self._site.ledger.reading() as connection:
            stored = questions.find(connection, question_id)
        found = self._site.capture(stored.capture) if stored and stored.capture else None
        if found is None:
            raise HTTPException(404, "Of this page there is no capture, or no longer.")
        return found

    async def _members(self, _request: Request) -> Response:
        return await run_in_threadpool(self.members)

    def members(self) -> Response:
        """All who ever asked."""
        with self._site.ledger.reading() as connection:
            everybody = members.everybody(connection)
        return self._site.kept_page("members", everybody=everybody)

    async def _member(self, request: Request) -> Response:
        person, page = request.path_params["person"], _page_of(request)
        return await run_in_threadpool(self.member, person, page)

    def member(self, person: str, page: int) -> Response:
        """What one member asked, how soon it was answered, and what it was about."""
        site = self._site
        with site.ledger.reading() as connection:
            name = members.name_of(connection, person)
            if name is None:
                raise HTTPException(404, "We know of nobody who is called so.")
            asked = members.asked(connection, person, site.overdue_days)
            ids = members.newest(connection, person, _LISTED + 1, (page - 1) * _LISTED)
            about = members.topics_of(connection, person, _TOPICS)
            found = {q.id: q for q in questions.all_of(connection, ids[:_LISTED])}
        return site.kept_page(
            "member",
            person=person,
            member=name,
            asked=asked,
            days=site.overdue_days,
            topics=about,
            questions=[found[one] for one in ids[:_LISTED]],
            page=page,
            more=len(ids) > _LISTED,
        )

    async def _overdue(self, request: Request) -> Response:
        return await run_in_threadpool(self.overdue, _page_of(request))

    def overdue(self, page: int) -> Response:
        """Questions that wait longer than they are to, the oldest first."""
        site = self._site
        today = site.clock().date()
        before = today - timedelta(days=site.overdue_days)
        with site.ledger.reading() as connection:
            total = lookups.count_overdue(connection, before)
            found = lookups.overdue(connection, before, _OVERDUE, (page - 1) * _OVERDUE)
        return site.kept_page(
            "overdue",
            total=total,
            days=site.overdue_days,
            questions=[(q, _days(q, today)) for q in found],
            page=page,
            more=total > page * _OVERDUE,
        )


def _days(question: Question, today: date) -> int:
    """How long a question has waited."""
    met = question.meeting.date if question.meeting else None
    return (today - met).days if met else 0


def _page_of(request: Request) -> int:
    number = request.query_params.get("page", "1")
    is_number = number.isascii() and number.isdigit() and len(number) < 6
    return min(max(1, int(number)), _MOST_PAGES) if is_number else 1
